package expr

import (
	"errors"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
)

// Fold replaces the parts of an expression that depend on nothing by their values. Folding reports what evaluation would:
// an error of a part that every row reaches is an error of the statement. Also a number that is divided by the constant
// zero fails here, of whatever type: Flink computes constants as decimals.
func Fold(e plan.Expr) (plan.Expr, error) {
	e, _, err := fold(e, false)
	return e, err
}

// fold also reports whether the expression reads no column and nothing volatile. Each part is looked at once: conditions of
// thousands of terms are written by programs.
func fold(e plan.Expr, lazy bool) (_ plan.Expr, constant bool, err error) {
	e, constant, err = foldParts(e, lazy)
	if err != nil {
		return nil, false, err
	}
	switch e.(type) {
	case *plan.Column:
		return e, false, nil
	case *plan.Literal:
		return e, true, nil
	}
	if !constant || funcs.VolatileCall(e) {
		return e, false, nil
	}
	v, err := Constant(e)
	if err != nil {
		if lazy {
			return e, true, nil // perhaps no row gets there
		}
		return nil, false, err
	}
	return v, true, nil
}

// foldParts folds what an expression is made of, and reports whether all of it is constant.
func foldParts(e plan.Expr, lazy bool) (_ plan.Expr, constant bool, fail error) {
	constant = true
	part := func(x plan.Expr, lazy bool) plan.Expr {
		y, c, err := fold(x, lazy)
		if err != nil {
			fail = errors.Join(fail, err)
			return x
		}
		constant = constant && c
		return y
	}
	switch x := e.(type) {
	case *plan.Call:
		args := make([]plan.Expr, len(x.Args))
		later := x.Name == "AND" || x.Name == "OR" || x.Name == funcs.Coalesce
		for i, a := range x.Args {
			args[i] = part(a, lazy || later && i > 0)
		}
		e = &plan.Call{Name: x.Name, Args: args, T: x.T}
	case *plan.Cast:
		e = &plan.Cast{X: part(x.X, lazy), T: x.T, Try: x.Try}
	case *plan.Case:
		c := &plan.Case{T: x.T}
		for i, w := range x.Whens {
			c.Whens = append(c.Whens, plan.When{Cond: part(w.Cond, lazy || i > 0), Then: part(w.Then, true)})
		}
		c.Else = part(x.Else, true)
		e = c
	}
	return e, constant, fail
}

// Constant evaluates an expression without columns to a literal of its type.
func Constant(e plan.Expr) (*plan.Literal, error) {
	if err := divisionByZero(e); err != nil {
		return nil, err
	}
	p, err := Compile([]plan.Expr{e})
	if err != nil {
		return nil, err
	}
	p.StartRows(1)
	v, err := p.Eval(0)
	if err != nil {
		return nil, err
	}
	return &plan.Literal{Value: v.Value(0), T: e.Type()}, nil
}

func divisionByZero(e plan.Expr) error {
	c, ok := e.(*plan.Call)
	if !ok || c.Name != "/" && c.Name != "%" && c.Name != "MOD" {
		return nil
	}
	for _, a := range c.Args {
		if l, ok := a.(*plan.Literal); !ok || l.Value == nil {
			return nil
		}
	}
	if c.Args[1].(*plan.Literal).Value == 0.0 {
		return errors.New("division by zero")
	}
	return nil
}
