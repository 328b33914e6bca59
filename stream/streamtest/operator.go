package streamtest

import (
	"testing"

	"github.com/weirhub/weir/stream"
)

// Emitter collects what an operator puts out.
type Emitter struct {
	Rows []Row
	Bad  []stream.BadRecord
}

// Emit keeps the rows as text.
func (e *Emitter) Emit(b stream.Batch) error {
	e.Rows = append(e.Rows, Changelog(b)...)
	return nil
}

// DeadLetter keeps the record.
func (e *Emitter) DeadLetter(r stream.BadRecord) error {
	e.Bad = append(e.Bad, r)
	return nil
}

// Step is one thing that happens to an operator: exactly one field is set.
type Step struct {
	Rows      *stream.Batch
	Input     int // of Rows
	Watermark *stream.Watermark
	Restart   bool // snapshot, close, and go on with a new operator that restores it
}

// In is a step that gives rows to input 0; At one that raises event time; Restart one that restores a new operator.
func In(b stream.Batch) Step          { return Step{Rows: &b} }
func At(wm stream.Watermark) Step     { return Step{Watermark: &wm} }
func Restart() Step                   { return Step{Restart: true} }
func InTo(n int, b stream.Batch) Step { return Step{Rows: &b, Input: n} }

// RunOperator takes an operator through the steps and gives the changelog it puts out.
func RunOperator(t testing.TB, make func(stream.Task) (stream.Operator, error), steps ...Step) *Emitter {
	t.Helper()
	fresh := func() stream.Operator {
		op, err := make(stream.Task{Of: 1})
		if err != nil {
			t.Fatalf("make operator: %v", err)
		}
		return op
	}
	op, out, wm := fresh(), &Emitter{}, stream.MinWatermark
	for i, s := range steps {
		var err error
		switch {
		case s.Rows != nil:
			err = op.Process(s.Input, *s.Rows, out)
		case s.Watermark != nil:
			wm = *s.Watermark
			err = op.Advance(wm, out)
		case s.Restart:
			op = restart(t, op, fresh(), out)
			if wm > stream.MinWatermark {
				err = op.Advance(wm, out)
			}
		}
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	if err := op.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	return out
}

func restart(t testing.TB, old, fresh stream.Operator, out stream.Emitter) stream.Operator {
	t.Helper()
	if f, ok := old.(stream.Flusher); ok {
		if err := f.Flush(t.Context(), out); err != nil {
			t.Fatalf("flush: %v", err)
		}
	}
	var w stream.StateWriter
	if err := old.Snapshot(&w); err != nil {
		t.Fatalf("snapshot: %v", err)
	}
	if err := old.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := fresh.Restore(w.Reader()); err != nil {
		t.Fatalf("restore: %v", err)
	}
	return fresh
}
