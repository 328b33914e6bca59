package stream

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Take makes a batch of the given rows of b, in the given order. The caller releases its record. It carries no position.
func Take(b Batch, rows []int32) Batch {
	cols := make([]arrow.Array, b.Rec.NumCols())
	for i := range cols {
		cols[i] = takeColumn(b.Rec.Column(i), rows)
	}
	out := Batch{Rec: array.NewRecordBatch(b.Rec.Schema(), cols, int64(len(rows)))}
	for _, c := range cols {
		c.Release()
	}
	if b.Ops != nil {
		out.Ops = make(Changes, len(rows))
		for i, r := range rows {
			out.Ops[i] = b.Ops[r]
		}
	}
	return out
}

func takeColumn(col arrow.Array, rows []int32) arrow.Array {
	switch a := col.(type) {
	case *array.String:
		return takeBytes(col, a.ValueOffsets(), a.ValueBytes(), rows)
	case *array.Binary:
		return takeBytes(col, a.ValueOffsets(), a.ValueBytes(), rows)
	case *array.Boolean:
		return takeBits(a, rows)
	}
	if t, ok := col.DataType().(arrow.FixedWidthDataType); ok && t.BitWidth()%8 == 0 {
		if _, nested := col.DataType().(arrow.NestedType); !nested {
			return takeFixed(col, t.BitWidth()/8, rows)
		}
	}
	return takeSlices(col, rows)
}

// takeValidity gathers the null bitmap; a nil buffer means no NULLs.
func takeValidity(col arrow.Array, rows []int32) (*memory.Buffer, int) {
	if col.NullN() == 0 {
		return nil, 0
	}
	bits := make([]byte, bitutil.BytesForBits(int64(len(rows))))
	nulls := 0
	for i, r := range rows {
		if col.IsNull(int(r)) {
			nulls++
		} else {
			bitutil.SetBit(bits, i)
		}
	}
	return memory.NewBufferBytes(bits), nulls
}

func takeFixed(col arrow.Array, width int, rows []int32) arrow.Array {
	from := col.Data().Buffers()[1].Bytes()[col.Data().Offset()*width:]
	to := make([]byte, len(rows)*width)
	switch width {
	case 8:
		gather(arrow.Uint64Traits.CastFromBytes(to), arrow.Uint64Traits.CastFromBytes(from), rows)
	case 4:
		gather(arrow.Uint32Traits.CastFromBytes(to), arrow.Uint32Traits.CastFromBytes(from), rows)
	default:
		for i, r := range rows {
			copy(to[i*width:(i+1)*width], from[int(r)*width:])
		}
	}
	return makeColumn(col.DataType(), col, rows, to)
}

func gather[T any](to, from []T, rows []int32) {
	for i, r := range rows {
		to[i] = from[r]
	}
}

func takeBits(a *array.Boolean, rows []int32) arrow.Array {
	to := make([]byte, bitutil.BytesForBits(int64(len(rows))))
	for i, r := range rows {
		if a.Value(int(r)) {
			bitutil.SetBit(to, i)
		}
	}
	return makeColumn(a.DataType(), a, rows, to)
}

// takeBytes gathers text or bytes: offsets has one more entry than the column rows, and counts from the start of data
// after subtracting the first.
func takeBytes(col arrow.Array, offsets []int32, data []byte, rows []int32) arrow.Array {
	to := make([]int32, len(rows)+1)
	if col.Len() == 0 {
		offsets = []int32{0}
	}
	base, size := offsets[0], 0
	for _, r := range rows {
		size += int(offsets[r+1] - offsets[r])
	}
	out := make([]byte, 0, size)
	for i, r := range rows {
		out = append(out, data[offsets[r]-base:offsets[r+1]-base]...)
		to[i+1] = int32(len(out))
	}
	return makeColumn(col.DataType(), col, rows, arrow.Int32Traits.CastToBytes(to), out)
}

func makeColumn(t arrow.DataType, col arrow.Array, rows []int32, values ...[]byte) arrow.Array {
	valid, nulls := takeValidity(col, rows)
	buffers := []*memory.Buffer{valid}
	for _, v := range values {
		buffers = append(buffers, memory.NewBufferBytes(v))
	}
	d := array.NewData(t, len(rows), buffers, nil, nulls, 0)
	defer d.Release()
	return array.MakeFromData(d)
}

// takeSlices gathers any type by joining runs of neighbouring rows; for the nested types, which are rare in exchanges.
func takeSlices(col arrow.Array, rows []int32) arrow.Array {
	var runs []arrow.Array
	for i := 0; i < len(rows); {
		j := i + 1
		for j < len(rows) && rows[j] == rows[j-1]+1 {
			j++
		}
		runs = append(runs, array.NewSlice(col, int64(rows[i]), int64(rows[j-1])+1))
		i = j
	}
	if len(runs) == 0 {
		return array.NewSlice(col, 0, 0)
	}
	out, err := array.Concatenate(runs, memory.DefaultAllocator)
	for _, r := range runs {
		r.Release()
	}
	if err != nil {
		panic(fmt.Sprintf("BUG: take rows of %s: %v", col.DataType(), err))
	}
	return out
}
