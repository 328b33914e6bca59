package expr

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

func must(t *testing.T, text string) plan.Expr {
	t.Helper()
	e, _, err := parseSexpr(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// columns replaces 'V' by column 0, a STRING.
func withColumn(t *testing.T, text string) plan.Expr {
	return plan.Map(must(t, text), func(e plan.Expr) plan.Expr {
		if l, ok := e.(*plan.Literal); ok && l.Value == "V" {
			return &plan.Column{T: types.StringT}
		}
		return e
	})
}

// Columns that were taken belong to the taker: neither an equal expression of the program nor the next batch changes
// them.
func TestTakenColumnsStay(t *testing.T) {
	up := withColumn(t, "(REVERSE (CAST 'V' STRING))")
	p, err := Compile([]plan.Expr{up, up, withColumn(t, "(|| (REVERSE (CAST 'V' STRING)) '!')"), withColumn(t, "(CAST 'V' STRING)")})
	if err != nil {
		t.Fatal(err)
	}
	var taken []arrow.Array
	for _, text := range []string{"abc", "xyz"} {
		rec := batchOf([]*plan.Literal{{Value: text, T: types.StringT}}, []bool{true, false, true})
		for _, sel := range [][]int32{nil, {2, 0}} {
			p.Start(rec, sel)
			for i := range p.Len() {
				a, err := p.Take(i)
				if err != nil {
					t.Fatal(err)
				}
				taken = append(taken, a)
			}
		}
		rec.Release()
	}
	want := []string{
		`["cba" (null) "cba"]`, `["cba" (null) "cba"]`, `["cba!" (null) "cba!"]`, `["abc" (null) "abc"]`,
		`["cba" "cba"]`, `["cba" "cba"]`, `["cba!" "cba!"]`, `["abc" "abc"]`,
		`["zyx" (null) "zyx"]`, `["zyx" (null) "zyx"]`, `["zyx!" (null) "zyx!"]`, `["xyz" (null) "xyz"]`,
		`["zyx" "zyx"]`, `["zyx" "zyx"]`, `["zyx!" "zyx!"]`, `["xyz" "xyz"]`,
	}
	for i, a := range taken {
		if a.String() != want[i] {
			t.Errorf("column %d is %s, want %s", i, a, want[i])
		}
		a.Release()
	}
}

// An expression that stands alone and inside a branch is evaluated once, for all rows: its error on a row that does
// not take the branch is reported although the branch is evaluated first.
func TestBranchHidesNoErrorOfOthers(t *testing.T) {
	number := withColumn(t, "(CAST 'V' INT)")
	branch := &plan.Case{
		Whens: []plan.When{{Cond: withColumn(t, "(= (CAST 'V' STRING) '7')"), Then: number}}, Else: must(t, "0"), T: types.IntT,
	}
	p, err := Compile([]plan.Expr{number, branch})
	if err != nil {
		t.Fatal(err)
	}
	var v vec.Vec
	v.Reset(types.StringT, 2)
	v.AppendString("7")
	v.AppendString("12x")
	rec := array.NewRecordBatch(types.Schema{{Name: "v", Type: types.StringT}}.Arrow(), []arrow.Array{v.Take()}, 2)
	defer rec.Release()
	alone, err := Compile([]plan.Expr{branch})
	if err != nil {
		t.Fatal(err)
	}
	alone.Start(rec, nil)
	if v, err := alone.Eval(0); err != nil || v.Value(0) != int64(7) || v.Value(1) != int64(0) {
		t.Errorf("the branch alone: %v, want 7 and 0", err)
	}
	p.Start(rec, nil)
	// whether the branch fails or not, the column has to
	if _, err := p.Eval(1); err == nil {
		_, err = p.Eval(0)
		if err == nil {
			t.Error("CAST('12x' AS INT) gives no error after the branch was evaluated")
		}
	}
}

// Folding leaves columns and volatile calls alone and computes the rest.
func TestFold(t *testing.T) {
	for text, want := range map[string]string{
		"(+ 1 2)":                                    "3:INT",
		"(|| 'V' (|| 'a' 'b'))":                      "||($0, 'ab':CHAR(2))",
		"(COALESCE NULL:INT (+ 1 1))":                "2:INT",
		"(CASE (= 'V' 'a') (/ 1 0) 2)":               "CASE WHEN =($0, 'a':CHAR(1)) THEN /(1:INT, 0:INT) ELSE 2:INT END",
		"(AND (= 'V' 'a') (= (/ 1 0) 1))":            "AND(=($0, 'a':CHAR(1)), =(/(1:INT, 0:INT), 1:INT))",
		"(+ (RAND) 1)":                               "+(RAND(), 1:DOUBLE)",
		"(- TS'1970-01-01 00:00:01' MS1000)":         "0:TIMESTAMP(3)",
		"(CONCAT_WS (|| ',' ' ') 'V' (UPPER 'abc'))": "CONCAT_WS(', ':CHAR(2), $0, 'ABC':CHAR(3))",
	} {
		e, err := Fold(withColumn(t, text))
		if err != nil || e.String() != want {
			t.Errorf("%s: %v (%v), want %s", text, e, err, want)
		}
	}
	if e, err := Fold(withColumn(t, "(|| 'V' (CAST (/ 1 0) STRING))")); err == nil {
		t.Errorf("1 / 0 beside a column is folded to %v", e)
	}
}
