package format

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
)

const secondsPerDay = 86_400

// days is the number of days from 1970-01-01 to a date of the proleptic Gregorian calendar
// (the method of https://howardhinnant.github.io/date_algorithms.html#days_from_civil, for years from 0 on).
func days(y, m, d int) int {
	if m <= 2 {
		y--
		m += 12
	}
	// y is -1 in January and February of year 0: shift by one era of 400 years.
	y += 400
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719468 - 146097
}

// civil is the inverse of days, for any year.
func civil(n int) (y, m, d int) {
	n += 719468
	era := n / 146097
	if n < 0 {
		era = (n - 146096) / 146097
	}
	doe := n - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

func daysIn(y, m int) int {
	if m == 2 && y%4 == 0 && (y%100 != 0 || y%400 == 0) {
		return 29
	}
	return int(monthDays[m])
}

var monthDays = [13]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// two reads two digits; bad gets bits set when they are none.
func two(a, b byte, bad *byte) int {
	a -= '0'
	b -= '0'
	*bad |= (a | (a + 6) | b | (b + 6)) & 0xf0
	return int(a)*10 + int(b)
}

// parseYMD reads yyyy-MM-dd at the start of t, which has at least 10 bytes.
func parseYMD(t []byte) (n int, ok bool) {
	_ = t[9]
	var bad byte
	y := two(t[0], t[1], &bad)*100 + two(t[2], t[3], &bad)
	m, d := two(t[5], t[6], &bad), two(t[8], t[9], &bad)
	bad |= t[4] ^ '-' | t[7] ^ '-'
	if bad != 0 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	return days(y, m, d), true
}

// parseDate reads yyyy-MM-dd.
func parseDate(t []byte) (int32, bool) {
	if len(t) != 10 {
		return 0, false
	}
	n, ok := parseYMD(t)
	return int32(n), ok //nolint:gosec // years have four digits
}

// parseHMS reads HH:mm:ss[.fraction] at the start of t and gives the seconds, nanoseconds and the rest of t. Seconds may
// be left out when lax.
func parseHMS(t []byte, lax bool) (sec, nanos int, rest []byte, ok bool) {
	if len(t) < 5 {
		return 0, 0, t, false
	}
	var bad byte
	h, m, s := two(t[0], t[1], &bad), two(t[3], t[4], &bad), 0
	bad |= t[2] ^ ':'
	rest = t[5:]
	if len(rest) >= 3 && rest[0] == ':' {
		s = two(rest[1], rest[2], &bad)
		rest = rest[3:]
	} else if !lax {
		return 0, 0, t, false
	}
	if bad != 0 || h > 23 || m > 59 || s > 59 {
		return 0, 0, t, false
	}
	if len(rest) > 0 && rest[0] == '.' {
		if nanos, rest, ok = parseFraction(rest[1:]); !ok {
			return 0, 0, t, false
		}
	}
	return h*3600 + m*60 + s, nanos, rest, true
}

// parseFraction reads 1 to 9 digits as nanoseconds.
func parseFraction(t []byte) (nanos int, rest []byte, ok bool) {
	i := 0
	for i < len(t) && t[i]-'0' <= 9 {
		if i == 9 {
			return 0, t, false
		}
		nanos = nanos*10 + int(t[i]-'0')
		i++
	}
	for range 9 - i {
		nanos *= 10
	}
	return nanos, t[i:], i > 0
}

// parseTime reads HH:mm[:ss[.fraction]] as ms of the day.
func parseTime(t []byte) (int32, bool) {
	sec, nanos, rest, ok := parseHMS(t, true)
	return int32(sec*1000 + nanos/1_000_000), ok && len(rest) == 0 //nolint:gosec // below 86.4 million
}

// parseTimestamp reads a timestamp as seconds since the epoch (UTC, or no zone) and nanoseconds.
func parseTimestamp(t []byte, f TimestampFormat, zoned bool) (sec int64, nanos int, ok bool) {
	if len(t) < 10 {
		return 0, 0, false
	}
	n, ok := parseYMD(t)
	if !ok {
		return 0, 0, false
	}
	sec = int64(n) * secondsPerDay
	if len(t) == 10 {
		return sec, 0, f == TimestampAny
	}
	if sep := t[10]; sep == ' ' && f == TimestampISO || sep == 'T' && f == TimestampSQL || sep != ' ' && sep != 'T' {
		return 0, 0, false
	}
	s, nanos, rest, ok := parseHMS(t[11:], f == TimestampAny)
	if !ok {
		return 0, 0, false
	}
	sec += int64(s)
	if f != TimestampAny {
		return sec, nanos, zoned == (len(rest) == 1 && rest[0] == 'Z') && (zoned || len(rest) == 0)
	}
	offset, ok := parseOffset(rest)
	return sec - int64(offset), nanos, ok
}

// parseOffset reads nothing, Z, or +hh[[:]mm], in seconds.
func parseOffset(t []byte) (int, bool) {
	if len(t) == 0 || len(t) == 1 && t[0]|0x20 == 'z' {
		return 0, true
	}
	if t[0] != '+' && t[0] != '-' || len(t) != 3 && len(t) != 5 && len(t) != 6 {
		return 0, false
	}
	var bad byte
	h, m := two(t[1], t[2], &bad), 0
	switch len(t) {
	case 5:
		m = two(t[3], t[4], &bad)
	case 6:
		bad |= t[3] ^ ':'
		m = two(t[4], t[5], &bad)
	}
	sec := h*3600 + m*60
	if t[0] == '-' {
		sec = -sec
	}
	return sec, bad == 0 && h <= 18 && m <= 59
}

// The seconds since the epoch that nanoseconds in an int64 can hold, whole.
const (
	minNanoSecond = math.MinInt64/1_000_000_000 + 1
	maxNanoSecond = math.MaxInt64/1_000_000_000 - 1
)

// setTimestamp reads a timestamp into its column's unit; digits beyond the unit are cut off.
func (b *builder) setTimestamp(c *column, t []byte, f TimestampFormat) fault {
	typ := c.field.Type.(*arrow.TimestampType)
	sec, nanos, ok := parseTimestamp(t, f, typ.TimeZone != "")
	if !ok {
		return wrongType
	}
	switch typ.Unit {
	case arrow.Millisecond:
		c.i64[b.rows] = sec*1000 + int64(nanos/1_000_000)
	case arrow.Microsecond:
		c.i64[b.rows] = sec*1_000_000 + int64(nanos/1000)
	default:
		if sec < minNanoSecond || sec > maxNanoSecond {
			return outOfRange
		}
		c.i64[b.rows] = sec*1_000_000_000 + int64(nanos)
	}
	return fits
}

// appendTwo writes two digits.
func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

func appendDate(dst []byte, n int) []byte {
	y, m, d := civil(n)
	if y < 0 {
		dst = append(dst, '-')
		y = -y
	}
	if y > 9999 {
		dst = append(dst, '+', byte('0'+y/10_000%10))
		y %= 10_000
	}
	dst = appendTwo(appendTwo(dst, y/100), y%100)
	dst = appendTwo(append(dst, '-'), m)
	return appendTwo(append(dst, '-'), d)
}

// appendTime writes HH:mm:ss and as many digits of the fraction as are not zero at its end.
func appendTime(dst []byte, sec, nanos int) []byte {
	dst = appendTwo(dst, sec/3600)
	dst = appendTwo(append(dst, ':'), sec/60%60)
	dst = appendTwo(append(dst, ':'), sec%60)
	if nanos == 0 {
		return dst
	}
	dst = append(dst, '.')
	for nanos > 0 {
		dst = append(dst, byte('0'+nanos/100_000_000))
		nanos = nanos % 100_000_000 * 10
	}
	return dst
}

// appendTimestamp writes a timestamp of a column in the format's form.
func appendTimestamp(dst []byte, v int64, typ *arrow.TimestampType, f TimestampFormat) []byte {
	perSecond := int64(1)
	for range 3 * int(typ.Unit) {
		perSecond *= 10
	}
	sec, frac := v/perSecond, v%perSecond
	if frac < 0 {
		sec--
		frac += perSecond
	}
	day, rest := sec/secondsPerDay, sec%secondsPerDay
	if rest < 0 {
		day--
		rest += secondsPerDay
	}
	dst = appendDate(dst, int(day))
	sep := byte(' ')
	if f == TimestampISO {
		sep = 'T'
	}
	dst = appendTime(append(dst, sep), int(rest), int(frac*(1_000_000_000/perSecond)))
	if typ.TimeZone != "" {
		dst = append(dst, 'Z')
	}
	return dst
}
