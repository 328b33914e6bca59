package streamtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// Input is the source of a Case.
type Input struct {
	// Splits are read in turn, one batch each. All positions are row numbers.
	Splits map[string][]stream.Batch
	// Watermark makes event time; nil: none until the end.
	Watermark *stream.WatermarkSpec
}

// TimeColumn makes the watermark of a batch from a column of timestamps (ms) or BIGINT: its maximum minus delay (ms).
func TimeColumn(column int, delay int64) *stream.WatermarkSpec {
	return &stream.WatermarkSpec{Of: func(b stream.Batch) (stream.Watermark, bool, error) {
		high, ok := int64(0), false
		for i := range b.Rows() {
			c := b.Rec.Column(column)
			if c.IsNull(i) {
				continue
			}
			v, is := c.(interface{ Value(int) int64 })
			var ms int64
			if is {
				ms = v.Value(i)
			} else if ts, isTS := c.(interface{ Value(int) arrow.Timestamp }); isTS {
				ms = int64(ts.Value(i))
			} else {
				return 0, false, fmt.Errorf("column %d is %s", column, c.DataType())
			}
			if !ok || ms > high {
				high, ok = ms, true
			}
		}
		return stream.Watermark(high - delay), ok, nil
	}}
}

// Case is a pipeline without its sink.
type Case struct {
	Inputs []Input
	// Build makes the tree over the inputs' source nodes. It is called anew for each run.
	Build func(inputs []*stream.Node) *stream.Node
}

// Mode is how a Case is run. The zero Mode is the plain run: whole batches, one task, no accident.
type Mode struct {
	MaxRows     int64
	Parallelism int
	KillAt      int // the step at which everything fails once
	// Then is the parallelism after the kill, in a new process that has only what was committed; 0: the pipeline restarts
	// by itself, as it was.
	Then int
}

// Check runs the case plainly, then in batches of one row, at parallelism 3, and killed and restored at steps of every
// kind, by itself and by a new process with another parallelism; all folded changelogs must be equal. It gives the plain run's changelog.
func Check(t *testing.T, c Case) []Row {
	t.Helper()
	rows, want := runFolded(t, c, Mode{})
	_, steps := Run(t, c, Mode{MaxRows: 1, Parallelism: 2})
	modes := []Mode{{MaxRows: 1}, {Parallelism: 3}, {MaxRows: 1, Parallelism: 3}}
	rng := rand.New(rand.NewPCG(1, uint64(steps)))
	const kills = 12 // a dozen of steps hits reads, writes, prepares and both sides of the commit
	for i := range kills {
		m := Mode{MaxRows: 1, Parallelism: 1 + rng.IntN(3), KillAt: 1 + rng.IntN(max(1, steps))}
		if i%2 == 1 {
			m.Then = 1 + rng.IntN(4)
		}
		modes = append(modes, m)
	}
	for _, m := range modes {
		if _, got := runFolded(t, c, m); !slices.Equal(got, want) {
			t.Errorf("mode %+v: folded changelog\n%v\nwant\n%v", m, got, want)
		}
	}
	return rows
}

func runFolded(t *testing.T, c Case, m Mode) ([]Row, []string) {
	t.Helper()
	rows, _ := Run(t, c, m)
	folded, err := Fold(rows)
	if err != nil {
		t.Errorf("mode %+v: %v", m, err)
	}
	return rows, folded
}

// Run runs the case in one mode and gives its committed changelog and the number of steps it took.
func Run(t *testing.T, c Case, m Mode) (rows []Row, steps int) {
	t.Helper()
	count, store := &Steps{KillAt: m.KillAt}, &Store{}
	synctest.Test(t, func(t *testing.T) {
		spec := stream.Spec{
			Name: "case", Root: c.root(m, count, store), Parallelism: m.Parallelism,
			CheckpointEvery: 2500 * time.Microsecond, Committer: &Committer{Steps: count}, StateFS: vfs.NewMem(), StateDir: "state",
			DeadLetter: func(context.Context, stream.BadRecord) error { return nil },
		}
		if m.Then > 0 {
			spec.Restart.MaxFailures = -1
		}
		err := stream.Run(t.Context(), spec)
		if m.Then > 0 && errors.Is(err, ErrKilled) {
			spec.Parallelism, spec.Root = m.Then, c.root(m, count, store)
			err = stream.Run(t.Context(), spec)
		}
		if err != nil {
			t.Errorf("mode %+v: %v", m, err)
		}
	})
	return store.Visible(), count.Count()
}

func (c Case) root(m Mode, count *Steps, store *Store) *stream.Node {
	var inputs []*stream.Node
	for i, in := range c.Inputs {
		inputs = append(inputs, &stream.Node{
			ID: fmt.Sprintf("source-%d", i), Name: "MemorySource", Watermark: in.Watermark,
			Source: func(t stream.Task) (stream.Source, error) {
				return &Source{Data: in.Splits, MaxRows: m.MaxRows, Task: t, Steps: count}, nil
			},
		})
	}
	return &stream.Node{
		ID: "sink", Name: "MemorySink", Inputs: []*stream.Node{c.Build(inputs)},
		Sink: func(t stream.Task) (stream.Sink, error) { return &Sink{Store: store, Task: t, Steps: count}, nil },
	}
}
