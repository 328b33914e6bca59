package funcs

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

type relation uint8

const (
	eq relation = iota
	ne
	lt
	le
	gt
	ge
)

const familyCompare = "Comparison"

var compareFuncs = []Func{
	comparison("=", eq, "a = b", "TRUE when both are equal. Texts are compared byte by byte; trailing blanks count."),
	comparison("<>", ne, "a <> b", "TRUE when both differ."),
	comparison("<", lt, "a < b", "TRUE when a is less."),
	comparison("<=", le, "a <= b", "TRUE when a is less or equal."),
	comparison(">", gt, "a > b", "TRUE when a is greater."),
	comparison(">=", ge, "a >= b", "TRUE when a is greater or equal."),
	distinct("IS DISTINCT FROM", false, "a IS DISTINCT FROM b", "As <>, but two NULLs are equal; never NULL."),
	distinct("IS NOT DISTINCT FROM", true, "a IS NOT DISTINCT FROM b", "As =, but two NULLs are equal; never NULL."),
	{
		Name: "BETWEEN", Family: familyCompare, Syntax: "x BETWEEN a AND b", Doc: "x >= a AND x <= b.", Params: "A A A",
		Rewrite: func(call caller, a []plan.Expr) (plan.Expr, error) { return between(call, a[0], a[1], a[2]) },
	},
	{
		Name: "BETWEEN SYMMETRIC", Family: familyCompare, Syntax: "x BETWEEN SYMMETRIC a AND b",
		Doc: "As BETWEEN, with the bounds in either order.", Params: "A A A",
		Rewrite: func(call caller, a []plan.Expr) (plan.Expr, error) {
			up, err := between(call, a[0], a[1], a[2])
			if err != nil {
				return nil, err
			}
			down, err := between(call, a[0], a[2], a[1])
			if err != nil {
				return nil, err
			}
			return call("OR", up, down)
		},
	},
	{
		Name: "IN", Family: familyCompare, Syntax: "x IN (a, b, ...)",
		Doc:     "TRUE when x equals one of the values; NULL when it equals none and one of them, or x, is NULL.",
		Resolve: resolveIn, Bind: bindIn, TakesNull: true,
	},
}

func between(call caller, x, lo, hi plan.Expr) (plan.Expr, error) {
	a, err := call(">=", x, lo)
	if err != nil {
		return nil, err
	}
	b, err := call("<=", x, hi)
	if err != nil {
		return nil, err
	}
	return call("AND", a, b)
}

func comparison(name string, r relation, syntax, doc string) Func {
	return Func{
		Name: name, Family: familyCompare, Syntax: syntax, Doc: doc,
		Resolve: func(args []plan.Expr) ([]plan.Expr, types.Type, error) {
			got, err := comparable2(name, args)
			return got, types.BooleanT.WithNull(err == nil && anyNullable(got)), err
		},
		Bind: func(args []plan.Expr, _ types.Type) (vec.Kernel, error) { return compareKernel(args[0].Type(), r), nil },
	}
}

// comparable2 brings two operands to one type. A text is read as the other side's date or time, as Flink does;
// otherwise there is no conversion between text and anything else.
func comparable2(name string, args []plan.Expr) ([]plan.Expr, error) {
	if len(args) != 2 {
		return nil, &Error{Msg: fmt.Sprintf("%s takes two operands", name)}
	}
	a, b := args[0], args[1]
	switch at, bt := a.Type(), b.Type(); {
	case at.IsTemporal() && bt.IsString():
		return []plan.Expr{a, cast(b, at)}, nil
	case bt.IsTemporal() && at.IsString():
		return []plan.Expr{cast(a, bt), b}, nil
	}
	got, _, ok := Coerce(args)
	if !ok {
		return nil, &Error{
			Msg:  fmt.Sprintf("%s does not compare %s with %s", name, a.Type().WithNull(true).Plain(), b.Type().WithNull(true).Plain()),
			Hint: "convert one side with CAST",
		}
	}
	return got, nil
}

func compareKernel(t types.Type, r relation) vec.Kernel {
	switch vec.PhysOf(t) {
	case vec.PI8:
		return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { compare(r, a[0].I8, a[1].I8, o.Bool); return nil }
	case vec.PI16:
		return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { compare(r, a[0].I16, a[1].I16, o.Bool); return nil }
	case vec.PI32:
		return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { compare(r, a[0].I32, a[1].I32, o.Bool); return nil }
	case vec.PI64:
		return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { compare(r, a[0].I64, a[1].I64, o.Bool); return nil }
	case vec.PF32:
		return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { compare(r, a[0].F32, a[1].F32, o.Bool); return nil }
	case vec.PF64:
		return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { compare(r, a[0].F64, a[1].F64, o.Bool); return nil }
	case vec.PDec:
		return compareRows(r, func(a, b *vec.Vec, i int) int { return a.Dec[i].Cmp(b.Dec[i]) })
	case vec.PStr:
		if r == eq || r == ne {
			return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { equalTexts(r == eq, a[0], a[1], o.Bool); return nil }
		}
		return compareRows(r, func(a, b *vec.Vec, i int) int { return bytes.Compare(a.Str(i), b.Str(i)) })
	default:
		return compareRows(r, func(a, b *vec.Vec, i int) int { return compareBools(a.Bool[i], b.Bool[i]) })
	}
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func compare[T cmp.Ordered](r relation, a, b []T, out []bool) {
	a, b = a[:len(out)], b[:len(out)]
	switch r {
	case eq:
		for i := range out {
			out[i] = a[i] == b[i]
		}
	case ne:
		for i := range out {
			out[i] = a[i] != b[i]
		}
	case lt:
		for i := range out {
			out[i] = a[i] < b[i]
		}
	case le:
		for i := range out {
			out[i] = a[i] <= b[i]
		}
	case gt:
		for i := range out {
			out[i] = a[i] > b[i]
		}
	case ge:
		for i := range out {
			out[i] = a[i] >= b[i]
		}
	}
}

func equalTexts(want bool, a, b *vec.Vec, out []bool) {
	for i := range out {
		out[i] = bytes.Equal(a.Str(i), b.Str(i)) == want
	}
}

// holds says for the results -1, 0 and 1 of a three-way comparison whether the relation holds.
func (r relation) holds() [3]bool {
	return [...][3]bool{
		eq: {false, true, false}, ne: {true, false, true}, lt: {true, false, false},
		le: {true, true, false}, gt: {false, false, true}, ge: {false, true, true},
	}[r]
}

func compareRows(r relation, three func(a, b *vec.Vec, i int) int) vec.Kernel {
	holds := r.holds()
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.Bool {
			o.Bool[i] = holds[three(a[0], a[1], i)+1]
		}
		return nil
	}
}

func distinct(name string, same bool, syntax, doc string) Func {
	return Func{
		Name: name, Family: familyCompare, Syntax: syntax, Doc: doc, TakesNull: true,
		Resolve: func(args []plan.Expr) ([]plan.Expr, types.Type, error) {
			got, err := comparable2(name, args)
			return got, types.BooleanT.NotNull(), err
		},
		Bind: func(args []plan.Expr, _ types.Type) (vec.Kernel, error) {
			k := compareKernel(args[0].Type(), eq)
			return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
				if err := k(c, a, o); err != nil {
					return err
				}
				for i := range o.Bool {
					an, bn := a[0].Null(i), a[1].Null(i)
					o.Bool[i] = (an && bn || !an && !bn && o.Bool[i]) == same
				}
				return nil
			}, nil
		},
	}
}

func resolveIn(args []plan.Expr) ([]plan.Expr, types.Type, error) {
	if len(args) < 2 {
		return nil, types.Type{}, &Error{Msg: "IN takes at least one value"}
	}
	out := []plan.Expr{args[0]}
	for _, v := range args[1:] {
		got, err := comparable2("IN", []plan.Expr{args[0], v})
		if err != nil {
			return nil, types.Type{}, err
		}
		if !got[0].Type().Same(args[0].Type()) {
			// the left side has to widen: bring all to the common type
			return coerceIn(args)
		}
		out = append(out, got[1])
	}
	return out, types.BooleanT.WithNull(anyNullable(out)), nil
}

func coerceIn(args []plan.Expr) ([]plan.Expr, types.Type, error) {
	got, _, ok := Coerce(args)
	if !ok {
		return nil, types.Type{}, &Error{Msg: "IN has values without a common type: " + typeList(args)}
	}
	return got, types.BooleanT.WithNull(anyNullable(got)), nil
}

// bindIn compares with each value in turn; the lists in queries are short.
func bindIn(args []plan.Expr, _ types.Type) (vec.Kernel, error) {
	k := compareKernel(args[0].Type(), eq)
	return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		one := vec.Vec{}
		found, unknown := o.Bool, make([]bool, c.N)
		clear(found)
		for _, v := range a[1:] {
			one.Reset(types.BooleanT, c.N)
			if err := k(c, []*vec.Vec{a[0], v}, &one); err != nil {
				return err
			}
			for i, same := range one.Bool {
				null := a[0].Null(i) || v.Null(i)
				found[i] = found[i] || same && !null
				unknown[i] = unknown[i] || null
			}
		}
		for i, u := range unknown {
			if u && !found[i] {
				o.SetNull(i)
			}
		}
		return nil
	}, nil
}
