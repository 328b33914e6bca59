package types

import (
	"bytes"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// The text forms of values, as CAST reads and writes them. Readers answer false for text that is not of the type;
// blanks around it are allowed.

func trim(s []byte) []byte { return bytes.Trim(s, " ") }

// ParseDate reads `yyyy-M-d`; what follows a blank (a time of day) is ignored.
func ParseDate(s []byte) (days int64, ok bool) {
	s = trim(s)
	if i := bytes.IndexByte(s, ' '); i > 0 {
		s = s[:i]
	}
	return parseDate(s)
}

func parseDate(s []byte) (int64, bool) {
	y, s, ok1 := digits(s, 4, '-')
	m, s, ok2 := digits(s, 2, '-')
	d, s, ok3 := digits(s, 2, 0)
	if !ok1 || !ok2 || !ok3 || len(s) > 0 || m < 1 || m > 12 || d < 1 || d > DaysInMonth(y, m) {
		return 0, false
	}
	return DaysOf(y, m, d), true
}

// digits reads 1 to n digits and, unless it is 0, the separator behind them.
func digits(s []byte, n int, sep byte) (x int64, rest []byte, ok bool) {
	i := 0
	for i < len(s) && i < n && s[i]-'0' <= 9 {
		x = x*10 + int64(s[i]-'0')
		i++
	}
	if i == 0 {
		return 0, s, false
	}
	if sep == 0 {
		return x, s[i:], true
	}
	if i == len(s) || s[i] != sep {
		return 0, s, false
	}
	return x, s[i+1:], true
}

// ParseTime reads `H:m[:s[.fraction]]` as nanoseconds of the day.
func ParseTime(s []byte) (nanos int64, ok bool) {
	s = trim(s)
	h, s, ok1 := digits(s, 2, ':')
	m, s, ok2 := digits(s, 2, 0)
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	nanos = (h*60 + m) * 60e9
	if len(s) == 0 {
		return nanos, true
	}
	if s[0] != ':' {
		return 0, false
	}
	sec, s, ok := digits(s[1:], 2, 0)
	if !ok || sec > 59 {
		return 0, false
	}
	frac, ok := parseFraction(s)
	return nanos + sec*1e9 + frac, ok
}

// parseFraction reads `.123` or nothing; digits beyond the ninth are dropped.
func parseFraction(s []byte) (nanos int64, ok bool) {
	if len(s) == 0 {
		return 0, true
	}
	if s[0] != '.' || len(s) == 1 {
		return 0, false
	}
	unit := int64(1e8)
	for _, c := range s[1:] {
		if c-'0' > 9 {
			return 0, false
		}
		nanos += int64(c-'0') * unit
		unit /= 10
	}
	return nanos, true
}

// ParseTimestamp reads `yyyy-M-d[ H:m[:s[.fraction]]]` in units of which perSecond make a second; digits that the unit
// cannot hold are dropped.
func ParseTimestamp(s []byte, perSecond int64) (v int64, ok bool) {
	s = trim(s)
	day, clock, hasTime := bytes.Cut(s, []byte{' '})
	days, ok := parseDate(day)
	if !ok {
		return 0, false
	}
	var nanos int64
	if hasTime {
		if nanos, ok = ParseTime(clock); !ok {
			return 0, false
		}
	}
	return days*86400*perSecond + nanos/(1e9/perSecond), true
}

// AppendDate writes `yyyy-MM-dd`.
func AppendDate(b []byte, days int64) []byte {
	y, m, d := CivilOf(days)
	if y < 0 {
		b, y = append(b, '-'), -y
	}
	b = AppendPadded(b, y, 4)
	b = AppendPadded(append(b, '-'), m, 2)
	return AppendPadded(append(b, '-'), d, 2)
}

// AppendPadded writes a number of at least width digits.
func AppendPadded(b []byte, x int64, width int) []byte {
	for limit := int64(10); width > 1; width-- {
		p := limit
		for range width - 2 {
			p *= 10
		}
		if x >= p {
			break
		}
		b = append(b, '0')
	}
	return strconv.AppendInt(b, x, 10)
}

// AppendTime writes `HH:mm:ss` and p fractional digits of a time of day.
func AppendTime(b []byte, units, perSecond int64, p int32) []byte {
	sec := units / perSecond
	b = AppendPadded(b, sec/3600, 2)
	b = AppendPadded(append(b, ':'), sec/60%60, 2)
	b = AppendPadded(append(b, ':'), sec%60, 2)
	if p == 0 {
		return b
	}
	b = append(b, '.')
	frac := units % perSecond
	for range p {
		perSecond /= 10
		if perSecond == 0 {
			b = append(b, '0')
			continue
		}
		b = append(b, '0'+byte(frac/perSecond))
		frac %= perSecond
	}
	return b
}

// AppendTimestamp writes `yyyy-MM-dd HH:mm:ss` and the fractional digits of the type t.
func AppendTimestamp(b []byte, v int64, t Type) []byte {
	perSecond := t.UnitsPerSecond()
	day := perSecond * 86400
	b = AppendDate(b, FloorDiv(v, day))
	return AppendTime(append(b, ' '), FloorMod(v, day), perSecond, t.Precision)
}

// AppendFloat writes a FLOAT (32 bits) or DOUBLE (64 bits) as Java does: at least one digit behind the point, an exponent
// from 1e7 on and below 1e-3, no more digits than tell the value from its neighbours.
func AppendFloat(b []byte, x float64, bits int) []byte {
	switch {
	case math.IsNaN(x):
		return append(b, "NaN"...)
	case math.IsInf(x, 1):
		return append(b, "Infinity"...)
	case math.IsInf(x, -1):
		return append(b, "-Infinity"...)
	}
	from := len(b)
	if a := math.Abs(x); a == 0 || a >= 1e-3 && a < 1e7 {
		b = strconv.AppendFloat(b, x, 'f', -1, bits)
		if bytes.IndexByte(b[from:], '.') < 0 {
			b = append(b, ".0"...)
		}
		return b
	}
	var buf [32]byte
	s := strconv.AppendFloat(buf[:0], x, 'E', -1, bits) // d.dddE+07, dE-05
	mant, exp, _ := bytes.Cut(s, []byte{'E'})
	b = append(b, mant...)
	if bytes.IndexByte(mant, '.') < 0 {
		b = append(b, ".0"...)
	}
	b = append(b, 'E')
	if exp[0] == '-' {
		b = append(b, '-')
	}
	return append(b, bytes.TrimLeft(exp[1:], "0")...)
}

// AppendDecimal writes a DECIMAL with all digits of its scale.
func AppendDecimal(b []byte, d decimal128.Num, scale int32) []byte {
	neg := d.Sign() < 0
	var buf [48]byte
	var s []byte
	if hi := d.HighBits(); hi == 0 && d.LowBits() <= math.MaxInt64 || hi == -1 && d.LowBits() > 1<<63 {
		x := int64(d.LowBits())
		s = strconv.AppendInt(buf[:0], max(x, -x), 10)
	} else {
		s = d.BigInt().Append(buf[:0], 10)
		if neg {
			s = s[1:]
		}
	}
	if neg {
		b = append(b, '-')
	}
	point := len(s) - int(scale)
	if point <= 0 {
		b = append(b, '0')
	} else {
		b, s = append(b, s[:point]...), s[point:]
	}
	if scale == 0 {
		return b
	}
	b = append(b, '.')
	for ; point < 0; point++ {
		b = append(b, '0')
	}
	return append(b, s...)
}
