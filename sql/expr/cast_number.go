package expr

import (
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

func castToBoolean(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	x := a[0]
	for i := range o.Bool {
		switch vec.PhysOf(x.T) {
		case vec.PF32, vec.PF64:
			o.Bool[i] = x.Float(i) != 0
		case vec.PDec:
			o.Bool[i] = x.Dec[i] != decimal128.Num{}
		default:
			o.Bool[i] = x.Int(i) != 0
		}
	}
	return nil
}

func castToDecimal(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	x := a[0]
	var buf []byte
	for i := range o.Dec {
		if o.Null(i) {
			continue
		}
		var fits bool
		switch vec.PhysOf(x.T) {
		case vec.PBool:
			o.Dec[i], fits = types.Rescale(decimal128.FromI64(oneIf(x.Bool[i])), 0, o.T.Scale, o.T.Precision)
		case vec.PF32, vec.PF64:
			// through the shortest text of the number, as BigDecimal.valueOf
			buf = types.AppendFloat(buf[:0], x.Float(i), 64)
			o.Dec[i], _, fits = types.ParseDecimal(buf, o.T)
		case vec.PDec:
			o.Dec[i], fits = types.Rescale(x.Dec[i], x.T.Scale, o.T.Scale, o.T.Precision)
		default:
			o.Dec[i], fits = types.Rescale(decimal128.FromI64(x.Int(i)), 0, o.T.Scale, o.T.Precision)
		}
		if !fits {
			o.SetNull(i)
		}
	}
	return nil
}

func oneIf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// DecimalToFloat is the float nearest to a decimal.
func DecimalToFloat(d decimal128.Num, scale int32) float64 {
	const exact = 1 << 53
	if x := int64(d.LowBits()); d.HighBits() == x>>63 && x > -exact && x < exact && scale <= 22 {
		return float64(x) / math.Pow10(int(scale)) // both exact, so the quotient is the nearest
	}
	x, err := strconv.ParseFloat(string(types.AppendDecimal(nil, d, scale)), 64)
	if err != nil {
		panic("BUG: decimal text is no number: " + err.Error())
	}
	return x
}

func castToFloat(from, to types.Type) vec.Kernel {
	if to.Kind == types.Double {
		switch vec.PhysOf(from) {
		case vec.PI32:
			return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { convert(a[0].I32, o.F64); return nil }
		case vec.PI64:
			return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { convert(a[0].I64, o.F64); return nil }
		case vec.PF32:
			return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { convert(a[0].F32, o.F64); return nil }
		}
	}
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		x := a[0]
		for i := range o.Len {
			switch vec.PhysOf(x.T) {
			case vec.PBool:
				o.SetFloat(i, float64(oneIf(x.Bool[i])))
			case vec.PF32, vec.PF64:
				o.SetFloat(i, x.Float(i))
			case vec.PDec:
				o.SetFloat(i, DecimalToFloat(x.Dec[i], x.T.Scale))
			default:
				o.SetFloat(i, float64(x.Int(i)))
			}
		}
		return nil
	}
}

func convert[A, B int8 | int16 | int32 | int64 | float32 | float64](a []A, b []B) {
	a = a[:len(b)]
	for i := range b {
		b[i] = B(a[i])
	}
}

func castToInteger(from, to types.Type) vec.Kernel {
	switch vec.PhysOf(from) {
	case vec.PI32:
		if to.Kind == types.BigInt {
			return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { convert(a[0].I32, o.I64); return nil }
		}
	case vec.PF32, vec.PF64:
		return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.Len {
				o.SetInt(i, saturate(a[0].Float(i), to))
			}
			return nil
		}
	}
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		x := a[0]
		for i := range o.Len {
			switch vec.PhysOf(x.T) {
			case vec.PBool:
				o.SetInt(i, oneIf(x.Bool[i]))
			case vec.PDec:
				o.SetInt(i, int64(types.Truncate(x.Dec[i], x.T.Scale, 0).LowBits()))
			default:
				o.SetInt(i, x.Int(i))
			}
		}
		return nil
	}
}

// saturate converts as Java does: NaN is 0, what is too large is the largest INT or BIGINT, of which a TINYINT and a
// SMALLINT take the low bits.
func saturate(x float64, to types.Type) int64 {
	lo, hi := float64(math.MinInt32), float64(math.MaxInt32)
	if to.Kind == types.BigInt {
		lo, hi = math.MinInt64, math.MaxInt64
	}
	switch {
	case math.IsNaN(x):
		return 0
	case x <= lo:
		return int64(lo)
	case x < hi:
		return int64(x)
	case to.Kind == types.BigInt:
		return math.MaxInt64
	default:
		return math.MaxInt32
	}
}
