package optimize

import (
	"github.com/weirhub/weir/sql/expr"
	"github.com/weirhub/weir/sql/plan"
)

// fold computes what is constant. A projection of one constant row becomes a constant row itself: as in Flink, what such
// a query computes is computed when it is planned, and fails there.
func fold(n plan.Node) (plan.Node, error) {
	var fail error
	n = withInputs(n, func(in plan.Node) plan.Node {
		out, err := fold(in)
		if err != nil {
			fail = err
			return in
		}
		return out
	})
	if fail != nil {
		return nil, fail
	}
	switch x := n.(type) {
	case *plan.Filter:
		cond, err := expr.Fold(x.If)
		x.If = cond
		return x, err
	case *plan.Project:
		return foldProject(x)
	case *plan.Values:
		rows := make([][]plan.Expr, len(x.Rows))
		for i, row := range x.Rows {
			folded, err := foldAll(row)
			if err != nil {
				return nil, err
			}
			rows[i] = folded
		}
		x.Rows = rows
	}
	return n, nil
}

func foldAll(es []plan.Expr) ([]plan.Expr, error) {
	out := make([]plan.Expr, len(es))
	for i, e := range es {
		f, err := expr.Fold(e)
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	return out, nil
}

func foldProject(p *plan.Project) (plan.Node, error) {
	exprs := p.Exprs
	v, isValues := p.Input.(*plan.Values)
	oneRow := isValues && len(v.Rows) == 1 && allLiteral(v.Rows[0])
	if oneRow {
		exprs = make([]plan.Expr, len(p.Exprs))
		for i, e := range p.Exprs {
			exprs[i] = replaceColumns(e, v.Rows[0])
		}
	}
	exprs, err := foldAll(exprs)
	if err != nil {
		return nil, err
	}
	if oneRow && allLiteral(exprs) {
		return &plan.Values{Base: p.Base, Rows: [][]plan.Expr{exprs}}, nil
	}
	if !oneRow {
		p.Exprs = exprs
	}
	return p, nil
}

func allLiteral(es []plan.Expr) bool {
	for _, e := range es {
		if _, ok := e.(*plan.Literal); !ok {
			return false
		}
	}
	return true
}
