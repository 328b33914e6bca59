package funcs

import (
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyConditional = "Conditional"

// Coalesce is the name of the function of which the evaluator takes the arguments one after the other, each for the rows
// that are still NULL.
const Coalesce = "COALESCE"

var conditionalFuncs = []Func{
	{
		Name: Coalesce, Family: familyConditional, Syntax: "COALESCE(a, b, ...)",
		Doc:     "The first value that is not NULL. Later ones are evaluated only where the earlier are NULL.",
		Resolve: resolveCoalesce, TakesNull: true, Bind: noKernel,
	},
	{
		Name: "IFNULL", Family: familyConditional, Syntax: "IFNULL(a, b)", Doc: "a, or b where a is NULL.", Params: "A A",
		Rewrite: func(call caller, a []plan.Expr) (plan.Expr, error) { return call(Coalesce, a...) },
	},
	{
		Name: "NULLIF", Family: familyConditional, Syntax: "NULLIF(a, b)", Doc: "NULL where both are equal, else a.", Params: "A A",
		Rewrite: func(call caller, a []plan.Expr) (plan.Expr, error) {
			same, err := call("=", a...)
			if err != nil {
				return nil, err
			}
			t := a[0].Type().WithNull(true)
			return &plan.Case{Whens: []plan.When{{Cond: same, Then: &plan.Literal{T: t}}}, Else: a[0], T: t.Plain()}, nil
		},
	},
	{
		Name: "IF", Family: familyConditional, Syntax: "IF(condition, a, b)", Doc: "a where the condition is TRUE, else b.", Params: "B A A",
		Rewrite: func(_ caller, a []plan.Expr) (plan.Expr, error) {
			got, t, ok := Coerce(a[1:])
			if !ok {
				return nil, &Error{Msg: "IF has values without a common type: " + typeList(a[1:])}
			}
			return &plan.Case{Whens: []plan.When{{Cond: a[0], Then: got[0]}}, Else: got[1], T: t}, nil
		},
	},
	extreme("GREATEST", "The largest value; NULL when one is NULL.", gt),
	extreme("LEAST", "The smallest value; NULL when one is NULL.", lt),
}

func noKernel([]plan.Expr, types.Type) (vec.Kernel, error) { return nil, nil }

func resolveCoalesce(args []plan.Expr) ([]plan.Expr, types.Type, error) {
	got, t, ok := Coerce(args)
	if len(args) == 0 || !ok {
		return nil, t, &Error{Msg: "COALESCE has values without a common type: " + typeList(args)}
	}
	nullable := true
	for _, a := range got {
		nullable = nullable && a.Type().Nullable
	}
	return got, t.WithNull(nullable), nil
}

func extreme(name, doc string, r relation) Func {
	return Func{
		Name: name, Family: familyConditional, Syntax: name + "(a, b, ...)", Doc: doc,
		Resolve: func(args []plan.Expr) ([]plan.Expr, types.Type, error) {
			got, t, ok := Coerce(args)
			if len(args) == 0 || !ok {
				return nil, t, &Error{Msg: name + " has values without a common type: " + typeList(args)}
			}
			return got, t, nil
		},
		Bind: func(args []plan.Expr, t types.Type) (vec.Kernel, error) {
			return extremeKernel(compareKernel(t, r), t), nil
		},
	}
}

func extremeKernel(beats vec.Kernel, t types.Type) vec.Kernel {
	return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		valid := o.Valid
		pick := make([]uint8, c.N)
		lead, wins := a[0], vec.Vec{}
		for _, v := range a[1:] {
			wins.Reset(types.BooleanT, c.N)
			if err := beats(c, []*vec.Vec{v, lead}, &wins); err != nil {
				return err
			}
			for i, w := range wins.Bool {
				pick[i] = 0
				if w {
					pick[i] = 1
				}
			}
			next := &vec.Vec{}
			next.Reset(t, c.N)
			next.Choose(pick, []*vec.Vec{lead, v})
			lead = next
		}
		clear(pick)
		o.Choose(pick, []*vec.Vec{lead})
		o.Valid = valid // NULL when one is NULL
		return nil
	}
}
