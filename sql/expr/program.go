package expr

import (
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/vec"
)

// Program is a compiled list of expressions over one input.
//
// Calls: Start (or StartRows) sets the rows, then Eval or Take for each expression in any order.
type Program struct {
	roots []node
	all   []*shared
	ctx   vec.Ctx
	rec   arrow.RecordBatch
	sel   []int32
}

// node computes one part of an expression for the rows of the program. The result is good until the next Start; a node
// never writes into a result of another.
type node interface {
	eval(p *Program) (*vec.Vec, error)
}

// shared evaluates its node once a batch.
type shared struct {
	node
	uses int
	done bool
	out  *vec.Vec
}

func (s *shared) eval(p *Program) (*vec.Vec, error) {
	if s.done {
		return s.out, nil
	}
	// The first to ask may stand in a part that not all rows reach; the result is for all.
	active := p.ctx.Active
	p.ctx.Active = nil
	out, err := s.node.eval(p)
	p.ctx.Active = active
	if err != nil {
		return nil, err
	}
	s.out, s.done = out, true
	return out, nil
}

// Compile prepares expressions over the columns of the record batches that Start gets.
func Compile(exprs []plan.Expr) (*Program, error) {
	c := &compiler{p: &Program{}, known: map[int]*shared{}, numbers: map[string]int{}, parts: map[plan.Expr]part{}}
	for _, e := range exprs {
		n, err := c.compile(e)
		if err != nil {
			return nil, err
		}
		c.p.roots = append(c.p.roots, n)
	}
	return c.p, nil
}

// SetClock gives the time (ms) and the watermark that the batches from now on see.
func (p *Program) SetClock(now, watermark int64, hasWatermark bool) {
	p.ctx.Now, p.ctx.Watermark, p.ctx.HasWatermark = now, watermark, hasWatermark
}

// Start sets the rows of the next evaluation: those of rec that sel names, in its order, or all of rec when it is nil.
func (p *Program) Start(rec arrow.RecordBatch, sel []int32) {
	n := len(sel)
	if sel == nil {
		n = int(rec.NumRows())
	}
	p.StartRows(n)
	p.rec, p.sel = rec, sel
}

// StartRows is Start without an input, for expressions without columns.
func (p *Program) StartRows(n int) {
	p.rec, p.sel, p.ctx.N, p.ctx.Active = nil, nil, n, nil
	for _, s := range p.all {
		s.done = false
	}
}

// Len is the number of expressions.
func (p *Program) Len() int { return len(p.roots) }

// Rows is the number of rows that Start has set.
func (p *Program) Rows() int { return p.ctx.N }

// Eval computes expression i. The column is good until the next Start and must not be written.
func (p *Program) Eval(i int) (*vec.Vec, error) { return p.roots[i].eval(p) }

// Take computes expression i as an Arrow array that the caller releases. A bare column without selection is the
// input's own, retained. Each expression is taken at most once between two Starts.
func (p *Program) Take(i int) (arrow.Array, error) {
	n, uses := p.roots[i], 1
	if s, ok := n.(*shared); ok {
		n, uses = s.node, s.uses
	}
	if col, ok := n.(*columnNode); ok && p.sel == nil {
		a := p.rec.Column(col.index)
		a.Retain()
		return a, nil
	}
	v, err := p.roots[i].eval(p)
	if err != nil {
		return nil, err
	}
	if !ownsResult(n) || uses > 1 {
		v = v.Clone() // it belongs to another node, to the input or to several expressions
	}
	return v.Take(), nil
}

func ownsResult(n node) bool {
	switch n.(type) {
	case *callNode, *caseNode, *coalesceNode:
		return true
	}
	return false
}

type compiler struct {
	p       *Program
	known   map[int]*shared
	numbers map[string]int     // of parts, by what they are: equal numbers mean equal values
	parts   map[plan.Expr]part // what is known of a part
	lazy    int                // depth of parts that not all rows reach
}

// part is a part's number, and whether anything in it is volatile.
type part struct {
	number   int
	volatile bool
}

func (c *compiler) compile(e plan.Expr) (node, error) {
	is := c.part(e)
	if s, ok := c.known[is.number]; ok {
		s.uses++
		return s, nil
	}
	n, err := c.build(e)
	if err != nil || !c.mayShare(e, is) {
		return n, err
	}
	s := &shared{node: n, uses: 1}
	c.p.all = append(c.p.all, s)
	c.known[is.number] = s
	return s, nil
}

// part numbers an expression by its kind, its type and the numbers of its parts. Its text would do as well, but the texts
// of all parts of a long chain grow with the square of its length.
func (c *compiler) part(e plan.Expr) part {
	if is, ok := c.parts[e]; ok {
		return is
	}
	var key []byte
	switch x := e.(type) {
	case *plan.Call:
		key = append(append(key, "call "...), x.Name...)
	case *plan.Cast:
		key = strconv.AppendBool(append(key, "cast "...), x.Try)
	case *plan.Case:
		key = append(key, "case"...)
	default:
		key = append(key, e.String()...)
	}
	is := part{volatile: funcs.VolatileCall(e)}
	for _, child := range plan.Children(e) {
		below := c.part(child)
		key = strconv.AppendInt(append(key, ' '), int64(below.number), 10)
		is.volatile = is.volatile || below.volatile
	}
	key = append(append(key, " : "...), e.Type().String()...)
	n, ok := c.numbers[string(key)]
	if !ok {
		n = len(c.numbers)
		c.numbers[string(key)] = n
	}
	is.number = n
	c.parts[e] = is
	return is
}
