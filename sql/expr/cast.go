package expr

import (
	"fmt"

	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// CanCast says whether CAST knows a way between two types. Numbers become BOOLEAN and back, everything becomes text and
// can be read from it; a timestamp is no number and an interval only text.
func CanCast(from, to types.Type) bool {
	switch {
	case from.Kind == types.Null || from.Same(to) || from.Kind == to.Kind:
		return true
	case to.IsString():
		return true
	case from.IsString():
		return !to.IsInterval() && to.Kind != types.Null
	case from.IsBinary() || to.IsBinary():
		return from.IsBinary() && to.IsBinary()
	case from.IsNumeric() || from.Kind == types.Boolean:
		return to.IsNumeric() || to.Kind == types.Boolean
	case from.Kind == types.Date:
		return to.IsTimestamp()
	case from.Kind == types.Time:
		return to.IsTimestamp()
	case from.IsTimestamp():
		return to.IsTimestamp() || to.Kind == types.Date || to.Kind == types.Time
	}
	return false
}

// castKernel converts a column. Text that is not of the type fails, or is NULL with try; numbers wrap (to integers),
// saturate (from floats) or become NULL (to DECIMAL), as in Flink.
func castKernel(from, to types.Type, try bool) (vec.Kernel, error) {
	if !CanCast(from, to) {
		return nil, fmt.Errorf("cast %s to %s: no conversion", from, to)
	}
	switch {
	case from.Kind == types.Null:
		return allNull, nil
	case from.Same(to):
		return copyColumn, nil
	case to.IsString():
		return castToText(from, to), nil
	case from.IsString():
		return castFromText(to, try), nil
	case to.IsBinary():
		return cutBytes, nil
	case to.Kind == types.Boolean:
		return castToBoolean, nil
	case from.IsTemporal():
		return castTemporal, nil
	case to.Kind == types.Decimal:
		return castToDecimal, nil
	case to.IsApprox():
		return castToFloat(from, to), nil
	default:
		return castToInteger(from, to), nil
	}
}

func allNull(c *vec.Ctx, _ []*vec.Vec, o *vec.Vec) error {
	for i := range c.N {
		if vec.PhysOf(o.T) == vec.PStr {
			o.End()
		}
		o.SetNull(i)
	}
	return nil
}

func copyColumn(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	o.Choose(make([]uint8, c.N), a)
	return nil
}

// refuse is a row that cannot be converted: NULL with try, an error when somebody wants the row.
func refuse(c *vec.Ctx, o *vec.Vec, i int, try bool, text []byte) error {
	wanted := c.Wants(i, o)
	o.SetNull(i)
	if try || !wanted {
		return nil
	}
	return fmt.Errorf("cast '%s' to %s: not of that form (TRY_CAST gives NULL)", text, o.T.WithNull(true))
}
