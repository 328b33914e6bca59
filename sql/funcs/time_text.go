package funcs

import (
	"math"
	"strings"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const defaultFormat = "yyyy-MM-dd HH:mm:ss"

var timeTextFuncs = []Func{
	{
		Name: "DATE_FORMAT", Family: familyTime, Syntax: "DATE_FORMAT(t, pattern)",
		Doc:    "Text by a pattern of Java's: y Y M d H h k K m s S n a E D w u Q, and '...' for literal text.",
		Params: "T S", Ret: ret(types.StringT), Bind: bindFormat,
	},
	{
		Name: "DATE_FORMAT", Family: familyTime, Syntax: "DATE_FORMAT(s, pattern)", Doc: "The same for a timestamp written as text.",
		Params: "S S",
		Rewrite: func(call caller, a []plan.Expr) (plan.Expr, error) {
			return call("DATE_FORMAT", &plan.Cast{X: a[0], T: types.TimestampOf(3), Try: true}, a[1])
		},
	},
	{
		Name: "TO_TIMESTAMP", Family: familyTime, Syntax: "TO_TIMESTAMP(s[, pattern])",
		Doc: "TIMESTAMP(3) from text (yyyy-M-d[ H:m:s[.f]]); NULL when it is not of that form.", Params: "S S?",
		Ret: ret(types.TimestampOf(3)), MayNull: true, Bind: plain(toTimestamp()),
	},
	{
		Name: "TO_TIMESTAMP_LTZ", Family: familyTime, Syntax: "TO_TIMESTAMP_LTZ(n[, precision])",
		Doc: "TIMESTAMP_LTZ(3) from seconds (precision 0) or milliseconds (3, the default) since 1970.", Params: "N L?",
		Ret: ret(types.TimestampLTZOf(3)), MayNull: true, Bind: plain(epochTimestamp),
	},
	{
		Name: "TO_TIMESTAMP_LTZ", Family: familyTime, Syntax: "TO_TIMESTAMP_LTZ(s[, pattern])", Doc: "As TO_TIMESTAMP, in UTC.",
		Params: "S S?", Ret: ret(types.TimestampLTZOf(3)), MayNull: true, Bind: plain(toTimestamp()),
	},
	{
		Name: "TO_DATE", Family: familyTime, Syntax: "TO_DATE(s[, pattern])", Doc: "DATE from text (yyyy-M-d); NULL when it is not of that form.",
		Params: "S S?", Ret: ret(types.DateT), MayNull: true, Bind: plain(toDate()),
	},
	{
		Name: "FROM_UNIXTIME", Family: familyTime, Syntax: "FROM_UNIXTIME(seconds[, pattern])", Doc: "Text of a time in seconds since 1970 (yyyy-MM-dd HH:mm:ss).",
		Params: "L S?", Ret: ret(types.StringT), MayNull: true, Bind: plain(fromUnixtime()),
	},
	{
		Name: "UNIX_TIMESTAMP", Family: familyTime, Syntax: "UNIX_TIMESTAMP()", Doc: "Seconds since 1970.", Ret: ret(types.BigIntT), Volatile: true,
		Bind: plain(func(c *vec.Ctx, _ []*vec.Vec, o *vec.Vec) error {
			for i := range o.I64 {
				o.I64[i] = types.FloorDiv(c.Now, 1000)
			}
			return nil
		}),
	},
	{
		Name: "UNIX_TIMESTAMP", Family: familyTime, Syntax: "UNIX_TIMESTAMP(s[, pattern])",
		Doc: "Seconds since 1970 of a time as text; the smallest BIGINT when it cannot be read.", Params: "S S?", Ret: ret(types.BigIntT),
		Bind: plain(unixTimestamp()),
	},
}

// readTime parses row i of argument 0 by the pattern in argument 1, or in the default form.
func readTime(a []*vec.Vec, i int, cache *patternCache[[]formatItem]) (days, nanos int64, ok bool) {
	s := a[0].Str(i)
	if len(a) == 1 {
		return readDefault(s)
	}
	items, err := cache.get(a[1].Str(i), nil)
	if err != nil {
		return 0, 0, false
	}
	return parseFormat(s, items)
}

// readDefault is `yyyy-M-d[ H:m:s[.f]]`: unlike CAST it wants the seconds.
func readDefault(s []byte) (days, nanos int64, ok bool) {
	text := string(s)
	if i := strings.IndexByte(text, ' '); i >= 0 && strings.Count(text[i:], ":") != 2 || strings.TrimSpace(text) != text {
		return 0, 0, false
	}
	v, ok := types.ParseTimestamp(s, 1e3)
	if !ok {
		return 0, 0, false
	}
	return types.FloorDiv(v, types.MillisPerDay), types.FloorMod(v, types.MillisPerDay) * 1e6, true
}

func newFormats() *patternCache[[]formatItem] {
	return &patternCache[[]formatItem]{compile: compileFormat}
}

func toTimestamp() vec.Kernel {
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		formats := newFormats()
		for i := range o.I64 {
			if o.Null(i) {
				continue
			}
			days, nanos, ok := readTime(a, i, formats)
			if !ok {
				o.SetNull(i)
			}
			o.I64[i] = days*types.MillisPerDay + nanos/1e6
		}
		return nil
	}
}

func epochTimestamp(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	for i := range o.I64 {
		if o.Null(i) {
			continue
		}
		p := int64(3)
		if len(a) > 1 {
			p = a[1].I64[i]
		}
		scale := map[int64]float64{0: 1000, 3: 1}[p]
		if scale == 0 {
			if c.Wants(i, o) {
				return &Error{Msg: "TO_TIMESTAMP_LTZ: the precision is 0 (seconds) or 3 (milliseconds)"}
			}
			continue
		}
		switch vec.PhysOf(a[0].T) {
		case vec.PF32, vec.PF64:
			o.I64[i] = int64(a[0].Float(i) * scale)
		case vec.PDec:
			o.I64[i] = int64(a[0].Dec[i].ToFloat64(a[0].T.Scale) * scale)
		default:
			o.I64[i] = a[0].Int(i) * int64(scale)
		}
	}
	return nil
}

func toDate() vec.Kernel {
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		formats := newFormats()
		for i := range o.I32 {
			if o.Null(i) {
				continue
			}
			var days int64
			var ok bool
			if len(a) == 1 {
				days, ok = types.ParseDate(a[0].Str(i))
			} else {
				days, _, ok = readTime(a, i, formats)
			}
			if !ok {
				o.SetNull(i)
			}
			o.I32[i] = int32(days)
		}
		return nil
	}
}

func fromUnixtime() vec.Kernel {
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		formats := newFormats()
		for i := range o.Len {
			if !o.Null(i) {
				pattern := []byte(defaultFormat)
				if len(a) > 1 {
					pattern = a[1].Str(i)
				}
				items, err := formats.get(pattern, nil)
				if err != nil {
					o.SetNull(i)
				}
				n := a[0].I64[i]
				o.Buf = appendFormat(o.Buf, items, types.FloorDiv(n, 86400), types.FloorMod(n, 86400)*1e9)
			}
			o.End()
		}
		return nil
	}
}

func unixTimestamp() vec.Kernel {
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		formats := newFormats()
		for i := range o.I64 {
			if o.Null(i) {
				continue
			}
			days, nanos, ok := readTime(a, i, formats)
			o.I64[i] = days*86400 + nanos/1e9
			if !ok {
				o.I64[i] = math.MinInt64
			}
		}
		return nil
	}
}
