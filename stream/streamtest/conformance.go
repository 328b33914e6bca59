package streamtest

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/weirhub/weir/stream"
)

// CheckSource reads a bounded source to its end, then again from the positions after each of its batches in turn: what
// comes before and after must together be the same rows. It gives the rows of the whole read.
func CheckSource(t *testing.T, open func(stream.Task) (stream.Source, error)) []Row {
	t.Helper()
	whole := readSource(t, open, nil, -1)
	for cut := range whole.batches {
		head := readSource(t, open, nil, cut)
		var from []stream.Position
		for _, p := range head.pos {
			from = append(from, p)
		}
		tail := readSource(t, open, from, -1)
		got := append(head.rows, tail.rows...)
		if !slices.Equal(sorted(got), sorted(whole.rows)) {
			t.Fatalf("cut after batch %d of %d: %d rows before and %d after are not the %d of the whole",
				cut, whole.batches, len(head.rows), len(tail.rows), len(whole.rows))
		}
		if head.bad+tail.bad != whole.bad {
			t.Fatalf("cut after batch %d: %d bad records before and %d after, %d in the whole", cut, head.bad, tail.bad, whole.bad)
		}
	}
	return whole.rows
}

type sourceRead struct {
	rows    []Row
	pos     map[string]stream.Position
	batches int
	bad     int
}

func readSource(t *testing.T, open func(stream.Task) (stream.Source, error), from []stream.Position, maxBatches int) sourceRead {
	t.Helper()
	s, err := open(stream.Task{Of: 1})
	if err != nil {
		t.Fatalf("make source: %v", err)
	}
	if err := s.Open(t.Context(), from); err != nil {
		t.Fatalf("open source at %v: %v", from, err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close source: %v", err)
		}
	}()
	out := sourceRead{pos: map[string]stream.Position{}}
	for _, p := range from {
		out.pos[p.Split] = p
	}
	for maxBatches < 0 || out.batches < maxBatches {
		b, err := s.Read(t.Context())
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		out.batches++
		out.bad += len(b.Bad)
		out.rows = append(out.rows, Changelog(b)...)
		if b.Pos.Split == "" {
			t.Fatalf("batch %d has no position", out.batches)
		}
		out.pos[b.Pos.Split] = b.Pos
		if b.Rec != nil {
			b.Rec.Release()
		}
	}
	return out
}

func sorted(rows []Row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.String()
	}
	slices.Sort(out)
	return out
}

// SinkCase is a two-phase sink and a way to see what its readers see.
type SinkCase struct {
	New     func() (stream.Sink, error) // a new process over the same place
	Batch   stream.Batch
	Visible func() int // rows
}

// CheckSink holds a sink to its contract: nothing is visible before Commit, Commit may be repeated and may come from a
// new sink that was not opened, and what was not committed is gone after the next Open.
func CheckSink(t *testing.T, c SinkCase) {
	t.Helper()
	ctx, n := t.Context(), c.Batch.Rows()
	expect := func(when string, want int) {
		t.Helper()
		if got := c.Visible(); got != want {
			t.Fatalf("%s: %d rows are visible, want %d", when, got, want)
		}
	}
	s := c.open(t, ctx)
	must(t, "write", s.Write(ctx, c.Batch))
	expect("after Write", 0)
	p, err := s.Prepare(ctx, 1, true)
	must(t, "prepare", err)
	expect("after Prepare", 0)

	other, err := c.New()
	must(t, "make sink", err)
	must(t, "commit by a new sink", other.Commit(ctx, p))
	expect("after Commit", n)
	must(t, "commit again", other.Commit(ctx, p))
	expect("after a second Commit", n)
	must(t, "close", s.Close())

	must(t, "open", other.Open(ctx))
	must(t, "write", other.Write(ctx, c.Batch))
	_, err = other.Prepare(ctx, 2, true)
	must(t, "prepare", err)
	must(t, "close", other.Close())
	last := c.open(t, ctx) // the checkpoint was never decided
	expect("after a restart without Commit", n)
	p, err = last.Prepare(ctx, 2, true)
	must(t, "prepare nothing", err)
	if len(p) > 0 {
		must(t, "commit nothing", last.Commit(ctx, p))
	}
	expect("after an empty checkpoint", n)
	must(t, "close", last.Close())
}

func (c SinkCase) open(t *testing.T, ctx context.Context) stream.Sink {
	t.Helper()
	s, err := c.New()
	must(t, "make sink", err)
	must(t, "open", s.Open(ctx))
	return s
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
