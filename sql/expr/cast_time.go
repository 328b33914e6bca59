package expr

import (
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// castTemporal converts between DATE, TIME, TIMESTAMP and TIMESTAMP_LTZ; the session's time zone is UTC. Digits that the
// target does not have are dropped; a TIME becomes a timestamp of 1970-01-01.
func castTemporal(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	x := a[0]
	from, to := resolution(x.T), resolution(o.T)
	for i := range o.Len {
		v := x.Int(i)
		if x.T.Kind == types.Date {
			v *= types.MillisPerDay
		}
		switch {
		case to > from:
			v *= to / from
		case from > to:
			v = types.FloorDiv(v, from/to)
		}
		switch o.T.Kind {
		case types.Date:
			v = types.FloorDiv(v, types.MillisPerDay)
		case types.Time:
			v = cutDigits(types.FloorMod(v, types.MillisPerDay), to, o.T.Precision)
		default:
			v = cutDigits(v, to, o.T.Precision)
		}
		o.SetInt(i, v)
	}
	return nil
}

// resolution is units a second; DATE and TIME count in milliseconds here.
func resolution(t types.Type) int64 {
	if t.IsTimestamp() {
		return t.UnitsPerSecond()
	}
	return 1000
}
