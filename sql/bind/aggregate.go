package bind

import (
	"fmt"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

// grouping is the GROUP BY of one SELECT: its keys, and the aggregates that its list and HAVING use.
type grouping struct {
	explicit bool // GROUP BY or HAVING is written
	keys     []plan.Expr
	calls    []aggregateUse
}

// aggregateUse is one aggregate with its arguments over the input.
type aggregateUse struct {
	call   plan.AggCall // without the columns of arguments and filter
	args   []plan.Expr
	filter plan.Expr
	text   string
}

// aggregateRef stands for an aggregate's result in an expression until the grouping is built.
type aggregateRef struct {
	index int
	t     types.Type
}

func (a *aggregateRef) Type() types.Type { return a.t }
func (a *aggregateRef) String() string   { return fmt.Sprintf("aggregate#%d", a.index) }

// groupKeys binds GROUP BY.
func (b *Binder) groupKeys(s *parse.Select, sc *scope, g *grouping) {
	for _, e := range s.GroupBy {
		if n, ok := e.(*parse.NumberLit); ok {
			b.fail(n.At(), "GROUP BY takes no numbers of columns", "write the column's expression")
			continue
		}
		if k := b.expr(place{scope: sc, clause: "GROUP BY"}, e); k != nil {
			g.keys = append(g.keys, k)
		}
	}
}

// aggregate binds COUNT(*), SUM(x) and so on, and registers it with the grouping.
func (b *Binder) aggregate(p place, c *parse.Call, name string) plan.Expr {
	if p.aggs == nil {
		hint := ""
		if p.clause == "WHERE" {
			hint = "conditions on aggregates stand in HAVING"
		}
		b.fail(c.At(), "an aggregate cannot stand in "+p.clause, hint)
		return nil
	}
	inner := place{scope: p.scope, clause: "the argument of an aggregate"}
	u := aggregateUse{}
	var args []plan.Expr
	ok := true
	for _, a := range c.Args {
		x := b.expr(inner, a)
		ok = ok && x != nil
		args = append(args, x)
	}
	if c.Star && name != "COUNT" {
		b.fail(c.At(), name+" does not take *", "only COUNT does")
		return nil
	}
	if c.Filter != nil {
		u.filter = b.boolean(c.Filter, b.expr(inner, c.Filter), "FILTER")
		ok = ok && u.filter != nil
	}
	if !ok {
		return nil
	}
	if !c.Star && len(args) == 0 {
		b.fail(c.At(), name+" has no argument", "count rows with COUNT(*)")
		return nil
	}
	call, args, err := funcs.Aggregate(name, args, c.Distinct, len(p.aggs.keys) > 0, c.Filter != nil)
	if err != nil {
		b.failCall(c.Name.Span, c.Name.Name, err)
		return nil
	}
	b.warnOfWholeAverage(c, name, args)
	u.call, u.args = call, args
	u.text = u.key()
	for i, other := range p.aggs.calls {
		if other.text == u.text {
			return &aggregateRef{i, call.T}
		}
	}
	p.aggs.calls = append(p.aggs.calls, u)
	return &aggregateRef{len(p.aggs.calls) - 1, call.T}
}

func (b *Binder) warnOfWholeAverage(c *parse.Call, name string, args []plan.Expr) {
	if name == "AVG" && len(args) == 1 && args[0].Type().IsInteger() {
		b.warn(c.At(), "the average of "+args[0].Type().WithNull(true).Plain().String()+" values is cut to a whole number",
			"write AVG(CAST(x AS DOUBLE)) for the fraction")
	}
}

// key tells equal aggregates, so that each is computed once.
func (u *aggregateUse) key() string {
	s := u.call.Func + u.call.Sep + "("
	if u.call.Distinct {
		s += "DISTINCT "
	}
	for _, a := range u.args {
		s += a.String() + ","
	}
	s += ")"
	if u.filter != nil {
		s += u.filter.String()
	}
	return s
}

// group builds the aggregation over in and moves the items and HAVING onto it. It is a window aggregate where the keys
// hold both ends of the input's windows.
func (b *Binder) group(in plan.Node, s *parse.Select, g *grouping, items []item, having *plan.Expr) plan.Node {
	n, keyColumns, firstAgg := b.windowGroup(in, s, g)
	if n == nil {
		n, keyColumns, firstAgg = b.plainGroup(in, g)
	}
	if *having != nil {
		*having = b.overGroups(*having, g, keyColumns, firstAgg, n.Schema(), s.Having.At())
	}
	for i := range items {
		items[i].x = b.overGroups(items[i].x, g, keyColumns, firstAgg, n.Schema(), items[i].at)
	}
	if len(b.errs) > 0 {
		return nil
	}
	return n
}

// overGroups rewrites an expression over the input into one over the groups: keys and aggregates become columns, and any
// other column is an error.
func (b *Binder) overGroups(e plan.Expr, g *grouping, keys []int, firstAgg int, out types.Schema, at sqlerr.Span) plan.Expr {
	var walk func(plan.Expr) plan.Expr
	walk = func(e plan.Expr) plan.Expr {
		for i, k := range g.keys {
			if k.String() == e.String() {
				return &plan.Column{Index: keys[i], Name: out[keys[i]].Name, T: out[keys[i]].Type}
			}
		}
		switch x := e.(type) {
		case *aggregateRef:
			i := firstAgg + x.index
			return &plan.Column{Index: i, Name: out[i].Name, T: out[i].Type}
		case *plan.Column:
			where, ok := b.places[x]
			if !ok {
				where = at
			}
			b.fail(where, "column "+x.Name+" is neither grouped nor aggregated", "add it to GROUP BY, or use MAX("+x.Name+")")
			return e
		}
		return withChildren(e, walk)
	}
	return walk(e)
}

// withChildren rebuilds an expression with each direct part replaced.
func withChildren(e plan.Expr, f func(plan.Expr) plan.Expr) plan.Expr {
	switch e := e.(type) {
	case *plan.Call:
		c := &plan.Call{Name: e.Name, T: e.T}
		for _, a := range e.Args {
			c.Args = append(c.Args, f(a))
		}
		return c
	case *plan.Cast:
		return &plan.Cast{X: f(e.X), T: e.T, Try: e.Try}
	case *plan.Case:
		c := &plan.Case{T: e.T}
		for _, w := range e.Whens {
			c.Whens = append(c.Whens, plan.When{Cond: f(w.Cond), Then: f(w.Then)})
		}
		c.Else = f(e.Else)
		return c
	}
	return e
}

// inputs collects the columns that an aggregation reads: keys first, then arguments and filters, each once.
type inputs struct {
	exprs []plan.Expr
	out   types.Schema
	index map[string]int
}

func (in *inputs) add(e plan.Expr) int {
	if i, ok := in.index[e.String()]; ok {
		return i
	}
	name := fmt.Sprintf("$f%d", len(in.exprs))
	if c, ok := e.(*plan.Column); ok {
		name = c.Name
	}
	if in.index == nil {
		in.index = map[string]int{}
	}
	in.index[e.String()] = len(in.exprs)
	in.exprs = append(in.exprs, e)
	in.out = append(in.out, types.Field{Name: name, Type: e.Type()})
	return len(in.exprs) - 1
}

// aggCalls gives the grouping's aggregates columns of the collected inputs.
func (g *grouping) aggCalls(in *inputs, move func(plan.Expr) plan.Expr) []plan.AggCall {
	var calls []plan.AggCall
	for _, u := range g.calls {
		c := u.call
		c.Args, c.Filter = nil, -1
		for _, a := range u.args {
			c.Args = append(c.Args, in.add(move(a)))
		}
		if u.filter != nil {
			c.Filter = in.add(move(u.filter))
		}
		calls = append(calls, c)
	}
	return calls
}

// aggFields are the output columns of aggregates; only EXPLAIN shows their names.
func aggFields(calls []plan.AggCall, in types.Schema) types.Schema {
	var out types.Schema
	for _, c := range calls {
		out = append(out, types.Field{Name: plan.ShowAgg(c, in), Type: c.T})
	}
	return out
}

func same(e plan.Expr) plan.Expr { return e }

// plainGroup is the unbounded aggregation. keys gives the output column of each key.
func (b *Binder) plainGroup(in plan.Node, g *grouping) (n plan.Node, keys []int, firstAgg int) {
	cols := &inputs{}
	a := &plan.Aggregate{}
	for _, k := range g.keys {
		at := cols.add(k)
		if at == len(a.Keys) {
			a.Keys = append(a.Keys, at)
			a.Out = append(a.Out, types.Field{Name: cols.out[at].Name, Type: k.Type().Plain()})
		}
		keys = append(keys, at)
	}
	a.Aggs = g.aggCalls(cols, same)
	a.Input = project(in, cols.exprs, cols.out)
	a.Out = append(a.Out, aggFields(a.Aggs, cols.out)...)
	return a, keys, len(a.Keys)
}

// windowGroup is the aggregation over windows; nil where the keys are not both ends of a window.
func (b *Binder) windowGroup(in plan.Node, s *parse.Select, g *grouping) (n plan.Node, keys []int, firstAgg int) {
	var assign *plan.WindowAssign
	var has [3]bool
	parts := make([]windowPart, len(g.keys))
	for i, k := range g.keys {
		parts[i] = noWindow
		c, ok := k.(*plan.Column)
		if !ok {
			continue
		}
		if w, part := windowPartOf(in, c.Index); w != nil {
			assign, parts[i], has[part] = w, part, true
		}
	}
	if assign == nil {
		return nil, nil, 0
	}
	if !has[windowStart] || !has[windowEnd] {
		b.warn(s.GroupBy[0].At(), "groups of this query never close: GROUP BY has only one end of the window",
			"group by window_start and window_end for results that are final")
		return nil, nil, 0
	}
	p, ok := pullWindow(in)
	if !ok {
		b.warn(s.GroupBy[0].At(), "groups of this query never close: the query computes with window columns before it groups",
			"compute in an outer query for results that are final")
		return nil, nil, 0
	}
	return b.buildWindowGroup(p, assign.Window, g, parts)
}

func (b *Binder) buildWindowGroup(p pulled, w plan.Window, g *grouping, parts []windowPart) (n plan.Node, keys []int, firstAgg int) {
	good := true
	move := func(e plan.Expr) plan.Expr {
		m, ok := p.move(e)
		good = good && ok
		return m
	}
	cols := &inputs{}
	a := &plan.WindowAggregate{Window: w}
	keys = make([]int, len(g.keys))
	for i, k := range g.keys {
		if parts[i] != noWindow {
			continue
		}
		at := cols.add(move(k))
		if at == len(a.Keys) {
			a.Keys = append(a.Keys, at)
			a.Out = append(a.Out, types.Field{Name: cols.out[at].Name, Type: k.Type().Plain()})
		}
		keys[i] = at
	}
	for i, part := range parts {
		if part != noWindow {
			keys[i] = len(a.Keys) + int(part)
		}
	}
	a.Aggs = g.aggCalls(cols, move)
	timeField := p.node.Schema()[p.time]
	a.Window.Time = cols.add(&plan.Column{Index: p.time, Name: timeField.Name, T: timeField.Type})
	if !good {
		return nil, nil, 0
	}
	a.Input = project(p.node, cols.exprs, cols.out)
	a.Out = append(append(a.Out, plan.WindowFields()...), aggFields(a.Aggs, cols.out)...)
	return a, keys, len(a.Keys) + len(plan.WindowFields())
}
