package vec

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/weirhub/weir/sql/types"
)

// columns has one type of each physical form, and a function that appends a value made from i.
var columns = []struct {
	t      types.Type
	append func(b array.Builder, i int)
}{
	{types.BooleanT, func(b array.Builder, i int) { b.(*array.BooleanBuilder).Append(i%3 == 0) }},
	{types.TinyIntT, func(b array.Builder, i int) { b.(*array.Int8Builder).Append(int8(i)) }},
	{types.SmallIntT, func(b array.Builder, i int) { b.(*array.Int16Builder).Append(int16(-i)) }},
	{types.DateT, func(b array.Builder, i int) { b.(*array.Date32Builder).Append(arrow.Date32(i)) }},
	{types.BigIntT, func(b array.Builder, i int) { b.(*array.Int64Builder).Append(int64(i) << 40) }},
	{types.TimestampLTZOf(9), func(b array.Builder, i int) { b.(*array.TimestampBuilder).Append(arrow.Timestamp(i)) }},
	{types.FloatT, func(b array.Builder, i int) { b.(*array.Float32Builder).Append(float32(i) / 2) }},
	{types.DoubleT, func(b array.Builder, i int) { b.(*array.Float64Builder).Append(float64(i) / 3) }},
	{types.DecimalOf(20, 2), func(b array.Builder, i int) { b.(*array.Decimal128Builder).Append(decimal128.New(int64(i), 7)) }},
	{types.StringT, func(b array.Builder, i int) { b.(*array.StringBuilder).Append(fmt.Sprint("s", i*i)) }},
	{types.BytesT, func(b array.Builder, i int) { b.(*array.BinaryBuilder).Append([]byte{byte(i), 0}) }},
}

// TestArrowThereAndBack reads columns out of arrays that start at any bit, with NULLs and without, whole and through a
// selection, and gives them back: every value must be the array's.
func TestArrowThereAndBack(t *testing.T) {
	const rows = 150
	for _, c := range columns {
		for _, nulls := range []bool{false, true} {
			b := array.NewBuilder(memory.DefaultAllocator, c.t.Arrow())
			for i := range rows {
				if nulls && i%5 == 2 {
					b.AppendNull()
				} else {
					c.append(b, i)
				}
			}
			whole := b.NewArray()
			for _, cut := range [][2]int64{{0, rows}, {1, 2}, {3, 70}, {8, 149}, {63, 129}, {7, 7}} {
				part := array.NewSlice(whole, cut[0], cut[1])
				checkColumn(t, c.t, part, nil)
				checkColumn(t, c.t, part, every(part.Len(), 3))
				part.Release()
			}
			whole.Release()
			b.Release()
		}
	}
}

func every(n, step int) []int32 {
	sel := []int32{}
	for i := n - 1; i >= 0; i -= step {
		sel = append(sel, int32(i))
	}
	return sel
}

func checkColumn(t *testing.T, typ types.Type, a arrow.Array, sel []int32) {
	t.Helper()
	var v Vec
	var s Scratch
	if err := s.FromArrow(&v, typ, a, sel); err != nil {
		t.Fatal(err)
	}
	rows := sel
	if sel == nil {
		for i := range a.Len() {
			rows = append(rows, int32(i))
		}
	}
	back := v.Clone().Take()
	defer back.Release()
	if back.Len() != len(rows) || v.Len != len(rows) {
		t.Fatalf("%s: %d rows, want %d", typ, back.Len(), len(rows))
	}
	if !arrow.TypeEqual(back.DataType(), a.DataType()) {
		t.Errorf("%s: type %s, want %s", typ, back.DataType(), a.DataType())
	}
	for i, r := range rows {
		if v.Null(i) != a.IsNull(int(r)) || back.ValueStr(i) != a.ValueStr(int(r)) {
			t.Fatalf("%s: row %d of %v is %s, want %s", typ, i, sel, back.ValueStr(i), a.ValueStr(int(r)))
		}
	}
}

// A column of another Arrow type than the plan says is an error, not other numbers.
func TestWrongArrowTypeIsRefused(t *testing.T) {
	b := array.NewInt32Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Append(1)
	a := b.NewArray()
	defer a.Release()
	for _, typ := range []types.Type{types.BigIntT, types.StringT, types.BooleanT, types.DecimalOf(5, 2), types.DateT, types.FloatT} {
		var v Vec
		if err := new(Scratch).FromArrow(&v, typ, a, nil); err == nil {
			t.Errorf("INT column is read as %s", typ)
		}
	}
}

// The unit of a timestamp and the scale of a decimal are part of what the bytes mean.
func TestWrongUnitIsRefused(t *testing.T) {
	for _, c := range []struct{ is, plan types.Type }{
		{types.TimestampOf(6), types.TimestampOf(3)},
		{types.TimestampOf(3), types.TimestampOf(9)},
		{types.TimestampOf(3), types.BigIntT},
		{types.DecimalOf(10, 2), types.DecimalOf(10, 3)},
	} {
		b := array.NewBuilder(memory.DefaultAllocator, c.is.Arrow())
		b.AppendEmptyValue()
		a := b.NewArray()
		var v Vec
		if err := new(Scratch).FromArrow(&v, c.plan, a, nil); err == nil {
			t.Errorf("%s is read as %s", c.is, c.plan)
		}
		a.Release()
		b.Release()
	}
}

// What Take has given away is never written again.
func TestTakenMemoryIsNotReused(t *testing.T) {
	var v Vec
	fillAndNull := func(x int64) {
		v.Reset(types.BigIntT, 3)
		for i := range v.I64 {
			v.I64[i] = x
		}
		v.SetNull(int(x))
	}
	fillAndNull(1)
	a := v.Take()
	defer a.Release()
	fillAndNull(2)
	if got := a.String(); got != "[1 (null) 1]" {
		t.Errorf("taken array became %s", got)
	}
}
