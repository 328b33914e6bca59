package funcs

import (
	"fmt"
	"strings"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
)

// A parameter list is one letter a parameter: `S L L?` is a text, an integer and perhaps another. `?` marks what may be
// left out (with all that follows), `*` what may come any number of times.
//
//	S text            Y bytes           B boolean         A anything
//	L integer, as BIGINT                D number, as DOUBLE
//	N number as it is I integer as it is E DECIMAL as it is F FLOAT or DOUBLE as it is
//	d DATE            t DATE, TIME or a timestamp          T timestamp (a DATE becomes TIMESTAMP(3))
//	U a word such as HOUR: a text literal
var paramNames = map[byte]string{
	'S': "a text", 'Y': "bytes", 'B': "a BOOLEAN", 'A': "a value", 'L': "an integer", 'D': "a number", 'N': "a number",
	'I': "an integer", 'E': "a DECIMAL", 'F': "a FLOAT or DOUBLE", 'd': "a DATE", 't': "a date or time",
	'T': "a timestamp", 'U': "a unit",
}

func (f *Func) matchParams(args []plan.Expr) ([]plan.Expr, error) {
	params := strings.Fields(f.Params)
	out := make([]plan.Expr, 0, len(args))
	for _, p := range params {
		if len(p) > 1 && p[1] == '*' {
			for len(out) < len(args) {
				a, err := f.matchOne(p[0], len(out), args[len(out)])
				if err != nil {
					return nil, err
				}
				out = append(out, a)
			}
			return out, nil
		}
		if len(out) == len(args) {
			if len(p) > 1 {
				return out, nil
			}
			return nil, f.countError(args)
		}
		a, err := f.matchOne(p[0], len(out), args[len(out)])
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	if len(out) < len(args) {
		return nil, f.countError(args)
	}
	return out, nil
}

func (f *Func) countError(args []plan.Expr) error {
	return &Error{Msg: fmt.Sprintf("%s does not take %d arguments", f.Name, len(args)), Hint: "it is written " + f.Syntax}
}

func (f *Func) matchOne(class byte, i int, a plan.Expr) (plan.Expr, error) {
	t, ok := accept(class, a)
	if !ok {
		return nil, &Error{
			Msg:  fmt.Sprintf("argument %d of %s is %s, not %s", i+1, f.Name, a.Type().WithNull(true).Plain(), paramNames[class]),
			Hint: "it is written " + f.Syntax,
		}
	}
	return cast(a, t), nil
}

// accept says to which type an argument is converted for a parameter, if it may.
func accept(class byte, a plan.Expr) (types.Type, bool) {
	t := a.Type()
	null := t.Kind == types.Null
	switch class {
	case 'S':
		return or(null, types.StringT, t), null || t.IsString()
	case 'Y':
		return or(null, types.BytesT, t), null || t.IsBinary()
	case 'B':
		return types.BooleanT, null || t.Kind == types.Boolean
	case 'A':
		return t, true
	case 'L':
		return types.BigIntT, null || t.IsInteger()
	case 'D':
		return types.DoubleT, null || t.IsNumeric()
	case 'N':
		return or(null, types.IntT, t), null || t.IsNumeric()
	case 'I':
		return or(null, types.IntT, t), null || t.IsInteger()
	case 'E':
		return t, t.Kind == types.Decimal
	case 'F':
		return t, t.IsApprox()
	case 'd':
		return or(null, types.DateT, t), null || t.Kind == types.Date
	case 't':
		return or(null, types.TimestampOf(3), t), null || t.IsTemporal()
	case 'T':
		return or(null || t.Kind == types.Date, types.TimestampOf(3), t), null || t.IsTimestamp() || t.Kind == types.Date
	default:
		l, ok := a.(*plan.Literal)
		_, text := literalText(l, ok)
		return t, text
	}
}

func or(cond bool, a, b types.Type) types.Type {
	if cond {
		return a
	}
	return b
}

func literalText(l *plan.Literal, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	s, text := l.Value.(string)
	return s, text
}

// constText is the text of an argument that is a literal.
func constText(a plan.Expr) (string, bool) {
	l, ok := a.(*plan.Literal)
	return literalText(l, ok)
}

// cast converts an argument, keeping its nullability. It leaves what has the type already.
func cast(a plan.Expr, t types.Type) plan.Expr {
	from := a.Type()
	if from.Same(t) {
		return a
	}
	t = t.Plain().WithNull(from.Nullable)
	if l, ok := a.(*plan.Literal); ok && l.Value == nil {
		return &plan.Literal{T: t.WithNull(true)}
	}
	return &plan.Cast{X: a, T: t}
}

// Coerce brings expressions to their common type, as CASE, COALESCE, VALUES and UNION need it. ok is false when there is
// none.
func Coerce(es []plan.Expr) (out []plan.Expr, t types.Type, ok bool) {
	t = types.NullT
	nullable := false
	for _, e := range es {
		if t, ok = types.Common(t, e.Type()); !ok {
			return nil, t, false
		}
		nullable = nullable || e.Type().Nullable
	}
	t = t.Plain().WithNull(nullable)
	out = make([]plan.Expr, len(es))
	for i, e := range es {
		out[i] = cast(e, t)
	}
	return out, t, true
}
