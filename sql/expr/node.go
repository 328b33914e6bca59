package expr

import (
	"fmt"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// mayShare: columns and constants always; other parts when all rows reach them and they do not change by themselves.
func (c *compiler) mayShare(e plan.Expr, is part) bool {
	switch e.(type) {
	case *plan.Column, *plan.Literal:
		return true
	}
	return c.lazy == 0 && !is.volatile
}

func (c *compiler) build(e plan.Expr) (node, error) {
	switch e := e.(type) {
	case *plan.Column:
		return &columnNode{index: e.Index, t: e.T}, nil
	case *plan.Literal:
		return &constNode{value: e.Value, t: e.T}, nil
	case *plan.Cast:
		x, err := c.compile(e.X)
		if err != nil {
			return nil, err
		}
		k, err := castKernel(e.X.Type(), e.T, e.Try)
		if err != nil {
			return nil, err
		}
		return &callNode{args: []node{x}, kernel: k, t: e.T}, nil
	case *plan.Case:
		return c.buildCase(e)
	case *plan.Call:
		return c.buildCall(e)
	}
	panic(fmt.Sprintf("BUG: no evaluation for %T", e))
}

func (c *compiler) buildCall(e *plan.Call) (node, error) {
	switch e.Name {
	case funcs.Coalesce:
		return c.buildCoalesce(e)
	case "AND", "OR":
		return c.buildLogic(e)
	}
	args := make([]node, len(e.Args))
	for i, a := range e.Args {
		n, err := c.compile(a)
		if err != nil {
			return nil, err
		}
		args[i] = n
	}
	f, k, err := funcs.Bind(e)
	if err != nil {
		return nil, err
	}
	return &callNode{args: args, kernel: k, t: e.T, takesNull: f.TakesNull}, nil
}

// columnNode reads a column of the input.
type columnNode struct {
	index   int
	t       types.Type
	out     vec.Vec
	scratch vec.Scratch
}

func (n *columnNode) eval(p *Program) (*vec.Vec, error) {
	err := n.scratch.FromArrow(&n.out, n.t, p.rec.Column(n.index), p.sel)
	return &n.out, err
}

// constNode is a constant, written out to as many rows as the largest batch so far had.
type constNode struct {
	value any
	t     types.Type
	full  vec.Vec
	out   vec.Vec
	made  bool
}

func (n *constNode) eval(p *Program) (*vec.Vec, error) {
	if !n.made || n.full.Len < p.ctx.N {
		n.full.Fill(n.t, n.value, max(p.ctx.N, 1))
		n.made = true
	}
	n.full.Head(&n.out, p.ctx.N)
	return &n.out, nil
}

// callNode applies a kernel.
type callNode struct {
	args      []node
	kernel    vec.Kernel
	t         types.Type
	takesNull bool
	in        []*vec.Vec
	out       vec.Vec
}

func (n *callNode) eval(p *Program) (*vec.Vec, error) {
	n.in = n.in[:0]
	for _, a := range n.args {
		v, err := a.eval(p)
		if err != nil {
			return nil, err
		}
		n.in = append(n.in, v)
	}
	return &n.out, n.apply(p)
}

// apply runs the kernel over n.in.
func (n *callNode) apply(p *Program) error {
	n.out.Reset(n.t, p.ctx.N)
	if !n.takesNull {
		for _, v := range n.in {
			n.out.AndValid(v)
		}
	}
	return n.kernel(&p.ctx, n.in, &n.out)
}
