package sql

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// predicates makes random conditions over t(a INT, b INT, d DECIMAL(5, 2), s STRING, p BOOLEAN), NULLs included. Nothing
// in them can fail.
type predicates struct{ *rand.Rand }

func (r predicates) pick(list ...string) string { return list[r.IntN(len(list))] }

func (r predicates) number(depth int) string {
	if depth == 0 {
		return r.pick("a", "b", "d", "1", "-2", "0.5", "CAST(NULL AS INT)")
	}
	x, y := r.number(depth-1), r.number(depth-1)
	switch r.IntN(5) {
	case 0:
		return "COALESCE(" + x + ", " + y + ")"
	case 1:
		return "CASE WHEN " + r.condition(depth-1) + " THEN " + x + " ELSE " + y + " END"
	case 2:
		return "CHAR_LENGTH(" + r.text(depth-1) + ")"
	default:
		return "(" + x + r.pick(" + ", " - ", " * ") + y + ")"
	}
}

func (r predicates) text(depth int) string {
	if depth == 0 {
		return r.pick("s", "'x'", "''", "'ab'", "CAST(NULL AS STRING)")
	}
	switch r.IntN(3) {
	case 0:
		return "UPPER(" + r.text(depth-1) + ")"
	case 1:
		return "(" + r.text(depth-1) + " || " + r.text(depth-1) + ")"
	default:
		return "SUBSTRING(" + r.text(depth-1) + ", 1, 1)"
	}
}

func (r predicates) condition(depth int) string {
	if depth == 0 {
		return r.pick("p", "TRUE", "a > b", "s IS NULL", "s LIKE 'a%'", "CAST(NULL AS BOOLEAN)")
	}
	switch r.IntN(9) {
	case 0:
		return "NOT (" + r.condition(depth-1) + ")"
	case 1, 2:
		return "(" + r.condition(depth-1) + r.pick(" AND ", " OR ") + r.condition(depth-1) + ")"
	case 3:
		return "(" + r.condition(depth-1) + ")" + r.pick(" IS TRUE", " IS NOT FALSE", " IS NULL", " IS NOT UNKNOWN")
	case 4:
		return r.text(depth-1) + r.pick(" = ", " <> ", " < ") + r.text(depth-1)
	case 5:
		return r.number(depth-1) + " BETWEEN " + r.number(depth-1) + " AND " + r.number(depth-1)
	case 6:
		return r.number(depth-1) + r.pick(" IN (", " NOT IN (") + r.number(0) + ", " + r.number(0) + ")"
	case 7:
		return r.number(depth-1) + r.pick(" IS DISTINCT FROM ", " IS NOT DISTINCT FROM ") + r.number(depth-1)
	default:
		return r.number(depth-1) + r.pick(" = ", " <> ", " < ", " >= ") + r.number(depth-1)
	}
}

const metamorphicRows = `(VALUES (1, 2, CAST(0.50 AS DECIMAL(5, 2)), 'ab', TRUE), (CAST(NULL AS INT), 3, CAST(NULL AS DECIMAL(5, 2)), 'x', FALSE),
  (2, CAST(NULL AS INT), -2.00, CAST(NULL AS STRING), CAST(NULL AS BOOLEAN)), (0, 0, 1.00, '', TRUE), (-2, 1, 999.99, 'AB', FALSE))
  AS t (a, b, d, s, p)`

// Whatever the condition, each row satisfies exactly one of p, NOT p and p IS NULL; the rows that WHERE p keeps are as
// many as those for which p is computed to be TRUE; and a grouping by p counts the same.
func TestConditionsSplitTheRows(t *testing.T) {
	r := predicates{rand.New(rand.NewPCG(7, 11))}
	e := New(nil, nil)
	all := len(runQuery(t, e, "SELECT a FROM "+metamorphicRows))
	const conditions = 400 // about a second on one core
	for range conditions {
		p := r.condition(1 + r.IntN(3))
		kept := map[string][]string{}
		total := 0
		for _, form := range []string{"(%s)", "NOT (%s)", "(%s) IS NULL"} {
			where := fmt.Sprintf(form, p)
			kept[form] = runQuery(t, e, "SELECT a, b, d, s, p FROM "+metamorphicRows+" WHERE "+where)
			total += len(kept[form])
		}
		if total != all {
			t.Errorf("%s: TRUE, FALSE and NULL keep %d rows together, there are %d", p, total, all)
		}
		values := runQuery(t, e, "SELECT CASE WHEN "+p+" THEN 'yes' ELSE 'no' END AS x FROM "+metamorphicRows)
		yes := len(slices.DeleteFunc(values, func(s string) bool { return !strings.Contains(s, "yes") }))
		if yes != len(kept["(%s)"]) {
			t.Errorf("%s: WHERE keeps %d rows, CASE finds %d", p, len(kept["(%s)"]), yes)
		}
		groups := runQuery(t, e, "SELECT x, COUNT(*) AS n FROM (SELECT ("+p+") AS x FROM "+metamorphicRows+") GROUP BY x")
		want := fmt.Sprintf("[true,%d]", yes)
		if folded := fold(t, groups); (yes > 0) != slices.Contains(folded, want) {
			t.Errorf("%s: groups %v, want %s", p, folded, want)
		}
	}
}

func runQuery(t *testing.T, e *Engine, text string) []string {
	t.Helper()
	stmts, errs := e.Compile(text)
	if len(errs) > 0 {
		t.Fatalf("%s\n%s", text, errs[0].Render("", text))
	}
	lines, err := collect(t, stmts[0], &script{t: t}, 0)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return lines
}
