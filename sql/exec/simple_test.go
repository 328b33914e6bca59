package exec

import (
	"fmt"
	"io"
	"testing"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

func column(i int) plan.Expr { return &plan.Column{Index: i, Name: kv[i].Name, T: kv[i].Type} }

func mustCall(t *testing.T, name string, args ...plan.Expr) plan.Expr {
	t.Helper()
	e, err := funcs.Call(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func lines(rows []streamtest.Row) string {
	s := ""
	for _, r := range rows {
		s += r.String()
	}
	return s
}

// Calc keeps the kinds of the rows that pass, also when only one of a pair does, and reads batches that are parts of
// others.
func TestCalcKeepsKinds(t *testing.T) {
	limit := &plan.Literal{Value: int64(2), T: types.IntT.NotNull()}
	filter := mustCall(t, ">", column(1), limit)
	exprs := []plan.Expr{mustCall(t, "*", column(1), limit), column(0)}
	out := types.Schema{{Name: "w", Type: exprs[0].Type()}, kv[0]}
	rows := streamtest.Rows(t, kv.Arrow(), `[{"k":"x","v":9},{"k":"a","v":1},{"k":"a","v":1},{"k":"a","v":3},{"k":null,"v":4},{"k":"b","v":null}]`)
	part := stream.Batch{Rec: rows.Rec.NewSlice(1, 6), Ops: stream.Changes{stream.Insert, stream.UpdateBefore, stream.UpdateAfter, stream.Delete, stream.Insert}}
	defer part.Rec.Release()
	for _, c := range []struct {
		filter plan.Expr
		exprs  []plan.Expr
		want   string
	}{
		{filter, exprs, "+U[6 a]-D[8 (null)]"},
		{filter, nil, "+U[a 3]-D[(null) 4]"},
		{nil, exprs, "+I[2 a]-U[2 a]+U[6 a]-D[8 (null)]+I[(null) b]"},
		{mustCall(t, "IS NULL", limit), exprs, ""},
	} {
		op, err := NewCalc(c.filter, c.exprs, out)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time in used memory
			e := &streamtest.Emitter{}
			if err := op.Process(0, part, e); err != nil {
				t.Fatal(err)
			}
			if got := lines(e.Rows); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		}
	}
}

// An error in an expression ends the query with what was wrong.
func TestCalcReportsErrors(t *testing.T) {
	op, err := NewProject([]plan.Expr{&plan.Cast{X: column(0), T: types.IntT}}, types.Schema{{Name: "n", Type: types.IntT}})
	if err != nil {
		t.Fatal(err)
	}
	rows := streamtest.Rows(t, kv.Arrow(), `[{"k":"1","v":1},{"k":"one","v":1}]`)
	err = op.Process(0, rows, &streamtest.Emitter{})
	if err == nil || err.Error() != "cast 'one' to INT: not of that form (TRY_CAST gives NULL)" {
		t.Errorf("got %v", err)
	}
}

// CURRENT_WATERMARK is NULL before the first watermark and the last one after it.
func TestCurrentWatermark(t *testing.T) {
	in := types.Schema{{Name: "ts", Type: types.TimestampOf(3)}}
	e := mustCall(t, "CURRENT_WATERMARK", &plan.Column{T: in[0].Type})
	op, err := NewProject([]plan.Expr{e}, types.Schema{{Name: "wm", Type: e.Type()}})
	if err != nil {
		t.Fatal(err)
	}
	rows := streamtest.Rows(t, in.Arrow(), `[{"ts":"2026-01-01 00:00:00"}]`)
	out := &streamtest.Emitter{}
	for _, step := range []func() error{
		func() error { return op.Process(0, rows, out) },
		func() error { return op.Advance(1500, out) },
		func() error { return op.Process(0, rows, out) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if got := lines(out.Rows); got != "+I[(null)]+I[1970-01-01T00:00:01.5]" {
		t.Error(got)
	}
}

// A limit counts over batches and restarts: rows 3 to 6 of 1, 2, 3, ... whatever the cut.
func TestLimitCountsRows(t *testing.T) {
	for size := 1; size <= 7; size++ {
		var steps []streamtest.Step
		for from := 1; from <= 12; from += size {
			text := ""
			for i := range size {
				text += fmt.Sprintf(`,{"k":"a","v":%d}`, from+i)
			}
			steps = append(steps, streamtest.In(streamtest.Rows(t, kv.Arrow(), "["+text[1:]+"]")), streamtest.Restart())
		}
		out := streamtest.RunOperator(t, func(stream.Task) (stream.Operator, error) { return NewLimit(2, 4), nil }, steps...)
		if got := lines(out.Rows); got != "+I[a 3]+I[a 4]+I[a 5]+I[a 6]" {
			t.Errorf("batches of %d: %s", size, got)
		}
	}
}

// Values gives its rows once, also over a restart, and only in the first task.
func TestValuesComeOnce(t *testing.T) {
	lit := func(k string, v int64) []plan.Expr {
		return []plan.Expr{&plan.Literal{Value: k, T: types.StringT}, &plan.Literal{Value: v, T: types.IntT}}
	}
	rows := [][]plan.Expr{lit("a", 1), lit("b", 2)}
	read := func(task stream.Task, from ...stream.Position) (string, stream.Position) {
		v := NewValues(task, rows, kv)
		if err := v.Open(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		b, err := v.Read(t.Context())
		if err == io.EOF {
			return "EOF", b.Pos
		}
		if err != nil {
			t.Fatal(err)
		}
		defer b.Rec.Release()
		return lines(streamtest.Changelog(b)), b.Pos
	}
	got, pos := read(stream.Task{Of: 2})
	if got != "+I[a 1]+I[b 2]" {
		t.Error(got)
	}
	if got, _ := read(stream.Task{Of: 2}, pos); got != "EOF" {
		t.Errorf("after the end: %s", got)
	}
	if got, _ := read(stream.Task{Index: 1, Of: 2}); got != "EOF" {
		t.Errorf("second task: %s", got)
	}
}

// A window function by itself gives each row once for each of its windows.
func TestWindowAssign(t *testing.T) {
	in := types.Schema{{Name: "ts", Type: types.TimestampOf(3)}}
	out := append(append(types.Schema{}, in...), plan.WindowFields()...)
	op, err := NewWindowAssign(in, plan.Window{Kind: plan.Hop, Size: 10_000, Slide: 5_000}, out)
	if err != nil {
		t.Fatal(err)
	}
	e := &streamtest.Emitter{}
	if err := op.Process(0, streamtest.Rows(t, in.Arrow(), `[{"ts":"1970-01-01 00:00:06"}]`), e); err != nil {
		t.Fatal(err)
	}
	const t6, t0, t5, t10, t15 = "1970-01-01T00:00:06", "1970-01-01T00:00:00", "1970-01-01T00:00:05", "1970-01-01T00:00:10", "1970-01-01T00:00:15"
	want := "+I[" + t6 + " " + t0 + " " + t10 + " 1970-01-01T00:00:09.999]+I[" + t6 + " " + t5 + " " + t15 + " 1970-01-01T00:00:14.999]"
	if got := lines(e.Rows); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
