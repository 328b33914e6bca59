package stream

import (
	"context"
	"math"
)

// Watermark is a promise in event time: no row at or before it (in ms since the epoch) is expected any more.
type Watermark int64

// The ends of event time. MaxWatermark is sent when a bounded input has ended.
const (
	MinWatermark Watermark = math.MinInt64
	MaxWatermark Watermark = math.MaxInt64
)

// Source reads batches of rows. One task goroutine calls it; Close may come from another after the task has ended.
//
// Order of calls: Open once, Read until io.EOF or the end of ctx, Close once. A source keeps no progress of its own:
// after a crash it is opened at the positions of the last committed checkpoint and gives the same rows again.
type Source interface {
	// Open finds the task's splits and places each at its position in from; a split without one starts where the
	// source's options say. from holds the positions of all tasks' splits: a split may have been another task's before.
	Open(ctx context.Context, from []Position) error
	// Read blocks until rows of one split are there, and hands the batch over: the engine releases it. io.EOF: a bounded
	// input has ended. A batch without rows (Rec nil) with a Pos is allowed: it moves the position, carries bad records,
	// or says that the split has ended (End). When ctx ends Read returns its error.
	Read(ctx context.Context) (Batch, error)
	Close() error
}

// SplitLister is a source that knows its task's splits after Open. Sources with more than one split need it for event
// time: a split that has not spoken yet holds the watermark back only when it is known.
type SplitLister interface {
	Splits() []string
}

// Emitter takes what an operator puts out. It must not be kept beyond the call it was given to.
type Emitter interface {
	// Emit hands a batch downstream. The emitter borrows it: the operator releases its record afterwards.
	Emit(b Batch) error
	// DeadLetter gives a record up: it goes to the dead-letter topic in the transaction of this output.
	DeadLetter(r BadRecord) error
}

// Operator transforms batches. One task goroutine calls it, with whole batches; it starts no goroutine that outlives a
// call. What it emits for one key keeps the order of that key's input.
//
// Order of calls: Restore at most once before all others, then Process and Advance in any order, Snapshot between them,
// Close once at the end. After an error the pipeline restarts from its last checkpoint with a new operator.
type Operator interface {
	// Process takes rows of the numbered input (0, or 0 and 1 for a join).
	Process(input int, in Batch, out Emitter) error
	// Advance tells that event time has reached wm on all inputs. Watermarks only rise. MaxWatermark is the last call of
	// a bounded run: what can be put out is put out now.
	Advance(wm Watermark, out Emitter) error
	// Snapshot writes all state that Restore needs to go on as if nothing had happened. Derived state (timers) is not
	// written.
	Snapshot(s *StateWriter) error
	// Restore reads the state of the key groups that this task owns, perhaps written by several tasks.
	Restore(s *StateReader) error
	Close() error
}

// Flusher is an operator that holds rows back for a time (a batching window). The task calls Flush before each
// Snapshot, and at the latest at FlushAt when that lies in the past; the operator then puts out everything it holds.
type Flusher interface {
	Flush(ctx context.Context, out Emitter) error
	// FlushAt is when the oldest held row is due, in ns since the epoch, and false while nothing is held.
	FlushAt() (int64, bool)
}

// CheckpointID numbers the checkpoints of a pipeline, rising from 1.
type CheckpointID int64

// Sink writes rows where they can be seen. One task goroutine calls Write and Prepare.
//
// Two phases: Prepare makes everything written so far durable but not visible and returns what Commit needs to know;
// the checkpoint's commit decides; Commit makes it visible. Commit may come from a new process, more than once, and for
// checkpoints that the sink never saw: it must be idempotent. It never runs at the same time as Write or Prepare.
//
// Order of calls after a start: Commit for each output that the last committed checkpoint still names, by any task's
// sink, then Open of all tasks, then Write and Prepare. So whatever Open finds written but not visible is garbage that no
// checkpoint decided for, and it may remove it.
type Sink interface {
	Open(ctx context.Context) error
	Write(ctx context.Context, b Batch) error
	// Prepare ends the checkpoint's share of the output. last is true at the end of a bounded run and at shutdown: the
	// sink holds nothing back then.
	Prepare(ctx context.Context, id CheckpointID, last bool) (Pending, error)
	Commit(ctx context.Context, p Pending) error
	Close() error
}

// Pending is what a sink needs to make a prepared checkpoint visible: text (JSON) that is stored in the checkpoint's
// record. Empty: nothing to do.
type Pending []byte
