package bind

import "github.com/weirhub/weir/sql/types"

// castable says which conversions CAST has, as Flink's documentation lists them.
func castable(from, to types.Type) bool {
	text := from.IsString() || to.IsString()
	switch {
	case from.Kind == types.Null, from.Kind == to.Kind, from.IsNumeric() && to.IsNumeric():
		return true
	case text:
		return !to.IsInterval()
	case from.Kind == types.Boolean || to.Kind == types.Boolean:
		return from.IsNumeric() || to.IsNumeric()
	case from.IsBinary() || to.IsBinary():
		return from.IsBinary() && to.IsBinary()
	case from.IsTemporal() && to.IsTemporal():
		return !(from.Kind == types.Date && to.Kind == types.Time) && !(from.Kind == types.Time && to.Kind == types.Date)
	}
	return false
}
