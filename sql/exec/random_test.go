package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

// row is one row of the random tests: a key (0 is NULL), a value (nil is NULL) and a time.
type row struct {
	op stream.Op
	k  int
	v  *int32
	ts int64
}

var rowSchema = types.Schema{
	{Name: "k", Type: types.StringT}, {Name: "v", Type: types.IntT}, {Name: "ts", Type: types.TimestampOf(3)},
}

func randomRow(rnd *rand.Rand) row {
	r := row{k: rnd.IntN(5), ts: rnd.Int64N(200) - 100}
	if rnd.IntN(6) > 0 {
		v := rnd.Int32N(7) - 3
		r.v = &v
	}
	return r
}

func keyText(k int) string {
	if k == 0 {
		return "(null)"
	}
	return fmt.Sprint("k", k)
}

// feed gives rows to an operator in batches of random length.
func feed(t *testing.T, rnd *rand.Rand, op stream.Operator, rows []row, out stream.Emitter) {
	t.Helper()
	for len(rows) > 0 {
		n := 1 + rnd.IntN(min(len(rows), 9))
		b := array.NewRecordBuilder(memory.DefaultAllocator, rowSchema.Arrow())
		ops := make(stream.Changes, n)
		for i, r := range rows[:n] {
			ops[i] = r.op
			if r.k == 0 {
				b.Field(0).AppendNull()
			} else {
				b.Field(0).(*array.StringBuilder).Append(keyText(r.k))
			}
			if r.v == nil {
				b.Field(1).AppendNull()
			} else {
				b.Field(1).(*array.Int32Builder).Append(*r.v)
			}
			b.Field(2).(*array.TimestampBuilder).AppendTime(timeOf(r.ts))
		}
		rec := b.NewRecordBatch()
		if err := op.Process(0, stream.Batch{Rec: rec, Ops: ops}, out); err != nil {
			t.Fatal(err)
		}
		rec.Release()
		b.Release()
		rows = rows[n:]
	}
}

// perhapsRestart goes on, every third time, with a new operator that restores the old one's state.
func perhapsRestart(t *testing.T, rnd *rand.Rand, op stream.Operator, fresh func() stream.Operator) stream.Operator {
	t.Helper()
	if rnd.IntN(3) > 0 {
		return op
	}
	var w stream.StateWriter
	if err := op.Snapshot(&w); err != nil {
		t.Fatal(err)
	}
	next := fresh()
	if err := next.Restore(w.Reader()); err != nil {
		t.Fatal(err)
	}
	return next
}

func randomCalls() []plan.AggCall {
	call := func(f string, t types.Type, distinct bool) plan.AggCall {
		return plan.AggCall{Func: f, Args: []int{1}, Distinct: distinct, Filter: -1, T: t}
	}
	return []plan.AggCall{
		countAll, call("COUNT", types.BigIntT.NotNull(), false), call("SUM", types.IntT, false), call("AVG", types.IntT, false),
		call("MIN", types.IntT, false), call("MAX", types.IntT, false), call("COUNT", types.BigIntT.NotNull(), true),
		call("SUM", types.IntT, true),
	}
}

// aggregateOf computes randomCalls over values as a person would.
func aggregateOf(values []*int32) string {
	var some []int32
	sum := 0
	for _, v := range values {
		if v != nil {
			some = append(some, *v)
			sum += int(*v)
		}
	}
	if len(some) == 0 {
		return fmt.Sprint(len(values), " 0 (null) (null) (null) (null) 0 (null)")
	}
	unique := slices.Clone(some)
	slices.Sort(unique)
	unique = slices.Compact(unique)
	usum := 0
	for _, v := range unique {
		usum += int(v)
	}
	return fmt.Sprint(len(values), " ", len(some), " ", sum, " ", sum/len(some), " ", slices.Min(some), " ", slices.Max(some), " ",
		len(unique), " ", usum)
}

// TestGroupsEqualRecount applies random insertions and removals. After each round the folded changelog must be the groups
// counted anew from the rows that are there.
func TestGroupsEqualRecount(t *testing.T) {
	s := GroupSpec{In: rowSchema, Keys: []int{0}, Aggs: randomCalls(), Retracts: true, UpdateBefore: true, Out: types.Schema{rowSchema[0]}}
	for i, a := range s.Aggs {
		s.Out = append(s.Out, types.Field{Name: fmt.Sprint("a", i), Type: a.T})
	}
	fresh := func() stream.Operator {
		op, err := NewGroupAggregate(s)
		if err != nil {
			t.Fatal(err)
		}
		return op
	}
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		op, out := fresh(), &streamtest.Emitter{}
		var there []row
		for range 12 {
			var step []row
			for range rnd.IntN(20) {
				if len(there) > 0 && rnd.IntN(2) == 0 {
					i := rnd.IntN(len(there))
					gone := there[i]
					gone.op = stream.Delete
					step = append(step, gone)
					there = slices.Delete(there, i, i+1)
					continue
				}
				r := randomRow(rnd)
				step, there = append(step, r), append(there, r)
			}
			feed(t, rnd, op, step, out)
			got, err := streamtest.Fold(out.Rows)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if want := recount(there); !slices.Equal(got, want) {
				t.Fatalf("seed %d: groups\n%s\nwant\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			op = perhapsRestart(t, rnd, op, fresh)
		}
	}
}

func recount(rows []row) []string {
	groups := map[int][]*int32{}
	for _, r := range rows {
		groups[r.k] = append(groups[r.k], r.v)
	}
	var out []string
	for k, vs := range groups {
		out = append(out, "["+keyText(k)+" "+aggregateOf(vs)+"]")
	}
	slices.Sort(out)
	return out
}

// TestWindowsEqualRecount sends random rows under a random watermark, and compares each window that comes out with the
// rows that had arrived before it was due.
func TestWindowsEqualRecount(t *testing.T) {
	windows := []plan.Window{
		{Kind: plan.Tumble, Size: 10},
		{Kind: plan.Tumble, Size: 7, Offset: -3},
		{Kind: plan.Hop, Size: 20, Slide: 5},
		{Kind: plan.Hop, Size: 12, Slide: 4, Offset: 1},
		{Kind: plan.Hop, Size: 5, Slide: 5},
		{Kind: plan.Cumulate, Size: 20, Slide: 5},
		{Kind: plan.Cumulate, Size: 12, Slide: 3, Offset: -2},
	}
	for _, w := range windows {
		w.Time = 2
		for seed := range uint64(25) {
			runWindows(t, rand.New(rand.NewPCG(seed, 2)), w)
			if t.Failed() {
				t.Fatalf("%s, seed %d", w, seed)
			}
		}
	}
}

func runWindows(t *testing.T, rnd *rand.Rand, w plan.Window) {
	s := WindowSpec{In: rowSchema, Window: w, Keys: []int{0}, Aggs: randomCalls(), Out: append(types.Schema{rowSchema[0]}, plan.WindowFields()...)}
	for i, a := range s.Aggs {
		s.Out = append(s.Out, types.Field{Name: fmt.Sprint("a", i), Type: a.T})
	}
	fresh := func() stream.Operator {
		op, err := NewWindowAggregate(stream.Task{Of: 1}, s)
		if err != nil {
			t.Fatal(err)
		}
		return op
	}
	op := fresh()
	var rows []arrival
	wm := int64(-120)
	if err := op.Advance(stream.Watermark(wm), &streamtest.Emitter{}); err != nil {
		t.Fatal(err)
	}
	for round := range 15 {
		var step []row
		for range rnd.IntN(25) {
			r := randomRow(rnd)
			r.ts = wm + rnd.Int64N(60) - 20
			step = append(step, r)
		}
		feed(t, rnd, op, step, &streamtest.Emitter{})
		for _, r := range step {
			rows = append(rows, arrival{r, wm})
		}
		before := wm
		wm += rnd.Int64N(25)
		if round == 14 {
			wm = 10_000
		}
		out := &streamtest.Emitter{}
		if err := op.Advance(stream.Watermark(wm), out); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range out.Rows {
			got = append(got, r.Text)
		}
		slices.Sort(got)
		if want := dueWindows(w, rows, before, wm); !slices.Equal(got, want) {
			t.Errorf("watermark %d to %d:\n%s\nwant\n%s", before, wm, strings.Join(got, "\n"), strings.Join(want, "\n"))
			return
		}
		op = perhapsRestart(t, rnd, op, fresh)
	}
}

// arrival is a row and the watermark that stood when it came.
type arrival struct {
	row
	wm int64
}

// dueWindows are the windows that end in (before+1, wm+1], found by trying every start that the window's definition
// allows. A row counts in a window that was not yet due when it came.
func dueWindows(w plan.Window, rows []arrival, before, wm int64) []string {
	slide := w.Slide
	if w.Kind == plan.Tumble || w.Kind == plan.Cumulate {
		slide = w.Size
	}
	var out []string
	for start := int64(-400); start < 600; start++ {
		if types.FloorMod(start-w.Offset, slide) != 0 {
			continue
		}
		ends := []int64{start + w.Size}
		if w.Kind == plan.Cumulate {
			ends = nil
			for e := start + w.Slide; e <= start+w.Size; e += w.Slide {
				ends = append(ends, e)
			}
		}
		for _, end := range ends {
			if end-1 > before && end-1 <= wm {
				out = append(out, groupsOf(rows, start, end)...)
			}
		}
	}
	slices.Sort(out)
	return out
}

func groupsOf(rows []arrival, start, end int64) []string {
	groups := map[int][]*int32{}
	for _, r := range rows {
		if r.ts >= start && r.ts < end && end-1 > r.wm {
			groups[r.k] = append(groups[r.k], r.v)
		}
	}
	var out []string
	for k, vs := range groups {
		bound := func(ms int64) string { return timeOf(ms).Format("2006-01-02T15:04:05.999") }
		out = append(out, fmt.Sprintf("[%s %s %s %s %s]", keyText(k), bound(start), bound(end), bound(end-1), aggregateOf(vs)))
	}
	return out
}

func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
