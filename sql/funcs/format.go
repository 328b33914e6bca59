package funcs

import (
	"strings"
	"time"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

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
