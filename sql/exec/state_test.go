package exec

import (
	"strings"
	"testing"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

var kv = types.Schema{{Name: "k", Type: types.StringT}, {Name: "v", Type: types.IntT}}

func spec(aggs ...plan.AggCall) GroupSpec {
	s := GroupSpec{In: kv, Keys: []int{0}, Aggs: aggs, Out: types.Schema{kv[0]}}
	for _, a := range aggs {
		s.Out = append(s.Out, types.Field{Name: a.Func, Type: a.T})
	}
	return s
}

var (
	countAll = plan.AggCall{Func: "COUNT", Filter: -1, T: types.BigIntT.NotNull()}
	sumV     = plan.AggCall{Func: "SUM", Args: []int{1}, Filter: -1, T: types.IntT}
	maxV     = plan.AggCall{Func: "MAX", Args: []int{1}, Filter: -1, T: types.IntT}
)

// A query that loses COUNT and gains MAX keeps its SUM over a restart; MAX starts with the rows from then on.
func TestChangedQueryKeepsItsAggregates(t *testing.T) {
	old, err := NewGroupAggregate(spec(countAll, sumV))
	if err != nil {
		t.Fatal(err)
	}
	rows := streamtest.Rows(t, kv.Arrow(), `[{"k":"a","v":5},{"k":"b","v":7},{"k":"a","v":1}]`)
	if err := old.Process(0, rows, &streamtest.Emitter{}); err != nil {
		t.Fatal(err)
	}
	var w stream.StateWriter
	if err := old.Snapshot(&w); err != nil {
		t.Fatal(err)
	}
	changed, err := NewGroupAggregate(spec(maxV, sumV))
	if err != nil {
		t.Fatal(err)
	}
	if err := changed.Restore(w.Reader()); err != nil {
		t.Fatal(err)
	}
	out := &streamtest.Emitter{}
	more := streamtest.Rows(t, kv.Arrow(), `[{"k":"a","v":2}]`)
	if err := changed.Process(0, more, out); err != nil {
		t.Fatal(err)
	}
	if len(out.Rows) != 1 || out.Rows[0].String() != "+U[a 2 8]" {
		t.Errorf("got %v, want +U[a 2 8]", out.Rows)
	}
}

// State that is cut short is refused, whatever byte is the last, and never a panic.
func TestShortStateIsRefused(t *testing.T) {
	calls := []plan.AggCall{
		countAll, sumV,
		{Func: "AVG", Args: []int{2}, Filter: -1, T: types.DoubleT},
		{Func: "MIN", Args: []int{0}, Filter: -1, T: types.StringT},
		{Func: "COUNT", Args: []int{1}, Distinct: true, Filter: -1, T: types.BigIntT.NotNull()},
		{Func: "LISTAGG", Args: []int{0}, Sep: ",", Filter: -1, T: types.StringT},
		{Func: "SUM", Args: []int{3}, Filter: -1, T: types.DecimalOf(38, 2)},
		{Func: "VAR_POP", Args: []int{2}, Filter: -1, T: types.DoubleT},
	}
	s := spec(calls...)
	s.In = append(append(types.Schema{}, kv...), types.Field{Name: "d", Type: types.DoubleT}, types.Field{Name: "m", Type: types.DecimalOf(5, 2)})
	for _, retracts := range []bool{false, true} {
		s.Retracts = retracts
		op, err := NewGroupAggregate(s)
		if err != nil {
			t.Fatal(err)
		}
		rows := streamtest.Rows(t, s.In.Arrow(), `[{"k":"a","v":5,"d":1.5,"m":"1.25"}]`)
		if err := op.Process(0, rows, &streamtest.Emitter{}); err != nil {
			t.Fatal(err)
		}
		var w stream.StateWriter
		if err := op.Snapshot(&w); err != nil {
			t.Fatal(err)
		}
		sections := append([]string{groupSection}, op.aggs.sections()...)
		for _, cut := range sections {
			for kg, data := range w.Reader().Section(cut) {
				for n := range data {
					checkCut(t, s, w.Reader(), cut, kg, data[:n])
				}
			}
		}
	}
}

func checkCut(t *testing.T, s GroupSpec, whole *stream.StateReader, cut string, kg int, data []byte) {
	t.Helper()
	op, err := NewGroupAggregate(s)
	if err != nil {
		t.Fatal(err)
	}
	var w stream.StateWriter
	for _, name := range append([]string{groupSection}, op.aggs.sections()...) {
		for g, d := range whole.Section(name) {
			w.Put(name, g, append([]byte{}, d...))
		}
	}
	w.Put(cut, kg, data)
	if err := op.Restore(w.Reader()); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("%s cut to %d bytes: %v", cut, len(data), err)
	}
}

// Late rows are counted where the operator's metrics are: two of three here.
func TestLateRowsAreCounted(t *testing.T) {
	in := types.Schema{{Name: "ts", Type: types.TimestampOf(3)}, {Name: "v", Type: types.IntT}}
	out := append(plan.WindowFields(), types.Field{Name: "n", Type: countAll.T})
	op, err := NewWindowAggregate(stream.Task{Of: 1}, WindowSpec{
		In: in, Window: plan.Window{Kind: plan.Tumble, Size: 5000}, Aggs: []plan.AggCall{countAll}, Out: out,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := op.Advance(9999, &streamtest.Emitter{}); err != nil {
		t.Fatal(err)
	}
	if late := op.spread([]int64{4999, 10000, 9999}, nil); late != 2 {
		t.Errorf("%d late rows, want 2", late)
	}
}

// Windows that do not fit their panes are refused when the operator is made.
func TestCrookedWindowsAreRefused(t *testing.T) {
	for _, w := range []plan.Window{
		{Kind: plan.Hop, Size: 10, Slide: 3},
		{Kind: plan.Cumulate, Size: 10, Slide: 4},
		{Kind: plan.Tumble},
		{Kind: plan.Hop, Size: 10},
		{Kind: plan.Session, Size: 10},
		{Kind: plan.Tumble, Size: -5},
	} {
		if _, err := newWindow(w); err == nil {
			t.Errorf("%s is accepted", w)
		}
	}
}
