package optimize

import (
	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
)

// pushFilters moves conditions as near to the sources as they can stand. conds are conditions over n's columns that come
// from above, in the order in which they are checked.
func pushFilters(n plan.Node, conds []plan.Expr) plan.Node {
	switch x := n.(type) {
	case *plan.Filter:
		return pushFilters(x.Input, append(conjuncts(x.If), conds...))
	case *plan.Project:
		down, stay := partition(conds, func(c plan.Expr) bool { return movable(c, x.Exprs) })
		for i, c := range down {
			down[i] = replaceColumns(c, x.Exprs)
		}
		return filter(withInputs(x, func(in plan.Node) plan.Node { return pushFilters(in, down) }), stay)
	case *plan.Union:
		return withInputs(x, func(in plan.Node) plan.Node { return pushFilters(in, conds) })
	case *plan.WindowAssign:
		width := len(x.Input.Schema())
		down, stay := partition(conds, func(c plan.Expr) bool { return within(c, width) })
		return filter(withInputs(x, func(in plan.Node) plan.Node { return pushFilters(in, down) }), stay)
	case *plan.Aggregate:
		return pushBelowKeys(x, x.Keys, conds)
	case *plan.WindowAggregate:
		return pushBelowKeys(x, x.Keys, conds)
	}
	return filter(withInputs(n, func(in plan.Node) plan.Node { return pushFilters(in, nil) }), conds)
}

// pushBelowKeys moves conditions on keys below an aggregation: a group is kept or dropped as a whole.
func pushBelowKeys(n plan.Node, keys []int, conds []plan.Expr) plan.Node {
	down, stay := partition(conds, func(c plan.Expr) bool { return within(c, len(keys)) && hasColumn(c) })
	for i, c := range down {
		down[i] = moveColumns(c, func(col int) int { return keys[col] })
	}
	return filter(withInputs(n, func(in plan.Node) plan.Node { return pushFilters(in, down) }), stay)
}

func filter(n plan.Node, conds []plan.Expr) plan.Node {
	if len(conds) == 0 {
		return n
	}
	all := conds[0]
	for _, c := range conds[1:] {
		t := types.BooleanT.WithNull(all.Type().Nullable || c.Type().Nullable)
		all = &plan.Call{Name: "AND", Args: []plan.Expr{all, c}, T: t}
	}
	return &plan.Filter{Base: plan.Base{Out: n.Schema()}, Input: n, If: all}
}

// conjuncts are the parts of a AND b AND c; TRUE is none.
func conjuncts(e plan.Expr) []plan.Expr {
	if c, ok := e.(*plan.Call); ok && c.Name == "AND" {
		return append(conjuncts(c.Args[0]), conjuncts(c.Args[1])...)
	}
	if l, ok := e.(*plan.Literal); ok && l.Value == true {
		return nil
	}
	return []plan.Expr{e}
}

func partition(conds []plan.Expr, down func(plan.Expr) bool) (move, stay []plan.Expr) {
	for _, c := range conds {
		if down(c) && !funcs.IsVolatile(c) {
			move = append(move, c)
		} else {
			stay = append(stay, c)
		}
	}
	return move, stay
}

// movable reports whether a condition may be computed below the expressions that make its columns.
func movable(c plan.Expr, exprs []plan.Expr) bool {
	ok := true
	columnsIn(c, func(i int) { ok = ok && !funcs.IsVolatile(exprs[i]) })
	return ok
}

func within(c plan.Expr, width int) bool {
	ok := true
	columnsIn(c, func(i int) { ok = ok && i < width })
	return ok
}

func hasColumn(c plan.Expr) bool {
	has := false
	columnsIn(c, func(int) { has = true })
	return has
}
