package vec

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/weirhub/weir/sql/types"
)

// Scratch is memory that FromArrow reuses from batch to batch where it cannot borrow the array's.
type Scratch struct {
	v     Vec
	valid Bits
}

// FromArrow makes v a view of an Arrow column of type t, or with sel a copy of the rows that it names, in its order.
// Fixed-width values and texts are borrowed when there is no selection; bitmaps are copied (an eighth of a byte a row).
func (s *Scratch) FromArrow(v *Vec, t types.Type, a arrow.Array, sel []int32) error {
	n := a.Len()
	if sel != nil {
		n = len(sel)
	}
	*v = Vec{T: t, Len: n, Valid: s.validity(a, sel, n)}
	s.v.T = t
	ok := fits(a.DataType(), t)
	if !ok {
		return fmt.Errorf("read column: arrow type %s where the plan has %s", a.DataType(), t)
	}
	switch PhysOf(t) {
	case PBool:
		v.Bool, ok = s.bools(a, sel, n)
	case PI8:
		v.I8, ok = slots(&s.v.I8, a, sel)
	case PI16:
		v.I16, ok = slots(&s.v.I16, a, sel)
	case PI32:
		v.I32, ok = slots(&s.v.I32, a, sel)
	case PI64:
		v.I64, ok = slots(&s.v.I64, a, sel)
	case PF32:
		v.F32, ok = slots(&s.v.F32, a, sel)
	case PF64:
		v.F64, ok = slots(&s.v.F64, a, sel)
	case PDec:
		v.Dec, ok = slots(&s.v.Dec, a, sel)
	case PStr:
		v.Off, v.Buf, ok = s.texts(a, sel)
	}
	if !ok {
		return fmt.Errorf("read column: arrow type %s where the plan has %s", a.DataType(), t)
	}
	return nil
}

// arrowIDs are the Arrow types of the kinds; the untyped NULL may also come as Arrow's own.
var arrowIDs = [...]arrow.Type{
	types.Null: arrow.BOOL, types.Boolean: arrow.BOOL, types.TinyInt: arrow.INT8, types.SmallInt: arrow.INT16, types.Int: arrow.INT32,
	types.BigInt: arrow.INT64, types.Decimal: arrow.DECIMAL128, types.Float: arrow.FLOAT32, types.Double: arrow.FLOAT64,
	types.Char: arrow.STRING, types.Varchar: arrow.STRING, types.Binary: arrow.BINARY, types.Varbinary: arrow.BINARY,
	types.Date: arrow.DATE32, types.Time: arrow.TIME32, types.Timestamp: arrow.TIMESTAMP, types.TimestampLTZ: arrow.TIMESTAMP,
	types.IntervalMonths: arrow.INTERVAL_MONTHS, types.IntervalMillis: arrow.DURATION,
}

// fits compares the parts of an Arrow type on which the meaning of the bytes depends.
func fits(a arrow.DataType, t types.Type) bool {
	switch a := a.(type) {
	case *arrow.TimestampType:
		if !t.IsTimestamp() {
			return false
		}
		units := [...]int64{arrow.Second: 1, arrow.Millisecond: 1e3, arrow.Microsecond: 1e6, arrow.Nanosecond: 1e9}
		return units[a.Unit] == t.UnitsPerSecond()
	case *arrow.Decimal128Type:
		return t.Kind == types.Decimal && a.Scale == t.Scale
	case *arrow.Time32Type:
		return t.Kind == types.Time && a.Unit == arrow.Millisecond
	case *arrow.NullType:
		return PhysOf(t) == PBool
	}
	return a.ID() == arrowIDs[t.Kind]
}

func (s *Scratch) validity(a arrow.Array, sel []int32, n int) Bits {
	if a.NullN() == 0 {
		return nil
	}
	if a.DataType().ID() == arrow.NULL {
		s.valid = Zeros(s.valid, n)
		return s.valid
	}
	raw, off := a.NullBitmapBytes(), a.Data().Offset()
	if sel == nil {
		s.valid = copyBits(s.valid, raw, off, n)
		return s.valid
	}
	s.valid = Ones(s.valid, n)
	for i, r := range sel {
		if p := off + int(r); raw[p>>3]>>(p&7)&1 == 0 {
			s.valid.Clear(i)
		}
	}
	return s.valid
}

// copyBits copies n bits of an Arrow bitmap from bit off on.
func copyBits(dst Bits, raw []byte, off, n int) Bits {
	dst = sized(dst, words(n))
	raw, shift := raw[off>>3:], off&7
	for i := range dst {
		p := i * 8
		var w uint64
		if len(raw) >= p+8 {
			w = binary.LittleEndian.Uint64(raw[p:])
		} else {
			for j, b := range raw[min(p, len(raw)):] {
				w |= uint64(b) << (8 * j)
			}
		}
		w >>= shift
		if shift > 0 && p+8 < len(raw) {
			w |= uint64(raw[p+8]) << (64 - shift)
		}
		dst[i] = w
	}
	return dst
}

func (s *Scratch) bools(a arrow.Array, sel []int32, n int) ([]bool, bool) {
	s.v.Bool = sized(s.v.Bool, n)
	if a.DataType().ID() == arrow.NULL {
		clear(s.v.Bool)
		return s.v.Bool, true
	}
	if a.DataType().ID() != arrow.BOOL {
		return nil, false
	}
	raw, off, out := a.Data().Buffers()[1].Bytes(), a.Data().Offset(), s.v.Bool
	for i := range out {
		p := off + i
		if sel != nil {
			p = off + int(sel[i])
		}
		out[i] = raw[p>>3]>>(p&7)&1 != 0
	}
	return out, true
}

// slots views the values of a fixed-width array, which T must match in size.
func slots[T any](buf *[]T, a arrow.Array, sel []int32) ([]T, bool) {
	w, fixed := a.DataType().(arrow.FixedWidthDataType)
	if !fixed || w.BitWidth() != int(unsafe.Sizeof(*new(T)))*8 {
		return nil, false
	}
	var all []T
	if b := a.Data().Buffers()[1]; b != nil && a.Len() > 0 {
		all = unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b.Bytes()))), a.Data().Offset()+a.Len())[a.Data().Offset():]
	}
	if sel == nil {
		return all, true
	}
	*buf = sized(*buf, len(sel))
	for i, r := range sel {
		(*buf)[i] = all[r]
	}
	return *buf, true
}

func (s *Scratch) texts(a arrow.Array, sel []int32) (off []int32, buf []byte, ok bool) {
	id := a.DataType().ID()
	if id != arrow.STRING && id != arrow.BINARY {
		return nil, nil, false
	}
	bs := a.Data().Buffers()
	if a.Len() == 0 || bs[1] == nil {
		return make([]int32, 1), nil, true
	}
	o := a.Data().Offset()
	off = unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(bs[1].Bytes()))), o+a.Len()+1)[o:]
	if bs[2] != nil {
		buf = bs[2].Bytes()
	}
	if sel == nil {
		return off, buf, true
	}
	s.v.Reset(s.v.T, len(sel))
	for _, r := range sel {
		s.v.Append(buf[off[r]:off[r+1]])
	}
	return s.v.Off, s.v.Buf, true
}

// Take makes an Arrow array of the column's memory without copying (BOOLEAN is packed). The column is empty afterwards
// and takes new memory at its next Reset. The array's memory belongs to Go's collector: releasing it is allowed and
// free.
func (v *Vec) Take() arrow.Array { return v.TakeAs(v.T.Arrow()) }

// TakeAs is Take where the caller has the type's Arrow type at hand.
func (v *Vec) TakeAs(t arrow.DataType) arrow.Array {
	nulls, bufs := 0, make([]*memory.Buffer, 2, 3)
	if v.Valid != nil {
		nulls = v.Len - v.Valid.Count(v.Len)
		bufs[0] = memory.NewBufferBytes(bytesOf(v.Valid)[:(v.Len+7)/8])
	}
	switch PhysOf(v.T) {
	case PBool:
		bufs[1] = memory.NewBufferBytes(packed(v.Bool[:v.Len]))
	case PI8:
		bufs[1] = memory.NewBufferBytes(bytesOf(v.I8[:v.Len]))
	case PI16:
		bufs[1] = memory.NewBufferBytes(bytesOf(v.I16[:v.Len]))
	case PI32:
		bufs[1] = memory.NewBufferBytes(bytesOf(v.I32[:v.Len]))
	case PI64:
		bufs[1] = memory.NewBufferBytes(bytesOf(v.I64[:v.Len]))
	case PF32:
		bufs[1] = memory.NewBufferBytes(bytesOf(v.F32[:v.Len]))
	case PF64:
		bufs[1] = memory.NewBufferBytes(bytesOf(v.F64[:v.Len]))
	case PDec:
		bufs[1] = memory.NewBufferBytes(bytesOf(v.Dec[:v.Len]))
	case PStr:
		bufs[1] = memory.NewBufferBytes(bytesOf(v.Off))
		bufs = append(bufs, memory.NewBufferBytes(v.Buf))
	}
	data := array.NewData(t, v.Len, bufs, nil, nulls, 0)
	*v = Vec{}
	a := array.MakeFromData(data)
	data.Release()
	return a
}

func bytesOf[T int8 | int16 | int32 | int64 | uint64 | float32 | float64 | decimal128.Num](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

func packed(bs []bool) []byte {
	out := make([]byte, (len(bs)+7)/8)
	for i, b := range bs {
		if b {
			out[i>>3] |= 1 << (i & 7)
		}
	}
	return out
}
