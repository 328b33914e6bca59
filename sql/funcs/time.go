package funcs

import (
	"strings"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyTime = "Dates and times"

var timeFuncs = []Func{
	{
		Name: "EXTRACT", Family: familyTime, Syntax: "EXTRACT(unit FROM t)",
		Doc:    "YEAR, QUARTER, MONTH, WEEK (ISO), DAY, DOY, DOW (Sunday is 1), ISODOW (Monday is 1), ISOYEAR, DECADE, CENTURY, MILLENNIUM, HOUR, MINUTE, SECOND, MILLISECOND or EPOCH of t.",
		Params: "U t", Ret: ret(types.BigIntT), Bind: bindExtract,
	},
	extracting("YEAR", "YEAR"), extracting("QUARTER", "QUARTER"), extracting("MONTH", "MONTH"), extracting("WEEK", "WEEK"),
	extracting("DAYOFYEAR", "DOY"), extracting("DAYOFMONTH", "DAY"), extracting("DAYOFWEEK", "DOW"), extracting("HOUR", "HOUR"),
	extracting("MINUTE", "MINUTE"), extracting("SECOND", "SECOND"),
	{
		Name: "FLOOR", Family: familyTime, Syntax: "FLOOR(t TO unit)", Doc: "The start of the YEAR, QUARTER, MONTH, WEEK (from Sunday), DAY, HOUR, MINUTE, SECOND or MILLISECOND.",
		Params: "t U", Ret: retArg(0), Bind: func(a []plan.Expr, _ types.Type) (vec.Kernel, error) { return bindFloorTo(a, false) },
	},
	{
		Name: "CEIL", Family: familyTime, Syntax: "CEIL(t TO unit)", Doc: "The next start of a unit at or after t.",
		Params: "t U", Ret: retArg(0), Bind: func(a []plan.Expr, _ types.Type) (vec.Kernel, error) { return bindFloorTo(a, true) },
	},
	{
		Name: "TIMESTAMPADD", Family: familyTime, Syntax: "TIMESTAMPADD(unit, n, t)", Doc: "t moved by n units; a day beyond the end of a month becomes its last.",
		Resolve: resolveTimestampAdd, Bind: bindTimestampAdd,
	},
	{
		Name: "TIMESTAMPDIFF", Family: familyTime, Syntax: "TIMESTAMPDIFF(unit, a, b)", Doc: "Whole units from a to b.",
		Params: "U t t", Ret: ret(types.IntT), Bind: bindTimestampDiff,
	},
	clock("CURRENT_TIMESTAMP", "Now, for each batch of rows.", types.TimestampLTZOf(3), func(now int64) int64 { return now }),
	clock("NOW", "As CURRENT_TIMESTAMP.", types.TimestampLTZOf(3), func(now int64) int64 { return now }),
	clock("CURRENT_ROW_TIMESTAMP", "As CURRENT_TIMESTAMP.", types.TimestampLTZOf(3), func(now int64) int64 { return now }),
	clock("LOCALTIMESTAMP", "Now in the session's time zone (UTC).", types.TimestampOf(3), func(now int64) int64 { return now }),
	clock("CURRENT_DATE", "Today.", types.DateT, func(now int64) int64 { return types.FloorDiv(now, types.MillisPerDay) }),
	clock("CURRENT_TIME", "The time of day, in seconds.", types.TimeOf(0), secondsOfDay),
	clock("LOCALTIME", "The time of day, in seconds.", types.TimeOf(0), secondsOfDay),
	{
		Name: "CURRENT_WATERMARK", Family: familyTime, Syntax: "CURRENT_WATERMARK(rowtime)", Doc: "The watermark that has reached the query, NULL before the first.",
		Params: "T", MayNull: true, Ret: retArg(0), Volatile: true, TakesNull: false, Bind: plain(currentWatermark),
	},
}

func secondsOfDay(now int64) int64 { return types.FloorMod(now, types.MillisPerDay) / 1000 * 1000 }

func clock(name, doc string, t types.Type, f func(now int64) int64) Func {
	return Func{
		Name: name, Family: familyTime, Syntax: name, Doc: doc, Ret: ret(t), Volatile: true,
		Bind: plain(func(c *vec.Ctx, _ []*vec.Vec, o *vec.Vec) error {
			now := f(c.Now)
			for i := range o.Len {
				o.SetInt(i, now)
			}
			return nil
		}),
	}
}

func currentWatermark(c *vec.Ctx, _ []*vec.Vec, o *vec.Vec) error {
	o.Valid = nil
	for i := range o.Len {
		o.I64[i] = c.Watermark * (o.T.UnitsPerSecond() / 1000)
		if !c.HasWatermark {
			o.SetNull(i)
		}
	}
	return nil
}

// unit is what a time unit counts: fixed parts of a day in ns, or months, or a calendar field.
type unit struct {
	nanos  int64
	months int64
}

const nanosPerDay = types.MillisPerDay * 1e6

var units = map[string]unit{
	"YEAR": {months: 12}, "QUARTER": {months: 3}, "MONTH": {months: 1}, "WEEK": {nanos: 7 * nanosPerDay}, "DAY": {nanos: nanosPerDay},
	"HOUR": {nanos: 3600e9}, "MINUTE": {nanos: 60e9}, "SECOND": {nanos: 1e9}, "MILLISECOND": {nanos: 1e6}, "MICROSECOND": {nanos: 1e3},
	"NANOSECOND": {nanos: 1},
}

// unitOf reads a unit's name, also with SQL's TSI prefix and in the plural.
func unitOf(name string) (string, unit, bool) {
	n := strings.TrimSuffix(strings.TrimPrefix(strings.ToUpper(name), "SQL_TSI_"), "S")
	u, ok := units[n]
	return n, u, ok
}

func mustUnit(a plan.Expr) (string, unit, error) {
	name, _ := constText(a)
	n, u, ok := unitOf(name)
	if !ok {
		return "", u, &Error{Msg: "no unit of time " + name, Hint: "units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND"}
	}
	return n, u, nil
}

// moment splits a date, time or timestamp into days and the rest of the day in units of which perDay make a day.
func moment(v *vec.Vec, i int) (days, rest int64) {
	switch v.T.Kind {
	case types.Date:
		return int64(v.I32[i]), 0
	case types.Time:
		return 0, int64(v.I32[i])
	default:
		day := v.T.UnitsPerSecond() * 86400
		return types.FloorDiv(v.I64[i], day), types.FloorMod(v.I64[i], day)
	}
}

// perSecond is the resolution of a temporal type's values; dates count as milliseconds.
func perSecond(t types.Type) int64 {
	if t.IsTimestamp() {
		return t.UnitsPerSecond()
	}
	return 1000
}

// setMoment undoes moment.
func setMoment(o *vec.Vec, i int, days, rest int64) {
	switch o.T.Kind {
	case types.Date:
		o.I32[i] = int32(days)
	case types.Time:
		o.I32[i] = int32(rest)
	default:
		o.I64[i] = days*o.T.UnitsPerSecond()*86400 + rest
	}
}

func extracting(name, unit string) Func {
	return Func{
		Name: name, Family: familyTime, Syntax: name + "(t)", Doc: "EXTRACT(" + unit + " FROM t).", Params: "t",
		Rewrite: func(call caller, a []plan.Expr) (plan.Expr, error) { return call("EXTRACT", plan.Text(unit), a[0]) },
	}
}

func bindExtract(args []plan.Expr, _ types.Type) (vec.Kernel, error) {
	name, _ := constText(args[0])
	f := extractor(strings.ToUpper(name), perSecond(args[1].Type()))
	if f == nil {
		return nil, &Error{Msg: "EXTRACT knows no unit " + name}
	}
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.I64 {
			o.I64[i] = f(moment(a[1], i))
		}
		return nil
	}, nil
}

func extractor(unit string, per int64) func(days, rest int64) int64 {
	civil := func(f func(y, m, d int64) int64) func(days, rest int64) int64 {
		return func(days, _ int64) int64 { return f(types.CivilOf(days)) }
	}
	switch unit {
	case "YEAR":
		return civil(func(y, _, _ int64) int64 { return y })
	case "QUARTER":
		return civil(func(_, m, _ int64) int64 { return (m-1)/3 + 1 })
	case "MONTH":
		return civil(func(_, m, _ int64) int64 { return m })
	case "DAY":
		return civil(func(_, _, d int64) int64 { return d })
	case "DECADE":
		return civil(func(y, _, _ int64) int64 { return types.FloorDiv(y, 10) })
	case "CENTURY":
		return civil(func(y, _, _ int64) int64 { return types.FloorDiv(y-1, 100) + 1 })
	case "MILLENNIUM":
		return civil(func(y, _, _ int64) int64 { return types.FloorDiv(y-1, 1000) + 1 })
	case "DOY":
		return func(days, _ int64) int64 { y, _, _ := types.CivilOf(days); return days - types.DaysOf(y, 1, 1) + 1 }
	case "DOW":
		return func(days, _ int64) int64 { return types.FloorMod(days+4, 7) + 1 }
	case "ISODOW":
		return func(days, _ int64) int64 { return types.FloorMod(days+3, 7) + 1 }
	case "WEEK":
		return func(days, _ int64) int64 { _, w := isoWeek(days); return w }
	case "ISOYEAR":
		return func(days, _ int64) int64 { y, _ := isoWeek(days); return y }
	case "HOUR":
		return func(_, rest int64) int64 { return rest / (3600 * per) }
	case "MINUTE":
		return func(_, rest int64) int64 { return rest / (60 * per) % 60 }
	case "SECOND":
		return func(_, rest int64) int64 { return rest / per % 60 }
	case "MILLISECOND":
		return func(_, rest int64) int64 { return rest % (60 * per) * 1000 / per }
	case "EPOCH":
		return func(days, rest int64) int64 { return days*86400 + rest/per }
	}
	return nil
}

// isoWeek is ISO 8601's week and the year to which it belongs: the one of its Thursday.
func isoWeek(days int64) (year, week int64) {
	thursday := days - types.FloorMod(days+3, 7) + 3
	year, _, _ = types.CivilOf(thursday)
	return year, (thursday-types.DaysOf(year, 1, 1))/7 + 1
}

func bindFloorTo(args []plan.Expr, up bool) (vec.Kernel, error) {
	name, u, err := mustUnit(args[1])
	if err != nil {
		return nil, err
	}
	per := perSecond(args[0].Type())
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.Len {
			days, rest := moment(a[0], i)
			d, r := floorTo(name, u, days, rest, per)
			if up && (d != days || r != rest) {
				d, r = nextUnit(name, u, d, r, per)
			}
			setMoment(o, i, d, r)
		}
		return nil
	}, nil
}

func floorTo(name string, u unit, days, rest, per int64) (int64, int64) {
	switch {
	case u.months > 0:
		y, m, _ := types.CivilOf(days)
		return types.DaysOf(y, m-(m-1)%u.months, 1), 0
	case name == "WEEK":
		return days - types.FloorMod(days+4, 7), 0
	case name == "DAY":
		return days, 0
	default:
		step := max(u.nanos/(1e9/per), 1)
		return days, rest - rest%step
	}
}

func nextUnit(name string, u unit, days, rest, per int64) (int64, int64) {
	switch {
	case u.months > 0:
		return types.AddMonths(days, u.months), 0
	case name == "WEEK" || name == "DAY":
		return days + u.nanos/nanosPerDay, 0
	default:
		rest += max(u.nanos/(1e9/per), 1)
		return days + rest/(86400*per), rest % (86400 * per)
	}
}

func resolveTimestampAdd(args []plan.Expr) ([]plan.Expr, types.Type, error) {
	f := &Func{Name: "TIMESTAMPADD", Params: "U L t", Syntax: "TIMESTAMPADD(unit, n, t)"}
	got, err := f.matchParams(args)
	if err != nil {
		return nil, types.Type{}, err
	}
	name, u, err := mustUnit(args[0])
	if err != nil {
		return nil, types.Type{}, err
	}
	t := got[2].Type().Plain()
	if t.Kind == types.Date && u.months == 0 && name != "DAY" && name != "WEEK" {
		t = types.TimestampOf(3)
		got[2] = cast(got[2], t)
	}
	return got, t.WithNull(anyNullable(got)), nil
}

func bindTimestampAdd(args []plan.Expr, _ types.Type) (vec.Kernel, error) {
	_, u, err := mustUnit(args[0])
	if err != nil {
		return nil, err
	}
	per := perSecond(args[2].Type())
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.Len {
			n := a[1].I64[i]
			if u.months > 0 {
				addMonths(a[2], o, i, n*u.months)
			} else {
				addUnits(a[2], o, i, n*u.nanos/(1e9/per), per)
			}
		}
		return nil
	}, nil
}

func addMonths(x, o *vec.Vec, i int, months int64) {
	days, rest := moment(x, i)
	setMoment(o, i, types.AddMonths(days, months), rest)
}

// addUnits moves by a number of the type's own units; a TIME stays within its day.
func addUnits(x, o *vec.Vec, i int, n, per int64) {
	days, rest := moment(x, i)
	rest += n
	day := per * 86400
	setMoment(o, i, days+types.FloorDiv(rest, day), types.FloorMod(rest, day))
}

func bindTimestampDiff(args []plan.Expr, _ types.Type) (vec.Kernel, error) {
	_, u, err := mustUnit(args[0])
	if err != nil {
		return nil, err
	}
	ap, bp := perSecond(args[1].Type()), perSecond(args[2].Type())
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.I32 {
			ad, ar := moment(a[1], i)
			bd, br := moment(a[2], i)
			if u.months > 0 {
				o.I32[i] = int32(monthsBetween(bd, br*1e9/bp, ad, ar*1e9/ap) / u.months)
				continue
			}
			// in microseconds when a unit allows it, so that far dates do not overflow
			scale := min(u.nanos, 1000)
			ticks := (bd-ad)*(nanosPerDay/scale) + br*(1e9/scale)/bp - ar*(1e9/scale)/ap
			o.I32[i] = int32(ticks / (u.nanos / scale))
		}
		return nil
	}, nil
}

// monthsBetween counts as Calcite does: the end of a shorter month completes the month, but not before the time of day.
func monthsBetween(d0, t0, d1, t1 int64) int64 {
	m := wholeMonths(d0, d1)
	if types.AddMonths(d1, m) == d0 && t0 < t1 {
		m--
	}
	return m
}

func wholeMonths(d0, d1 int64) int64 {
	if d0 < d1 {
		return -wholeMonths(d1, d0)
	}
	m := (d0 - d1) / 31 // no month is longer, so this is not above the answer
	for types.AddMonths(d1, m) < d0 && types.AddMonths(d1, m+1) <= d0 {
		m++
	}
	return m
}
