package exec

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/weirhub/weir/sql/expr"
	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// Calc keeps the rows for which a condition is TRUE and computes columns of them. The kinds of the rows stay as they are:
// a -U may pass while its +U does not.
type Calc struct {
	filter *expr.Program // nil: all rows
	exprs  *expr.Program // nil: the columns as they are
	schema *arrow.Schema
	clock  bool // an expression asks for the time or the watermark
	sel    []int32
	wm     stream.Watermark
}

// NewCalc makes the operator. filter may be nil; exprs nil keeps the input's columns. out is the schema of the exprs.
func NewCalc(filter plan.Expr, exprs []plan.Expr, out types.Schema) (*Calc, error) {
	c := &Calc{wm: stream.MinWatermark}
	var err error
	if filter != nil {
		c.clock = funcs.IsVolatile(filter)
		if c.filter, err = expr.Compile([]plan.Expr{filter}); err != nil {
			return nil, err
		}
	}
	if exprs == nil {
		return c, nil
	}
	for _, e := range exprs {
		c.clock = c.clock || funcs.IsVolatile(e)
	}
	c.exprs, err = expr.Compile(exprs)
	c.schema = out.Arrow()
	return c, err
}

// NewFilter is a Calc without projection.
func NewFilter(filter plan.Expr) (*Calc, error) { return NewCalc(filter, nil, nil) }

// NewProject is a Calc without filter.
func NewProject(exprs []plan.Expr, out types.Schema) (*Calc, error) { return NewCalc(nil, exprs, out) }

// Process filters and projects a batch.
func (c *Calc) Process(_ int, in stream.Batch, out stream.Emitter) error {
	if in.Rows() == 0 {
		return nil
	}
	if c.clock {
		now := time.Now().UnixMilli()
		for _, p := range []*expr.Program{c.filter, c.exprs} {
			if p != nil {
				p.SetClock(now, int64(c.wm), c.wm > stream.MinWatermark)
			}
		}
	}
	sel, err := c.keep(in)
	if err != nil || sel != nil && len(sel) == 0 {
		return err
	}
	b := stream.Batch{Rec: in.Rec, Ops: in.Ops}
	switch {
	case c.exprs != nil:
		if b, err = c.project(in, sel); err != nil {
			return err
		}
		defer b.Rec.Release()
	case sel != nil:
		b = stream.Take(b, sel)
		defer b.Rec.Release()
	}
	return out.Emit(b)
}

// keep is the rows that pass the filter; nil: all.
func (c *Calc) keep(in stream.Batch) ([]int32, error) {
	if c.filter == nil {
		return nil, nil
	}
	c.filter.Start(in.Rec, nil)
	v, err := c.filter.Eval(0)
	if err != nil {
		return nil, err
	}
	if cap(c.sel) < v.Len {
		c.sel = make([]int32, v.Len)
	}
	sel, n := c.sel[:v.Len], 0
	for i, b := range v.Bool {
		sel[n] = int32(i)
		if b && !v.Null(i) {
			n++
		}
	}
	if n == v.Len {
		return nil, nil
	}
	return sel[:n], nil
}

func (c *Calc) project(in stream.Batch, sel []int32) (stream.Batch, error) {
	c.exprs.Start(in.Rec, sel)
	cols := make([]arrow.Array, 0, c.exprs.Len())
	defer func() {
		for _, a := range cols {
			a.Release()
		}
	}()
	for i := range c.exprs.Len() {
		a, err := c.exprs.Take(i)
		if err != nil {
			return stream.Batch{}, err
		}
		cols = append(cols, a)
	}
	b := stream.Batch{Rec: array.NewRecordBatch(c.schema, cols, int64(c.exprs.Rows())), Ops: in.Ops}
	if in.Ops != nil && sel != nil {
		b.Ops = make(stream.Changes, len(sel))
		for i, r := range sel {
			b.Ops[i] = in.Ops[r]
		}
	}
	return b, nil
}

// Advance remembers the watermark for CURRENT_WATERMARK.
func (c *Calc) Advance(wm stream.Watermark, _ stream.Emitter) error {
	c.wm = wm
	return nil
}

// Snapshot writes nothing: the engine tells the watermark again.
func (c *Calc) Snapshot(*stream.StateWriter) error { return nil }

// Restore reads nothing.
func (c *Calc) Restore(*stream.StateReader) error { return nil }

// Close gives nothing back.
func (c *Calc) Close() error { return nil }
