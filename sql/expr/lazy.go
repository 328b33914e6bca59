package expr

import (
	"fmt"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// maxBranches is how many branches a CASE and how many values a COALESCE may have: a branch's number is a byte.
const maxBranches = 250

// within evaluates a part for the rows of active only: errors elsewhere do not count. No rows: not at all, and out is
// nil.
func within(p *Program, n node, active []bool) (out *vec.Vec, err error) {
	some := false
	for _, a := range active {
		some = some || a
	}
	if !some {
		return nil, nil
	}
	before := p.ctx.Active
	p.ctx.Active = active
	out, err = n.eval(p)
	p.ctx.Active = before
	return out, err
}

// masks are the row sets of one lazy node, reused.
type masks struct {
	left, part []bool
	pick       []uint8
}

func (m *masks) reset(p *Program) {
	n := p.ctx.N
	if cap(m.left) < n {
		m.left, m.part, m.pick = make([]bool, n), make([]bool, n), make([]uint8, n)
	}
	m.left, m.part, m.pick = m.left[:n], m.part[:n], m.pick[:n]
	for i := range m.left {
		m.left[i] = p.ctx.Active == nil || p.ctx.Active[i]
	}
	clear(m.pick)
}

// caseNode evaluates CASE: each condition for the rows that no earlier one has taken, each branch for its own rows.
type caseNode struct {
	conds, thens []node // thens has the ELSE at its end
	t            types.Type
	m            masks
	from         []*vec.Vec
	empty, out   vec.Vec
}

func (c *compiler) lazily(e plan.Expr) (node, error) {
	c.lazy++
	defer func() { c.lazy-- }()
	return c.compile(e)
}

func (c *compiler) buildCase(e *plan.Case) (node, error) {
	if len(e.Whens) > maxBranches {
		return nil, fmt.Errorf("compile CASE: more than %d branches", maxBranches)
	}
	n := &caseNode{t: e.T}
	for i, w := range e.Whens {
		build := c.lazily
		if i == 0 {
			build = c.compile // all rows reach the first condition
		}
		cond, err := build(w.Cond)
		if err != nil {
			return nil, err
		}
		then, err := c.lazily(w.Then)
		if err != nil {
			return nil, err
		}
		n.conds, n.thens = append(n.conds, cond), append(n.thens, then)
	}
	last, err := c.lazily(e.Else)
	n.thens = append(n.thens, last)
	return n, err
}

func (n *caseNode) eval(p *Program) (*vec.Vec, error) {
	n.m.reset(p)
	n.empty.Fill(n.t, nil, p.ctx.N)
	n.from = n.from[:0]
	for k, cond := range n.conds {
		v, err := within(p, cond, n.m.left)
		if err != nil {
			return nil, err
		}
		for i := range n.m.left {
			n.m.part[i] = v != nil && n.m.left[i] && v.Bool[i] && !v.Null(i)
			if n.m.part[i] {
				n.m.left[i] = false
				n.m.pick[i] = uint8(k)
			}
		}
		if err := n.branch(p, k, n.m.part); err != nil {
			return nil, err
		}
	}
	if err := n.branch(p, len(n.conds), n.m.left); err != nil {
		return nil, err
	}
	for i, l := range n.m.left {
		if l {
			n.m.pick[i] = uint8(len(n.conds))
		}
	}
	n.out.Reset(n.t, p.ctx.N)
	n.out.Choose(n.m.pick, n.from)
	return &n.out, nil
}

func (n *caseNode) branch(p *Program, k int, rows []bool) error {
	v, err := within(p, n.thens[k], rows)
	if v == nil {
		v = &n.empty
	}
	n.from = append(n.from, v)
	return err
}

// coalesceNode evaluates each value for the rows that are still NULL.
type coalesceNode struct {
	args       []node
	t          types.Type
	m          masks
	from       []*vec.Vec
	empty, out vec.Vec
}

func (c *compiler) buildCoalesce(e *plan.Call) (node, error) {
	if len(e.Args) > maxBranches {
		return nil, fmt.Errorf("compile COALESCE: more than %d values", maxBranches)
	}
	n := &coalesceNode{t: e.T}
	for i, a := range e.Args {
		build := c.lazily
		if i == 0 {
			build = c.compile
		}
		x, err := build(a)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, x)
	}
	return n, nil
}

func (n *coalesceNode) eval(p *Program) (*vec.Vec, error) {
	n.m.reset(p)
	n.empty.Fill(n.t, nil, p.ctx.N)
	n.from = append(n.from[:0], &n.empty)
	for k, a := range n.args {
		v, err := within(p, a, n.m.left)
		if err != nil {
			return nil, err
		}
		if v == nil {
			break
		}
		n.from = append(n.from, v)
		for i, l := range n.m.left {
			if l && !v.Null(i) {
				n.m.left[i] = false
				n.m.pick[i] = uint8(k + 1)
			}
		}
	}
	n.out.Reset(n.t, p.ctx.N)
	n.out.Choose(n.m.pick, n.from)
	return &n.out, nil
}

// logicNode is AND and OR: the right side counts only where the left one leaves the answer open.
type logicNode struct {
	callNode
	stop bool // the left value that decides: FALSE for AND, TRUE for OR
	m    masks
}

func (c *compiler) buildLogic(e *plan.Call) (node, error) {
	left, err := c.compile(e.Args[0])
	if err != nil {
		return nil, err
	}
	right, err := c.lazily(e.Args[1])
	if err != nil {
		return nil, err
	}
	f, k, err := funcs.Bind(e)
	if err != nil {
		return nil, err
	}
	n := &logicNode{stop: e.Name == "OR"}
	n.callNode = callNode{args: []node{left, right}, kernel: k, t: e.T, takesNull: f.TakesNull}
	return n, nil
}

func (n *logicNode) eval(p *Program) (*vec.Vec, error) {
	left, err := n.args[0].eval(p)
	if err != nil {
		return nil, err
	}
	n.m.reset(p)
	for i, l := range n.m.left {
		n.m.part[i] = l && (left.Null(i) || left.Bool[i] != n.stop)
	}
	right, err := within(p, n.args[1], n.m.part)
	if err != nil {
		return nil, err
	}
	if right == nil {
		return left, nil
	}
	n.in = append(n.in[:0], left, right)
	return &n.out, n.apply(p)
}
