package funcs

import (
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyLogic = "Logic"

var logicFuncs = []Func{
	{
		Name: "AND", Family: familyLogic, Syntax: "a AND b", Params: "B B", TakesNull: true, Bind: plain(and), Ret: retNullable,
		Doc: "FALSE when one side is FALSE, else NULL when one is NULL. The right side is not evaluated for rows where the left is FALSE.",
	},
	{
		Name: "OR", Family: familyLogic, Syntax: "a OR b", Params: "B B", TakesNull: true, Bind: plain(orKernel), Ret: retNullable,
		Doc: "TRUE when one side is TRUE, else NULL when one is NULL. The right side is not evaluated for rows where the left is TRUE.",
	},
	{
		Name: "NOT", Family: familyLogic, Syntax: "NOT a", Doc: "TRUE for FALSE, FALSE for TRUE, NULL for NULL.", Params: "B",
		Ret: ret(types.BooleanT),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i, x := range a[0].Bool {
				o.Bool[i] = !x
			}
			return nil
		}),
	},
	nullTest("IS NULL", "x IS NULL", true),
	nullTest("IS NOT NULL", "x IS NOT NULL", false),
	truthTest("IS TRUE", "x IS TRUE", func(null, x bool) bool { return !null && x }),
	truthTest("IS NOT TRUE", "x IS NOT TRUE", func(null, x bool) bool { return null || !x }),
	truthTest("IS FALSE", "x IS FALSE", func(null, x bool) bool { return !null && !x }),
	truthTest("IS NOT FALSE", "x IS NOT FALSE", func(null, x bool) bool { return null || x }),
	truthTest("IS UNKNOWN", "x IS UNKNOWN", func(null, _ bool) bool { return null }),
	truthTest("IS NOT UNKNOWN", "x IS NOT UNKNOWN", func(null, _ bool) bool { return !null }),
}

func retNullable(args []plan.Expr) types.Type { return types.BooleanT.WithNull(anyNullable(args)) }

func and(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	x, y := a[0], a[1]
	for i := range o.Bool {
		o.Bool[i] = x.Bool[i] && y.Bool[i]
	}
	if x.Valid == nil && y.Valid == nil {
		return nil
	}
	for i := range o.Bool {
		xn, yn := x.Null(i), y.Null(i)
		if xn && yn || xn && y.Bool[i] || yn && x.Bool[i] {
			o.SetNull(i)
		} else if xn || yn {
			o.Bool[i] = false
		}
	}
	return nil
}

func orKernel(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	x, y := a[0], a[1]
	for i := range o.Bool {
		o.Bool[i] = x.Bool[i] || y.Bool[i]
	}
	if x.Valid == nil && y.Valid == nil {
		return nil
	}
	for i := range o.Bool {
		xn, yn := x.Null(i), y.Null(i)
		if xn && yn || xn && !y.Bool[i] || yn && !x.Bool[i] {
			o.SetNull(i)
		} else if xn || yn {
			o.Bool[i] = true
		}
	}
	return nil
}

func nullTest(name, syntax string, want bool) Func {
	return Func{
		Name: name, Family: familyLogic, Syntax: syntax, Doc: "Whether x is NULL; never NULL itself.", Params: "A",
		TakesNull: true, Ret: ret(types.BooleanT.NotNull()),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			if a[0].Valid == nil {
				for i := range o.Bool {
					o.Bool[i] = !want
				}
				return nil
			}
			for i := range o.Bool {
				o.Bool[i] = a[0].Valid.Get(i) != want
			}
			return nil
		}),
	}
}

func truthTest(name, syntax string, f func(null, x bool) bool) Func {
	return Func{
		Name: name, Family: familyLogic, Syntax: syntax, Doc: "Tests a BOOLEAN; never NULL itself.", Params: "B",
		TakesNull: true, Ret: ret(types.BooleanT.NotNull()),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.Bool {
				o.Bool[i] = f(a[0].Null(i), a[0].Bool[i])
			}
			return nil
		}),
	}
}
