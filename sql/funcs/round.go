package funcs

import (
	"math"
	"math/big"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/weirhub/weir/sql/types"
)

func fromSign(s int) decimal128.Num { return decimal128.FromI64(int64(s)) }

// wholeDecimal is the next whole number at or below d (at or above for up), unscaled with scale 0.
func wholeDecimal(d decimal128.Num, scale int32, up bool) decimal128.Num {
	q := types.Truncate(d, scale, 0)
	back, _ := types.Rescale(q, 0, scale, types.MaxDecimal)
	switch {
	case back == d:
	case up && d.Sign() > 0:
		q = q.Add(fromSign(1))
	case !up && d.Sign() < 0:
		q = q.Sub(fromSign(1))
	}
	return q
}

// roundDecimal rounds half up, or cuts, to r digits behind the point and gives the result in the type t.
func roundDecimal(d decimal128.Num, scale, r int32, half bool, t types.Type) (decimal128.Num, bool) {
	if r >= scale {
		return types.Rescale(d, scale, t.Scale, t.Precision)
	}
	if scale-r > types.MaxDecimal {
		return decimal128.Num{}, true
	}
	if half {
		d, _ = types.Rescale(d, scale, r, types.MaxDecimal)
	} else {
		d = types.Truncate(d, scale, r)
	}
	return types.Rescale(d, r, t.Scale, t.Precision)
}

// roundInt rounds to tens, hundreds, ... for negative r.
func roundInt(x int64, r int32, half bool) int64 {
	if r >= 0 {
		return x
	}
	if r < -18 {
		return 0
	}
	unit := int64(1)
	for range -r {
		unit *= 10
	}
	rest := x % unit
	x -= rest
	if half && rest >= unit-rest {
		x += unit
	}
	if half && -rest >= unit+rest {
		x -= unit
	}
	return x
}

// roundFloat goes through the shortest decimal text of the number, as BigDecimal.valueOf does: 2.675 rounds to 2.68.
func roundFloat(x float64, r int32, half bool) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) || r > 340 {
		return x
	}
	if r < -340 {
		return 0
	}
	text := string(types.AppendFloat(nil, x, 64))
	q, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("BUG: float " + text + " is no number")
	}
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(r, -r))), nil))
	if r < 0 {
		unit.Inv(unit)
	}
	q.Mul(q, unit)
	n, rest := new(big.Int).QuoRem(q.Num(), q.Denom(), new(big.Int))
	if half && rest.Lsh(rest.Abs(rest), 1).Cmp(q.Denom()) >= 0 {
		n.Add(n, big.NewInt(int64(q.Sign())))
	}
	out, _ := new(big.Rat).Quo(new(big.Rat).SetInt(n), unit).Float64()
	return out
}
