package functions

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/stream"
)

// Stats are the counters of a trigger, shared by its tasks.
type Stats struct {
	RecordsIn, RecordsOut, DeadLetters   atomic.Int64
	Invocations, FunctionErrors, Retries atomic.Int64
	Filtered                             atomic.Int64 // records that no filter matched
	BusyNanos                            atomic.Int64 // sum of the invocations' durations
}

// Operator is a function as one operator of a pipeline: rows with the columns of InputFields in, rows of OutputSchema out.
//
// Rows wait in lanes until a batch is full or its window is over, and are invoked within the call that makes them due; the
// call returns when each of them is decided (invariant 1). Nothing is held over a checkpoint, so there is no state.
type Operator struct {
	h      Handler
	m      Mapping
	o      Options
	schema *arrow.Schema
	lanes  []lane
	seed   maphash.Seed
}

// Options are what an operator needs beside the mapping.
type Options struct {
	// Stop, when closed, ends waiting retries and invocations in flight: their call returns context.Canceled. Without it a
	// function that keeps failing would hold up the end of the pipeline.
	Stop   <-chan struct{}
	Stats  *Stats           // nil: not counted
	Logger *slog.Logger     // told of the function's failures; nil: nobody is
	Alloc  memory.Allocator // nil: Go's
}

// NewOperator makes one task's operator. The handler is shared by the tasks and outlives the operator.
func NewOperator(h Handler, m Mapping, o Options) (*Operator, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if o.Stats == nil {
		o.Stats = new(Stats)
	}
	if o.Alloc == nil {
		o.Alloc = memory.DefaultAllocator
	}
	return &Operator{
		h: h, m: m, o: o, schema: OutputSchema(), lanes: make([]lane, m.ParallelizationFactor), seed: maphash.MakeSeed(),
	}, nil
}

// Data path 6/7: rows become events, answers become rows.

// Process takes rows of one or several partitions.
func (op *Operator) Process(_ int, in stream.Batch, out stream.Emitter) error {
	if in.Rows() == 0 {
		return nil
	}
	c, err := columnsOf(in.Rec)
	if err != nil {
		return err
	}
	op.o.Stats.RecordsIn.Add(int64(in.Rows()))
	now := time.Now().UnixNano()
	for i := range in.Rows() {
		var r Record
		c.record(i, &r)
		if !matches(op.m.Filters, &r) {
			op.o.Stats.Filtered.Add(1)
			continue
		}
		op.lanes[op.laneOf(&r)].push(r, now)
	}
	if err := op.run(context.Background(), op.m.Window == 0, out); err != nil { // the operator's calls carry no ctx; Stop ends it
		return err
	}
	for i := range op.lanes {
		op.lanes[i].carry(now)
	}
	return nil
}

// Advance flushes at the end of a bounded run; watermarks mean nothing to a function.
func (op *Operator) Advance(wm stream.Watermark, out stream.Emitter) error {
	if wm != stream.MaxWatermark {
		return nil
	}
	return op.Flush(context.Background(), out)
}

// Flush invokes everything that waits.
func (op *Operator) Flush(ctx context.Context, out stream.Emitter) error {
	if err := op.run(ctx, true, out); err != nil {
		return err
	}
	for i := range op.lanes {
		op.lanes[i].carry(0)
	}
	return nil
}

// FlushAt is the end of the oldest waiting record's window.
func (op *Operator) FlushAt() (int64, bool) {
	at, waiting := int64(0), false
	for i := range op.lanes {
		l := &op.lanes[i]
		if len(l.recs) > 0 && (!waiting || l.oldest < at) {
			at, waiting = l.oldest, true
		}
	}
	return at + int64(op.m.Window), waiting
}

// Snapshot has nothing to write: the task has flushed.
func (op *Operator) Snapshot(*stream.StateWriter) error {
	if _, waiting := op.FlushAt(); waiting {
		panic("BUG: snapshot of a function that holds records")
	}
	return nil
}

// Restore has nothing to read.
func (op *Operator) Restore(*stream.StateReader) error { return nil }

// Close drops what waits. The handler stays open.
func (op *Operator) Close() error {
	op.lanes = nil
	return nil
}

// laneOf keeps records of one key together when there are several lanes. Records without a key have no order to keep.
func (op *Operator) laneOf(r *Record) int {
	n := len(op.lanes)
	if n == 1 {
		return 0
	}
	if r.Key == nil {
		return int(uint64(r.Offset) % uint64(n))
	}
	return int((maphash.Bytes(op.seed, r.Key) + uint64(r.Partition)) % uint64(n))
}

// run invokes the batches that are due: in this goroutine when one lane has any, else in one goroutine for each such
// lane, which all end before run returns. Only this goroutine emits.
func (op *Operator) run(ctx context.Context, all bool, out stream.Emitter) error {
	ctx, cancel := withStop(ctx, op.o.Stop)
	defer cancel()
	var due []*lane
	for i := range op.lanes {
		if op.lanes[i].due(&op.m, all) {
			due = append(due, &op.lanes[i])
		}
	}
	if len(due) == 0 {
		return nil
	}
	if len(due) == 1 {
		return op.drain(ctx, due[0], all, func(o *output) error { return o.emit(out) })
	}
	full := make(chan *output) // unbuffered: a lane waits until its output was emitted
	done := make(chan error)
	var wg sync.WaitGroup
	errs := make(chan error, len(due))
	for _, l := range due {
		wg.Go(func() {
			errs <- op.drain(ctx, l, all, func(o *output) error {
				full <- o
				return <-done
			})
		})
	}
	var first error
	for running := len(due); running > 0; {
		select {
		case o := <-full:
			err := first
			if err == nil {
				err = o.emit(out)
			}
			if err != nil && first == nil {
				first = err
				cancel()
			}
			done <- err
		case err := <-errs:
			running--
			if err != nil && first == nil {
				first = err
				cancel()
			}
		}
	}
	wg.Wait()
	return first
}

// drain invokes a lane's due batches one after another and passes on the output of each.
func (op *Operator) drain(ctx context.Context, l *lane, all bool, pass func(*output) error) error {
	o := newOutput(op.o.Alloc, op.schema, op.o.Stats)
	defer o.release()
	for {
		recs := l.next(&op.m, all)
		if recs == nil {
			return nil
		}
		d := delivery{m: &op.m, h: op.h, out: o, o: &op.o}
		if err := d.deliver(ctx, recs); err != nil {
			return failure(&recs[0], err)
		}
		if err := pass(o); err != nil {
			return err
		}
	}
}

// failure says at which record the pipeline stands, and whether a restart of it can help.
func failure(r *Record, err error) error {
	err = fmt.Errorf("invoke function from %s-%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
	var init *InitError
	var missing *RuntimeMissingError
	if errors.As(err, &init) && init.permanent() || errors.As(err, &missing) {
		return stream.Permanent(err)
	}
	return err
}

// lane is a queue of records that are invoked in order.
type lane struct {
	recs   []Record
	at     int    // recs before it have been taken
	kept   int    // recs before it lie in arena; the others are views of the batch that is being processed
	arena  []byte // bytes of the records that wait
	spare  []byte
	oldest int64 // when the first of recs came, ns since the epoch
}

func (l *lane) push(r Record, now int64) {
	if len(l.recs) == 0 {
		l.oldest = now
	}
	l.recs = append(l.recs, r)
}

// due reports whether next has a batch to give.
func (l *lane) due(m *Mapping, all bool) bool {
	at := l.at
	recs := l.next(m, all)
	l.at = at
	return recs != nil
}

// next takes the next batch: as many records as fit. A batch that nothing limits is due only with all.
func (l *lane) next(m *Mapping, all bool) []Record {
	size, to := 0, l.at
	for to < len(l.recs) {
		size += l.recs[to].size()
		if size > m.MaxBytes && to > l.at {
			all = true
			break
		}
		to++
		if to-l.at == m.BatchSize {
			all = true
			break
		}
	}
	if to == l.at || !all {
		return nil
	}
	recs := l.recs[l.at:to:to]
	l.at = to
	return recs
}

// carry keeps what waits beyond the call by copying it. A record is copied once, and once more when the batch before it
// was invoked.
func (l *lane) carry(now int64) {
	if l.at > 0 {
		l.recs = append(l.recs[:0], l.recs[l.at:]...)
		l.arena, l.spare = l.spare[:0], l.arena
		l.at, l.kept, l.oldest = 0, 0, now
	}
	for i := l.kept; i < len(l.recs); i++ {
		l.recs[i], l.arena = l.recs[i].clone(l.arena)
	}
	l.kept = len(l.recs)
}
