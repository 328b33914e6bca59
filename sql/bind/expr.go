package bind

import (
	"github.com/weirhub/weir/sql/expr"
	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

// place is where an expression stands: what it can name and whether aggregates may stand there.
type place struct {
	*scope
	clause string    // for messages: WHERE, GROUP BY
	aggs   *grouping // collects aggregates; nil: they may not stand here
}

// expr binds an expression; nil when it was reported.
func (b *Binder) expr(p place, e parse.Expr) plan.Expr {
	switch e := e.(type) {
	case *parse.Ref:
		return b.column(p.scope, e)
	case *parse.NumberLit:
		return b.number(e)
	case *parse.StringLit:
		return plan.Text(e.Val)
	case *parse.BytesLit:
		return &plan.Literal{Value: e.Val, T: types.Type{Kind: types.Binary, Precision: int32(len(e.Val))}}
	case *parse.BoolLit:
		return &plan.Literal{Value: e.Val, T: types.BooleanT.NotNull()}
	case *parse.NullLit:
		if e.Boolean {
			return &plan.Literal{T: types.BooleanT}
		}
		return &plan.Literal{T: types.NullT}
	case *parse.TimeLit:
		return b.timeLiteral(e)
	case *parse.IntervalLit:
		return b.interval(e)
	case *parse.SymbolArg:
		return plan.Text(e.Name)
	case *parse.Call:
		return b.call(p, e)
	case *parse.Case:
		return b.caseExpr(p, e)
	case *parse.Cast:
		return b.cast(p, e)
	default:
		return b.operator(p, e)
	}
}

// operator binds the forms that are calls of a function by another name.
func (b *Binder) operator(p place, e parse.Expr) plan.Expr {
	switch e := e.(type) {
	case *parse.Unary:
		return b.unary(p, e)
	case *parse.Binary:
		return b.apply(e.OpAt, e.Op, b.exprs(p, e.L, e.R))
	case *parse.Is:
		name := "IS "
		if e.Not {
			name = "IS NOT "
		}
		return b.apply(e.At(), name+e.What, b.exprs(p, e.X))
	case *parse.Between:
		name := "BETWEEN"
		if e.Symmetric {
			name = "BETWEEN SYMMETRIC"
		}
		return b.negate(e.At(), e.Not, b.apply(e.At(), name, b.exprs(p, e.X, e.Lo, e.Hi)))
	case *parse.In:
		if e.Query != nil {
			b.fail(e.At(), "IN (SELECT ...) is not supported", "list the values")
			return nil
		}
		return b.negate(e.At(), e.Not, b.apply(e.At(), "IN", b.exprs(p, append([]parse.Expr{e.X}, e.List...)...)))
	case *parse.Like:
		args := []parse.Expr{e.X, e.Pattern}
		if e.Escape != nil {
			args = append(args, e.Escape)
		}
		name := "LIKE"
		if e.Similar {
			name = "SIMILAR"
		}
		return b.negate(e.At(), e.Not, b.apply(e.At(), name, b.exprs(p, args...)))
	}
	b.unsupported(e)
	return nil
}

func (b *Binder) unsupported(e parse.Expr) {
	switch e := e.(type) {
	case *parse.Star:
		b.fail(e.At(), "* is not an expression", "it stands alone in SELECT, or in COUNT(*)")
	case *parse.SubqueryExpr:
		what := "a query as a value"
		if e.Exists {
			what = "EXISTS"
		}
		b.fail(e.At(), what+" is not supported", "")
	case *parse.RowExpr:
		b.fail(e.At(), "a row is not a value here", "write the columns one by one")
	default:
		b.fail(e.At(), "arrays and maps are not supported", "")
	}
}

// constant reports what fails in an expression whatever the rows are, such as 1 / 0, at the expression's place.
func (b *Binder) constant(at parse.Expr, e plan.Expr) plan.Expr {
	if e == nil {
		return nil
	}
	grouped := false
	plan.Walk(e, func(e plan.Expr) bool {
		_, is := e.(*aggregateRef)
		grouped = grouped || is
		return !grouped
	})
	if grouped {
		return e
	}
	if _, err := expr.Fold(e); err != nil {
		b.fail(at.At(), err.Error(), "")
		return nil
	}
	return e
}

// exprs binds several; nil when one of them was reported.
func (b *Binder) exprs(p place, list ...parse.Expr) []plan.Expr {
	out := make([]plan.Expr, len(list))
	ok := true
	for i, e := range list {
		out[i] = b.expr(p, e)
		ok = ok && out[i] != nil
	}
	if !ok {
		return nil
	}
	return out
}

// apply calls a function; args is nil when they were reported.
func (b *Binder) apply(at sqlerr.Span, name string, args []plan.Expr) plan.Expr {
	if args == nil {
		return nil
	}
	e, err := funcs.Call(name, args...)
	if err != nil {
		b.failCall(at, name, err)
		return nil
	}
	return e
}

func (b *Binder) negate(at sqlerr.Span, not bool, e plan.Expr) plan.Expr {
	if !not || e == nil {
		return e
	}
	return b.apply(at, "NOT", []plan.Expr{e})
}

func (b *Binder) unary(p place, e *parse.Unary) plan.Expr {
	x := b.expr(p, e.X)
	if x == nil {
		return nil
	}
	switch e.Op {
	case "NOT":
		return b.apply(e.At(), "NOT", []plan.Expr{x})
	case "+":
		if !x.Type().IsNumeric() && !x.Type().IsInterval() {
			b.fail(e.At(), "+ does not take "+x.Type().WithNull(true).Plain().String(), "")
			return nil
		}
		return x
	}
	return b.apply(e.At(), "NEGATE", []plan.Expr{x})
}

func (b *Binder) cast(p place, e *parse.Cast) plan.Expr {
	x := b.expr(p, e.X)
	t, ok := b.typeOf(e.Type)
	if x == nil || !ok {
		return nil
	}
	if !castable(x.Type(), t) {
		b.fail(e.At(), "there is no conversion from "+x.Type().WithNull(true).Plain().String()+" to "+t.WithNull(true).String(), "")
		return nil
	}
	return &plan.Cast{X: x, T: t.WithNull(x.Type().Nullable || e.Try), Try: e.Try}
}

// caseExpr turns both forms into the searched one and brings the branches to one type.
func (b *Binder) caseExpr(p place, e *parse.Case) plan.Expr {
	var operand plan.Expr
	if e.Operand != nil {
		operand = b.expr(p, e.Operand)
	}
	ok := e.Operand == nil || operand != nil
	conds := make([]plan.Expr, len(e.Whens))
	values := make([]plan.Expr, len(e.Whens)+1)
	for i, w := range e.Whens {
		conds[i] = b.condition(p, w.If, operand, e.Operand != nil)
		values[i] = b.expr(p, w.Then)
		ok = ok && conds[i] != nil && values[i] != nil
	}
	values[len(e.Whens)] = &plan.Literal{T: types.NullT}
	if e.Else != nil {
		values[len(e.Whens)] = b.expr(p, e.Else)
		ok = ok && values[len(e.Whens)] != nil
	}
	if !ok {
		return nil
	}
	coerced, t, fits := funcs.Coerce(values)
	if !fits {
		b.fail(e.At(), "the branches of CASE have no common type: "+typeList(values), "convert them with CAST")
		return nil
	}
	c := &plan.Case{Else: coerced[len(e.Whens)], T: t}
	for i := range conds {
		c.Whens = append(c.Whens, plan.When{Cond: conds[i], Then: coerced[i]})
	}
	return c
}

// condition binds what stands behind WHEN: a condition, or a value that is compared with the operand.
func (b *Binder) condition(p place, e parse.Expr, operand plan.Expr, simple bool) plan.Expr {
	x := b.expr(p, e)
	if x == nil {
		return nil
	}
	if simple {
		if operand == nil {
			return nil
		}
		return b.apply(e.At(), "=", []plan.Expr{operand, x})
	}
	return b.boolean(e, x, "WHEN")
}

// boolean checks that an expression is a condition.
func (b *Binder) boolean(at parse.Expr, e plan.Expr, clause string) plan.Expr {
	if e == nil {
		return nil
	}
	if k := e.Type().Kind; k != types.Boolean && k != types.Null {
		b.fail(at.At(), clause+" needs a condition, not "+e.Type().WithNull(true).Plain().String(), "compare it with something")
		return nil
	}
	return e
}

func typeList(es []plan.Expr) string {
	s := ""
	for i, e := range es {
		if i > 0 {
			s += ", "
		}
		s += e.Type().WithNull(true).Plain().String()
	}
	return s
}
