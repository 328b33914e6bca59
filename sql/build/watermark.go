package build

import (
	"fmt"
	"math"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/weirhub/weir/sql/expr"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// watermarkOf makes the watermark of a source's batches: the greatest value of the table's expression.
func watermarkOf(s *plan.Scan, idleAfter int64) (*stream.WatermarkSpec, error) {
	if column, delay, ok := columnMinus(s.Watermark); ok {
		unit := s.Out[column].Type.UnitsPerSecond()
		return &stream.WatermarkSpec{IdleAfter: idleAfter, Of: func(b stream.Batch) (stream.Watermark, bool, error) {
			high, ok, err := highest(b.Rec, column, s.Table.Name)
			return stream.Watermark(inMillis(high, unit) - delay), ok, err
		}}, nil
	}
	if _, err := expr.Compile([]plan.Expr{s.Watermark}); err != nil {
		return nil, fmt.Errorf("compile watermark of %s: %w", s.Table.Name, err)
	}
	unit := s.Watermark.Type().UnitsPerSecond()
	// Of is called by all tasks of the source, and a Program belongs to one of them at a time.
	programs := &sync.Pool{New: func() any {
		p, err := expr.Compile([]plan.Expr{s.Watermark})
		if err != nil {
			panic("BUG: an expression compiles once and not again: " + err.Error())
		}
		return p
	}}
	return &stream.WatermarkSpec{IdleAfter: idleAfter, Of: func(b stream.Batch) (stream.Watermark, bool, error) {
		if b.Rows() == 0 {
			return 0, false, nil
		}
		p := programs.Get().(*expr.Program)
		defer programs.Put(p)
		p.Start(b.Rec, nil)
		a, err := p.Take(0)
		if err != nil {
			return 0, false, fmt.Errorf("compute watermark of %s: %w", s.Table.Name, err)
		}
		defer a.Release()
		high, ok := highestOf(a.(*array.Timestamp))
		return stream.Watermark(inMillis(high, unit)), ok, nil
	}}, nil
}

// columnMinus recognises `column` and `column - interval`, the forms that nearly all tables have.
func columnMinus(e plan.Expr) (column int, delayMillis int64, ok bool) {
	if c, ok := e.(*plan.Call); ok && c.Name == "-" && len(c.Args) == 2 {
		l, isLiteral := c.Args[1].(*plan.Literal)
		col, isColumn := c.Args[0].(*plan.Column)
		if !isLiteral || !isColumn || l.T.Kind != types.IntervalMillis || l.Value == nil {
			return 0, 0, false
		}
		return col.Index, l.Value.(int64), true
	}
	c, ok := e.(*plan.Column)
	if !ok {
		return 0, 0, false
	}
	return c.Index, 0, true
}

// highest is the greatest event time of a batch. A row without one has no place in event time and fails the query, as it
// does in Flink.
func highest(rec arrow.RecordBatch, column int, table string) (int64, bool, error) {
	if rec == nil || rec.NumRows() == 0 {
		return 0, false, nil
	}
	a := rec.Column(column).(*array.Timestamp)
	if a.NullN() > 0 {
		return 0, false, stream.Permanent(fmt.Errorf("read %s: column %s is the event time and must not be NULL", table, rec.ColumnName(column)))
	}
	high, ok := highestOf(a)
	return high, ok, nil
}

func highestOf(a *array.Timestamp) (int64, bool) {
	high, ok := int64(math.MinInt64), false
	nulls := a.NullN() > 0
	for i, v := range a.Values() {
		if nulls && a.IsNull(i) {
			continue
		}
		high, ok = max(high, int64(v)), true
	}
	return high, ok
}

func inMillis(v, perSecond int64) int64 { return types.FloorDiv(v, perSecond/1000) }
