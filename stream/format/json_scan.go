package format

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// The functions of this file walk JSON text by index. They return the index after what they have read, or a negative
// one: -1-i where i is the place that is wrong (see wrongAt).

// maxDepth bounds the nesting of objects and arrays, as Jackson's default does.
const maxDepth = 1000

// wrongAt marks place i as the end of what is JSON.
func wrongAt(i int) int { return -1 - i }

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load64 reads 8 bytes, the first one lowest.
func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8]) }

// special finds the bytes of x that end the plain part of a string: the quote, the backslash, control characters and
// everything beyond ASCII. The lowest bit set is exact, those above it may not be
// (https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord).
func special(x uint64) uint64 {
	q := x ^ lows*'"'
	s := x ^ lows*'\\'
	return ((q-lows)&^q | (s-lows)&^s | (x - lows*' ') | x) & highs
}

// plainEnd gives the index of the first special byte of a string from i on, or len(b).
func plainEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		if m := special(load64(b, i)); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(b) && stringByte[b[i]] == 0 {
		i++
	}
	return i
}

// stringByte is not zero for the bytes that special finds.
var stringByte = func() (t [256]uint8) {
	for i := range t {
		if i < ' ' || i == '"' || i == '\\' || i >= utf8.RuneSelf {
			t[i] = 1
		}
	}
	return t
}()

// skipSpace passes JSON's white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString reads the rest of a string whose opening quote stands before i, and tells whether it has escapes. It checks
// all that JSON asks of a string: no control characters, valid escapes, valid UTF-8, surrogates in pairs.
func skipString(b []byte, i int) (end int, escaped bool) {
	start := i
	wide := false
	for {
		i = plainEnd(b, i)
		if i >= len(b) {
			return wrongAt(i), escaped
		}
		switch c := b[i]; {
		case c == '"':
			if wide && !utf8.Valid(b[start:i]) {
				return wrongAt(start), escaped
			}
			return i + 1, escaped
		case c == '\\':
			escaped = true
			n := escapeLen(b[i:])
			if n == 0 {
				return wrongAt(i), escaped
			}
			i += n
		case c >= utf8.RuneSelf:
			wide = true
			for i < len(b) && b[i] >= utf8.RuneSelf {
				i++
			}
		default:
			return wrongAt(i), escaped
		}
	}
}

// escapeLen is the length of the escape at the start of b: 2, 6, or 12 for a pair of surrogates; 0 when it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r := hex4(b, 2)
		switch {
		case r < 0:
			return 0
		case r < 0xd800 || r > 0xdfff:
			return 6
		case r < 0xdc00 && len(b) >= 12 && b[6] == '\\' && b[7] == 'u':
			if low := hex4(b, 8); low >= 0xdc00 && low <= 0xdfff {
				return 12
			}
		}
	}
	return 0
}

// hex4 reads 4 hexadecimal digits at i, -1 when they are none.
func hex4(b []byte, i int) rune {
	if len(b) < i+4 {
		return -1
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// unescape appends the text of a string's inside that skipString has passed.
func unescape(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		switch c = s[i+1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(s, i+2)
			i += 4
			if r >= 0xd800 && r <= 0xdfff {
				r = (r-0xd800)<<10 | (hex4(s, i+4) - 0xdc00) + 0x10000
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
		i += 2
	}
	return dst
}

// skipNumber reads a number of JSON's grammar: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func skipNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && b[i]-'1' < 9:
		i = skipDigits(b, i)
	default:
		return wrongAt(i)
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = skipDigits(b, start); i == start {
			return wrongAt(i)
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = skipDigits(b, start); i == start {
			return wrongAt(i)
		}
	}
	return i
}

func skipDigits(b []byte, i int) int {
	if i+8 <= len(b) {
		t := load64(b, i) ^ lows*'0'
		if m := (t | (t + lows*6)) & (lows * 0xf0); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// skipWord reads true, false or null.
func skipWord(b []byte, i int) int {
	word := "null"
	switch b[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	}
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return wrongAt(i)
	}
	return i + len(word)
}

// skipScalar reads a value at i that is neither object nor array.
func skipScalar(b []byte, i int) int {
	if i >= len(b) {
		return wrongAt(i)
	}
	switch c := b[i]; {
	case c == '"':
		if end := plainEnd(b, i+1); end < len(b) && b[end] == '"' {
			return end + 1
		}
		end, _ := skipString(b, i+1)
		return end
	case c == '-' || c-'0' <= 9:
		return skipNumber(b, i)
	case c == 't' || c == 'f' || c == 'n':
		return skipWord(b, i)
	}
	return wrongAt(i)
}

// skipUnwanted is skipValue with the most common case, a plain string, on the spot.
func skipUnwanted(b []byte, i, depth int) int {
	if i < len(b) && b[i] == '"' {
		for j := i + 1; j+8 <= len(b); j += 8 {
			if m := special(load64(b, j)); m != 0 {
				if j += bits.TrailingZeros64(m) >> 3; b[j] == '"' {
					return j + 1
				}
				break
			}
		}
	}
	return skipValue(b, i, depth)
}

// skipValue reads any value at i, at the given depth, and checks it as strictly as a value that is wanted.
func skipValue(b []byte, i, depth int) int {
	if i < len(b) && (b[i] == '{' || b[i] == '[') {
		return skipNested(b, i, depth)
	}
	return skipScalar(b, i)
}

// skipNested reads an object or array without recursion: objects has a bit for each open level, 1 for an object.
func skipNested(b []byte, i, depth int) int {
	var objects [maxDepth/64 + 1]uint64
	base := depth
	for {
		// b[i] opens a level or is a scalar.
		i = skipSpace(b, i)
		if i < len(b) && (b[i] == '{' || b[i] == '[') {
			if depth++; depth > maxDepth {
				return wrongAt(i)
			}
			bit := uint64(1) << (depth & 63)
			objects[depth>>6] &^= bit
			if b[i] == '{' {
				objects[depth>>6] |= bit
			}
			shut := b[i] + 2 // ] and } stand two after [ and {
			i = skipSpace(b, i+1)
			if i < len(b) && b[i] == shut {
				goto closed
			}
			if shut == '}' {
				i = skipName(b, i)
			}
		} else {
			i = skipScalar(b, i)
			goto after
		}
		if i < 0 {
			return i
		}
		continue
	closed:
		i++
		depth--
	after:
		for {
			if i < 0 || depth == base {
				return i
			}
			i = skipSpace(b, i)
			if i >= len(b) {
				return wrongAt(i)
			}
			object := objects[depth>>6]>>(depth&63)&1 == 1
			switch {
			case b[i] == ',':
				i = skipSpace(b, i+1)
				if object {
					i = skipName(b, i)
				}
				if i < 0 {
					return i
				}
			case b[i] == '}' && object, b[i] == ']' && !object:
				i++
				depth--
				continue
			default:
				return wrongAt(i)
			}
			break
		}
	}
}

// skipName reads a member's name and its colon.
func skipName(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return wrongAt(i)
	}
	if end := plainEnd(b, i+1); end < len(b) && b[end] == '"' {
		i = end + 1
	} else if i, _ = skipString(b, i+1); i < 0 {
		return i
	}
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != ':' {
		return wrongAt(i)
	}
	return skipSpace(b, i+1)
}

// compact appends a value that skipValue has passed without the white space between its tokens.
func compact(dst, v []byte) []byte {
	for i := 0; i < len(v); {
		switch c := v[i]; {
		case c == '"':
			end, _ := skipString(v, i+1)
			dst = append(dst, v[i:end]...)
			i = end
		case c <= ' ':
			i++
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}
