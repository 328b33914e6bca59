package vec

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/weirhub/weir/sql/types"
)

// Phys is the slice in which values of a type lie.
type Phys uint8

// The physical forms.
const (
	PBool Phys = iota
	PI8
	PI16
	PI32
	PI64
	PF32
	PF64
	PDec
	PStr
)

// PhysOf is the physical form of a type.
func PhysOf(t types.Type) Phys {
	switch t.Kind {
	case types.TinyInt:
		return PI8
	case types.SmallInt:
		return PI16
	case types.Int, types.Date, types.Time, types.IntervalMonths:
		return PI32
	case types.BigInt, types.Timestamp, types.TimestampLTZ, types.IntervalMillis:
		return PI64
	case types.Float:
		return PF32
	case types.Double:
		return PF64
	case types.Decimal:
		return PDec
	case types.Char, types.Varchar, types.Binary, types.Varbinary:
		return PStr
	default:
		return PBool
	}
}

// Vec is a column of values of one type.
type Vec struct {
	T     types.Type
	Len   int
	Valid Bits // nil: no NULLs
	Const bool // all rows are the same

	Bool []bool
	I8   []int8
	I16  []int16
	I32  []int32
	I64  []int64
	F32  []float32
	F64  []float64
	Dec  []decimal128.Num
	Off  []int32 // Len+1 offsets into Buf
	Buf  []byte

	spare Bits // the bitmap of an earlier use
}

// Ctx is what a kernel knows beside its arguments.
type Ctx struct {
	N int // rows
	// Active marks the rows whose result is wanted: an error on any other row (a branch of CASE that the row does not
	// take) must not be reported. Nil: all rows.
	Active []bool
	Now    int64 // the clock of this batch, ms since the epoch
	// Watermark is the event time that the operator has been told, ms; HasWatermark is false before the first.
	Watermark    int64
	HasWatermark bool
}

// Wants reports whether row i of out is wanted and not NULL, so that an error on it counts.
func (c *Ctx) Wants(i int, out *Vec) bool {
	return (c.Active == nil || c.Active[i]) && !out.Null(i)
}

// Kernel computes a column. The caller has set out's type, length and slices, and out.Valid to the rows where no
// argument is NULL (unless the function takes NULLs itself); the kernel may clear further bits. Text results are
// appended row by row with Append or AppendNull.
type Kernel func(c *Ctx, args []*Vec, out *Vec) error

// Null reports whether row i is NULL.
func (v *Vec) Null(i int) bool { return v.Valid != nil && !v.Valid.Get(i) }

// SetNull makes row i NULL.
func (v *Vec) SetNull(i int) {
	if v.Valid == nil {
		v.Valid = Ones(v.spare, v.Len)
	}
	v.Valid.Clear(i)
}

// Reset gives the column a type and n rows, reusing its slices. Values are whatever they were; the valid bits are
// dropped; text is empty, to be appended to.
func (v *Vec) Reset(t types.Type, n int) {
	if v.Valid != nil {
		v.spare = v.Valid
	}
	v.T, v.Len, v.Valid, v.Const = t, n, nil, false
	switch PhysOf(t) {
	case PBool:
		v.Bool = sized(v.Bool, n)
	case PI8:
		v.I8 = sized(v.I8, n)
	case PI16:
		v.I16 = sized(v.I16, n)
	case PI32:
		v.I32 = sized(v.I32, n)
	case PI64:
		v.I64 = sized(v.I64, n)
	case PF32:
		v.F32 = sized(v.F32, n)
	case PF64:
		v.F64 = sized(v.F64, n)
	case PDec:
		v.Dec = sized(v.Dec, n)
	case PStr:
		if cap(v.Off) < n+1 {
			v.Off = make([]int32, 0, n+1)
		}
		v.Off = append(v.Off[:0], 0)
		v.Buf = v.Buf[:0]
	}
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// AndValid leaves valid only the rows that are valid in v and in o, a column of equal length.
func (v *Vec) AndValid(o *Vec) {
	switch {
	case o.Valid == nil:
	case v.Valid == nil:
		v.Valid = And(v.spare, nil, o.Valid, v.Len)
	default:
		v.Valid = And(v.Valid, v.Valid, o.Valid, v.Len)
	}
}

// Str is the text of row i. It is a view.
func (v *Vec) Str(i int) []byte { return v.Buf[v.Off[i]:v.Off[i+1]] }

// Append adds the next row's text.
func (v *Vec) Append(s []byte) {
	v.Buf = append(v.Buf, s...)
	v.Off = append(v.Off, int32(len(v.Buf)))
}

// AppendString adds the next row's text.
func (v *Vec) AppendString(s string) {
	v.Buf = append(v.Buf, s...)
	v.Off = append(v.Off, int32(len(v.Buf)))
}

// End closes the next row, whose text has been appended to Buf.
func (v *Vec) End() { v.Off = append(v.Off, int32(len(v.Buf))) }

// AppendNull adds the next row of a text column as NULL.
func (v *Vec) AppendNull() {
	i := len(v.Off) - 1
	v.End()
	v.SetNull(i)
}

// Int is the integer, date, time, timestamp or interval of row i as an int64.
func (v *Vec) Int(i int) int64 {
	switch PhysOf(v.T) {
	case PI8:
		return int64(v.I8[i])
	case PI16:
		return int64(v.I16[i])
	case PI32:
		return int64(v.I32[i])
	default:
		return v.I64[i]
	}
}

// SetInt writes row i of an integer-like column; the value wraps to the column's width.
func (v *Vec) SetInt(i int, x int64) {
	switch PhysOf(v.T) {
	case PI8:
		v.I8[i] = int8(x)
	case PI16:
		v.I16[i] = int16(x)
	case PI32:
		v.I32[i] = int32(x)
	default:
		v.I64[i] = x
	}
}

// Float is the FLOAT or DOUBLE of row i.
func (v *Vec) Float(i int) float64 {
	if v.T.Kind == types.Float {
		return float64(v.F32[i])
	}
	return v.F64[i]
}

// SetFloat writes row i of a FLOAT or DOUBLE column.
func (v *Vec) SetFloat(i int, x float64) {
	if v.T.Kind == types.Float {
		v.F32[i] = float32(x)
		return
	}
	v.F64[i] = x
}

// Value is row i as plan.Literal has it: nil, bool, int64, float64, decimal128.Num or string.
func (v *Vec) Value(i int) any {
	if v.Null(i) {
		return nil
	}
	switch PhysOf(v.T) {
	case PBool:
		return v.Bool[i]
	case PF32, PF64:
		return v.Float(i)
	case PDec:
		return v.Dec[i]
	case PStr:
		return string(v.Str(i))
	default:
		return v.Int(i)
	}
}

// Fill makes the column a constant of n rows. The value is as in plan.Literal.
func (v *Vec) Fill(t types.Type, value any, n int) {
	v.Reset(t, n)
	v.Const = true
	if value == nil {
		v.Valid = Zeros(v.spare, n)
	}
	switch PhysOf(t) {
	case PBool:
		x, _ := value.(bool)
		fill(v.Bool, x)
	case PF32, PF64:
		x, _ := value.(float64)
		fill(v.F32[:min(len(v.F32), n)], float32(x))
		fill(v.F64[:min(len(v.F64), n)], x)
	case PDec:
		x, _ := value.(decimal128.Num)
		fill(v.Dec, x)
	case PStr:
		x, _ := value.(string)
		for range n {
			v.AppendString(x)
		}
	default:
		x, _ := value.(int64)
		for i := range n {
			v.SetInt(i, x)
		}
	}
}

func fill[T any](s []T, x T) {
	for i := range s {
		s[i] = x
	}
}

// Head makes o a view of the first n rows.
func (v *Vec) Head(o *Vec, n int) {
	*o = *v
	o.Len = n
	switch PhysOf(v.T) {
	case PBool:
		o.Bool = v.Bool[:n]
	case PI8:
		o.I8 = v.I8[:n]
	case PI16:
		o.I16 = v.I16[:n]
	case PI32:
		o.I32 = v.I32[:n]
	case PI64:
		o.I64 = v.I64[:n]
	case PF32:
		o.F32 = v.F32[:n]
	case PF64:
		o.F64 = v.F64[:n]
	case PDec:
		o.Dec = v.Dec[:n]
	case PStr:
		o.Off = v.Off[:n+1]
	}
}

// Clone is a copy with memory of its own.
func (v *Vec) Clone() *Vec {
	return &Vec{
		T: v.T, Len: v.Len, Const: v.Const, Valid: slices.Clone(v.Valid), Bool: slices.Clone(v.Bool), I8: slices.Clone(v.I8),
		I16: slices.Clone(v.I16), I32: slices.Clone(v.I32), I64: slices.Clone(v.I64), F32: slices.Clone(v.F32),
		F64: slices.Clone(v.F64), Dec: slices.Clone(v.Dec), Off: slices.Clone(v.Off), Buf: slices.Clone(v.Buf),
	}
}
