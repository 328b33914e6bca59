package bind

import (
	"fmt"

	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

// item is one column of a SELECT list before grouping is worked in.
type item struct {
	name string
	x    plan.Expr
	at   sqlerr.Span
}

func (b *Binder) selectBlock(s *parse.Select) plan.Node {
	in, sc := b.from(s.From)
	if in == nil {
		return nil // names cannot be checked without the input's columns
	}
	for _, w := range s.Windows {
		b.fail(w.Spec.Span, "OVER windows are not supported", "")
	}
	for _, it := range s.Items {
		if it.Alias != nil {
			sc.aliases = append(sc.aliases, it.Alias.Name)
		}
	}
	if s.Where != nil {
		where := place{scope: sc, clause: "WHERE"}
		if cond := b.constant(s.Where, b.boolean(s.Where, b.expr(where, s.Where), "WHERE")); cond != nil {
			in = &plan.Filter{Base: plan.Base{Out: in.Schema()}, Input: in, If: cond}
		}
	}
	g := &grouping{explicit: len(s.GroupBy) > 0}
	b.groupKeys(s, sc, g)
	items := b.items(s, sc, g)
	var having plan.Expr
	if s.Having != nil {
		having = b.boolean(s.Having, b.expr(place{scope: sc, clause: "HAVING", aggs: g}, s.Having), "HAVING")
		g.explicit = true
	}
	if len(b.errs) > 0 {
		return nil
	}
	n := in
	if g.explicit || len(g.calls) > 0 {
		n = b.group(in, s, g, items, &having)
	}
	if n == nil {
		return nil
	}
	if having != nil {
		n = &plan.Filter{Base: plan.Base{Out: n.Schema()}, Input: n, If: having}
	}
	n = projectItems(n, items)
	if s.Distinct {
		n = distinct(n)
	}
	return n
}

// items binds the SELECT list; stars are written out.
func (b *Binder) items(s *parse.Select, sc *scope, g *grouping) []item {
	var out []item
	for i, it := range s.Items {
		if star, ok := it.X.(*parse.Star); ok {
			out = append(out, b.star(s, sc, star)...)
			continue
		}
		x := b.constant(it.X, b.expr(place{scope: sc, clause: "SELECT", aggs: g}, it.X))
		name := fmt.Sprintf("EXPR$%d", i)
		if ref, ok := it.X.(*parse.Ref); ok {
			name = ref.Parts[len(ref.Parts)-1].Name
		}
		if it.Alias != nil {
			name = it.Alias.Name
		}
		out = append(out, item{name, x, it.X.At()})
	}
	return out
}

func (b *Binder) star(s *parse.Select, sc *scope, star *parse.Star) []item {
	if len(s.From) == 0 {
		b.fail(star.At(), "* without FROM", "name a table in FROM")
		return nil
	}
	var out []item
	for i, f := range sc.schema {
		if star.Table != nil && sc.tables[i] != star.Table.Name {
			continue
		}
		c := &plan.Column{Index: i, Name: f.Name, T: f.Type}
		b.places[c] = star.At()
		out = append(out, item{f.Name, c, star.At()})
	}
	if len(out) == 0 {
		b.fail(star.Table.Span, "FROM has no table "+star.Table.Name, sc.nearestTable(star.Table.Name))
	}
	return out
}

// projectItems makes the result's columns. A second column of one name gets a number, as in Flink: a, a0.
func projectItems(n plan.Node, items []item) plan.Node {
	out := make(types.Schema, len(items))
	exprs := make([]plan.Expr, len(items))
	taken := map[string]bool{}
	for i, it := range items {
		name := it.name
		for k := 0; taken[name]; k++ {
			name = fmt.Sprintf("%s%d", it.name, k)
		}
		taken[name] = true
		exprs[i], out[i] = it.x, types.Field{Name: name, Type: it.x.Type()}
	}
	return project(n, exprs, out)
}

// distinct is a grouping by all columns without aggregates.
func distinct(n plan.Node) plan.Node {
	a := &plan.Aggregate{Input: n}
	for i, f := range n.Schema() {
		a.Keys = append(a.Keys, i)
		a.Out = append(a.Out, types.Field{Name: f.Name, Type: f.Type.Plain()})
	}
	return a
}
