package stream_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "k", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "ts", Type: arrow.PrimitiveTypes.Int64},
}, nil)

// count is a small operator with both kinds of output: rows per key and per window of 10 ms, put out when event time
// passes the window's end, and late rows counted.
type count struct {
	windows map[int64]map[string]int64 // window start -> key -> rows
	wm      stream.Watermark
	saved   stream.Watermark // of the state it was restored from
	task    stream.Task
}

func newCount(t stream.Task) (stream.Operator, error) {
	return &count{windows: map[int64]map[string]int64{}, wm: stream.MinWatermark, saved: stream.MinWatermark, task: t}, nil
}

func (c *count) Process(_ int, in stream.Batch, _ stream.Emitter) error {
	if c.wm < c.saved {
		return stream.Permanent(fmt.Errorf("rows come at event time %d, and the restored state is of %d", c.wm, c.saved))
	}
	keys, times := in.Rec.Column(0).(*array.String), in.Rec.Column(1).(*array.Int64)
	for i := range in.Rows() {
		start := times.Value(i) / 10 * 10
		if stream.Watermark(start+9) <= c.wm {
			c.task.Metrics.AddLate(1)
			continue
		}
		if c.windows[start] == nil {
			c.windows[start] = map[string]int64{}
		}
		c.windows[start][keys.Value(i)]++
	}
	return nil
}

func (c *count) Advance(wm stream.Watermark, out stream.Emitter) error {
	c.wm = wm
	for _, start := range slices.Sorted(maps.Keys(c.windows)) {
		if stream.Watermark(start+9) > wm {
			break
		}
		b := array.NewRecordBuilder(memory.DefaultAllocator, windowSchema)
		for _, k := range slices.Sorted(maps.Keys(c.windows[start])) {
			b.Field(0).(*array.Int64Builder).Append(start)
			b.Field(1).(*array.StringBuilder).Append(k)
			b.Field(2).(*array.Int64Builder).Append(c.windows[start][k])
		}
		rec := b.NewRecordBatch()
		err := out.Emit(stream.Batch{Rec: rec})
		rec.Release()
		if err != nil {
			return err
		}
		delete(c.windows, start)
	}
	return nil
}

var windowSchema = arrow.NewSchema([]arrow.Field{
	{Name: "start", Type: arrow.PrimitiveTypes.Int64}, {Name: "k", Type: arrow.BinaryTypes.String}, {Name: "n", Type: arrow.PrimitiveTypes.Int64},
}, nil)

func keyHash(k string) uint64 {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.Append(k)
	a := b.NewArray()
	defer a.Release()
	var h [1]uint64
	stream.HashKeys([]arrow.Array{a}, 1, h[:])
	return h[0]
}

func (c *count) Snapshot(w *stream.StateWriter) error {
	groups := map[int][]byte{}
	for start, keys := range c.windows {
		for k, n := range keys {
			g := stream.KeyGroup(keyHash(k))
			b := binary.AppendVarint(groups[g], start)
			b = binary.AppendVarint(b, n)
			b = binary.AppendUvarint(b, uint64(len(k)))
			groups[g] = append(b, k...)
		}
	}
	for g, b := range groups {
		w.Put("windows/1", g, b)
	}
	if c.wm < stream.MaxWatermark {
		w.Put("time/1", stream.NoGroup, binary.AppendVarint(nil, int64(c.wm)))
	}
	return nil
}

func (c *count) Restore(r *stream.StateReader) error {
	for _, b := range r.Section("time/1") {
		wm, _ := binary.Varint(b)
		c.saved = max(c.saved, stream.Watermark(wm))
	}
	for g, b := range r.Section("windows/1") {
		if g == stream.NoGroup {
			return errors.New("state of no group was never written")
		}
		for len(b) > 0 {
			start, n := binary.Varint(b)
			b = b[n:]
			rows, n := binary.Varint(b)
			b = b[n:]
			size, n := binary.Uvarint(b)
			b = b[n:]
			if c.windows[start] == nil {
				c.windows[start] = map[string]int64{}
			}
			c.windows[start][string(b[:size])] += rows
			b = b[size:]
		}
	}
	return nil
}

func (c *count) Close() error { return nil }

// windowCase counts rows of two splits by key and window. The rows of split a are 5 ms out of order.
func windowCase(t testing.TB) streamtest.Case {
	rows := func(split string, from, n int) []stream.Batch {
		var out []stream.Batch
		for i := 0; i < n; i += 4 {
			var s strings.Builder
			for j := i; j < i+4; j++ {
				fmt.Fprintf(&s, `,{"k":"%s%d","ts":%d}`, split, j%7, from+j+(j%2)*-5)
			}
			out = append(out, streamtest.Rows(t, schema, "["+s.String()[1:]+"]"))
		}
		return out
	}
	return streamtest.Case{
		Inputs: []streamtest.Input{{
			Splits:    map[string][]stream.Batch{"a": rows("a", 10, 40), "b": rows("b", 10, 24), "c": rows("a", 12, 8)},
			Watermark: streamtest.TimeColumn(1, 6),
		}},
		Build: func(in []*stream.Node) *stream.Node {
			return &stream.Node{ID: "count", Name: "Count", Inputs: in, Operator: newCount, Keys: [][]int{{0}}}
		},
	}
}

// A keyed, windowed operator gives the same answer in small batches, in parallel and after being killed at any step,
// and the answer is the hand count of the input.
func TestWindowsAreExactHoweverThePipelineRuns(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := windowCase(t)
	got := streamtest.Check(t, c)
	want := map[string]int{}
	for _, s := range c.Inputs[0].Splits {
		for _, b := range s {
			for i := range b.Rows() {
				k, ts := b.Rec.Column(0).ValueStr(i), b.Rec.Column(1).(*array.Int64).Value(i)
				want[fmt.Sprintf("%d %s", ts/10*10, k)]++
			}
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d windows came out, want %d", len(got), len(want))
	}
	for k, n := range want {
		if row := fmt.Sprintf("[%s %d]", k, n); !slices.ContainsFunc(got, func(r streamtest.Row) bool { return r.Text == row }) {
			t.Errorf("no %s", row)
		}
	}
}

// Killing at every single step, not just a sample: the cheapest case, whole.
func TestEveryStepCanBeKilled(t *testing.T) {
	c := windowCase(t)
	c.Inputs[0].Splits = map[string][]stream.Batch{"a": c.Inputs[0].Splits["a"][:4], "b": c.Inputs[0].Splits["b"][:2]}
	rows, steps := streamtest.Run(t, c, streamtest.Mode{MaxRows: 2, Parallelism: 2})
	want, err := streamtest.Fold(rows)
	if err != nil || steps < 20 {
		t.Fatalf("%d steps, %v", steps, err)
	}
	for kill := 1; kill <= steps; kill++ {
		rows, _ := streamtest.Run(t, c, streamtest.Mode{MaxRows: 2, Parallelism: 2, KillAt: kill})
		if got, err := streamtest.Fold(rows); err != nil || !slices.Equal(got, want) {
			t.Fatalf("killed at step %d of %d: %v, %v; want %v", kill, steps, got, err, want)
		}
	}
}

// A row that is late stays late after a restore at any step: event time is part of the checkpoint, by split and by task.
func TestLateRowsStayLateAfterRestore(t *testing.T) {
	c := windowCase(t)
	late := streamtest.Rows(t, schema, `[{"k":"late","ts":3},{"k":"late","ts":25}]`)
	last := streamtest.Rows(t, schema, `[{"k":"a","ts":60}]`)
	c.Inputs[0].Splits = map[string][]stream.Batch{"a": append(slices.Clip(c.Inputs[0].Splits["a"]), late, late, last)}
	for _, r := range streamtest.Check(t, c) {
		if strings.Contains(r.Text, "late") {
			t.Errorf("%v counts a late row", r)
		}
	}
	steps := 1
	for kill := 1; kill <= steps; kill++ {
		var rows []streamtest.Row
		rows, steps = streamtest.Run(t, c, streamtest.Mode{Parallelism: 2, KillAt: kill})
		if slices.ContainsFunc(rows, func(r streamtest.Row) bool { return strings.Contains(r.Text, "late") }) {
			t.Errorf("killed at step %d: a late row was counted: %v", kill, rows)
		}
	}
}

// union joins its inputs unchanged.
type union struct{ stream.Operator }

func (union) Process(_ int, in stream.Batch, out stream.Emitter) error { return out.Emit(in) }
func (union) Advance(stream.Watermark, stream.Emitter) error           { return nil }
func (union) Snapshot(*stream.StateWriter) error                       { return nil }
func (union) Restore(*stream.StateReader) error                        { return nil }
func (union) Close() error                                             { return nil }

// Two inputs meet in one operator, without keys and with different keys, and event time is the lower of both.
func TestTwoInputsShareEventTime(t *testing.T) {
	one, two := windowCase(t), windowCase(t)
	two.Inputs[0].Splits = map[string][]stream.Batch{"z": two.Inputs[0].Splits["a"][5:]}
	c := streamtest.Case{
		Inputs: append(one.Inputs, two.Inputs...),
		Build: func(in []*stream.Node) *stream.Node {
			u := &stream.Node{ID: "union", Name: "Union", Inputs: in, Operator: func(stream.Task) (stream.Operator, error) { return union{}, nil }}
			return &stream.Node{ID: "count", Name: "Count", Inputs: []*stream.Node{u}, Operator: newCount, Keys: [][]int{{0}}}
		},
	}
	total := 0
	for _, r := range streamtest.Check(t, c) {
		var start, n int
		var k string
		if _, err := fmt.Sscanf(r.Text, "[%d %s %d]", &start, &k, &n); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total != 40+24+8+20 {
		t.Errorf("%d rows were counted, want %d", total, 40+24+8+20)
	}
}

// runOne runs a pipeline of a memory source and the operator into a memory sink.
func runOne(ctx context.Context, spec stream.Spec, op func(stream.Task) (stream.Operator, error), b ...stream.Batch) ([]streamtest.Row, error) {
	store, steps := &streamtest.Store{}, &streamtest.Steps{}
	source := &stream.Node{ID: "in", Name: "MemorySource", Source: func(t stream.Task) (stream.Source, error) {
		return &streamtest.Source{Data: map[string][]stream.Batch{"a": b}, Task: t, Steps: steps}, nil
	}}
	node := &stream.Node{ID: "op", Name: "Op", Inputs: []*stream.Node{source}, Operator: op}
	spec.Name = "one"
	spec.Root = &stream.Node{ID: "out", Name: "MemorySink", Inputs: []*stream.Node{node}, Sink: func(t stream.Task) (stream.Sink, error) {
		return &streamtest.Sink{Store: store, Task: t, Steps: steps}, nil
	}}
	err := stream.Run(ctx, spec)
	return store.Visible(), err
}

type panics struct{ union }

func (panics) Process(int, stream.Batch, stream.Emitter) error { panic("index out of range") }

// A panic in an operator ends its pipeline with an error that tells where, and nothing else.
func TestPanicFailsItsPipelineOnly(t *testing.T) {
	defer goleak.VerifyNone(t)
	_, err := runOne(t.Context(), stream.Spec{}, func(stream.Task) (stream.Operator, error) { return panics{}, nil },
		streamtest.Rows(t, schema, `[{"k":"a","ts":1}]`))
	if err == nil || !strings.Contains(err.Error(), "index out of range") || !strings.Contains(err.Error(), "pipeline_test.go") {
		t.Errorf("error %v, want the panic with its stack", err)
	}
	if !stream.IsPermanent(err) {
		t.Error("a panic would be tried again")
	}
}

type failing struct {
	union
	err error
}

func (f failing) Process(int, stream.Batch, stream.Emitter) error { return f.err }

// Transient errors are tried again up to the policy's limit, permanent ones not at all.
func TestRestartPolicyBoundsAttempts(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{{errors.New("broker away"), 4}, {stream.Permanent(errors.New("no such column")), 1}} {
		synctest.Test(t, func(t *testing.T) {
			made := 0
			began := time.Now()
			_, err := runOne(t.Context(), stream.Spec{Restart: stream.RestartPolicy{MaxFailures: 3}}, func(stream.Task) (stream.Operator, error) {
				made++
				return failing{err: c.err}, nil
			}, streamtest.Rows(t, schema, `[{"k":"a","ts":1}]`))
			if !errors.Is(err, c.err) || made != c.want {
				t.Errorf("%d attempts ended in %v, want %d in %v", made, err, c.want, c.err)
			}
			if took := time.Since(began); c.want == 4 && (took < 700*time.Millisecond || took > 800*time.Millisecond) {
				t.Errorf("four attempts took %v, want the waits 100+200+400 ms", took)
			}
		})
	}
}

// When ctx ends, what was read is committed before Run returns.
func TestShutdownCommitsWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5500*time.Microsecond)
		defer cancel()
		var in []stream.Batch
		for i := range 100 {
			in = append(in, streamtest.Rows(t, schema, fmt.Sprintf(`[{"k":"a","ts":%d}]`, i)))
		}
		rows, err := runOne(ctx, stream.Spec{CheckpointEvery: time.Hour}, func(stream.Task) (stream.Operator, error) { return union{}, nil }, in...)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 5 {
			t.Errorf("%d rows are committed, want the 5 that were read in 5 ms", len(rows))
		}
	})
}

// holder is an operator with a batching window of 50 ms.
type holder struct {
	union
	held []stream.Batch
	at   time.Time
}

func (h *holder) Process(_ int, in stream.Batch, _ stream.Emitter) error {
	if len(h.held) == 0 {
		h.at = time.Now().Add(50 * time.Millisecond)
	}
	in.Rec.Retain()
	h.held = append(h.held, in)
	return nil
}

func (h *holder) Flush(_ context.Context, out stream.Emitter) error {
	for _, b := range h.held {
		if err := out.Emit(b); err != nil {
			return err
		}
		b.Rec.Release()
	}
	h.held = nil
	return nil
}

func (h *holder) FlushAt() (int64, bool) { return h.at.UnixNano(), len(h.held) > 0 }

// timed notes when rows reach the sink.
type timed struct {
	streamtest.Sink
	times []time.Duration
	began time.Time
}

func (s *timed) Write(ctx context.Context, b stream.Batch) error {
	s.times = append(s.times, time.Since(s.began))
	return s.Sink.Write(ctx, b)
}

// Rows that an operator holds back come out when their window is over, and before each checkpoint.
func TestHeldRowsComeOutInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
		defer cancel()
		steps := &streamtest.Steps{}
		sink := &timed{Sink: streamtest.Sink{Store: &streamtest.Store{}, Steps: steps}, began: time.Now()}
		source := &stream.Node{ID: "in", Name: "Ticks", Source: func(stream.Task) (stream.Source, error) {
			return &ticks{every: 40 * time.Millisecond, batch: streamtest.Rows(t, schema, `[{"k":"a","ts":1}]`)}, nil
		}}
		op := &stream.Node{ID: "op", Name: "Holder", Inputs: []*stream.Node{source}, Operator: func(stream.Task) (stream.Operator, error) { return &holder{}, nil }}
		root := &stream.Node{ID: "out", Name: "Sink", Inputs: []*stream.Node{op}, Sink: func(stream.Task) (stream.Sink, error) { return sink, nil }}
		if err := stream.Run(ctx, stream.Spec{Name: "held", Root: root, CheckpointEvery: time.Hour}); err != nil {
			t.Fatal(err)
		}
		// Rows at 40 and 80 are due at 90; the row at 120 goes with the last checkpoint at 120 or is not read.
		if len(sink.times) < 2 || sink.times[0] != 90*time.Millisecond || sink.times[1] != 90*time.Millisecond {
			t.Errorf("rows reached the sink at %v, want two at 90ms", sink.times)
		}
	})
}

// ticks gives a batch at a steady pace for ever.
type ticks struct {
	every time.Duration
	batch stream.Batch
	n     int64
}

func (s *ticks) Open(context.Context, []stream.Position) error { return nil }
func (s *ticks) Close() error                                  { return nil }
func (s *ticks) Read(ctx context.Context) (stream.Batch, error) {
	select {
	case <-ctx.Done():
		return stream.Batch{}, ctx.Err()
	case <-time.After(s.every):
	}
	s.n++
	b := s.batch
	b.Rec.Retain()
	b.Pos = stream.Position{Split: "t", Offset: s.n}
	return b, nil
}

// A split without rows holds event time back until it has been idle for its time.
func TestIdleSplitLeavesTheMinimum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		wm := streamtest.TimeColumn(1, 0)
		wm.IdleAfter = int64(30 * time.Millisecond)
		source := &stream.Node{ID: "in", Name: "Ticks", Watermark: wm, Source: func(stream.Task) (stream.Source, error) {
			return &twoSplits{ticks{every: 10 * time.Millisecond, batch: streamtest.Rows(t, schema, `[{"k":"a","ts":7}]`)}}, nil
		}}
		seen := &advances{began: time.Now()}
		op := &stream.Node{ID: "op", Name: "Advances", Inputs: []*stream.Node{source}, Operator: func(stream.Task) (stream.Operator, error) { return seen, nil }}
		root := &stream.Node{ID: "out", Name: "Sink", Inputs: []*stream.Node{op}, Sink: func(task stream.Task) (stream.Sink, error) {
			return &streamtest.Sink{Store: &streamtest.Store{}, Steps: &streamtest.Steps{}, Task: task}, nil
		}}
		if err := stream.Run(ctx, stream.Spec{Name: "idle", Root: root}); err != nil {
			t.Fatal(err)
		}
		if len(seen.at) != 1 || seen.wm[0] != 7 || seen.at[0] != 30*time.Millisecond {
			t.Errorf("event time rose to %v at %v, want to 7 once, at 30ms, when the silent split went idle", seen.wm, seen.at)
		}
	})
}

// waits is a source's task that has no splits.
type waits struct{ ticks }

func (*waits) Splits() []string { return nil }
func (*waits) Read(ctx context.Context) (stream.Batch, error) {
	<-ctx.Done()
	return stream.Batch{}, ctx.Err()
}

// A task of a source that has no splits, because there are more tasks than splits, does not hold event time back.
func TestTaskWithoutSplitsHoldsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Millisecond)
		defer cancel()
		source := &stream.Node{ID: "in", Name: "Ticks", Parallelism: 2, Watermark: streamtest.TimeColumn(1, 0), Source: func(task stream.Task) (stream.Source, error) {
			if task.Index == 1 {
				return &waits{}, nil
			}
			return &ticks{every: 10 * time.Millisecond, batch: streamtest.Rows(t, schema, `[{"k":"a","ts":7}]`)}, nil
		}}
		seen := &advances{began: time.Now()}
		op := &stream.Node{ID: "op", Name: "Advances", Inputs: []*stream.Node{source}, Keys: [][]int{{}}, Operator: func(stream.Task) (stream.Operator, error) { return seen, nil }}
		root := &stream.Node{ID: "out", Name: "Sink", Inputs: []*stream.Node{op}, Sink: func(task stream.Task) (stream.Sink, error) {
			return &streamtest.Sink{Store: &streamtest.Store{}, Steps: &streamtest.Steps{}, Task: task}, nil
		}}
		if err := stream.Run(ctx, stream.Spec{Name: "spare", Root: root}); err != nil {
			t.Fatal(err)
		}
		if len(seen.wm) != 1 || seen.wm[0] != 7 || seen.at[0] != 10*time.Millisecond {
			t.Errorf("event time rose to %v at %v, want to 7 at 10ms", seen.wm, seen.at)
		}
	})
}

type twoSplits struct{ ticks }

func (*twoSplits) Splits() []string { return []string{"t", "silent"} }

type advances struct {
	union
	began time.Time
	at    []time.Duration
	wm    []stream.Watermark
}

func (a *advances) Advance(wm stream.Watermark, _ stream.Emitter) error {
	a.at, a.wm = append(a.at, time.Since(a.began)), append(a.wm, wm)
	return nil
}

// A bad record without a home ends the pipeline with its place; with one it is handed over, once per commit.
func TestBadRecordsGoToTheirHome(t *testing.T) {
	bad := stream.BadRecord{Topic: "flights", Partition: 3, Offset: 17, Reason: `column dep_delay: "abc" is not a BIGINT`}
	give := func(stream.Task) (stream.Operator, error) { return &gives{bad: bad}, nil }
	row := streamtest.Rows(t, schema, `[{"k":"a","ts":1}]`)
	_, err := runOne(t.Context(), stream.Spec{}, give, row)
	if err == nil || !strings.Contains(err.Error(), `bad record at flights-3@17: column dep_delay: "abc" is not a BIGINT`) {
		t.Errorf("error %v", err)
	}
	var got []stream.BadRecord
	m := &stream.Metrics{}
	_, err = runOne(t.Context(), stream.Spec{Metrics: m, DeadLetter: func(_ context.Context, r stream.BadRecord) error {
		got = append(got, r)
		return nil
	}}, give, row)
	if err != nil || len(got) != 1 || got[0].Offset != 17 {
		t.Errorf("%v, %v", got, err)
	}
	if s := m.Snapshot(); len(s.Nodes) != 3 || s.Nodes[1].DeadLetters != 1 || s.Nodes[0].RowsOut != 1 || s.Nodes[1].RowsIn != 1 || s.CheckpointID != 1 {
		t.Errorf("metrics %+v", s)
	}
}

type gives struct {
	union
	bad stream.BadRecord
}

func (g *gives) Process(_ int, _ stream.Batch, out stream.Emitter) error {
	return out.DeadLetter(g.bad)
}

// No row is left unreleased, however a pipeline ends: at the end of its input, killed at a step, stopped from outside.
func TestEveryRowIsReleased(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	var split []stream.Batch
	for i := range 6 {
		b := array.NewRecordBuilder(mem, schema)
		for j := range 5 {
			b.Field(0).(*array.StringBuilder).Append(fmt.Sprint(j))
			b.Field(1).(*array.Int64Builder).Append(int64(i*10 + j))
		}
		split = append(split, stream.Batch{Rec: b.NewRecordBatch()})
		b.Release()
	}
	c := windowCase(t)
	c.Inputs[0].Splits = map[string][]stream.Batch{"a": split[:3], "b": split[3:]}
	_, steps := streamtest.Run(t, c, streamtest.Mode{MaxRows: 2, Parallelism: 3})
	for kill := 1; kill <= steps; kill += 3 {
		streamtest.Run(t, c, streamtest.Mode{MaxRows: 2, Parallelism: 3, KillAt: kill, Then: 2})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Microsecond)
		defer cancel()
		if _, err := runOne(ctx, stream.Spec{}, func(stream.Task) (stream.Operator, error) { return union{}, nil }, split...); err != nil {
			t.Error(err)
		}
	})
	for _, b := range split {
		b.Rec.Release()
	}
}

// big is an operator whose state is 1.5 MiB and changes with every row.
type big struct {
	union
	rows byte
}

func (b *big) Process(_ int, in stream.Batch, out stream.Emitter) error {
	b.rows++
	return out.Emit(in)
}

func (b *big) Snapshot(w *stream.StateWriter) error {
	for g := range 3 {
		w.Put("big/1", g, bytes.Repeat([]byte{b.rows}, 512<<10))
	}
	return nil
}

// remembering is a Committer that says which state files the last decided checkpoint names.
type remembering struct {
	stream.MemoryCommitter
	mu    sync.Mutex
	files []string
}

func (r *remembering) Commit(ctx context.Context, c *stream.Checkpoint) error {
	if err := r.MemoryCommitter.Commit(ctx, c); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = slices.Clone(c.Files)
	return nil
}

// A state file is removed only after a checkpoint has been decided that does not name it, and then it is.
func TestNamedStateFilesAreNeverRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs, c, removed := vfs.NewMem(), &remembering{}, 0
		fs.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpRemove {
				c.mu.Lock()
				defer c.mu.Unlock()
				removed++
				if slices.Contains(c.files, strings.TrimPrefix(op.Name, "state/")) {
					t.Errorf("%s is removed, and the last checkpoint names %v", op.Name, c.files)
				}
			}
			return nil
		})
		var in []stream.Batch
		for range 60 {
			in = append(in, streamtest.Rows(t, schema, `[{"k":"a","ts":1}]`))
		}
		_, err := runOne(t.Context(), stream.Spec{Committer: c, StateFS: fs, StateDir: "state", CheckpointEvery: 2500 * time.Microsecond},
			func(stream.Task) (stream.Operator, error) { return &big{}, nil }, in...)
		if err != nil {
			t.Fatal(err)
		}
		names, err := fs.List("state")
		if err != nil || removed == 0 || !slices.Equal(names, slices.Sorted(slices.Values(c.files))) {
			t.Errorf("%d files were removed, %v are left, %v are named, %v", removed, names, c.files, err)
		}
	})
}

// Without a commit point and a directory, state of any size lives in memory.
func TestStateOfAnySizeLivesInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in []stream.Batch
		for range 20 {
			in = append(in, streamtest.Rows(t, schema, `[{"k":"a","ts":1}]`))
		}
		rows, err := runOne(t.Context(), stream.Spec{CheckpointEvery: 2500 * time.Microsecond}, func(stream.Task) (stream.Operator, error) { return &big{}, nil }, in...)
		if err != nil || len(rows) != 20 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	})
}
