package funcs

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyMath = "Mathematics"

func fmod(a, b float64) float64 { return math.Mod(a, b) }

var mathFuncs = []Func{
	{
		Name: "ABS", Family: familyMath, Syntax: "ABS(x)", Doc: "Absolute value; of the smallest integer it is that integer, as it wraps.",
		Params: "N", Ret: retArg(0), Bind: bindAbs,
	},
	{
		Name: "SIGN", Family: familyMath, Syntax: "SIGN(x)", Doc: "-1, 0 or 1, in the type of x.", Params: "N", Ret: retArg(0),
		Bind: bindSign,
	},
	rounding("FLOOR", "FLOOR(x)", "The next whole number down.", math.Floor, false),
	rounding("CEIL", "CEIL(x)", "The next whole number up.", math.Ceil, true),
	rounding("CEILING", "CEILING(x)", "As CEIL.", math.Ceil, true),
	{
		Name: "ROUND", Family: familyMath, Syntax: "ROUND(x[, digits])", Doc: "Rounded half up to that many digits behind the point (0; negative: before it).",
		Resolve: resolveRound, Bind: func(args []plan.Expr, ret types.Type) (vec.Kernel, error) { return bindRound(args, ret, true) },
	},
	{
		Name: "TRUNCATE", Family: familyMath, Syntax: "TRUNCATE(x[, digits])", Doc: "Cut to that many digits behind the point (0).",
		Resolve: resolveRound, Bind: func(args []plan.Expr, ret types.Type) (vec.Kernel, error) { return bindRound(args, ret, false) },
	},
	double1("SQRT", "SQRT(x)", "Square root.", math.Sqrt),
	double1("EXP", "EXP(x)", "e to the power of x.", math.Exp),
	double1("LN", "LN(x)", "Natural logarithm.", math.Log),
	double1("LOG10", "LOG10(x)", "Logarithm to base 10.", math.Log10),
	double1("LOG2", "LOG2(x)", "Logarithm to base 2.", math.Log2),
	double1("LOG", "LOG(x)", "Natural logarithm.", math.Log),
	double2("LOG", "LOG(base, x)", "Logarithm of x to a base.", func(b, x float64) float64 { return math.Log(x) / math.Log(b) }),
	double2("POWER", "POWER(x, y)", "x to the power of y.", math.Pow),
	double1("SIN", "SIN(x)", "Sine.", math.Sin),
	double1("SINH", "SINH(x)", "Hyperbolic sine.", math.Sinh),
	double1("COS", "COS(x)", "Cosine.", math.Cos),
	double1("COSH", "COSH(x)", "Hyperbolic cosine.", math.Cosh),
	double1("TAN", "TAN(x)", "Tangent.", math.Tan),
	double1("TANH", "TANH(x)", "Hyperbolic tangent.", math.Tanh),
	double1("COT", "COT(x)", "Cotangent.", func(x float64) float64 { return 1 / math.Tan(x) }),
	double1("ASIN", "ASIN(x)", "Arc sine.", math.Asin),
	double1("ACOS", "ACOS(x)", "Arc cosine.", math.Acos),
	double1("ATAN", "ATAN(x)", "Arc tangent.", math.Atan),
	double2("ATAN2", "ATAN2(y, x)", "Angle of the point (x, y).", math.Atan2),
	double1("DEGREES", "DEGREES(x)", "Radians as degrees.", func(x float64) float64 { return x * (180 / math.Pi) }),
	double1("RADIANS", "RADIANS(x)", "Degrees as radians.", func(x float64) float64 { return x / 180 * math.Pi }),
	constant("PI", math.Pi), constant("E", math.E),
	{
		Name: "RAND", Family: familyMath, Syntax: "RAND()", Doc: "A random DOUBLE of [0, 1), another one for each row.",
		Ret: ret(types.DoubleT), Volatile: true,
		Bind: plain(func(_ *vec.Ctx, _ []*vec.Vec, o *vec.Vec) error {
			for i := range o.F64 {
				o.F64[i] = rand.Float64()
			}
			return nil
		}),
	},
	{
		Name: "RAND_INTEGER", Family: familyMath, Syntax: "RAND_INTEGER(n)", Doc: "A random INT of [0, n); n below 1 fails the query.",
		Params: "L", Ret: ret(types.IntT), Volatile: true,
		Bind: plain(func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i, n := range a[0].I64 {
				if n < 1 || n > math.MaxInt32 {
					if c.Wants(i, o) {
						return &Error{Msg: "RAND_INTEGER: bound " + strconv.FormatInt(n, 10) + " is not a positive INT"}
					}
					continue
				}
				o.I32[i] = rand.Int32N(int32(n))
			}
			return nil
		}),
	},
}

func constant(name string, x float64) Func {
	return Func{
		Name: name, Family: familyMath, Syntax: name + "()", Doc: "The number " + strconv.FormatFloat(x, 'f', 5, 64) + "...",
		Ret: ret(types.DoubleT),
		Bind: plain(func(_ *vec.Ctx, _ []*vec.Vec, o *vec.Vec) error {
			for i := range o.F64 {
				o.F64[i] = x
			}
			return nil
		}),
	}
}

func double1(name, syntax, doc string, f func(float64) float64) Func {
	return Func{
		Name: name, Family: familyMath, Syntax: syntax, Doc: doc, Params: "D", Ret: ret(types.DoubleT),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i, x := range a[0].F64 {
				o.F64[i] = f(x)
			}
			return nil
		}),
	}
}

func double2(name, syntax, doc string, f func(a, b float64) float64) Func {
	return Func{
		Name: name, Family: familyMath, Syntax: syntax, Doc: doc, Params: "D D", Ret: ret(types.DoubleT),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i, x := range a[0].F64 {
				o.F64[i] = f(x, a[1].F64[i])
			}
			return nil
		}),
	}
}

func bindAbs([]plan.Expr, types.Type) (vec.Kernel, error) {
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		x := a[0]
		for i := range o.Len {
			switch vec.PhysOf(x.T) {
			case vec.PF32, vec.PF64:
				o.SetFloat(i, math.Abs(x.Float(i)))
			case vec.PDec:
				o.Dec[i] = x.Dec[i].Abs()
			default:
				n := x.Int(i)
				o.SetInt(i, max(n, -n))
			}
		}
		return nil
	}, nil
}

func bindSign([]plan.Expr, types.Type) (vec.Kernel, error) {
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		x := a[0]
		for i := range o.Len {
			switch vec.PhysOf(x.T) {
			case vec.PF32, vec.PF64:
				f := x.Float(i)
				if f != 0 && !math.IsNaN(f) {
					f = math.Copysign(1, f)
				}
				o.SetFloat(i, f)
			case vec.PDec:
				o.Dec[i], _ = types.Rescale(fromSign(x.Dec[i].Sign()), 0, x.T.Scale, types.MaxDecimal)
			default:
				n := x.Int(i)
				o.SetInt(i, n>>63|int64(uint64(-n)>>63))
			}
		}
		return nil
	}, nil
}

func rounding(name, syntax, doc string, f func(float64) float64, up bool) Func {
	return Func{
		Name: name, Family: familyMath, Syntax: syntax, Doc: doc, Params: "N",
		Ret: func(args []plan.Expr) types.Type {
			t := args[0].Type()
			if t.Kind == types.Decimal {
				return types.DecimalOf(t.Precision, 0)
			}
			return t
		},
		Bind: func([]plan.Expr, types.Type) (vec.Kernel, error) {
			return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
				x := a[0]
				for i := range o.Len {
					switch vec.PhysOf(x.T) {
					case vec.PF32, vec.PF64:
						o.SetFloat(i, f(x.Float(i)))
					case vec.PDec:
						o.Dec[i] = wholeDecimal(x.Dec[i], x.T.Scale, up)
					default:
						o.SetInt(i, x.Int(i))
					}
				}
				return nil
			}, nil
		},
	}
}

func resolveRound(args []plan.Expr) ([]plan.Expr, types.Type, error) {
	if len(args) == 1 {
		args = []plan.Expr{args[0], &plan.Literal{Value: int64(0), T: types.IntT.NotNull()}}
	}
	f := &Func{Name: "ROUND", Params: "N L", Syntax: "ROUND(x[, digits])"}
	got, err := f.matchParams(args)
	if err != nil {
		return nil, types.Type{}, err
	}
	t := got[0].Type().Plain()
	if t.Kind == types.Decimal {
		r := t.Scale // of an unknown number of digits the type must hold every case
		if n, ok := constInt(args[1]); ok {
			r = int32(min(max(n, -types.MaxDecimal), types.MaxDecimal))
		}
		t = types.RoundDecimal(t, r)
	}
	return got, t.WithNull(anyNullable(got)), nil
}

// constInt is the value of an integer argument that is a literal, also below an implicit cast.
func constInt(a plan.Expr) (int64, bool) {
	if c, ok := a.(*plan.Cast); ok {
		a = c.X
	}
	if c, ok := a.(*plan.Call); ok && c.Name == "NEGATE" {
		n, ok := constInt(c.Args[0])
		return -n, ok
	}
	l, ok := a.(*plan.Literal)
	if !ok {
		return 0, false
	}
	n, ok := l.Value.(int64)
	return n, ok
}

func bindRound(args []plan.Expr, ret types.Type, half bool) (vec.Kernel, error) {
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		x, digits := a[0], a[1].I64
		for i := range o.Len {
			if o.Null(i) {
				continue
			}
			r := int32(min(max(digits[i], -400), 400))
			switch vec.PhysOf(x.T) {
			case vec.PF32, vec.PF64:
				o.SetFloat(i, roundFloat(x.Float(i), r, half))
			case vec.PDec:
				d, ok := roundDecimal(x.Dec[i], x.T.Scale, r, half, ret)
				if !ok {
					o.SetNull(i)
				}
				o.Dec[i] = d
			default:
				o.SetInt(i, roundInt(x.Int(i), r, half))
			}
		}
		return nil
	}, nil
}
