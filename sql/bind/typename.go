package bind

import (
	"fmt"

	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

// typeSpec says how a type's name is read: its arguments with their defaults and limits.
type typeSpec struct {
	make     func(args []int32) types.Type
	defaults []int32
	min, max []int32
}

func fixed(t types.Type) typeSpec { return typeSpec{make: func([]int32) types.Type { return t }} }

func sized(f func(int32) types.Type, byDefault, low, high int32) typeSpec {
	return typeSpec{
		make:     func(a []int32) types.Type { return f(a[0]) },
		defaults: []int32{byDefault}, min: []int32{low}, max: []int32{high},
	}
}

func binary(kind types.Kind) func(int32) types.Type {
	return func(n int32) types.Type { return types.Type{Kind: kind, Nullable: true, Precision: n} }
}

// typeSpecs lists the names of types, with Flink's defaults.
func typeSpecs() map[string]typeSpec {
	decimal := typeSpec{
		make:     func(a []int32) types.Type { return types.DecimalOf(a[0], a[1]) },
		defaults: []int32{10, 0}, min: []int32{1, 0}, max: []int32{types.MaxDecimal, types.MaxDecimal},
	}
	return map[string]typeSpec{
		"BOOLEAN": fixed(types.BooleanT), "TINYINT": fixed(types.TinyIntT), "SMALLINT": fixed(types.SmallIntT),
		"INT": fixed(types.IntT), "INTEGER": fixed(types.IntT), "BIGINT": fixed(types.BigIntT),
		"FLOAT": fixed(types.FloatT), "DOUBLE": fixed(types.DoubleT), "STRING": fixed(types.StringT),
		"BYTES": fixed(types.BytesT), "DATE": fixed(types.DateT),
		"DECIMAL": decimal, "DEC": decimal, "NUMERIC": decimal,
		"CHAR":          sized(types.CharOf, 1, 1, types.MaxLength),
		"VARCHAR":       sized(types.VarcharOf, 1, 1, types.MaxLength),
		"BINARY":        sized(binary(types.Binary), 1, 1, types.MaxLength),
		"VARBINARY":     sized(binary(types.Varbinary), 1, 1, types.MaxLength),
		"TIME":          sized(types.TimeOf, 0, 0, 9),
		"TIMESTAMP":     sized(types.TimestampOf, 6, 0, 9),
		"TIMESTAMP_LTZ": sized(types.TimestampLTZOf, 6, 0, 9),
	}
}

// typeOf gives a written type its meaning; false when it was reported.
func (b *Binder) typeOf(t parse.TypeName) (types.Type, bool) {
	spec, ok := typeSpecs()[t.Name]
	if !ok {
		b.unknownType(t)
		return types.Type{}, false
	}
	args := append([]int32(nil), spec.defaults...)
	if len(t.Args) > len(args) {
		b.fail(t.Span, fmt.Sprintf("%s takes %d arguments, not %d", t.Name, len(args), len(t.Args)), "")
		return types.Type{}, false
	}
	for i, a := range t.Args {
		if a < int(spec.min[i]) || a > int(spec.max[i]) {
			b.fail(t.Span, fmt.Sprintf("%d is not between %d and %d", a, spec.min[i], spec.max[i]), "")
			return types.Type{}, false
		}
		args[i] = int32(a)
	}
	out := spec.make(args)
	if out.Kind == types.Decimal && out.Scale > out.Precision {
		b.fail(t.Span, "the scale of a DECIMAL is not greater than its precision", "")
		return types.Type{}, false
	}
	return out.WithNull(!t.NotNull), true
}

func (b *Binder) unknownType(t parse.TypeName) {
	at := t.Span
	at.End = at.Off + len(t.Name)
	switch t.Name {
	case "ARRAY", "MAP", "MULTISET", "ROW", "STRUCTURED", "RAW", "VARIANT", "BITMAP":
		b.fail(at, t.Name+" is not supported", "read nested values as STRING")
	case "TEXT":
		b.fail(at, "unknown type TEXT", didYouMean("STRING"))
	case "LONG":
		b.fail(at, "unknown type LONG", didYouMean("BIGINT"))
	case "DATETIME", "TIMESTAMPTZ":
		b.fail(at, "unknown type "+t.Name, didYouMean("TIMESTAMP"))
	default:
		var names []string
		for n := range typeSpecs() {
			names = append(names, n)
		}
		b.fail(at, "unknown type "+t.Name, nearest(t.Name, names, "types are STRING, BIGINT, INT, DOUBLE, DECIMAL, BOOLEAN, DATE, TIMESTAMP, ..."))
	}
}

// TypeOf reads a type from text, such as a column's in a configuration file.
func TypeOf(text string) (types.Type, error) {
	name, errs := parse.ParseType(text)
	if len(errs) > 0 {
		return types.Type{}, sqlerr.List(errs)
	}
	b := New(nil, nil)
	t, ok := b.typeOf(name)
	if !ok {
		return types.Type{}, sqlerr.List(b.errs)
	}
	return t, nil
}
