package expr

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
)

// The golden files write expressions as lists, `(SUBSTRING 'hello' 2)`, so that they test functions and not the parser.
//
//	'text' X'6869' TRUE FALSE    12 (INT) 12L (BIGINT) 12S (SMALLINT) 12T (TINYINT) 1.5 (DECIMAL) 1e0 (DOUBLE) 1f (FLOAT)
//	DATE'..' TIME'..' TS'..' (TIMESTAMP(3)) TS9'..'   MS5000 MO1 (intervals)   NULL:INT
//	#2 a constant that stays one, HOUR a unit    (CAST x DECIMAL:5:2) (TRY_CAST x INT) (CASE cond value ... else)
type sexpr struct {
	toks []string
	pos  int
	keep map[plan.Expr]bool // literals that must stay literals
}

func parseSexpr(text string) (plan.Expr, map[plan.Expr]bool, error) {
	s := &sexpr{toks: tokens(text), keep: map[plan.Expr]bool{}}
	e, err := s.parse()
	return e, s.keep, err
}

func tokens(s string) []string {
	var out []string
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == '(' || c == ')':
			out = append(out, string(c))
			i++
		default:
			j := i
			for j < len(s) && s[j] != ' ' && s[j] != '(' && s[j] != ')' {
				if s[j] == '\'' {
					for j++; j < len(s) && s[j] != '\''; j++ {
					}
				}
				j++
			}
			out = append(out, s[i:min(j, len(s))])
			i = j
		}
	}
	return out
}

func (s *sexpr) next() string {
	if s.pos >= len(s.toks) {
		return ""
	}
	s.pos++
	return s.toks[s.pos-1]
}

func (s *sexpr) parse() (plan.Expr, error) {
	t := s.next()
	if t != "(" {
		return s.literal(t)
	}
	name := strings.ReplaceAll(s.next(), "~", " ")
	if name == "CAST" || name == "TRY_CAST" {
		x, err := s.parse()
		if err != nil {
			return nil, err
		}
		to := parseType(s.next())
		s.next()
		try := name == "TRY_CAST"
		return &plan.Cast{X: x, T: to.WithNull(try || x.Type().Nullable), Try: try}, nil
	}
	var args []plan.Expr
	for s.pos < len(s.toks) && s.toks[s.pos] != ")" {
		a, err := s.parse()
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	s.next()
	if name == "CASE" {
		return makeCase(args)
	}
	return funcs.Call(name, args...)
}

func makeCase(args []plan.Expr) (plan.Expr, error) {
	var values []plan.Expr
	for i := 1; i < len(args); i += 2 {
		values = append(values, args[i])
	}
	values = append(values, args[len(args)-1])
	values, t, ok := funcs.Coerce(values)
	if !ok {
		return nil, fmt.Errorf("CASE without a common type")
	}
	c := &plan.Case{Else: values[len(values)-1], T: t}
	for i, v := range values[:len(values)-1] {
		c.Whens = append(c.Whens, plan.When{Cond: args[2*i], Then: v})
	}
	return c, nil
}

func quoted(t, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(t, prefix+"'")
	r := strings.NewReplacer(`\n`, "\n", `\q`, "'")
	return r.Replace(strings.TrimSuffix(rest, "'")), ok
}

func (s *sexpr) literal(t string) (plan.Expr, error) {
	lit := func(v any, t types.Type) (plan.Expr, error) { return &plan.Literal{Value: v, T: t.NotNull()}, nil }
	if text, ok := quoted(t, ""); ok {
		return plan.Text(text), nil
	}
	if text, ok := quoted(t, "X"); ok {
		b, err := hex.DecodeString(text)
		if err != nil {
			return nil, err
		}
		return lit(string(b), types.Type{Kind: types.Binary, Precision: int32(len(b))})
	}
	for _, at := range []struct {
		prefix string
		t      types.Type
	}{{"DATE", types.DateT}, {"TIME", types.TimeOf(3)}, {"TS", types.TimestampOf(3)}, {"TS1", types.TimestampOf(1)}, {"TS9", types.TimestampOf(9)}} {
		if text, ok := quoted(t, at.prefix); ok {
			return Constant(&plan.Cast{X: plan.Text(text), T: at.t.NotNull()})
		}
	}
	if name, ok := strings.CutPrefix(t, "NULL:"); ok {
		return &plan.Literal{T: parseType(name)}, nil
	}
	if n, err := strconv.ParseInt(strings.TrimPrefix(t, "MS"), 10, 64); err == nil && strings.HasPrefix(t, "MS") {
		return lit(n, types.MillisT)
	}
	if n, err := strconv.ParseInt(strings.TrimPrefix(t, "MO"), 10, 64); err == nil && strings.HasPrefix(t, "MO") {
		return lit(n, types.MonthsT)
	}
	if c, ok := strings.CutPrefix(t, "#"); ok {
		n, err := strconv.ParseInt(c, 10, 64)
		e, _ := lit(n, types.IntT)
		s.keep[e] = true
		return e, err
	}
	return s.number(t, lit)
}

func (s *sexpr) number(t string, lit func(any, types.Type) (plan.Expr, error)) (plan.Expr, error) {
	switch t {
	case "TRUE", "FALSE":
		return lit(t == "TRUE", types.BooleanT)
	}
	for suffix, it := range map[string]types.Type{"L": types.BigIntT, "S": types.SmallIntT, "T": types.TinyIntT, "": types.IntT} {
		if n, err := strconv.ParseInt(strings.TrimSuffix(t, suffix), 10, 64); err == nil && strings.HasSuffix(t, suffix) {
			return lit(n, it)
		}
	}
	if x, err := strconv.ParseFloat(strings.TrimSuffix(t, "f"), 64); err == nil {
		switch {
		case strings.HasSuffix(t, "f"):
			return lit(x, types.FloatT)
		case strings.ContainsAny(t, "eE"):
			return lit(x, types.DoubleT)
		}
		digits := strings.Trim(t, "-")
		whole, frac, _ := strings.Cut(digits, ".")
		dt := types.DecimalOf(int32(len(strings.TrimLeft(whole, "0"))+len(frac)), int32(len(frac)))
		d, _, _ := types.ParseDecimal([]byte(t), dt)
		return lit(d, dt)
	}
	e := plan.Text(t) // a unit
	s.keep[e] = true
	return e, nil
}

func parseType(t string) types.Type {
	parts := strings.Split(t, ":")
	var n [2]int32
	for i, p := range parts[1:] {
		x, _ := strconv.Atoi(p)
		n[i] = int32(x)
	}
	switch parts[0] {
	case "DECIMAL":
		return types.DecimalOf(n[0], n[1])
	case "CHAR":
		return types.CharOf(n[0])
	case "VARCHAR":
		return types.VarcharOf(n[0])
	case "TIMESTAMP":
		return types.TimestampOf(n[0])
	case "LTZ":
		return types.TimestampLTZOf(n[0])
	case "TIME":
		return types.TimeOf(n[0])
	}
	return map[string]types.Type{
		"BOOLEAN": types.BooleanT, "TINYINT": types.TinyIntT, "SMALLINT": types.SmallIntT, "INT": types.IntT,
		"BIGINT": types.BigIntT, "FLOAT": types.FloatT, "DOUBLE": types.DoubleT, "STRING": types.StringT, "BYTES": types.BytesT,
		"DATE": types.DateT, "NULL": types.NullT,
	}[parts[0]]
}

// TestSexpr checks the reader of the golden files itself.
func TestSexpr(t *testing.T) {
	e, _, err := parseSexpr("(SUBSTRING 'a b' 2L)")
	if err != nil || e.String() != "SUBSTRING('a b':CHAR(3), 2:BIGINT)" {
		t.Fatalf("got %v, %v", e, err)
	}
}
