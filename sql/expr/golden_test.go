package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/cockroachdb/datadriven"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// TestGolden evaluates the expressions of testdata. Each line is evaluated as a constant, and again with its constants
// as columns, in batches of one row, of 67 rows (more than a word of the null bitmap) with NULLs between, and through a
// selection: the answers must be the same (invariant 3 of funcs).
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for line := range strings.SplitSeq(d.Input, "\n") {
				out.WriteString(evalLine(t, line) + "\n")
			}
			return out.String()
		})
	})
}

func evalLine(t *testing.T, line string) string {
	e, keep, err := parseSexpr(line)
	if err != nil {
		return "error: " + err.Error()
	}
	plan.Walk(e, func(x plan.Expr) bool {
		if c, ok := x.(*plan.Call); ok && c.Name == "EXTRACT" { // YEAR(t) and its kin bring their unit along
			keep[c.Args[0]] = true
		}
		return true
	})
	folded, err := Fold(e)
	l, _ := folded.(*plan.Literal)
	if err == nil {
		checkColumns(t, line, e, keep, l)
	} else {
		checkColumnsFail(t, line, e, keep)
		return "error: " + err.Error()
	}
	return e.Type().String() + " | " + show(l)
}

func show(l *plan.Literal) string {
	if l.Value == nil {
		return "NULL"
	}
	var v vec.Vec
	v.Fill(l.T, l.Value, 1)
	if l.T.IsBinary() {
		return l.String()
	}
	text := string(AppendText(nil, &v, 0))
	if l.T.IsString() {
		text = "'" + strings.ReplaceAll(text, "\n", `\n`) + "'"
	}
	return text
}

// asColumns replaces the literals by columns and gives their values.
func asColumns(e plan.Expr, keep map[plan.Expr]bool) (plan.Expr, []*plan.Literal) {
	var lits []*plan.Literal
	out := plan.Map(e, func(e plan.Expr) plan.Expr {
		l, ok := e.(*plan.Literal)
		if !ok || keep[e] || l.T.Kind == types.Null {
			return e
		}
		lits = append(lits, l)
		return &plan.Column{Index: len(lits) - 1, T: l.T.WithNull(true)}
	})
	return out, lits
}

// batchOf makes rows of which those with want hold the literals and the others are NULL.
func batchOf(lits []*plan.Literal, want []bool) arrow.RecordBatch {
	var schema types.Schema
	var cols []arrow.Array
	for i, l := range lits {
		full, null := vec.Vec{}, vec.Vec{}
		full.Fill(l.T, l.Value, len(want))
		null.Fill(l.T, nil, len(want))
		pick := make([]uint8, len(want))
		for r, w := range want {
			if w {
				pick[r] = 1
			}
		}
		var v vec.Vec
		v.Reset(l.T.WithNull(true), len(want))
		v.Choose(pick, []*vec.Vec{&null, &full})
		cols = append(cols, v.Take())
		schema = append(schema, types.Field{Name: fmt.Sprint("c", i), Type: l.T.WithNull(true)})
	}
	return array.NewRecordBatch(schema.Arrow(), cols, int64(len(want)))
}

func checkColumns(t *testing.T, line string, e plan.Expr, keep map[plan.Expr]bool, want *plan.Literal) {
	t.Helper()
	e, lits := asColumns(e, keep)
	if len(lits) == 0 {
		return
	}
	p, err := Compile([]plan.Expr{e})
	if err != nil {
		t.Errorf("%s: compile over columns: %v", line, err)
		return
	}
	some := make([]bool, 67)
	var sel []int32
	for i := range some {
		if some[i] = i%3 != 1; some[i] {
			sel = append(sel, int32(i))
		}
	}
	for _, c := range []struct {
		rows []bool
		sel  []int32
	}{{[]bool{true}, nil}, {some, nil}, {some, sel}} {
		rec := batchOf(lits, c.rows)
		p.Start(rec, c.sel)
		a, err := p.Take(0)
		if err != nil {
			t.Errorf("%s: over %d rows: %v", line, len(c.rows), err)
			return
		}
		var v vec.Vec
		if err := new(vec.Scratch).FromArrow(&v, e.Type(), a, nil); err != nil {
			t.Errorf("%s: %v", line, err)
			return
		}
		for i := range v.Len {
			if (c.sel != nil || c.rows[i]) && fmt.Sprint(v.Value(i)) != fmt.Sprint(want.Value) {
				t.Errorf("%s: row %d of %d is %v, as a constant %v", line, i, v.Len, v.Value(i), want.Value)
				return
			}
		}
		a.Release()
		rec.Release()
	}
}

// checkColumnsFail: what fails as a constant fails over columns too, unless only folding refuses it (a DOUBLE divided by
// zero).
func checkColumnsFail(t *testing.T, line string, e plan.Expr, keep map[plan.Expr]bool) {
	t.Helper()
	if e.Type().IsApprox() {
		return
	}
	e, lits := asColumns(e, keep)
	p, err := Compile([]plan.Expr{e})
	if err != nil || len(lits) == 0 {
		return
	}
	rec := batchOf(lits, []bool{true})
	defer rec.Release()
	p.Start(rec, nil)
	if v, err := p.Eval(0); err == nil {
		t.Errorf("%s: over columns it is %v, as a constant an error", line, v.Value(0))
	}
}
