package types

import (
	"math/big"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// Decimal arithmetic on unscaled 128-bit numbers. Rounding is HALF_UP (away from zero at one half); a result of more
// digits than the type has is reported, and SQL makes it NULL.

func pow10(n int32) decimal128.Num { return decimal128.GetScaleMultiplier(int(n)) }

// small reports whether the number fits into 63 bits and a sign, so that a product of two fits into 128.
func small(d decimal128.Num) bool {
	hi, lo := d.HighBits(), int64(d.LowBits())
	return hi == lo>>63 && lo != -1<<63
}

func bigPow10(n int32) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// Rescale brings a number from one scale to another, rounding HALF_UP, and checks that p digits hold it.
func Rescale(d decimal128.Num, from, to, p int32) (decimal128.Num, bool) {
	switch {
	case from == to:
		return d, d.FitsInPrecision(p)
	case from > to:
		if from-to > MaxDecimal {
			return decimal128.Num{}, true
		}
		d = divHalfUp(d, pow10(from-to))
		return d, d.FitsInPrecision(p)
	case to-from > MaxDecimal || p < to-from:
		return d, d == decimal128.Num{}
	case !d.FitsInPrecision(p - (to - from)):
		return d, false
	default:
		return d.Mul(pow10(to - from)), true
	}
}

// Truncate brings a number to a lower scale, dropping digits.
func Truncate(d decimal128.Num, from, to int32) decimal128.Num {
	if from <= to {
		return d
	}
	if from-to > MaxDecimal {
		return decimal128.Num{}
	}
	q, _ := d.Div(pow10(from - to))
	return q
}

// divHalfUp is a / b for positive b, rounded to the nearest.
func divHalfUp(a, b decimal128.Num) decimal128.Num {
	q, r := a.Div(b)
	twice := r.Abs().Add(r.Abs())
	if !twice.Less(b) {
		q = q.Add(decimal128.FromI64(int64(a.Sign())))
	}
	return q
}

// AddDecimals is a + b (or a - b) of scales as and bs in the type t.
func AddDecimals(a decimal128.Num, as int32, b decimal128.Num, bs int32, negate bool, t Type) (decimal128.Num, bool) {
	if negate {
		b = b.Negate()
	}
	s := max(as, bs)
	x, ok1 := Rescale(a, as, s, MaxDecimal)
	y, ok2 := Rescale(b, bs, s, MaxDecimal)
	if ok1 && ok2 {
		// two numbers below 1e38 have a sum below 2e38 > 2^127: only then the sum can wrap
		sum := x.Add(y)
		if x.Sign() != y.Sign() || sum.Sign() == x.Sign() {
			return Rescale(sum, s, t.Scale, t.Precision)
		}
	}
	ba := new(big.Int).Mul(a.BigInt(), bigPow10(s-as))
	return fromBig(ba.Add(ba, new(big.Int).Mul(b.BigInt(), bigPow10(s-bs))), s, t)
}

// MulDecimals is a * b, the product's scale being s, in the type t.
func MulDecimals(a, b decimal128.Num, s int32, t Type) (decimal128.Num, bool) {
	if small(a) && small(b) {
		return Rescale(a.Mul(b), s, t.Scale, t.Precision)
	}
	return fromBig(new(big.Int).Mul(a.BigInt(), b.BigInt()), s, t)
}

// DivDecimals is a / b of scales as and bs in the type t. b is not zero.
func DivDecimals(a decimal128.Num, as int32, b decimal128.Num, bs int32, t Type) (decimal128.Num, bool) {
	shift := t.Scale + bs - as // a * 10^shift / b has t's scale
	if small(a) && small(b) && shift >= 0 && shift <= 18 {
		x := uint64(a.LowBits())
		y := uint64(b.LowBits())
		neg := a.Sign() < 0 != (b.Sign() < 0)
		if a.Sign() < 0 {
			x = -x
		}
		if b.Sign() < 0 {
			y = -y
		}
		if hi, lo := bits.Mul64(x, pow10(shift).LowBits()); hi < y {
			q, r := bits.Div64(hi, lo, y)
			if q < 1<<62 {
				if r >= y-r {
					q++
				}
				d := decimal128.FromU64(q)
				if neg {
					d = d.Negate()
				}
				return d, d.FitsInPrecision(t.Precision)
			}
		}
	}
	n, d := a.BigInt(), b.BigInt()
	if shift >= 0 {
		n = new(big.Int).Mul(n, bigPow10(shift))
	} else {
		d = new(big.Int).Mul(d, bigPow10(-shift))
	}
	return numOf(bigHalfUp(n, d), t.Precision)
}

// ModDecimals is the remainder of a / b (its sign is a's) in the type t. b is not zero.
func ModDecimals(a decimal128.Num, as int32, b decimal128.Num, bs int32, t Type) (decimal128.Num, bool) {
	s := max(as, bs)
	x := new(big.Int).Mul(a.BigInt(), bigPow10(s-as))
	y := new(big.Int).Mul(b.BigInt(), bigPow10(s-bs))
	return fromBig(x.Rem(x, y), s, t)
}

func fromBig(x *big.Int, s int32, t Type) (decimal128.Num, bool) {
	switch {
	case s > t.Scale:
		x = bigHalfUp(x, bigPow10(s-t.Scale))
	case s < t.Scale:
		x = new(big.Int).Mul(x, bigPow10(t.Scale-s))
	}
	return numOf(x, t.Precision)
}

func bigHalfUp(n, d *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(n, d, new(big.Int))
	if r.Lsh(r.Abs(r), 1).CmpAbs(d) >= 0 {
		q.Add(q, big.NewInt(int64(n.Sign()*d.Sign())))
	}
	return q
}

func numOf(x *big.Int, p int32) (decimal128.Num, bool) {
	if x.CmpAbs(bigPow10(p)) >= 0 {
		return decimal128.Num{}, false
	}
	return decimal128.FromBigInt(x), true
}

// ParseDecimal reads a decimal number with an optional exponent, exactly; digits behind the scale are rounded HALF_UP.
// ok is false for text that is no number, fits for one that has too many digits for the type.
func ParseDecimal(s []byte, t Type) (d decimal128.Num, ok, fits bool) {
	s = trim(s)
	neg := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	digits := make([]byte, 0, 48)
	var scale, exp int64
	seen, point := false, false
	i := 0
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c-'0' <= 9:
			seen = true
			digits = append(digits, c)
			if point {
				scale++
			}
			continue
		case c == '.' && !point:
			point = true
			continue
		}
		break
	}
	if !seen {
		return d, false, false
	}
	if i < len(s) {
		if exp, ok = parseExponent(s[i:]); !ok {
			return d, false, false
		}
	}
	return decimalOf(digits, scale-exp, neg, t)
}

func parseExponent(s []byte) (int64, bool) {
	if len(s) < 2 || s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	neg := s[0] == '-'
	if neg || s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 9 {
		return 0, false
	}
	x := int64(0)
	for _, c := range s {
		if c-'0' > 9 {
			return 0, false
		}
		x = x*10 + int64(c-'0')
	}
	if neg {
		x = -x
	}
	return x, true
}

// decimalOf is the number digits / 10^scale in the type t.
func decimalOf(digits []byte, scale int64, neg bool, t Type) (d decimal128.Num, ok, fits bool) {
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	if drop := scale - int64(t.Scale); drop > int64(len(digits)) {
		return d, true, true // below half of the last digit
	}
	if more := int64(t.Scale) - scale; more > MaxDecimal && string(digits) != "0" {
		return d, true, false
	} else if more > MaxDecimal {
		return d, true, true
	}
	x, _ := new(big.Int).SetString(string(digits), 10)
	if neg {
		x.Neg(x)
	}
	if scale < 0 {
		x.Mul(x, bigPow10(int32(-scale)))
		scale = 0
	}
	d, fits = fromBig(x, int32(scale), t)
	return d, true, fits
}
