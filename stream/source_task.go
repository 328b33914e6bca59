package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// fetchAhead is how many batches of a source wait for its task: one being worked on and one ready keep both goroutines
// busy, and what was read and not processed is only read again.
const fetchAhead = 1

type readResult struct {
	batch Batch
	err   error
}

// read is the source's own goroutine: it reads and decodes while the task works on the batch before. readCtx ends at
// shutdown, before the task does.
func (t *task) read(ctx, readCtx context.Context) error {
	for {
		b, err := t.source.Read(readCtx)
		if err != nil && readCtx.Err() != nil {
			return nil
		}
		select {
		case t.reads <- readResult{b, err}:
		case <-ctx.Done():
			releaseRows(b)
			return nil
		}
		if err != nil {
			return nil // the task reports it
		}
	}
}

func releaseRows(b Batch) {
	if b.Rec != nil {
		b.Rec.Release()
	}
}

// runSource takes batches of the source until the last checkpoint is decided or ctx ends. A source that has ended keeps
// answering barriers: its siblings may still read.
func (t *task) runSource(ctx context.Context) error {
	reads := t.reads
	due := &dueTimer{}
	defer due.stop()
	if t.splits.now > MinWatermark {
		if err := t.advance(ctx, t.splits.now); err != nil {
			return err
		}
	}
	if t.splits.none {
		// There are more tasks than splits. This one must not hold event time back.
		if err := t.setIdle(ctx, true); err != nil {
			return err
		}
	}
	for {
		due.set(t.nextDue())
		select {
		case r := <-reads:
			switch {
			case errors.Is(r.err, io.EOF):
				reads = nil
				if err := t.endInput(ctx); err != nil {
					return err
				}
			case r.err != nil:
				return fmt.Errorf("read %s: %w", t.stage.head().Name, r.err)
			default:
				if err := t.takeBatch(ctx, r.batch); err != nil {
					return err
				}
			}
		case b := <-t.trigger:
			if err := t.checkpoint(ctx, b); err != nil || b.last {
				return err
			}
		case <-due.fired():
			due.reset()
			if err := t.onDue(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *task) nextDue() (time.Time, bool) {
	at, ok := t.nextFlush()
	if idle, is := t.splits.nextIdle(); is && t.stage.head().Watermark != nil && (!ok || idle.Before(at)) {
		return idle, true
	}
	return at, ok
}

// onDue handles a batching window that is over, or a split that has gone idle.
func (t *task) onDue(ctx context.Context) error {
	if err := t.flushDue(ctx); err != nil {
		return err
	}
	changed, allIdle := t.splits.expire(time.Now())
	if !changed {
		return nil
	}
	if t.splits.advance() {
		if err := t.advance(ctx, t.splits.now); err != nil {
			return err
		}
	}
	return t.setIdle(ctx, allIdle)
}

// endInput is the end of a bounded source: no window waits any longer.
func (t *task) endInput(ctx context.Context) error {
	if err := t.advance(ctx, MaxWatermark); err != nil {
		return err
	}
	t.a.ended <- struct{}{} // has room for every source task
	return nil
}

// takeBatch runs one batch of the source through the chain, then moves the position and event time past it.
func (t *task) takeBatch(ctx context.Context, b Batch) error {
	defer releaseRows(b)
	t.a.dirty.Store(true)
	t.counters[0].in(b)
	for _, bad := range b.Bad {
		if err := t.deadLetter(ctx, 0, bad); err != nil {
			return err
		}
	}
	if err := t.link(ctx, 0).Emit(b); err != nil {
		return err
	}
	wm, err := t.batchWatermark(b)
	if err != nil {
		return err
	}
	t.splits.moved(b, wm)
	if b.Rows() > 0 {
		if err := t.setIdle(ctx, false); err != nil {
			return err
		}
	}
	if t.stage.head().Watermark != nil && t.splits.advance() {
		return t.advance(ctx, t.splits.now)
	}
	return nil
}

func (t *task) batchWatermark(b Batch) (Watermark, error) {
	spec := t.stage.head().Watermark
	if spec == nil || b.Rows() == 0 {
		return MinWatermark, nil
	}
	wm, ok, err := spec.Of(b)
	if err != nil {
		return MinWatermark, fmt.Errorf("watermark of %s: %w", t.stage.head().Name, err)
	}
	if !ok {
		return MinWatermark, nil
	}
	return wm, nil
}
