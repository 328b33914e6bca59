package funcs

import (
	"math"
	"strings"
	"time"

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

// formatItem is one run of a pattern: a letter and how often it stands there, or literal text (letter 0).
type formatItem struct {
	letter byte
	count  int
	text   string
}

// compileFormat reads a pattern of Java's DateTimeFormatter.
func compileFormat(pattern []byte, _ []byte) ([]formatItem, error) {
	var items []formatItem
	for i := 0; i < len(pattern); {
		c := pattern[i]
		switch {
		case c == '\'':
			end := strings.IndexByte(string(pattern[i+1:]), '\'')
			if end < 0 {
				return nil, &Error{Msg: "time pattern '" + string(pattern) + "': a quote is not closed"}
			}
			text := string(pattern[i+1 : i+1+end])
			if end == 0 {
				text = "'"
			}
			items = append(items, formatItem{text: text})
			i += end + 2
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			n := 1
			for i+n < len(pattern) && pattern[i+n] == c {
				n++
			}
			if !strings.ContainsRune("yYuMLdHhkKmsSnaEDwQ", rune(c)) {
				return nil, &Error{Msg: "time pattern '" + string(pattern) + "': no meaning for " + string(rune(c))}
			}
			items = append(items, formatItem{letter: c, count: n})
			i += n
		default:
			items = append(items, formatItem{text: string(rune(c))})
			if c >= 0x80 {
				items[len(items)-1].text = string(pattern[i : i+1])
			}
			i++
		}
	}
	return items, nil
}

// appendFormat writes days and nanoseconds of the day by a pattern.
func appendFormat(b []byte, items []formatItem, days, nanos int64) []byte {
	y, m, d := types.CivilOf(days)
	h := nanos / 3600e9
	for _, it := range items {
		n := it.count
		switch it.letter {
		case 0:
			b = append(b, it.text...)
		case 'y', 'u':
			b = appendYear(b, y, n)
		case 'Y':
			b = appendYear(b, weekYear(days), n)
		case 'M', 'L':
			b = appendName(b, time.Month(m).String(), m, n)
		case 'E':
			name := time.Weekday(types.FloorMod(days+4, 7)).String()
			b = appendName(b, name, 0, max(n, 3))
		case 'd':
			b = types.AppendPadded(b, d, n)
		case 'D':
			b = types.AppendPadded(b, days-types.DaysOf(y, 1, 1)+1, n)
		case 'w':
			b = types.AppendPadded(b, weekOfYear(days), n)
		case 'Q':
			b = types.AppendPadded(b, (m-1)/3+1, n)
		case 'H':
			b = types.AppendPadded(b, h, n)
		case 'k':
			b = types.AppendPadded(b, (h+23)%24+1, n)
		case 'K':
			b = types.AppendPadded(b, h%12, n)
		case 'h':
			b = types.AppendPadded(b, (h+11)%12+1, n)
		case 'm':
			b = types.AppendPadded(b, nanos/60e9%60, n)
		case 's':
			b = types.AppendPadded(b, nanos/1e9%60, n)
		case 'S':
			frac := types.AppendPadded(nil, nanos%1e9, 9)
			b = append(b, (string(frac) + strings.Repeat("0", max(n-9, 0)))[:n]...)
		case 'n':
			b = types.AppendPadded(b, nanos%1e9, n)
		case 'a':
			b = append(b, []string{"AM", "PM"}[h/12]...)
		}
	}
	return b
}

func appendYear(b []byte, y int64, n int) []byte {
	if n == 2 {
		return types.AppendPadded(b, types.FloorMod(y, 100), 2)
	}
	if y < 0 {
		b, y = append(b, '-'), -y
	}
	return types.AppendPadded(b, y, n)
}

func appendName(b []byte, name string, number int64, n int) []byte {
	switch n {
	case 1, 2:
		return types.AppendPadded(b, number, n)
	case 3:
		return append(b, name[:3]...)
	case 5:
		return append(b, name[0])
	default:
		return append(b, name...)
	}
}

// weekStart is the Sunday on or before the day: weeks of Y and w are those of the US locale, as Flink's default has it.
func weekStart(days int64) int64 { return days - types.FloorMod(days+4, 7) }

func weekYear(days int64) int64 {
	y, _, _ := types.CivilOf(weekStart(days) + 6) // the week of January 1st is week 1
	return y
}

func weekOfYear(days int64) int64 {
	first := weekStart(types.DaysOf(weekYear(days), 1, 1))
	return (weekStart(days)-first)/7 + 1
}

func bindFormat([]plan.Expr, types.Type) (vec.Kernel, error) {
	cache := patternCache[[]formatItem]{compile: compileFormat}
	return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		per := perSecond(a[0].T)
		return eachText(&cache, c, a, o, func(items []formatItem, i int) bool {
			days, rest := moment(a[0], i)
			o.Buf = appendFormat(o.Buf, items, days, rest*(1e9/per))
			return true
		})
	}, nil
}

// eachText is patternCache.each for kernels that append a text a row.
func eachText[P any](cache *patternCache[P], c *vec.Ctx, a []*vec.Vec, o *vec.Vec, f func(p P, i int) bool) error {
	pad := func(rows int) {
		for len(o.Off)-1 < rows {
			o.End()
		}
	}
	err := cache.each(c, a, o, func(p P, i int) {
		pad(i)
		if !f(p, i) {
			o.SetNull(i)
		}
		o.End()
	})
	pad(o.Len)
	return err
}

// parseFormat reads text by a pattern; fields that the pattern does not name are those of 1970-01-01 00:00:00.
func parseFormat(s []byte, items []formatItem) (days, nanos int64, ok bool) {
	f := map[byte]int64{'y': 1970, 'M': 1, 'd': 1}
	for _, it := range items {
		if it.letter == 0 {
			if !strings.HasPrefix(string(s), it.text) {
				return 0, 0, false
			}
			s = s[len(it.text):]
			continue
		}
		var v int64
		if v, s, ok = parseItem(s, it); !ok {
			return 0, 0, false
		}
		f[canonical(it.letter)] = v
	}
	h := f['H']
	if twelve, half := f['h']; half {
		h = twelve%12 + 12*f['a']
	}
	y, m, d := f['y'], f['M'], f['d']
	if len(s) > 0 || m < 1 || m > 12 || d < 1 || d > types.DaysInMonth(y, m) || h > 23 || f['m'] > 59 || f['s'] > 59 {
		return 0, 0, false
	}
	return types.DaysOf(y, m, d), ((h*60+f['m'])*60+f['s'])*1e9 + f['S'], true
}

// canonical merges letters that name one field.
func canonical(letter byte) byte {
	switch letter {
	case 'u', 'Y':
		return 'y'
	case 'L':
		return 'M'
	case 'K':
		return 'h'
	case 'k':
		return 'H'
	case 'n':
		return 'S'
	}
	return letter
}

func parseItem(s []byte, it formatItem) (v int64, rest []byte, ok bool) {
	switch {
	case it.letter == 'a':
		up := strings.ToUpper(string(s[:min(2, len(s))]))
		return int64(strings.Index("AMPM", up) / 2), s[min(2, len(s)):], up == "AM" || up == "PM"
	case (it.letter == 'M' || it.letter == 'L') && it.count >= 3:
		for m := time.January; m <= time.December; m++ {
			name := m.String()
			if it.count == 3 {
				name = name[:3]
			}
			if strings.HasPrefix(string(s), name) {
				return int64(m), s[len(name):], true
			}
		}
		return 0, s, false
	case it.letter == 'E':
		i := 0
		for i < len(s) && s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' {
			i++
		}
		return 0, s[i:], i > 0
	}
	least, most := it.count, it.count
	if it.count == 1 {
		most = 9
	}
	n := 0
	for n < len(s) && n < most && s[n]-'0' <= 9 {
		v = v*10 + int64(s[n]-'0')
		n++
	}
	if n < least {
		return 0, s, false
	}
	switch {
	case it.letter == 'S':
		for k := n; k < 9; k++ {
			v *= 10
		}
	case (it.letter == 'y' || it.letter == 'u') && it.count == 2:
		v += 2000
	}
	return v, s[n:], true
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
