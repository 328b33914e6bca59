package bind

import (
	"math"
	"strconv"
	"strings"

	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
)

// number gives a numeric literal its type: INT, BIGINT or DECIMAL by its digits, DOUBLE with an exponent.
func (b *Binder) number(n *parse.NumberLit) plan.Expr {
	if strings.ContainsAny(n.Text, "eE") {
		x, err := strconv.ParseFloat(n.Text, 64)
		if err != nil {
			b.fail(n.At(), n.Text+" is out of the range of DOUBLE", "")
			return nil
		}
		return &plan.Literal{Value: x, T: types.DoubleT.NotNull()}
	}
	whole, fraction, point := strings.Cut(n.Text, ".")
	if !point {
		if x, err := strconv.ParseInt(whole, 10, 64); err == nil {
			t := types.BigIntT
			if x <= math.MaxInt32 {
				t = types.IntT
			}
			return &plan.Literal{Value: x, T: t.NotNull()}
		}
	}
	scale := len(fraction)
	precision := max(len(strings.TrimLeft(whole, "0"))+scale, 1)
	if precision > types.MaxDecimal {
		b.fail(n.At(), "the number has more than 38 digits", "write it with an exponent for a DOUBLE: "+n.Text+"e0")
		return nil
	}
	t := types.DecimalOf(int32(precision), int32(scale)).NotNull()
	d, _, _ := types.ParseDecimal([]byte(n.Text), t)
	return &plan.Literal{Value: d, T: t}
}

// timeLiteral reads DATE '...', TIME '...' and TIMESTAMP '...'; a timestamp's precision is its fractional digits.
func (b *Binder) timeLiteral(l *parse.TimeLit) plan.Expr {
	text := []byte(l.Val)
	switch l.Type {
	case "DATE":
		if days, ok := types.ParseDate(text); ok && len(l.Val) <= len("2013-01-01") {
			return &plan.Literal{Value: days, T: types.DateT.NotNull()}
		}
		b.fail(l.At(), "'"+l.Val+"' is not a DATE", "write it as DATE '2013-01-31'")
	case "TIME":
		if nanos, ok := types.ParseTime(text); ok {
			return &plan.Literal{Value: nanos / 1e6, T: types.TimeOf(fractionDigits(l.Val, 3)).NotNull()}
		}
		b.fail(l.At(), "'"+l.Val+"' is not a TIME", "write it as TIME '10:30:00'")
	default:
		t := types.TimestampOf(fractionDigits(l.Val, 9)).NotNull()
		if v, ok := types.ParseTimestamp(text, t.UnitsPerSecond()); ok {
			return &plan.Literal{Value: v, T: t}
		}
		b.fail(l.At(), "'"+l.Val+"' is not a TIMESTAMP", "write it as TIMESTAMP '2013-01-31 10:30:00'")
	}
	return nil
}

func fractionDigits(s string, most int) int32 {
	_, f, _ := strings.Cut(s, ".")
	return int32(min(len(f), most))
}

// unitMillis is the length of the units of day-time intervals, and unitOrder the place of a unit in '1 02:03:04'.
var unitMillis = map[string]int64{"WEEK": 7 * 86_400_000, "DAY": 86_400_000, "HOUR": 3_600_000, "MINUTE": 60_000, "SECOND": 1000}

// interval reads INTERVAL '...' as months or milliseconds.
func (b *Binder) interval(i *parse.IntervalLit) plan.Expr {
	text := strings.TrimSpace(i.Val)
	neg := i.Neg
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		neg, text = !neg, rest
	}
	v, months, ok := intervalValue(text, i.From, i.To)
	if !ok {
		hint := "write INTERVAL '5' " + i.From
		if i.To != "" {
			hint = "write it as INTERVAL '1 02:03:04' DAY TO SECOND or INTERVAL '1-2' YEAR TO MONTH"
		}
		b.fail(i.At(), "'"+i.Val+"' is not an interval of that kind", hint)
		return nil
	}
	if neg {
		v = -v
	}
	t := types.MillisT
	if months {
		t = types.MonthsT
	}
	return &plan.Literal{Value: v, T: t.NotNull()}
}

func intervalValue(text, from, to string) (v int64, months, ok bool) {
	switch from {
	case "YEAR", "QUARTER", "MONTH":
		v, ok = monthsValue(text, from, to)
		return v, true, ok
	}
	if to == "" {
		v, ok = scaled(text, unitMillis[from], from == "SECOND")
		return v, false, ok
	}
	// '1 02:03:04.5' DAY TO SECOND, '02:03' HOUR TO MINUTE: the parts from the first unit down to the last.
	units := []string{"DAY", "HOUR", "MINUTE", "SECOND"}
	for len(units) > 0 && units[0] != from {
		units = units[1:]
	}
	for len(units) > 0 && units[len(units)-1] != to {
		units = units[:len(units)-1]
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ':' })
	if len(units) < 2 || len(parts) != len(units) {
		return 0, false, false
	}
	for i, u := range units {
		x, good := scaled(parts[i], unitMillis[u], u == "SECOND")
		if !good {
			return 0, false, false
		}
		v += x
	}
	return v, false, true
}

func monthsValue(text, from, to string) (int64, bool) {
	per := map[string]int64{"YEAR": 12, "QUARTER": 3, "MONTH": 1}[from]
	if to == "" {
		return scaled(text, per, false)
	}
	y, m, ok := strings.Cut(text, "-")
	years, ok1 := scaled(y, 12, false)
	rest, ok2 := scaled(m, 1, false)
	return years + rest, ok && ok1 && ok2 && from == "YEAR" && to == "MONTH" && rest < 12
}

// scaled reads a number of units; seconds may have a fraction, of which milliseconds count.
func scaled(text string, unit int64, fraction bool) (int64, bool) {
	whole, frac, point := strings.Cut(text, ".")
	x, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || x < 0 || point && !fraction || x > math.MaxInt64/unit-1 {
		return 0, false
	}
	v := x * unit
	if point {
		f, err := strconv.ParseUint((frac + "000")[:3], 10, 32)
		if err != nil {
			return 0, false
		}
		v += int64(f)
	}
	return v, true
}
