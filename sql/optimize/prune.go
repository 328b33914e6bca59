package optimize

import (
	"fmt"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
)

// need is what a node's consumer wants of it.
type need struct {
	columns []bool // by column
	time    bool   // event time is asked for above
}

// prune drops columns that nobody asks for, so that sources do not decode them, and watermarks that nobody waits for.
func prune(root plan.Node) plan.Node {
	all := need{columns: make([]bool, len(root.Schema()))}
	for i := range all.columns {
		all.columns[i] = true
	}
	n, to := pruneNode(root, all)
	return arrange(n, to, root.Schema(), all.columns)
}

// arrange puts the columns that are kept into their old order.
func arrange(n plan.Node, to []int, old types.Schema, keep []bool) plan.Node {
	p := &plan.Project{Input: n}
	same := true
	for i, f := range old {
		if !keep[i] {
			continue
		}
		same = same && to[i] == len(p.Exprs)
		p.Exprs = append(p.Exprs, &plan.Column{Index: to[i], Name: f.Name, T: f.Type})
		p.Out = append(p.Out, f)
	}
	if same && len(p.Exprs) == len(n.Schema()) {
		return n
	}
	return p
}

// pruneNode gives the node with at least the columns asked for, and where each old column is now (-1: dropped).
func pruneNode(n plan.Node, want need) (plan.Node, []int) {
	want.columns = atLeastOne(want.columns)
	switch n := n.(type) {
	case *plan.Scan:
		return pruneScan(n, want)
	case *plan.Values:
		return pruneValues(n, want)
	case *plan.Filter:
		below := want.copy()
		columnsIn(n.If, below.add)
		below.time = below.time || asksForTime(n.If)
		in, to := pruneNode(n.Input, below)
		return &plan.Filter{Base: plan.Base{Out: in.Schema()}, Input: in, If: moveColumns(n.If, at(to))}, to
	case *plan.Limit:
		in, to := pruneNode(n.Input, want)
		c := *n
		c.Input, c.Out = in, in.Schema()
		return &c, to
	case *plan.Project:
		return pruneProject(n, want)
	case *plan.Union:
		return pruneUnion(n, want)
	case *plan.Aggregate:
		return pruneAggregate(n, want)
	case *plan.WindowAssign:
		return pruneAssign(n, want)
	case *plan.WindowAggregate:
		return pruneWindow(n, want)
	case *plan.Sink:
		in, to := pruneNode(n.Input, want)
		c := *n
		c.Input = arrange(in, to, n.Input.Schema(), want.columns)
		return &c, to
	}
	panic(fmt.Sprintf("BUG: a plan node of type %T", n))
}

// asksForTime reports whether an expression looks at the watermark.
func asksForTime(e plan.Expr) bool {
	asks := false
	plan.Walk(e, func(e plan.Expr) bool {
		c, ok := e.(*plan.Call)
		asks = asks || ok && c.Name == "CURRENT_WATERMARK"
		return !asks
	})
	return asks
}

func (w need) copy() need {
	w.columns = append([]bool(nil), w.columns...)
	return w
}

func (w need) add(i int) { w.columns[i] = true }

// none is a need of no column of a node yet.
func none(n plan.Node, time bool) need { return need{make([]bool, len(n.Schema())), time} }

// atLeastOne: a batch without columns would lose its number of rows on the way through decoders.
func atLeastOne(columns []bool) []bool {
	for _, c := range columns {
		if c {
			return columns
		}
	}
	columns = append([]bool(nil), columns...)
	if len(columns) > 0 {
		columns[0] = true
	}
	return columns
}

func at(to []int) func(int) int { return func(i int) int { return to[i] } }

// places gives the kept columns their new numbers.
func places(keep []bool) []int {
	to, next := make([]int, len(keep)), 0
	for i, k := range keep {
		to[i] = -1
		if k {
			to[i] = next
			next++
		}
	}
	return to
}

func pruneScan(n *plan.Scan, want need) (plan.Node, []int) {
	keep := want.copy()
	c := *n
	if !want.time {
		c.Watermark, c.TimeText = nil, ""
	}
	if c.Watermark != nil {
		columnsIn(c.Watermark, keep.add)
	}
	to := places(keep.columns)
	c.Out, c.Columns = nil, nil
	for i := range n.Out {
		if keep.columns[i] {
			c.Out, c.Columns = append(c.Out, n.Out[i]), append(c.Columns, n.Columns[i])
		}
	}
	if c.Watermark != nil {
		c.Watermark = moveColumns(c.Watermark, at(to))
	}
	return &c, to
}

func pruneValues(n *plan.Values, want need) (plan.Node, []int) {
	c := &plan.Values{}
	for i, f := range n.Out {
		if want.columns[i] {
			c.Out = append(c.Out, f)
		}
	}
	for _, row := range n.Rows {
		var kept []plan.Expr
		for i, e := range row {
			if want.columns[i] {
				kept = append(kept, e)
			}
		}
		c.Rows = append(c.Rows, kept)
	}
	return c, places(want.columns)
}

func pruneProject(n *plan.Project, want need) (plan.Node, []int) {
	below := none(n.Input, want.time)
	for i, e := range n.Exprs {
		if want.columns[i] {
			columnsIn(e, below.add)
			below.time = below.time || asksForTime(e)
		}
	}
	in, to := pruneNode(n.Input, below)
	c := &plan.Project{Input: in}
	for i, e := range n.Exprs {
		if want.columns[i] {
			c.Exprs, c.Out = append(c.Exprs, moveColumns(e, at(to))), append(c.Out, n.Out[i])
		}
	}
	return c, places(want.columns)
}

func pruneUnion(n *plan.Union, want need) (plan.Node, []int) {
	c := &plan.Union{}
	for _, in := range n.All {
		kept, to := pruneNode(in, want)
		c.All = append(c.All, arrange(kept, to, n.Out, want.columns))
	}
	for i, f := range n.Out {
		if want.columns[i] {
			c.Out = append(c.Out, f)
		}
	}
	return c, places(want.columns)
}

// keepGroups prunes what stands below an aggregation, and the aggregates that nobody asks for. first is the output
// column of the first aggregate.
func keepGroups(in plan.Node, below need, keys []int, aggs []plan.AggCall, want need, first int) (plan.Node, []int, []int, []plan.AggCall) {
	var kept []plan.AggCall
	for i, a := range aggs {
		if !want.columns[first+i] {
			continue
		}
		kept = append(kept, a)
		for _, c := range a.Args {
			below.add(c)
		}
		if a.Filter >= 0 {
			below.add(a.Filter)
		}
	}
	for _, k := range keys {
		below.add(k)
	}
	node, to := pruneNode(in, below)
	newKeys := make([]int, len(keys))
	for i, k := range keys {
		newKeys[i] = to[k]
	}
	for i := range kept {
		args := make([]int, len(kept[i].Args))
		for j, c := range kept[i].Args {
			args[j] = to[c]
		}
		kept[i].Args = args
		if kept[i].Filter >= 0 {
			kept[i].Filter = to[kept[i].Filter]
		}
	}
	return node, to, newKeys, kept
}

func pruneAggregate(n *plan.Aggregate, want need) (plan.Node, []int) {
	want = want.copy()
	for i := range n.Keys {
		want.add(i)
	}
	c := *n
	below := none(n.Input, want.time)
	c.Input, _, c.Keys, c.Aggs = keepGroups(n.Input, below, n.Keys, n.Aggs, want, len(n.Keys))
	c.Out = kept(n.Out, want.columns)
	return &c, places(want.columns)
}

func pruneWindow(n *plan.WindowAggregate, want need) (plan.Node, []int) {
	want = want.copy()
	first := len(n.Keys) + len(plan.WindowFields())
	for i := range first {
		want.add(i)
	}
	c := *n
	below := none(n.Input, true)
	below.add(n.Window.Time)
	var to []int
	c.Input, to, c.Keys, c.Aggs = keepGroups(n.Input, below, n.Keys, n.Aggs, want, first)
	c.Window.Time = to[n.Window.Time]
	c.Out = kept(n.Out, want.columns)
	return &c, places(want.columns)
}

func pruneAssign(n *plan.WindowAssign, want need) (plan.Node, []int) {
	width := len(n.Input.Schema())
	below := none(n.Input, true)
	copy(below.columns, want.columns[:width])
	below.add(n.Window.Time)
	in, to := pruneNode(n.Input, below)
	c := *n
	c.Input, c.Window.Time = in, to[n.Window.Time]
	c.Out = append(append(types.Schema(nil), in.Schema()...), plan.WindowFields()...)
	c.Out[c.Window.Time].Type.RowTime = false
	for i := range plan.WindowFields() {
		to = append(to, len(in.Schema())+i)
	}
	return &c, to
}

func kept(s types.Schema, keep []bool) types.Schema {
	var out types.Schema
	for i, f := range s {
		if keep[i] {
			out = append(out, f)
		}
	}
	return out
}
