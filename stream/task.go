package stream

import (
	"context"
	"fmt"
	"time"
)

// task is one goroutine that runs a stage's chain: it takes rows from its channels or its source, calls its operators
// one after another, and writes to the next stage's channels or the sink.
type task struct {
	a        *attempt
	stage    *stage
	index    int
	source   Source
	ops      []Operator
	sink     Sink
	counters []*NodeMetrics // one per node of the stage
	firstOp  int            // the node of ops[0]: 1 behind a source, else 0

	in       chan message
	channels int
	times    *channelWatermarks
	idle     bool
	out      *exchange // nil: the stage ends in the sink

	reads   chan readResult // source tasks only
	trigger chan barrier    // source tasks only
	resume  chan struct{}   // the checkpoint is decided
	splits  *splitWatermarks
}

// ack is what a task gives to a checkpoint.
type ack struct {
	task    *task
	state   []*StateWriter // per operator
	splits  []SplitState
	time    Watermark
	pending Pending
}

func (t *task) String() string {
	return fmt.Sprintf("task %d of %s", t.index, t.stage.nodes[len(t.stage.nodes)-1].Name)
}

// link is the way out of one node of a task's chain. It lives as long as the task runs, whose ctx it carries because
// operators know none: they must not wait for anything but their output.
type link struct {
	ctx  context.Context //nolint:containedctx // see above
	t    *task
	next int // the operator that takes the rows; len(ops): the sink or the exchange
}

func (t *task) link(ctx context.Context, next int) link { return link{ctx, t, next} }

// Emit hands rows on. Data path 6/7: operators are called one inside the other, whole batches at a time.
func (l link) Emit(b Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	t := l.t
	if from := t.firstOp + l.next - 1; from >= 0 {
		t.counters[from].rowsOut.now.Add(int64(b.Rows()))
	}
	switch {
	case l.next < len(t.ops):
		t.counters[t.firstOp+l.next].in(b)
		return t.ops[l.next].Process(0, b, t.link(l.ctx, l.next+1))
	case t.sink != nil:
		t.a.dirty.Store(true)
		t.counters[len(t.counters)-1].in(b)
		return t.sink.Write(l.ctx, b)
	default:
		return t.out.send(l.ctx, b)
	}
}

// DeadLetter gives a record up in the name of the node before the link.
func (l link) DeadLetter(r BadRecord) error {
	return l.t.deadLetter(l.ctx, l.t.firstOp+l.next-1, r)
}

func (t *task) deadLetter(ctx context.Context, node int, r BadRecord) error {
	t.counters[node].dead.now.Add(1)
	t.a.dirty.Store(true)
	if t.a.spec.DeadLetter == nil {
		return Permanent(fmt.Errorf("%s: bad record at %s: %s", t.stage.nodes[node].Name, r.place(), r.Reason))
	}
	return t.a.spec.DeadLetter(ctx, r)
}

func (r *BadRecord) place() string {
	if r.Partition < 0 {
		return fmt.Sprintf("%s:%d", r.Topic, r.Offset)
	}
	return fmt.Sprintf("%s-%d@%d", r.Topic, r.Partition, r.Offset)
}

// advance tells the chain and the next stage that event time has risen.
func (t *task) advance(ctx context.Context, wm Watermark) error {
	for i := range t.counters {
		t.counters[i].watermark.Store(int64(wm))
	}
	for i, op := range t.ops {
		if err := op.Advance(wm, t.link(ctx, i+1)); err != nil {
			return err
		}
	}
	return t.tell(ctx, message{kind: watermarkMessage, wm: wm})
}

func (t *task) tell(ctx context.Context, m message) error {
	if t.out == nil {
		return nil
	}
	return t.out.broadcast(ctx, m)
}

// run takes messages until the last checkpoint is decided or ctx ends.
func (t *task) run(ctx context.Context) error {
	if t.source != nil {
		return t.runSource(ctx)
	}
	if t.times.now > MinWatermark { // restored: operators know the time before the first row
		if err := t.advance(ctx, t.times.now); err != nil {
			return err
		}
	}
	barriers, due := 0, &dueTimer{}
	defer due.stop()
	for {
		select {
		case m := <-t.in:
			if m.kind == barrierMessage {
				if barriers++; barriers < t.channels {
					continue
				}
				barriers = 0
				if err := t.checkpoint(ctx, m.barrier); err != nil || m.barrier.last {
					return err
				}
			} else if err := t.take(ctx, m); err != nil {
				return err
			}
		case <-due.fired():
			due.reset()
			if err := t.flushDue(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		due.set(t.nextFlush())
	}
}

// take handles rows or event time of one channel.
func (t *task) take(ctx context.Context, m message) error {
	if m.kind == rowsMessage {
		defer m.batch.Rec.Release()
		if len(t.ops) > 0 {
			t.counters[0].in(m.batch)
			return t.ops[0].Process(m.input, m.batch, t.link(ctx, 1))
		}
		return t.link(ctx, 0).Emit(m.batch)
	}
	now, rose, idle := t.times.set(m.channel, m.wm, m.idle)
	if rose {
		if err := t.advance(ctx, now); err != nil {
			return err
		}
	}
	return t.setIdle(ctx, idle)
}

// setIdle tells the next stage when the task begins or ceases to be idle.
func (t *task) setIdle(ctx context.Context, idle bool) error {
	if idle == t.idle {
		return nil
	}
	t.idle = idle
	return t.tell(ctx, message{kind: watermarkMessage, wm: t.time(), idle: idle})
}

// time is the task's event time.
func (t *task) time() Watermark {
	if t.source != nil {
		return t.splits.now
	}
	return t.times.now
}

// checkpoint gives the task's share: what operators hold back goes out, their state is written, the sink prepares. Then
// the task stands still until the checkpoint is decided. So no row of the next one is written into this one's
// transaction, and only one transaction is open at a time.
func (t *task) checkpoint(ctx context.Context, b barrier) error {
	k := ack{task: t}
	if t.times != nil {
		k.time = t.times.beforeEnd
	} else {
		k.time, k.splits = t.splits.now, t.splits.states()
	}
	for i, op := range t.ops {
		if f, ok := op.(Flusher); ok {
			if err := f.Flush(ctx, t.link(ctx, i+1)); err != nil {
				return err
			}
		}
		w := &StateWriter{}
		if err := op.Snapshot(w); err != nil {
			return fmt.Errorf("snapshot %s: %w", t.stage.nodes[t.firstOp+i].Name, err)
		}
		k.state = append(k.state, w)
	}
	if t.sink != nil {
		var err error
		if k.pending, err = t.sink.Prepare(ctx, b.id, b.last); err != nil {
			return err
		}
	}
	if err := t.tell(ctx, message{kind: barrierMessage, barrier: b}); err != nil {
		return err
	}
	t.a.acks <- k // has room for every task
	select {
	case <-t.resume:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nextFlush is when the first of the task's operators wants to be flushed.
func (t *task) nextFlush() (at time.Time, ok bool) {
	for _, op := range t.ops {
		if f, is := op.(Flusher); is {
			if ns, held := f.FlushAt(); held && (!ok || time.Unix(0, ns).Before(at)) {
				at, ok = time.Unix(0, ns), true
			}
		}
	}
	return at, ok
}

func (t *task) flushDue(ctx context.Context) error {
	now := time.Now()
	for i, op := range t.ops {
		if f, is := op.(Flusher); is {
			if ns, held := f.FlushAt(); held && !time.Unix(0, ns).After(now) {
				if err := f.Flush(ctx, t.link(ctx, i+1)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// dueTimer is a timer that can be moved at every turn of a loop at little cost.
type dueTimer struct {
	timer *time.Timer
	at    time.Time
	armed bool
}

func (d *dueTimer) fired() <-chan time.Time {
	if !d.armed {
		return nil
	}
	return d.timer.C
}

func (d *dueTimer) reset() { d.armed = false }

func (d *dueTimer) set(at time.Time, ok bool) {
	switch {
	case !ok:
		d.stop()
	case !d.armed || !at.Equal(d.at):
		if d.timer == nil {
			d.timer = time.NewTimer(time.Until(at))
		} else {
			d.timer.Reset(time.Until(at))
		}
		d.at, d.armed = at, true
	}
}

func (d *dueTimer) stop() {
	if d.armed {
		d.timer.Stop()
		d.armed = false
	}
}
