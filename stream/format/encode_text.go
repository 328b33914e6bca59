package format

import (
	"math/bits"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// unsafeBytes is s as bytes that must not be written.
func unsafeBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// appendJSONString writes s in quotes with the escapes that Jackson writes: \b \f \n \r \t, \u00XX for other control
// characters, quote and backslash; all else as it is. Bytes that are no UTF-8 become U+FFFD.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	checked, valid := false, false // that what is beyond ASCII is UTF-8: looked at once
	for start := 0; ; {
		i := plainEnd(s, start)
		dst = append(dst, s[start:i]...)
		if i == len(s) {
			return append(dst, '"')
		}
		if s[i] < utf8.RuneSelf {
			dst = appendEscape(dst, s[i])
			start = i + 1
			continue
		}
		if !checked {
			checked, valid = true, utf8.Valid(s[i:])
		}
		start = i
		for start < len(s) && s[start] >= utf8.RuneSelf {
			if valid {
				dst = append(dst, s[start])
				start++
				continue
			}
			r, n := utf8.DecodeRune(s[start:])
			dst = utf8.AppendRune(dst, r)
			start += n
		}
	}
}

func appendEscape(dst []byte, ch byte) []byte {
	const hex = "0123456789ABCDEF"
	switch ch {
	case '"', '\\':
		return append(dst, '\\', ch)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[ch>>4], hex[ch&15])
}

// appendDecimal writes a decimal with all digits of its scale: 1.50.
func appendDecimal(dst []byte, v decimal128.Num, scale int) []byte {
	hi, lo := uint64(v.HighBits()), v.LowBits() //nolint:gosec // two's complement
	if v.Sign() < 0 {
		dst = append(dst, '-')
		n := v.Negate()
		hi, lo = uint64(n.HighBits()), n.LowBits() //nolint:gosec // below 2^127
	}
	// Two halves of 19 digits: 10^19 is the largest power of ten below 2^64, and the value is below 10^38.
	const half = 10_000_000_000_000_000_000
	top, low := bits.Div64(hi, lo, half)
	var digits [40]byte
	text := digits[:0]
	if top > 0 {
		text = strconv.AppendUint(text, top, 10)
		var tail [20]byte
		t := strconv.AppendUint(tail[:0], low, 10)
		for range 19 - len(t) {
			text = append(text, '0')
		}
		text = append(text, t...)
	} else {
		text = strconv.AppendUint(text, low, 10)
	}
	if scale <= 0 {
		return append(dst, text...)
	}
	if len(text) <= scale {
		dst = append(dst, '0', '.')
		for range scale - len(text) {
			dst = append(dst, '0')
		}
		return append(dst, text...)
	}
	dst = append(dst, text[:len(text)-scale]...)
	dst = append(dst, '.')
	return append(dst, text[len(text)-scale:]...)
}
