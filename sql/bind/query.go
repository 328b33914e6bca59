package bind

import (
	"fmt"
	"strconv"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

// query binds a query with its WITH, ORDER BY and LIMIT; nil when it was reported.
func (b *Binder) query(q *parse.Query) plan.Node {
	outer := len(b.ctes)
	for _, c := range q.With {
		n := b.query(c.Query)
		if n != nil && len(c.Columns) > 0 {
			n = b.rename(n, c.Columns)
		}
		// A WITH query that is wrong is known by its name all the same, so that its users are not reported too.
		b.ctes = append(b.ctes, cte{c.Name.Name, n})
	}
	n := b.body(q.Body)
	b.ctes = b.ctes[:outer]
	if len(q.OrderBy) > 0 {
		b.fail(q.OrderBy[0].X.At(), "ORDER BY is not supported: a stream has no end at which it could be sorted",
			"leave it out, and sort the result where it is read")
		return nil
	}
	if n == nil || q.Limit == nil && q.Offset == nil {
		return n
	}
	return b.limit(n, q)
}

func (b *Binder) limit(n plan.Node, q *parse.Query) plan.Node {
	l := &plan.Limit{Base: plan.Base{Out: n.Schema()}, Input: n}
	if q.Limit == nil {
		b.fail(q.Offset.At(), "OFFSET needs a LIMIT", "")
		return nil
	}
	var ok bool
	if l.Count, ok = b.wholeNumber(q.Limit, "LIMIT"); !ok {
		return nil
	}
	if q.Offset != nil {
		if l.Skip, ok = b.wholeNumber(q.Offset, "OFFSET"); !ok {
			return nil
		}
	}
	return l
}

func (b *Binder) wholeNumber(e parse.Expr, clause string) (int64, bool) {
	if n, ok := e.(*parse.NumberLit); ok {
		if v, err := strconv.ParseInt(n.Text, 10, 64); err == nil {
			return v, true
		}
	}
	b.fail(e.At(), clause+" needs a whole number", "")
	return 0, false
}

func (b *Binder) body(body parse.Body) plan.Node {
	switch body := body.(type) {
	case *parse.Select:
		return b.selectBlock(body)
	case *parse.Values:
		return b.values(body)
	case *parse.Query:
		return b.query(body)
	case *parse.SetOp:
		return b.setOp(body)
	}
	panic(fmt.Sprintf("BUG: a query body of type %T", body))
}

// values binds constant rows; columns are EXPR$0, EXPR$1, ... as in Flink.
func (b *Binder) values(v *parse.Values) plan.Node {
	n := &plan.Values{}
	for _, row := range v.Rows {
		if len(row) != len(v.Rows[0]) {
			b.fail(row[0].At(), fmt.Sprintf("this row has %s, the first one has %d", countText(len(row), "value"), len(v.Rows[0])), "")
			return nil
		}
		es := b.exprs(place{scope: &scope{}, clause: "VALUES"}, row...)
		if es == nil {
			continue
		}
		for i, e := range es {
			b.constant(row[i], e)
		}
		n.Rows = append(n.Rows, es)
	}
	if len(n.Rows) < len(v.Rows) {
		return nil
	}
	for c := range n.Rows[0] {
		column := make([]plan.Expr, len(n.Rows))
		for r := range n.Rows {
			column[r] = n.Rows[r][c]
		}
		column, t, ok := funcs.Coerce(column)
		if !ok {
			b.fail(v.Span, fmt.Sprintf("the values of column %d have no common type", c+1), "convert them with CAST")
			return nil
		}
		for r := range n.Rows {
			n.Rows[r][c] = column[r]
		}
		n.Out = append(n.Out, types.Field{Name: fmt.Sprintf("EXPR$%d", c), Type: t})
	}
	return n
}

// setOp binds UNION [ALL], INTERSECT and EXCEPT.
func (b *Binder) setOp(s *parse.SetOp) plan.Node {
	l, r := b.body(s.L), b.body(s.R)
	if l == nil || r == nil {
		return nil
	}
	if s.All && s.Op != "UNION" {
		b.fail(s.Span, s.Op+" ALL is not supported", "leave ALL out")
		return nil
	}
	if len(l.Schema()) != len(r.Schema()) {
		b.fail(s.Span, fmt.Sprintf("the sides of %s have %d and %s", s.Op, len(l.Schema()), countText(len(r.Schema()), "column")), "")
		return nil
	}
	l, r, ok := b.commonColumns(s.Span, s.Op, l, r)
	if !ok {
		return nil
	}
	if s.Op != "UNION" {
		return b.matchSets(s.Span, l, r, s.Op == "EXCEPT")
	}
	u := &plan.Union{Base: plan.Base{Out: l.Schema()}, All: []plan.Node{l, r}}
	if left, ok := l.(*plan.Union); ok {
		u.All = append(append([]plan.Node(nil), left.All...), r)
	}
	if s.All {
		return u
	}
	return distinct(u)
}

// commonColumns casts both sides to common types, under the names of the left side.
func (b *Binder) commonColumns(at sqlerr.Span, op string, l, r plan.Node) (plan.Node, plan.Node, bool) {
	le, re := columnsOf(l), columnsOf(r)
	out := make(types.Schema, len(le))
	for i := range le {
		pair, t, ok := funcs.Coerce([]plan.Expr{le[i], re[i]})
		if !ok {
			b.fail(at, fmt.Sprintf("column %d of %s is %s on the left and %s on the right", i+1, op,
				le[i].Type().WithNull(true).Plain(), re[i].Type().WithNull(true).Plain()), "convert one with CAST")
			return nil, nil, false
		}
		le[i], re[i] = pair[0], pair[1]
		t.RowTime = l.Schema()[i].Type.RowTime && r.Schema()[i].Type.RowTime && t.Same(l.Schema()[i].Type) && t.Same(r.Schema()[i].Type)
		out[i] = types.Field{Name: l.Schema()[i].Name, Type: t}
	}
	return castTo(l, le, out), castTo(r, re, out), true
}

// castTo leaves a node alone that has the columns already.
func castTo(n plan.Node, exprs []plan.Expr, out types.Schema) plan.Node {
	for i, f := range n.Schema() {
		if f != out[i] {
			return project(n, exprs, out)
		}
	}
	return n
}

// matchSets is INTERSECT and EXCEPT as one aggregation: the rows of both sides are grouped by all columns, two markers
// count those of each side, and the groups that have rows of the left side and some (none) of the right remain.
func (b *Binder) matchSets(at sqlerr.Span, l, r plan.Node, except bool) plan.Node {
	width := len(l.Schema())
	u := &plan.Union{All: []plan.Node{mark(l, 1), mark(r, 2)}}
	u.Out = u.All[0].Schema()
	a := &plan.Aggregate{Input: u}
	for i, f := range l.Schema() {
		a.Keys = append(a.Keys, i)
		a.Out = append(a.Out, types.Field{Name: f.Name, Type: f.Type.Plain()})
	}
	var counts [2]plan.Expr
	for side := range counts {
		c, _, err := funcs.Aggregate("COUNT", []plan.Expr{&plan.Column{Index: width + side, T: types.IntT}}, false, true, false)
		if err != nil {
			b.failCall(at, "COUNT", err)
			return nil
		}
		c.Args, c.Filter = []int{width + side}, -1
		a.Aggs = append(a.Aggs, c)
		a.Out = append(a.Out, types.Field{Name: markNames[side], Type: c.T})
		counts[side] = &plan.Column{Index: width + side, Name: markNames[side], T: c.T}
	}
	zero := &plan.Literal{Value: int64(0), T: types.BigIntT.NotNull()}
	inRight := ">"
	if except {
		inRight = "="
	}
	left := b.apply(at, ">", []plan.Expr{counts[0], zero})
	right := b.apply(at, inRight, []plan.Expr{counts[1], zero})
	if left == nil || right == nil {
		return nil
	}
	cond := b.apply(at, "AND", []plan.Expr{left, right})
	f := &plan.Filter{Base: plan.Base{Out: a.Out}, Input: a, If: cond}
	return project(f, columnsOf(f)[:width], a.Out[:width:width])
}

var markNames = [2]string{"$left", "$right"}

// mark adds two columns to one side of a set operation, of which the side's own is not NULL.
func mark(n plan.Node, side int) plan.Node {
	exprs, out := columnsOf(n), append(types.Schema(nil), n.Schema()...)
	for i, name := range markNames {
		l := &plan.Literal{T: types.IntT}
		if i == side-1 {
			l.Value = int64(1)
		}
		exprs, out = append(exprs, l), append(out, types.Field{Name: name, Type: types.IntT})
	}
	return project(n, exprs, out)
}

func countText(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
