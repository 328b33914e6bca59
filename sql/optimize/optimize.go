package optimize

import (
	"fmt"

	"github.com/weirhub/weir/sql/plan"
)

// Run improves a plan. The error says what cannot run as a stream, naming the node; it is a *Refusal or the failure of a
// constant expression.
func Run(n plan.Node) (plan.Node, error) {
	n, err := fold(n)
	if err != nil {
		return nil, err
	}
	n = pushFilters(n, nil)
	n = mergeProjects(n)
	n = prune(n)
	n = mergeProjects(n)
	if n, err = fold(n); err != nil { // steps that became one can have new constants
		return nil, err
	}
	if err := changelog(n); err != nil {
		return nil, err
	}
	return n, nil
}

// withInputs copies a node with other inputs, whose schemas are the same.
func withInputs(n plan.Node, f func(plan.Node) plan.Node) plan.Node {
	switch n := n.(type) {
	case *plan.Scan:
		c := *n
		return &c
	case *plan.Values:
		c := *n
		return &c
	case *plan.Filter:
		c := *n
		c.Input = f(n.Input)
		return &c
	case *plan.Project:
		c := *n
		c.Input = f(n.Input)
		return &c
	case *plan.Union:
		c := *n
		c.All = nil
		for _, in := range n.All {
			c.All = append(c.All, f(in))
		}
		return &c
	case *plan.Aggregate:
		c := *n
		c.Input = f(n.Input)
		return &c
	case *plan.WindowAssign:
		c := *n
		c.Input = f(n.Input)
		return &c
	case *plan.WindowAggregate:
		c := *n
		c.Input = f(n.Input)
		return &c
	case *plan.Limit:
		c := *n
		c.Input = f(n.Input)
		return &c
	case *plan.Sink:
		c := *n
		c.Input = f(n.Input)
		return &c
	}
	panic(fmt.Sprintf("BUG: a plan node of type %T", n))
}

// moveColumns gives the columns of an expression other places.
func moveColumns(e plan.Expr, to func(int) int) plan.Expr {
	return plan.Map(e, func(e plan.Expr) plan.Expr {
		if c, ok := e.(*plan.Column); ok {
			return &plan.Column{Index: to(c.Index), Name: c.Name, T: c.T}
		}
		return e
	})
}

// replaceColumns puts expressions in the places of columns.
func replaceColumns(e plan.Expr, by []plan.Expr) plan.Expr {
	return plan.Map(e, func(e plan.Expr) plan.Expr {
		if c, ok := e.(*plan.Column); ok {
			return by[c.Index]
		}
		return e
	})
}

// columnsIn calls f for each column of an expression.
func columnsIn(e plan.Expr, f func(int)) {
	plan.Walk(e, func(e plan.Expr) bool {
		if c, ok := e.(*plan.Column); ok {
			f(c.Index)
		}
		return true
	})
}
