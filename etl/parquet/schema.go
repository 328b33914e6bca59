package parquet

import (
	"fmt"
	"reflect"

	"github.com/apache/arrow-go/v18/arrow"
	pq "github.com/parquet-go/parquet-go"
)

// root is a message node whose fields keep their order; parquet.Group would sort them by name.
type root struct {
	pq.Group
	fields []pq.Field
}

func (r *root) Fields() []pq.Field { return r.fields }

type member struct {
	pq.Node
	name string
}

func (m *member) Name() string { return m.name }

// Value serves parquet-go's reflection over Go structs, which columns never pass through.
func (m *member) Value(reflect.Value) reflect.Value { panic("BUG: a column has no Go struct") }

// NewSchema maps columns to a Parquet schema, all of them optional, in order. Timestamps without a zone are stored with
// isAdjustedToUTC=false, with one (TIMESTAMP_LTZ) true; the unit is the column's. Decimals are INT32 up to 9 digits, INT64
// up to 18, else 16 bytes big endian (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md).
func NewSchema(s *arrow.Schema) (*pq.Schema, error) {
	r := &root{Group: pq.Group{}}
	for _, f := range s.Fields() {
		n, err := leaf(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		n = pq.Optional(n)
		if _, dup := r.Group[f.Name]; dup {
			return nil, fmt.Errorf("column %s stands twice", f.Name)
		}
		r.Group[f.Name] = n
		r.fields = append(r.fields, &member{n, f.Name})
	}
	return pq.NewSchema("weir", r), nil
}

func leaf(t arrow.DataType) (pq.Node, error) {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return pq.Leaf(pq.BooleanType), nil
	case *arrow.Int8Type:
		return pq.Int(8), nil
	case *arrow.Int16Type:
		return pq.Int(16), nil
	case *arrow.Int32Type:
		return pq.Int(32), nil
	case *arrow.Int64Type:
		return pq.Int(64), nil
	case *arrow.Float32Type:
		return pq.Leaf(pq.FloatType), nil
	case *arrow.Float64Type:
		return pq.Leaf(pq.DoubleType), nil
	case *arrow.StringType:
		return pq.String(), nil
	case *arrow.BinaryType:
		return pq.Leaf(pq.ByteArrayType), nil
	case *arrow.Date32Type:
		return pq.Date(), nil
	case *arrow.Time32Type:
		return pq.TimeAdjusted(pq.Millisecond, false), nil
	case *arrow.TimestampType:
		unit := map[arrow.TimeUnit]pq.TimeUnit{
			arrow.Millisecond: pq.Millisecond, arrow.Microsecond: pq.Microsecond, arrow.Nanosecond: pq.Nanosecond,
		}[t.Unit]
		if unit == nil {
			return nil, fmt.Errorf("unit of %s has no Parquet type", t)
		}
		return pq.TimestampAdjusted(unit, t.TimeZone != ""), nil
	case *arrow.Decimal128Type:
		return decimalLeaf(int(t.Precision), int(t.Scale)), nil
	}
	return nil, fmt.Errorf("type %s has no Parquet type", t)
}

// Digits that a decimal's physical types hold.
const (
	maxInt32Digits = 9
	maxInt64Digits = 18
)

func decimalLeaf(precision, scale int) pq.Node {
	switch {
	case precision <= maxInt32Digits:
		return pq.Decimal(scale, precision, pq.Int32Type)
	case precision <= maxInt64Digits:
		return pq.Decimal(scale, precision, pq.Int64Type)
	}
	return pq.Decimal(scale, precision, pq.FixedLenByteArrayType(16))
}
