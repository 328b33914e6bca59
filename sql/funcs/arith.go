package funcs

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyArith = "Arithmetic"

// errZero fails the query, as Flink's does: integers and decimals have no infinity.
var errZero = errors.New("division by zero")

var arithFuncs = []Func{
	arith("+", "a + b", "Sum. Integers wrap around; a DECIMAL that does not fit is NULL. Also timestamp + interval."),
	arith("-", "a - b", "Difference, with the rules of +."),
	arith("*", "a * b", "Product, with the rules of +. Also interval * integer."),
	arith("/", "a / b", "Quotient; of integers it is cut towards zero. Zero as an integer or DECIMAL divisor fails the query."),
	modulo("%", "a % b"),
	modulo("MOD", "MOD(a, b)"),
	{
		Name: "NEGATE", Family: familyArith, Syntax: "-a", Doc: "The number with the other sign.", Params: "N", Ret: retArg(0),
		Bind: bindNegate,
	},
	{
		Name: "NEGATE", Family: familyArith, Syntax: "-INTERVAL", Doc: "The interval backwards.", Resolve: resolveNegateInterval,
		Bind: bindNegate,
	},
}

func modulo(name, syntax string) Func {
	f := arith("%", syntax, "Remainder; its sign is a's. The type is b's for integers. A zero divisor fails the query.")
	f.Name = name
	return f
}

func arith(op, syntax, doc string) Func {
	return Func{
		Name: op, Family: familyArith, Syntax: syntax, Doc: doc,
		Resolve: func(args []plan.Expr) ([]plan.Expr, types.Type, error) { return resolveArith(op, args) },
		Bind:    func(args []plan.Expr, ret types.Type) (vec.Kernel, error) { return bindArith(op[0], args, ret) },
	}
}

func resolveArith(op string, args []plan.Expr) ([]plan.Expr, types.Type, error) {
	if len(args) != 2 {
		return nil, types.Type{}, &Error{Msg: op + " takes two operands"}
	}
	a, b := args[0], args[1]
	at, bt := a.Type(), b.Type()
	if at.Kind == types.Null {
		a, at = cast(a, bt), bt
	}
	if bt.Kind == types.Null {
		b, bt = cast(b, at), at
	}
	nullable := a.Type().Nullable || b.Type().Nullable
	got, t, ok := []plan.Expr{a, b}, types.Type{}, false
	if at.IsNumeric() && bt.IsNumeric() {
		got, t, ok = numericArith(op, a, b)
	} else {
		t, ok = temporalArith(op, at, bt)
	}
	if !ok {
		return nil, t, &Error{
			Msg:  fmt.Sprintf("%s does not take %s and %s", op, at.WithNull(true).Plain(), bt.WithNull(true).Plain()),
			Hint: "convert one side with CAST",
		}
	}
	return got, t.WithNull(nullable), nil
}

func numericArith(op string, a, b plan.Expr) ([]plan.Expr, types.Type, bool) {
	at, bt := a.Type(), b.Type()
	if at.Kind != types.Decimal && bt.Kind != types.Decimal || at.IsApprox() || bt.IsApprox() {
		common, _ := types.Common(at, bt)
		t := common
		if op == "%" && t.IsInteger() {
			t = bt // MOD(BIGINT, INT) is an INT
		}
		return []plan.Expr{cast(a, common), cast(b, common)}, t, true
	}
	da, _ := at.AsDecimal()
	db, _ := bt.AsDecimal()
	got := []plan.Expr{cast(a, da), cast(b, db)}
	switch op {
	case "*":
		return got, types.MulDecimal(da, db), true
	case "/":
		return got, types.DivDecimal(da, db), true
	case "%":
		return got, types.ModDecimal(da, db), true
	default:
		return got, types.AddDecimal(da, db), true
	}
}

func temporalArith(op string, a, b types.Type) (types.Type, bool) {
	sum := op == "+" || op == "-"
	switch {
	case sum && a.IsInterval() && a.Kind == b.Kind:
		return a, true
	case sum && (a.IsTimestamp() || a.Kind == types.Date) && b.IsInterval():
		if a.Kind == types.Date && b.Kind == types.IntervalMillis {
			return types.DateT, true
		}
		return a.Plain(), true
	case sum && a.Kind == types.Time && b.Kind == types.IntervalMillis:
		return a, true
	case op == "+" && a.IsInterval() && b.IsTemporal():
		return temporalArith(op, b, a)
	case op == "-" && (a.IsTimestamp() || a.Kind == types.Date) && (b.IsTimestamp() || b.Kind == types.Date):
		return types.MillisT, true
	case op == "*" && a.IsInterval() && b.IsInteger():
		return a, true
	case op == "*" && a.IsInteger() && b.IsInterval():
		return b, true
	}
	return types.Type{}, false
}

func bindArith(op byte, args []plan.Expr, ret types.Type) (vec.Kernel, error) {
	at, bt := args[0].Type(), args[1].Type()
	if !at.IsNumeric() || !bt.IsNumeric() {
		return temporalKernel(op, at, bt), nil
	}
	switch vec.PhysOf(at) {
	case vec.PI8, vec.PI16, vec.PI32, vec.PI64:
		return intKernel(op, at, ret), nil
	case vec.PF32:
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { floatOp(op, a[0].F32, a[1].F32, o.F32); return nil }, nil
	case vec.PF64:
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { floatOp(op, a[0].F64, a[1].F64, o.F64); return nil }, nil
	default:
		return decimalKernel(op, at, bt, ret), nil
	}
}

func intKernel(op byte, t, ret types.Type) vec.Kernel {
	if !t.Same(ret) { // MOD of a wide dividend: compute wide, then cut
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.Len {
				y := a[1].Int(i)
				if y == 0 {
					if c.Wants(i, o) {
						return errZero
					}
					y = 1
				}
				o.SetInt(i, a[0].Int(i)%y)
			}
			return nil
		}
	}
	switch vec.PhysOf(t) {
	case vec.PI8:
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { return intOp(op, c, a[0].I8, a[1].I8, o.I8, o) }
	case vec.PI16:
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { return intOp(op, c, a[0].I16, a[1].I16, o.I16, o) }
	case vec.PI32:
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { return intOp(op, c, a[0].I32, a[1].I32, o.I32, o) }
	default:
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error { return intOp(op, c, a[0].I64, a[1].I64, o.I64, o) }
	}
}

func intOp[T int8 | int16 | int32 | int64](op byte, c *vec.Ctx, a, b, out []T, o *vec.Vec) error {
	a, b = a[:len(out)], b[:len(out)]
	switch op {
	case '+':
		for i := range out {
			out[i] = a[i] + b[i]
		}
	case '-':
		for i := range out {
			out[i] = a[i] - b[i]
		}
	case '*':
		for i := range out {
			out[i] = a[i] * b[i]
		}
	default:
		return intDiv(op == '/', c, a, b, out, o)
	}
	return nil
}

func intDiv[T int8 | int16 | int32 | int64](quotient bool, c *vec.Ctx, a, b, out []T, o *vec.Vec) error {
	for i := range out {
		d := b[i]
		if d == 0 {
			if c.Wants(i, o) {
				return errZero
			}
			d = 1
		}
		if quotient {
			out[i] = a[i] / d
		} else {
			out[i] = a[i] % d
		}
	}
	return nil
}

func floatOp[T float32 | float64](op byte, a, b, out []T) {
	a, b = a[:len(out)], b[:len(out)]
	switch op {
	case '+':
		for i := range out {
			out[i] = a[i] + b[i]
		}
	case '-':
		for i := range out {
			out[i] = a[i] - b[i]
		}
	case '*':
		for i := range out {
			out[i] = a[i] * b[i]
		}
	case '/':
		for i := range out {
			out[i] = a[i] / b[i]
		}
	default:
		for i := range out {
			out[i] = T(fmod(float64(a[i]), float64(b[i])))
		}
	}
}

func decimalKernel(op byte, at, bt, ret types.Type) vec.Kernel {
	one := func(x, y decimal128.Num) (decimal128.Num, bool) {
		switch op {
		case '*':
			return types.MulDecimals(x, y, at.Scale+bt.Scale, ret)
		case '/':
			return types.DivDecimals(x, at.Scale, y, bt.Scale, ret)
		case '%':
			return types.ModDecimals(x, at.Scale, y, bt.Scale, ret)
		default:
			return types.AddDecimals(x, at.Scale, y, bt.Scale, op == '-', ret)
		}
	}
	return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.Dec {
			if o.Null(i) {
				continue
			}
			y := a[1].Dec[i]
			if y == (decimal128.Num{}) && (op == '/' || op == '%') {
				if c.Wants(i, o) {
					return errZero
				}
				continue
			}
			d, ok := one(a[0].Dec[i], y)
			if !ok {
				o.SetNull(i)
			}
			o.Dec[i] = d
		}
		return nil
	}
}

func resolveNegateInterval(args []plan.Expr) ([]plan.Expr, types.Type, error) {
	if len(args) == 1 && args[0].Type().IsInterval() {
		return args, args[0].Type(), nil
	}
	return nil, types.Type{}, &Error{Msg: "- does not take " + typeList(args)}
}

func bindNegate(args []plan.Expr, _ types.Type) (vec.Kernel, error) {
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		x := a[0]
		for i := range o.Len {
			switch vec.PhysOf(x.T) {
			case vec.PF32, vec.PF64:
				o.SetFloat(i, -x.Float(i))
			case vec.PDec:
				o.Dec[i] = x.Dec[i].Negate()
			default:
				o.SetInt(i, -x.Int(i))
			}
		}
		return nil
	}, nil
}
