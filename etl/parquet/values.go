package parquet

import (
	"encoding/binary"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	pq "github.com/parquet-go/parquet-go"
)

// A column is optional at the top level: definition level 1 is a value, 0 a NULL.
const (
	defined = 1
	null    = 0
)

// appendValues appends the rows of an array (those of sel, or all when sel is nil) to dst as values of column i. Byte
// values alias the array; arena, whose grown form is returned, holds the 16-byte decimals.
func appendValues(dst []pq.Value, arena []byte, arr arrow.Array, sel []int32, i int) ([]pq.Value, []byte, error) {
	one := func(v pq.Value) { dst = append(dst, v.Level(0, defined, i)) }
	switch a := arr.(type) {
	case *array.Boolean:
		each(&dst, arr, sel, i, func(r int) { one(pq.BooleanValue(a.Value(r))) })
	case *array.Int8:
		each(&dst, arr, sel, i, func(r int) { one(pq.Int32Value(int32(a.Value(r)))) })
	case *array.Int16:
		each(&dst, arr, sel, i, func(r int) { one(pq.Int32Value(int32(a.Value(r)))) })
	case *array.Int32:
		each(&dst, arr, sel, i, func(r int) { one(pq.Int32Value(a.Value(r))) })
	case *array.Int64:
		each(&dst, arr, sel, i, func(r int) { one(pq.Int64Value(a.Value(r))) })
	case *array.Float32:
		each(&dst, arr, sel, i, func(r int) { one(pq.FloatValue(a.Value(r))) })
	case *array.Float64:
		each(&dst, arr, sel, i, func(r int) { one(pq.DoubleValue(a.Value(r))) })
	case *array.String:
		offsets, data := a.ValueOffsets(), a.ValueBytes()
		if len(offsets) > 0 {
			first := offsets[0]
			each(&dst, arr, sel, i, func(r int) { one(pq.ByteArrayValue(data[offsets[r]-first : offsets[r+1]-first])) })
		}
	case *array.Binary:
		each(&dst, arr, sel, i, func(r int) { one(pq.ByteArrayValue(a.Value(r))) })
	case *array.Date32:
		each(&dst, arr, sel, i, func(r int) { one(pq.Int32Value(int32(a.Value(r)))) })
	case *array.Time32:
		each(&dst, arr, sel, i, func(r int) { one(pq.Int32Value(int32(a.Value(r)))) })
	case *array.Timestamp:
		each(&dst, arr, sel, i, func(r int) { one(pq.Int64Value(int64(a.Value(r)))) })
	case *array.Decimal128:
		dst, arena = appendDecimals(dst, arena, a, sel, i)
	default:
		return dst, arena, fmt.Errorf("type %s has no Parquet value", arr.DataType())
	}
	return dst, arena, nil
}

// each calls f with each row that has a value and appends a NULL for each that has none.
func each(dst *[]pq.Value, arr arrow.Array, sel []int32, i int, f func(row int)) {
	n := arr.Len()
	if sel != nil {
		n = len(sel)
	}
	none := pq.NullValue().Level(0, null, i)
	nulls := arr.NullN() > 0
	for k := range n {
		r := k
		if sel != nil {
			r = int(sel[k])
		}
		if nulls && arr.IsNull(r) {
			*dst = append(*dst, none)
			continue
		}
		f(r)
	}
}

func appendDecimals(dst []pq.Value, arena []byte, a *array.Decimal128, sel []int32, i int) ([]pq.Value, []byte) {
	precision := int(a.DataType().(*arrow.Decimal128Type).Precision)
	each(&dst, a, sel, i, func(r int) {
		v := a.Value(r)
		var out pq.Value
		switch {
		case precision <= maxInt32Digits:
			out = pq.Int32Value(int32(v.LowBits()))
		case precision <= maxInt64Digits:
			out = pq.Int64Value(int64(v.LowBits()))
		default:
			// Two's complement, big endian. Growing the arena leaves earlier values in the old array, which they keep alive.
			arena = binary.BigEndian.AppendUint64(arena, uint64(v.HighBits()))
			arena = binary.BigEndian.AppendUint64(arena, v.LowBits())
			out = pq.FixedLenByteArrayValue(arena[len(arena)-16:])
		}
		dst = append(dst, out.Level(0, defined, i))
	})
	return dst, arena
}
