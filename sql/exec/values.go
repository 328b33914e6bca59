package exec

import (
	"context"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/weirhub/weir/sql/expr"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// valuesSplit is the only split of a Values: its offset counts rows.
const valuesSplit = "values"

// Values is a bounded source of constant rows. Only the first task has any.
type Values struct {
	rows   [][]plan.Expr
	schema types.Schema
	next   int
}

// NewValues makes the source. Each row has one expression without columns for each field, of exactly its type.
func NewValues(t stream.Task, rows [][]plan.Expr, schema types.Schema) *Values {
	if t.Index > 0 {
		rows = nil
	}
	return &Values{rows: rows, schema: schema}
}

// Open goes to the row where the checkpoint stands.
func (v *Values) Open(_ context.Context, from []stream.Position) error {
	for _, p := range from {
		if p.Split == valuesSplit {
			v.next = int(p.Offset)
		}
	}
	return nil
}

// Read gives all rows at once.
func (v *Values) Read(context.Context) (stream.Batch, error) {
	if v.next >= len(v.rows) {
		return stream.Batch{}, io.EOF
	}
	cols := make([]arrow.Array, 0, len(v.schema))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	n := len(v.rows) - v.next
	for c := range v.schema {
		a, err := v.column(c)
		if err != nil {
			return stream.Batch{}, err
		}
		cols = append(cols, a)
	}
	v.next = len(v.rows)
	return stream.Batch{
		Rec: array.NewRecordBatch(v.schema.Arrow(), cols, int64(n)),
		Pos: stream.Position{Split: valuesSplit, Offset: int64(v.next)},
	}, nil
}

func (v *Values) column(c int) (arrow.Array, error) {
	var parts []arrow.Array
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	for _, row := range v.rows[v.next:] {
		p, err := expr.Compile([]plan.Expr{row[c]})
		if err != nil {
			return nil, err
		}
		p.StartRows(1)
		a, err := p.Take(0)
		if err != nil {
			return nil, err
		}
		parts = append(parts, a)
	}
	return concatenate(parts)
}

// Close gives nothing back.
func (v *Values) Close() error { return nil }
