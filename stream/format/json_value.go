package format

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// leaf reads the value at v[i] into a column. The common forms are read on the spot; slow does all others.
func (d *jsonDecoder) leaf(c *column, v []byte, i, depth int) int {
	b := d.b
	if c.gen == b.gen {
		b.revive(c) // a second member of the same name: the last one counts
	}
	c.gen = b.gen
	end := 0
	switch c.kind {
	case kindString:
		if i < len(v) && v[i] == '"' {
			end = b.copyPlain(c, v, i+1)
		} else if len(v)-i > 4 && string(v[i:i+4]) == "null" && c.field.Nullable {
			b.setNull(c)
			end = i + 4
		}
	case kindInt64:
		var n int64
		if n, end = plainInt(v, i); end > 0 {
			c.i64[b.rows] = n
		}
	case kindInt32:
		var n int64
		if n, end = plainInt(v, i); end > 0 && n == int64(int32(n)) {
			c.i32[b.rows] = int32(n)
		} else {
			end = 0
		}
	case kindFloat64:
		var f float64
		if f, end = plainFloat(v, i); end > 0 {
			c.f64[b.rows] = f
		}
	case kindTimestamp:
		if i < len(v) && v[i] == '"' {
			if e := plainEnd(v, i+1); e < len(v) && v[e] == '"' && b.setTimestamp(c, v[i+1:e], d.o.Timestamps) == fits {
				end = e + 1
			}
		}
	case kindBool:
		switch {
		case len(v)-i > 4 && string(v[i:i+4]) == "true":
			b.setBool(c, true)
			end = i + 4
		case len(v)-i > 5 && string(v[i:i+5]) == "false":
			b.setBool(c, false)
			end = i + 5
		}
	}
	if end > 0 {
		return end
	}
	return d.slow(c, v, i, depth)
}

// copyPlain copies a string without escapes and without bytes beyond ASCII, whose opening quote stands before v[i], while
// it looks for its end. It gives 0 for any other string, and for the last few bytes of v.
func (b *builder) copyPlain(c *column, v []byte, i int) int {
	b.room(c, len(v)-i)
	start := int(c.off[b.rows])
	dst := c.data[start:cap(c.data)]
	for n := 0; i+8 <= len(v); n += 8 {
		x := load64(v, i)
		binary.LittleEndian.PutUint64(dst[n:n+8], x)
		if m := special(x); m != 0 {
			k := bits.TrailingZeros64(m) >> 3
			if byte(x>>(8*k)) != '"' {
				return 0
			}
			n += start + k
			c.data = c.data[:n]
			c.off[b.rows+1] = int32(n) //nolint:gosec // bounded by maxBatchBytes
			return i + k + 1
		}
		i += 8
	}
	return 0
}

// plainInt reads an integer of up to 15 digits. It gives end 0 for any other text, and for the last few bytes of v.
func plainInt(v []byte, i int) (n int64, end int) {
	neg := i < len(v) && v[i] == '-'
	if neg {
		i++
	}
	if len(v)-i < 16 {
		return 0, 0
	}
	size, u := digitsAt(load64(v, i))
	if size == 0 || size > 1 && v[i] == '0' {
		return 0, 0
	}
	i += size
	if size == 8 {
		more, low := digitsAt(load64(v, i))
		if more == 8 {
			return 0, 0
		}
		u = u*intPowers[more] + low
		i += more
	}
	if c := v[i]; c == '.' || c|0x20 == 'e' {
		return 0, 0
	}
	n = int64(u) //nolint:gosec // at most 15 digits
	if neg {
		n = -n
	}
	return n, i
}

var intPowers = [...]uint64{1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000}

// floatPowers are exact, and so is an integer below 2^53: one division rounds once, correctly
// (W. D. Clinger, How to read floating point numbers accurately, 1990).
var floatPowers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// plainFloat reads a number of up to 7 digits before the point and 7 behind it, without exponent. It gives end 0 for any
// other text, and for the last few bytes of v.
func plainFloat(v []byte, i int) (f float64, end int) {
	neg := i < len(v) && v[i] == '-'
	if neg {
		i++
	}
	if len(v)-i < 17 {
		return 0, 0
	}
	size, u := digitsAt(load64(v, i))
	if size == 0 || size == 8 || size > 1 && v[i] == '0' {
		return 0, 0
	}
	i += size
	places := 0
	if v[i] == '.' {
		var low uint64
		if places, low = digitsAt(load64(v, i+1)); places == 0 || places == 8 {
			return 0, 0
		}
		u = u*intPowers[places] + low
		i += 1 + places
	}
	if v[i]|0x20 == 'e' {
		return 0, 0
	}
	f = float64(u) / floatPowers[places]
	if neg {
		f = -f
	}
	return f, i
}

// slow reads any value into a column by Flink's rules: text that holds the wanted value is one, numbers are text for a
// STRING, so are objects and arrays.
func (d *jsonDecoder) slow(c *column, v []byte, i, depth int) int {
	if i >= len(v) {
		return wrongAt(i)
	}
	var end int
	f := wrongType
	switch ch := v[i]; {
	case ch == '"':
		return d.slowString(c, v, i)
	case ch == 'n':
		if end = skipWord(v, i); end < 0 {
			return end
		}
		if !c.field.Nullable {
			d.err = problem{column: c, fault: isNull}
			return wrongAt(i)
		}
		d.b.setNull(c)
		return end
	case ch == 't' || ch == 'f':
		if end = skipWord(v, i); end < 0 {
			return end
		}
		switch c.kind {
		case kindBool:
			d.b.setBool(c, ch == 't')
			f = fits
		case kindString:
			d.b.setBytes(c, v[i:end])
			f = fits
		}
	case ch == '{' || ch == '[':
		if end = skipNested(v, i, depth); end < 0 {
			return end
		}
		if c.kind == kindString {
			d.text = compact(d.text[:0], v[i:end])
			d.b.setBytes(c, d.text)
			f = fits
		}
	default:
		if end = skipNumber(v, i); end < 0 {
			return end
		}
		f = d.number(c, v[i:end])
	}
	return d.accept(c, f, v[i:end], false, end)
}

// slowString reads a string that leaf could not.
func (d *jsonDecoder) slowString(c *column, v []byte, i int) int {
	end, escaped := skipString(v, i+1)
	if end < 0 {
		return end
	}
	text := v[i+1 : end-1]
	if escaped {
		d.text = unescape(d.text[:0], text)
		text = d.text
	}
	f := fits
	switch c.kind {
	case kindString:
		d.b.setBytes(c, text) // skipString has seen that it is UTF-8
	case kindBool:
		// Flink: Boolean.parseBoolean, for which any other text is false.
		d.b.setBool(c, bytes.EqualFold(trim(text), trueText))
	default:
		f = d.b.setText(c, text, d.o.Timestamps)
	}
	return d.accept(c, f, text, true, end)
}

// number reads a JSON number into a column, exactly.
func (d *jsonDecoder) number(c *column, text []byte) fault {
	switch c.kind {
	case kindString:
		d.b.setBytes(c, text)
		return fits
	case kindInt8, kindInt16, kindInt32, kindInt64:
		n, f := parseInt(text)
		if f == wrongType { // a point or an exponent
			n, f = truncate(text)
		}
		if f != fits {
			return f
		}
		return d.b.setInt(c, n)
	case kindFloat32, kindFloat64:
		return d.b.setFloatText(c, text)
	case kindDecimal:
		return d.b.setDecimal(c, text)
	}
	return wrongType
}

// truncate cuts the fraction of a number off: 1.9 is 1, 1e3 is 1000.
func truncate(text []byte) (int64, fault) {
	n, ok := scanDecimal(text)
	if !ok {
		return 0, wrongType
	}
	var digits [20]byte // sign and 19 digits
	out := digits[:0]
	if n.neg {
		out = append(out, '-')
	}
	last := 0
	for i, ch := range n.digits {
		if ch == '.' {
			continue
		}
		if last = n.places(i) + n.exp; last < 0 {
			break
		}
		if len(out) == len(digits) {
			return 0, outOfRange
		}
		out = append(out, ch)
	}
	for ; last > 0 && len(n.digits) > 0; last-- {
		if len(out) == len(digits) {
			return 0, outOfRange
		}
		out = append(out, '0')
	}
	if len(out) == 0 || out[len(out)-1] == '-' {
		return 0, fits
	}
	return parseInt(out)
}

// accept ends the reading of a value: one that does not fit is NULL or makes the record bad.
func (d *jsonDecoder) accept(c *column, f fault, text []byte, quoted bool, end int) int {
	if f == fits {
		return end
	}
	if d.o.IgnoreParseErrors && c.field.Nullable {
		d.b.setNull(c)
		return end
	}
	d.err = problem{column: c, text: text, quoted: quoted, fault: f}
	return wrongAt(end)
}
