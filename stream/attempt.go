package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// attempt is one life of a pipeline, from a restore to an error or the end. Its coordinator (run's goroutine) starts
// checkpoints and decides them while all tasks stand still.
type attempt struct {
	spec   *Spec
	stages []*stage
	tasks  []*task // in the order of the stages
	store  *stateStore
	acks   chan ack
	ended  chan struct{} // one word per source task that has reached its end
	failed chan error    // the first error of any goroutine
	dirty  atomic.Bool   // something has moved since the last checkpoint

	// The rest belongs to the coordinator.
	id       CheckpointID
	splits   map[string]map[string]SplitState // by node and split, with those that this attempt has not read from
	progress bool
}

// runAttempt restores the pipeline and runs it until its input ends, ctx ends (a last checkpoint is made), or an error.
func runAttempt(ctx context.Context, spec *Spec, stages []*stage) (progress bool, err error) {
	a := &attempt{
		spec: spec, stages: stages, store: newStateStore(spec.StateFS, spec.StateDir, spec.Name),
		failed: make(chan error, 1), splits: map[string]map[string]SplitState{},
	}
	err = guard("start "+spec.Name, func() error {
		c, err := a.restore(ctx)
		if err == nil {
			err = a.open(ctx, c)
		}
		return err
	})
	if err == nil {
		err = a.run(ctx)
	}
	if cerr := guard("close "+spec.Name, a.close); err == nil {
		err = cerr
	}
	return a.progress, err
}

// restore takes the pipeline over, makes all tasks and gives their operators the state of the last checkpoint.
func (a *attempt) restore(ctx context.Context) (*Checkpoint, error) {
	c, err := a.spec.Committer.Restore(ctx)
	if err != nil {
		return nil, err
	}
	if c == nil {
		c = &Checkpoint{}
	}
	a.id = c.ID
	for node, states := range c.Sources {
		a.splits[node] = map[string]SplitState{}
		for _, s := range states {
			a.splits[node][s.Split] = s
		}
	}
	state, err := a.store.restore(c)
	if err != nil {
		return nil, err
	}
	if err := a.store.clean(); err != nil {
		return nil, err
	}
	if err := a.makeTasks(c); err != nil {
		return nil, err
	}
	return c, a.restoreOperators(state)
}

// open makes what sinks have prepared visible, then opens sinks and sources.
func (a *attempt) open(ctx context.Context, c *Checkpoint) error {
	if err := a.commitPending(ctx, c.Pending); err != nil {
		return err
	}
	for _, t := range a.tasks {
		if t.sink != nil {
			if err := t.sink.Open(ctx); err != nil {
				return err
			}
		}
	}
	for _, t := range a.tasks {
		if t.source == nil {
			continue
		}
		head := t.stage.head()
		states := slices.Collect(maps.Values(a.splits[head.ID]))
		from := make([]Position, len(states))
		for i, s := range states {
			from[i] = s.Position()
		}
		if err := t.source.Open(ctx, from); err != nil {
			return fmt.Errorf("open %s: %w", head.Name, err)
		}
		var known []string
		l, lists := t.source.(SplitLister)
		if lists {
			known = l.Splits()
		}
		var idleAfter time.Duration
		if head.Watermark != nil {
			idleAfter = time.Duration(head.Watermark.IdleAfter)
		}
		t.splits = newSplitWatermarks(known, states, idleAfter, c.watermark(head.ID, t.index, t.stage.parallelism))
		t.splits.none = lists && len(known) == 0
	}
	return nil
}

// commitPending makes prepared output visible. Output of a task that is no more goes to one that is: Commit needs only
// what it is given.
func (a *attempt) commitPending(ctx context.Context, pending []PendingOutput) error {
	for _, p := range pending {
		var sinks []Sink
		for _, t := range a.tasks {
			if t.sink != nil && t.stage.nodes[len(t.stage.nodes)-1].ID == p.Node {
				sinks = append(sinks, t.sink)
			}
		}
		if len(sinks) == 0 {
			return Permanent(fmt.Errorf("checkpoint %d has output prepared for the sink %s, which the pipeline no longer has", a.id, p.Node))
		}
		if err := sinks[p.Task%len(sinks)].Commit(ctx, p.Data); err != nil {
			return fmt.Errorf("commit checkpoint %d of %s: %w", a.id, p.Node, err)
		}
	}
	return nil
}

// run starts the goroutines, coordinates, and waits for all of them.
func (a *attempt) run(ctx context.Context) error {
	// Tasks outlive ctx by the last checkpoint.
	taskCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	readCtx, stopReading := context.WithCancel(taskCtx)
	var wg sync.WaitGroup
	start := func(t *task, what string, f func() error) {
		wg.Go(func() {
			if err := guard(t.String()+what, f); err != nil {
				select {
				case a.failed <- err:
				default: // the first error is the cause, the others follow from it
				}
			}
		})
	}
	for _, t := range a.tasks {
		start(t, "", func() error { return t.run(taskCtx) })
		if t.source != nil {
			start(t, " (reader)", func() error { return t.read(taskCtx, readCtx) })
		}
	}
	err := a.coordinate(ctx, taskCtx, stopReading)
	stopReading()
	cancel()
	wg.Wait()
	a.drain()
	return err
}

// coordinate makes checkpoints until the last one.
func (a *attempt) coordinate(ctx, taskCtx context.Context, stopReading func()) error {
	ticker := time.NewTicker(a.spec.CheckpointEvery)
	defer ticker.Stop()
	var due <-chan struct{}
	if d, ok := a.spec.Committer.(DueCommitter); ok {
		due = d.Due()
	}
	sources := 0
	for _, t := range a.tasks {
		if t.source != nil {
			sources++
		}
	}
	for ended := 0; ended < sources; {
		select {
		case err := <-a.failed:
			return err
		case <-a.ended:
			ended++
		case <-ticker.C:
			if err := a.checkpointIfDirty(taskCtx); err != nil {
				return err
			}
		case <-due:
			if err := a.checkpointIfDirty(taskCtx); err != nil {
				return err
			}
		case <-ctx.Done():
			stopReading()
			lastCtx, cancel := context.WithTimeout(taskCtx, shutdownGrace)
			defer cancel()
			return a.checkpoint(lastCtx, true)
		}
	}
	return a.checkpoint(taskCtx, true)
}

func (a *attempt) checkpointIfDirty(ctx context.Context) error {
	if !a.dirty.Swap(false) {
		return nil
	}
	return a.checkpoint(ctx, false)
}

// drain releases the rows that lay in channels when the attempt ended. All goroutines are done.
func (a *attempt) drain() {
	for _, t := range a.tasks {
		for len(t.in) > 0 {
			releaseRows((<-t.in).batch)
		}
		for len(t.reads) > 0 {
			releaseRows((<-t.reads).batch)
		}
	}
}

func (a *attempt) close() error {
	var errs []error
	for _, t := range a.tasks {
		if t.source != nil {
			errs = append(errs, t.source.Close())
		}
		for _, op := range t.ops {
			errs = append(errs, op.Close())
		}
		if t.sink != nil {
			errs = append(errs, t.sink.Close())
		}
	}
	return errors.Join(errs...)
}

// checkpoint stops all tasks behind a barrier, decides, and lets them go on.
//
// Crash points: before Commit nothing of the checkpoint counts (its state files are removed at the next start); after it
// the record names what sinks still have to make visible, and the next start does it again.
func (a *attempt) checkpoint(ctx context.Context, last bool) error {
	began := time.Now()
	b := barrier{id: a.id + 1, last: last}
	for _, t := range a.tasks {
		if t.source != nil {
			t.trigger <- b // has room for one, and the one before was taken
		}
	}
	c := &Checkpoint{ID: b.id, Time: began.UnixMilli(), Last: last, Watermarks: map[string][]Watermark{}}
	all := pieces{}
	for range a.tasks {
		select {
		case k := <-a.acks:
			a.collect(c, all, k)
		case err := <-a.failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("last checkpoint of %s was not ready after %s: %w", a.spec.Name, shutdownGrace, ctx.Err())
		}
	}
	slices.SortFunc(c.Pending, func(x, y PendingOutput) int { return x.Task - y.Task })
	c.Sources = a.sourceStates()
	if err := a.store.write(c, all); err != nil {
		return err
	}
	if err := a.spec.Committer.Commit(ctx, c); err != nil {
		return fmt.Errorf("commit checkpoint %d: %w", c.ID, err)
	}
	a.id, a.progress = b.id, true
	m := a.spec.Metrics
	m.commit()
	m.checkpointID.Store(int64(c.ID))
	m.checkpointTime.Store(time.Now().UnixNano())
	m.stateBytes.Store(int64(a.store.liveBytes))
	if err := a.commitPending(ctx, c.Pending); err != nil {
		return err
	}
	if err := a.store.clean(); err != nil {
		return err
	}
	m.checkpointTook.Store(int64(time.Since(began)))
	for _, t := range a.tasks {
		t.resume <- struct{}{}
	}
	return nil
}

// collect adds one task's share to the checkpoint.
func (a *attempt) collect(c *Checkpoint, all pieces, k ack) {
	t := k.task
	for i, w := range k.state {
		all.add(t.stage.nodes[t.firstOp+i].ID, t.index, w)
	}
	head := t.stage.head().ID
	if c.Watermarks[head] == nil {
		c.Watermarks[head] = make([]Watermark, t.stage.parallelism)
	}
	c.Watermarks[head][t.index] = k.time
	for _, s := range k.splits {
		if a.splits[head] == nil {
			a.splits[head] = map[string]SplitState{}
		}
		a.splits[head][s.Split] = s
	}
	if len(k.pending) > 0 {
		c.Pending = append(c.Pending, PendingOutput{Node: t.stage.nodes[len(t.stage.nodes)-1].ID, Task: t.index, Data: k.pending})
	}
}

func (a *attempt) sourceStates() map[string][]SplitState {
	out := map[string][]SplitState{}
	for node, splits := range a.splits {
		for _, name := range slices.Sorted(maps.Keys(splits)) {
			out[node] = append(out[node], splits[name])
		}
	}
	return out
}
