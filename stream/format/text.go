package format

import (
	"bytes"
	"encoding/base64"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// fault says why a text is not a value of its column; the zero value is that it is one.
type fault uint8

const (
	fits fault = iota
	wrongType
	outOfRange
	notUTF8
	missing
	isNull
	notObject
)

// view is b as a string, valid while b is.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// trim cuts what Java's String.trim cuts: everything up to a blank.
func trim(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// setText writes a text (of a JSON string or a CSV field) to a column of any type.
func (b *builder) setText(c *column, text []byte, ts TimestampFormat) fault {
	switch c.kind {
	case kindString:
		if !utf8.Valid(text) {
			return notUTF8
		}
		b.setBytes(c, text)
		return fits
	case kindBinary:
		return b.setBase64(c, text)
	}
	t := trim(text)
	switch c.kind {
	case kindInt8, kindInt16, kindInt32, kindInt64:
		v, f := parseInt(t)
		if f != fits {
			return f
		}
		return b.setInt(c, v)
	case kindFloat32, kindFloat64:
		return b.setFloatText(c, t)
	case kindDecimal:
		return b.setDecimal(c, t)
	case kindDate:
		days, ok := parseDate(t)
		if !ok {
			return wrongType
		}
		c.i32[b.rows] = days
	case kindTime:
		ms, ok := parseTime(t)
		if !ok {
			return wrongType
		}
		c.i32[b.rows] = ms
	case kindTimestamp:
		return b.setTimestamp(c, t, ts)
	case kindBool:
		v, ok := parseBool(t)
		if !ok {
			return wrongType
		}
		b.setBool(c, v)
	}
	return fits
}

func parseBool(t []byte) (v, ok bool) {
	switch {
	case bytes.EqualFold(t, trueText):
		return true, true
	case bytes.EqualFold(t, falseText):
		return false, true
	}
	return false, false
}

var (
	trueText  = []byte("true")
	falseText = []byte("false")
)

// setBase64 writes the bytes that base64 text stands for, as Flink writes BYTES in JSON and CSV.
func (b *builder) setBase64(c *column, text []byte) fault {
	n := base64.StdEncoding.DecodedLen(len(text))
	b.room(c, n)
	start := int(c.off[b.rows])
	n, err := base64.StdEncoding.Decode(c.data[start:start+n], text)
	if err != nil {
		return wrongType
	}
	c.data = c.data[:start+n]
	c.off[b.rows+1] = int32(start + n) //nolint:gosec // bounded by maxBatchBytes
	return fits
}

// setInt writes an integer to an integer column, if it is in the type's range.
func (b *builder) setInt(c *column, v int64) fault {
	switch c.kind {
	case kindInt64:
		c.i64[b.rows] = v
		return fits
	case kindInt32:
		if v == int64(int32(v)) {
			c.i32[b.rows] = int32(v)
			return fits
		}
	case kindInt16:
		if v == int64(int16(v)) {
			c.i16[b.rows] = int16(v)
			return fits
		}
	case kindInt8:
		if v == int64(int8(v)) {
			c.i8[b.rows] = int8(v)
			return fits
		}
	}
	return outOfRange
}

// parseInt reads [+-]digits.
func parseInt(t []byte) (int64, fault) {
	neg := false
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		neg = t[0] == '-'
		t = t[1:]
	}
	if len(t) == 0 {
		return 0, wrongType
	}
	var v uint64
	over := false
	for _, ch := range t {
		d := uint64(ch - '0')
		if d > 9 {
			return 0, wrongType
		}
		over = over || v > (1<<63)/10
		v = v*10 + d
		over = over || v > 1<<63
	}
	if over || v == 1<<63 && !neg {
		return 0, outOfRange
	}
	if neg {
		return -int64(v), fits //nolint:gosec // 1<<63 wraps to itself, which is right
	}
	return int64(v), fits //nolint:gosec // below 1<<63
}

// setFloatText reads what Java's parseDouble and JSON writers use: decimal digits, NaN, Infinity.
func (b *builder) setFloatText(c *column, t []byte) fault {
	size := 64
	if c.kind == kindFloat32 {
		size = 32
	}
	var v float64
	switch view(t) {
	case "NaN":
		v = math.NaN()
	case "Infinity", "+Infinity":
		v = math.Inf(1)
	case "-Infinity":
		v = math.Inf(-1)
	default:
		// strconv also knows hexadecimal, underscores, "inf" and "nan": none of them is a number here.
		for _, ch := range t {
			if (ch < '0' || ch > '9') && ch != '.' && ch != '-' && ch != '+' && ch != 'e' && ch != 'E' {
				return wrongType
			}
		}
		var err error
		v, err = strconv.ParseFloat(view(t), size)
		// Beyond the range the value is an infinity, as in Java.
		if err != nil && !math.IsInf(v, 0) {
			return wrongType
		}
	}
	if c.kind == kindFloat32 {
		c.f32[b.rows] = float32(v)
	} else {
		c.f64[b.rows] = v
	}
	return fits
}

// setDecimal reads a number exactly, rounds it half up to the column's scale, and refuses more digits than its precision.
func (b *builder) setDecimal(c *column, t []byte) fault {
	n, ok := scanDecimal(t)
	if !ok {
		return wrongType
	}
	// The value is digits * 10^exp. Position p of the digits has the weight 10^(len-1-p+exp).
	shift := n.exp + int(c.field.Type.(*arrow.Decimal128Type).Scale)
	hi, lo, over := uint64(0), uint64(0), false
	for i, ch := range n.digits {
		if ch == '.' {
			continue
		}
		if n.places(i)+shift < 0 {
			if n.places(i)+shift == -1 && ch >= '5' { // the first digit cut off decides
				var carry uint64
				lo, carry = bits.Add64(lo, 1, 0)
				hi += carry
			}
			break
		}
		hi, lo, over = mulAdd(hi, lo, uint64(ch-'0'))
		if over {
			return outOfRange
		}
	}
	if len(n.digits) > 0 {
		shift += n.places(len(n.digits) - 1)
	}
	for range min(max(shift, 0), 39) { // 39 more digits are too many for any DECIMAL but 0
		if hi, lo, over = mulAdd(hi, lo, 0); over {
			return outOfRange
		}
	}
	v := decimal128.New(int64(hi), lo) //nolint:gosec // mulAdd keeps it below 2^127
	if !v.Less(c.limit[0]) {
		return outOfRange
	}
	if n.neg {
		v = v.Negate()
	}
	c.dec[b.rows] = v
	return fits
}

// mulAdd is 10*(hi, lo) + d, and whether that is no longer below 2^127.
func mulAdd(hi, lo, d uint64) (uint64, uint64, bool) {
	h, l := bits.Mul64(lo, 10)
	if hi > math.MaxInt64/10 {
		return hi, lo, true
	}
	l, carry := bits.Add64(l, d, 0)
	hi = hi*10 + h + carry
	return hi, l, hi > math.MaxInt64
}

// decimalText is a number's text taken apart: without leading zeros, with its point.
type decimalText struct {
	neg    bool
	digits []byte // may hold one '.'
	point  int    // index of the point, or len(digits)
	exp    int    // the written exponent
}

// places is the power of ten of the digit at index i, without the exponent.
func (n *decimalText) places(i int) int {
	if i < n.point {
		return n.point - 1 - i
	}
	return n.point - i
}

// maxExponent bounds what is read of an exponent: far outside what any DECIMAL can hold.
const maxExponent = 10_000

// scanDecimal reads [+-] digits [. digits] [e [+-] digits] with at least one digit before the exponent.
func scanDecimal(t []byte) (n decimalText, ok bool) {
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		n.neg = t[0] == '-'
		t = t[1:]
	}
	end, digits := len(t), 0
	n.point = -1
	for i, ch := range t {
		switch {
		case ch >= '0' && ch <= '9':
			digits++
			continue
		case ch == '.' && n.point < 0:
			n.point = i
			continue
		case ch|0x20 == 'e':
			if n.exp, ok = scanExponent(t[i+1:]); !ok {
				return n, false
			}
			end = i
		default:
			return n, false
		}
		break
	}
	n.digits = t[:end]
	if n.point < 0 {
		n.point = end
	}
	for len(n.digits) > 0 && n.digits[0] == '0' {
		n.digits = n.digits[1:]
		n.point--
	}
	return n, digits > 0
}

func scanExponent(t []byte) (int, bool) {
	neg := false
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		neg = t[0] == '-'
		t = t[1:]
	}
	e := 0
	for _, ch := range t {
		if ch < '0' || ch > '9' {
			return 0, false
		}
		e = min(e*10+int(ch-'0'), maxExponent)
	}
	if neg {
		e = -e
	}
	return e, len(t) > 0
}
