package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/parquet-go/parquet-go/format"
)

// rowSet is some rows of a batch: those of sel, or n from first on when sel is nil.
type rowSet struct {
	sel      []int32
	first, n int
}

// values gathers one column's values of the open page, NULLs left out, and encodes them. Formats are those of
// https://github.com/apache/parquet-format/blob/master/Encodings.md.
type values interface {
	// add takes rows of arr, none of which is NULL.
	add(arr arrow.Array, rows rowSet)
	// bytes is about what the page's values take up now.
	bytes() int
	// page gives the values and begins the next page. What it returns is valid until the next add.
	page() encodedPage
	// dictionary gives what the row group's pages refer to, encoded, and begins the next row group; n is 0 when none does.
	dictionary() (body []byte, n int)
}

// encodedPage is the values of a page and their bounds as statistics write them; nil bounds are unknown.
type encodedPage struct {
	body     []byte
	encoding format.Encoding
	min, max []byte
}

// number are Parquet's physical types of fixed width that Go has too. In memory they lie as in a file: both are little
// endian on the processors that Go's Arrow supports.
type number interface {
	int32 | int64 | float32 | float64
}

// numbers is a column of one of them; take copies rows of an array to the end of dst.
type numbers[P number] struct {
	buf  []P
	take func(dst []P, arr arrow.Array, rows rowSet) []P
}

func (v *numbers[P]) add(arr arrow.Array, rows rowSet) { v.buf = v.take(v.buf, arr, rows) }
func (v *numbers[P]) bytes() int                       { return len(v.buf) * len(appendNumber[P](nil, 0)) }
func (v *numbers[P]) dictionary() (body []byte, n int) { return nil, 0 }

// extend makes dst n longer and gives the new part.
func extend[T any](dst []T, n int) (all, added []T) {
	at := len(dst)
	all = slices.Grow(dst, n)[:at+n]
	return all, all[at:]
}

func (v *numbers[P]) page() encodedPage {
	out := encodedPage{encoding: format.Plain}
	if lo, hi, ok := numberBounds(v.buf); ok {
		out.min, out.max = appendNumber(nil, lo), appendNumber(nil, hi)
	}
	out.body = numberBytes(v.buf)
	v.buf = v.buf[:0]
	return out
}

// numberBounds leaves NaN out, as the format demands; ok is false when there is nothing else. A zero bound of a
// floating-point column is -0 below and +0 above, since the two are equal and readers may compare bits.
func numberBounds[P number](v []P) (lo, hi P, ok bool) {
	for len(v) > 0 && v[0] != v[0] {
		v = v[1:]
	}
	if len(v) == 0 {
		return 0, 0, false
	}
	lo, hi = v[0], v[0]
	for _, x := range v {
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	if lo == 0 {
		lo = negativeZero[P]()
	}
	if hi == 0 {
		hi = 0
	}
	return lo, hi, true
}

func negativeZero[P number]() (zero P) {
	switch z := any(&zero).(type) {
	case *float32:
		*z = float32(math.Copysign(0, -1))
	case *float64:
		*z = math.Copysign(0, -1)
	}
	return zero
}

func numberBytes[P number](v []P) []byte {
	switch v := any(v).(type) {
	case []int32:
		return arrow.Int32Traits.CastToBytes(v)
	case []int64:
		return arrow.Int64Traits.CastToBytes(v)
	case []float32:
		return arrow.Float32Traits.CastToBytes(v)
	case []float64:
		return arrow.Float64Traits.CastToBytes(v)
	}
	panic("BUG: a number of no physical type")
}

func appendNumber[P number](dst []byte, v P) []byte { return append(dst, numberBytes([]P{v})...) }

// booleans lie in bits, the lowest first.
type booleans struct {
	bits []byte
	n    int
	seen [2]bool
}

func (v *booleans) bytes() int                       { return len(v.bits) }
func (v *booleans) dictionary() (body []byte, n int) { return nil, 0 }

func (v *booleans) add(arr arrow.Array, rows rowSet) {
	a := arr.(*array.Boolean)
	for i := range rows.n {
		r := rows.first + i
		if rows.sel != nil {
			r = int(rows.sel[i])
		}
		if v.n%8 == 0 {
			v.bits = append(v.bits, 0)
		}
		if a.Value(r) {
			v.bits[v.n/8] |= 1 << (v.n % 8)
			v.seen[1] = true
		} else {
			v.seen[0] = true
		}
		v.n++
	}
}

func (v *booleans) page() encodedPage {
	out := encodedPage{body: v.bits, encoding: format.Plain}
	if v.n > 0 {
		out.min, out.max = []byte{0}, []byte{0}
		if !v.seen[0] {
			out.min[0] = 1
		}
		if v.seen[1] {
			out.max[0] = 1
		}
	}
	*v = booleans{bits: v.bits[:0]}
	return out
}

// decimals are 16 bytes each, two's complement, big endian.
type decimals struct{ buf []byte }

const decimalBytes = 16

func (v *decimals) bytes() int                       { return len(v.buf) }
func (v *decimals) dictionary() (body []byte, n int) { return nil, 0 }

func (v *decimals) add(arr arrow.Array, rows rowSet) {
	a := arr.(*array.Decimal128)
	for i := range rows.n {
		r := rows.first + i
		if rows.sel != nil {
			r = int(rows.sel[i])
		}
		d := a.Value(r)
		v.buf = binary.BigEndian.AppendUint64(v.buf, uint64(d.HighBits()))
		v.buf = binary.BigEndian.AppendUint64(v.buf, d.LowBits())
	}
}

func (v *decimals) page() encodedPage {
	out := encodedPage{body: v.buf, encoding: format.Plain}
	var lo, hi []byte
	for b := range slices.Chunk(v.buf, decimalBytes) {
		if lo == nil || compareDecimals(b, lo) < 0 {
			lo = b
		}
		if hi == nil || compareDecimals(b, hi) > 0 {
			hi = b
		}
	}
	out.min, out.max = bytes.Clone(lo), bytes.Clone(hi)
	v.buf = v.buf[:0]
	return out
}

// compareDecimals compares two's complement numbers: with the sign's bit turned they are in the order of their bytes.
func compareDecimals(a, b []byte) int {
	if x, y := a[0]^0x80, b[0]^0x80; x != y {
		return int(x) - int(y)
	}
	return bytes.Compare(a, b)
}
