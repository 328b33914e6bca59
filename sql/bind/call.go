package bind

import (
	"strings"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
)

// call binds a function or an aggregate.
func (b *Binder) call(p place, c *parse.Call) plan.Expr {
	name := strings.ToUpper(c.Name.Name)
	if c.Over != nil {
		b.fail(c.Over.Span, "OVER is not supported", "aggregate with GROUP BY, or over a window with TUMBLE")
		return nil
	}
	if funcs.IsAggregate(name) {
		return b.aggregate(p, c, name)
	}
	if c.Filter != nil || c.Distinct || c.Star {
		what := "*"
		switch {
		case c.Filter != nil:
			what = "FILTER"
		case c.Distinct:
			what = "DISTINCT"
		}
		if !funcs.Known(name) {
			b.failCall(c.Name.Span, c.Name.Name, &funcs.Error{Unknown: true})
			return nil
		}
		b.fail(c.At(), what+" belongs to aggregates, "+name+" is none", "")
		return nil
	}
	if hint, ok := windowFunctionHint(name); ok {
		b.fail(c.Name.Span, name+" is not a function of a value", hint)
		return nil
	}
	name, written := trimSide(name, c.Args)
	args := make([]plan.Expr, 0, len(written))
	ok := true
	for _, a := range written {
		x := b.expr(p, a)
		ok = ok && x != nil
		args = append(args, x)
	}
	if !ok {
		if !funcs.Known(name) {
			b.failCall(c.Name.Span, c.Name.Name, &funcs.Error{Unknown: true})
		}
		return nil
	}
	e, err := funcs.Call(name, args...)
	if err != nil {
		b.failCall(c.Name.Span, c.Name.Name, err)
		return nil
	}
	return e
}

// trimSide turns TRIM(LEADING chars FROM s), which the parser gives as three arguments, into the function of that side
// with the text first.
func trimSide(name string, args []parse.Expr) (string, []parse.Expr) {
	if name != "TRIM" || len(args) != 3 {
		return name, args
	}
	side, ok := args[0].(*parse.SymbolArg)
	if !ok {
		return name, args
	}
	if side.Name != "BOTH" {
		name += " " + side.Name
	}
	return name, []parse.Expr{args[2], args[1]}
}

func windowFunctionHint(name string) (string, bool) {
	if _, ok := windowForms()[name]; ok {
		return "write FROM TABLE(" + name + "(TABLE t, DESCRIPTOR(time), INTERVAL '1' HOUR)) and GROUP BY window_start, window_end", true
	}
	return "", false
}
