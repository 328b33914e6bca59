package funcs

import (
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// temporalKernel computes + - * where a side is a date, a time or an interval.
func temporalKernel(op byte, at, bt types.Type) vec.Kernel {
	switch {
	case at.IsInterval() && bt.IsTemporal():
		k := temporalKernel(op, bt, at)
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { return k(c, []*vec.Vec{a[1], a[0]}, o) }
	case at.IsTemporal() && bt.IsTemporal():
		return minusKernel
	case at.IsTemporal():
		return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { shift(op, a[0], a[1], o); return nil }
	}
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.Len {
			x, y := a[0].Int(i), a[1].Int(i)
			switch op {
			case '+':
				x += y
			case '-':
				x -= y
			default:
				x *= y
			}
			o.SetInt(i, x)
		}
		return nil
	}
}

func minusKernel(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	ap, bp := perSecond(a[0].T), perSecond(a[1].T)
	for i := range o.I64 {
		ad, ar := moment(a[0], i)
		bd, br := moment(a[1], i)
		o.I64[i] = (ad-bd)*types.MillisPerDay + ar*1000/ap - br*1000/bp
	}
	return nil
}

// shift is t + interval or t - interval.
func shift(op byte, t, by, o *vec.Vec) {
	sign := int64(1)
	if op == '-' {
		sign = -1
	}
	if t.T.IsTimestamp() && by.T.Kind == types.IntervalMillis {
		unit := sign * (t.T.UnitsPerSecond() / 1000)
		for i := range o.I64 {
			o.I64[i] = t.I64[i] + by.I64[i]*unit
		}
		return
	}
	per := perSecond(t.T)
	for i := range o.Len {
		n := by.Int(i) * sign
		if by.T.Kind == types.IntervalMonths {
			addMonths(t, o, i, n)
		} else {
			addUnits(t, o, i, n*(per/1000), per)
		}
	}
}
