package exec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/cockroachdb/datadriven"
	"github.com/weirhub/weir/sql/expr"
	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
	"github.com/weirhub/weir/stream"
)

// TestGolden takes operators through the scripts of testdata. The same file runs with its rows in one batch, in batches of
// one row, and with a checkpoint and a restored operator between any two commands: the output must be the golden one
// each time.
//
//	group keys=(k) aggs=(COUNT(*), SUM(v), SUM(v) FILTER f) [retracts] [upsert] [fold]
//	window keys=(k) aggs=(...) kind=hop size=10000 slide=5000 [offset=-2000] [retracts]
//	rows       one row a line, `-U a 5 2026-01-01T00:00:05`; +I may be left out; (null) is NULL
//	advance    the watermark: a number of ms, a time, or max; `sorted`: the keys of a window have no order
//
// Types of columns by name: k STRING, v INT, l BIGINT, d DOUBLE, x FLOAT, m DECIMAL(10,2), f BOOLEAN, ts TIMESTAMP(3).
func TestGolden(t *testing.T) {
	for name, mode := range map[string]mode{"batches": {}, "rows": {single: true}, "restarts": {restart: true}, "both": {single: true, restart: true}} {
		t.Run(name, func(t *testing.T) {
			datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
				s := &script{t: t, mode: mode}
				datadriven.RunTest(t, path, s.run)
				s.close()
			})
		})
	}
}

type mode struct{ single, restart bool }

type script struct {
	t    *testing.T
	mode mode
	in   types.Schema
	out  types.Schema
	fold bool
	make func() (stream.Operator, error)
	op   stream.Operator
	wm   stream.Watermark
	text strings.Builder
}

func (s *script) Emit(b stream.Batch) error {
	for i := range b.Rows() {
		s.text.WriteString(b.Ops.At(i).String())
		for c, f := range s.out {
			s.text.WriteString(" " + valueText(s.t, f.Type, b.Rec.Column(c), i))
		}
		s.text.WriteByte('\n')
	}
	return nil
}

func (s *script) DeadLetter(stream.BadRecord) error { return nil }

func (s *script) close() {
	if s.op != nil {
		if err := s.op.Close(); err != nil {
			s.t.Error(err)
		}
	}
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	s.t = t
	s.text.Reset()
	var err error
	switch d.Cmd {
	case "group", "window":
		s.create(t, d)
		return ""
	case "rows":
		err = s.rows(d.Input)
	case "advance":
		err = s.advance(strings.TrimSpace(d.Input))
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
	if err != nil {
		return s.text.String() + "error: " + err.Error()
	}
	if s.mode.restart {
		s.restart(t)
	}
	if d.HasArg("sorted") {
		return strings.Join(slices.Sorted(strings.Lines(s.text.String())), "")
	}
	return s.text.String()
}

var columnTypes = map[string]types.Type{
	"k": types.StringT, "v": types.IntT, "l": types.BigIntT, "d": types.DoubleT, "x": types.FloatT, "m": types.DecimalOf(10, 2),
	"f": types.BooleanT, "ts": types.TimestampOf(3),
}

func (s *script) create(t *testing.T, d *datadriven.TestData) {
	s.close()
	s.in, s.out, s.wm = nil, nil, stream.MinWatermark
	arg := func(name string) (vals []string) {
		if d.HasArg(name) {
			for _, a := range d.CmdArgs {
				if a.Key == name {
					vals = a.Vals
				}
			}
		}
		return vals
	}
	for _, c := range arg("cols") {
		s.in = append(s.in, types.Field{Name: c, Type: columnTypes[c]})
	}
	var keys []int
	for _, k := range arg("keys") {
		keys = append(keys, s.in.Index(k))
		s.out = append(s.out, s.in[s.in.Index(k)])
	}
	if d.Cmd == "window" {
		s.out = append(s.out, plan.WindowFields()...)
	}
	var aggs []plan.AggCall
	for _, a := range arg("aggs") {
		c := s.aggCall(t, a, len(keys) > 0)
		aggs = append(aggs, c)
		s.out = append(s.out, types.Field{Name: a, Type: c.T})
	}
	s.fold = d.HasArg("fold")
	if d.Cmd == "group" {
		spec := GroupSpec{In: s.in, Keys: keys, Aggs: aggs, Out: s.out, Retracts: d.HasArg("retracts"), UpdateBefore: !d.HasArg("upsert"), Fold: s.fold}
		s.make = func() (stream.Operator, error) { return NewGroupAggregate(spec) }
	} else {
		w := plan.Window{Time: s.in.Index("ts")}
		var kind string
		d.ScanArgs(t, "kind", &kind)
		d.ScanArgs(t, "size", &w.Size)
		d.MaybeScanArgs(t, "slide", &w.Slide)
		d.MaybeScanArgs(t, "offset", &w.Offset)
		w.Kind = map[string]plan.WindowKind{"tumble": plan.Tumble, "hop": plan.Hop, "cumulate": plan.Cumulate}[kind]
		spec := WindowSpec{In: s.in, Window: w, Keys: keys, Aggs: aggs, Out: s.out, Retracts: d.HasArg("retracts")}
		s.make = func() (stream.Operator, error) { return NewWindowAggregate(stream.Task{Of: 1}, spec) }
	}
	s.op = s.fresh(t)
}

func (s *script) fresh(t *testing.T) stream.Operator {
	op, err := s.make()
	if err != nil {
		t.Fatal(err)
	}
	return op
}

// aggCall reads `SUM(v)`, `COUNT(DISTINCT v)`, `SUM(v)/f` (with FILTER f).
func (s *script) aggCall(t *testing.T, text string, grouped bool) plan.AggCall {
	text, filter, filtered := strings.Cut(text, "/")
	name, arg, _ := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	arg, distinct := strings.CutPrefix(arg, "DISTINCT-")
	var args []plan.Expr
	col := s.in.Index(arg)
	if arg != "*" {
		args = []plan.Expr{&plan.Column{Index: col, T: s.in[col].Type}}
	}
	c, _, err := funcs.Aggregate(name, args, distinct, grouped, filtered)
	if err != nil {
		t.Fatal(err)
	}
	if args != nil {
		c.Args = []int{col}
	}
	if filtered {
		c.Filter = s.in.Index(filter)
	}
	return c
}

func (s *script) rows(input string) error {
	lines := strings.Split(input, "\n")
	if !s.mode.single || s.fold {
		return s.process(lines)
	}
	for _, l := range lines {
		if err := s.process([]string{l}); err != nil {
			return err
		}
	}
	return nil
}

var opNames = map[string]stream.Op{"+I": stream.Insert, "-U": stream.UpdateBefore, "+U": stream.UpdateAfter, "-D": stream.Delete}

// process gives lines to the operator as a batch of counted memory, which must all be free afterwards.
func (s *script) process(lines []string) error {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(s.t, 0)
	b := array.NewRecordBuilder(mem, s.in.Arrow())
	defer b.Release()
	ops := make(stream.Changes, len(lines))
	some := false
	for i, l := range lines {
		fields := strings.Fields(l)
		if op, ok := opNames[fields[0]]; ok {
			ops[i], fields = op, fields[1:]
			some = some || op != stream.Insert
		}
		for c, f := range fields {
			if err := b.Field(c).AppendValueFromString(f); err != nil {
				s.t.Fatalf("%s: %v", l, err)
			}
		}
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	in := stream.Batch{Rec: rec}
	if some {
		in.Ops = ops
	}
	return s.op.Process(0, in, s)
}

func (s *script) advance(to string) error {
	switch at, err := arrow.TimestampFromString(to, arrow.Millisecond); {
	case to == "max":
		s.wm = stream.MaxWatermark
	case err == nil:
		s.wm = stream.Watermark(at)
	default:
		fmt.Sscan(to, &s.wm)
	}
	return s.op.Advance(s.wm, s)
}

// restart goes on with a new operator that restores the state. Half of it is written into another order of key groups
// by the engine; here one task has them all.
func (s *script) restart(t *testing.T) {
	var w stream.StateWriter
	if err := s.op.Snapshot(&w); err != nil {
		t.Fatal(err)
	}
	s.close()
	s.op = s.fresh(t)
	if err := s.op.Restore(w.Reader()); err != nil {
		t.Fatal(err)
	}
}

// valueText is one value of a column.
func valueText(t *testing.T, typ types.Type, a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "NULL"
	}
	var v vec.Vec
	if err := new(vec.Scratch).FromArrow(&v, typ, a, []int32{int32(i)}); err != nil {
		t.Fatal(err)
	}
	return string(expr.AppendText(nil, &v, 0))
}
