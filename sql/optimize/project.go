package optimize

import (
	"slices"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
)

// mergeProjects makes one step of computing steps that follow each other, and drops those that change nothing.
func mergeProjects(n plan.Node) plan.Node {
	n = withInputs(n, mergeProjects)
	p, ok := n.(*plan.Project)
	if !ok {
		return n
	}
	if below, ok := p.Input.(*plan.Project); ok && mergeable(p, below) {
		merged := &plan.Project{Base: p.Base, Input: below.Input}
		for _, e := range p.Exprs {
			merged.Exprs = append(merged.Exprs, replaceColumns(e, below.Exprs))
		}
		p = merged
	}
	if isIdentity(p) {
		return p.Input
	}
	return p
}

// mergeable: nothing that costs is computed twice, and nothing volatile moves.
func mergeable(p, below *plan.Project) bool {
	uses := make([]int, len(below.Exprs))
	for _, e := range p.Exprs {
		columnsIn(e, func(i int) { uses[i]++ })
	}
	for i, e := range below.Exprs {
		if funcs.IsVolatile(e) || uses[i] > 1 && !cheap(e) {
			return false
		}
	}
	return true
}

func cheap(e plan.Expr) bool {
	switch e.(type) {
	case *plan.Column, *plan.Literal:
		return true
	}
	return false
}

func isIdentity(p *plan.Project) bool {
	if !slices.Equal(p.Out, p.Input.Schema()) {
		return false
	}
	for i, e := range p.Exprs {
		if c, ok := e.(*plan.Column); !ok || c.Index != i {
			return false
		}
	}
	return true
}
