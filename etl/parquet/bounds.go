package parquet

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go/format"
)

// compare is the order of a column's values as statistics write them
// (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift, ColumnOrder).
func (c *column) compare(a, b []byte) int {
	le := binary.LittleEndian
	switch c.physical {
	case format.Int32:
		return cmp.Compare(int32(le.Uint32(a)), int32(le.Uint32(b)))
	case format.Int64:
		return cmp.Compare(int64(le.Uint64(a)), int64(le.Uint64(b)))
	case format.Float:
		return cmp.Compare(math.Float32frombits(le.Uint32(a)), math.Float32frombits(le.Uint32(b)))
	case format.Double:
		return cmp.Compare(math.Float64frombits(le.Uint64(a)), math.Float64frombits(le.Uint64(b)))
	case format.FixedLenByteArray:
		return compareDecimals(a, b)
	}
	return bytes.Compare(a, b) // booleans, texts
}

// indexBounds are a page's bounds for the column index, cut where they are long; ok is false when there are none. A cut
// lower bound is still below, an upper one must be made larger.
func (c *column) indexBounds(lo, hi []byte) (low, high []byte, ok bool) {
	if lo == nil {
		return []byte{}, []byte{}, false
	}
	if c.physical != format.ByteArray {
		return lo, hi, true
	}
	high, ok = cutAbove(hi)
	return cutBelow(lo), high, ok
}

// cutBelow keeps whole characters, so that a reader may take the bound for a text.
func cutBelow(b []byte) []byte {
	if len(b) <= maxIndexBytes {
		return b
	}
	n := maxIndexBytes
	for n > 0 && n > maxIndexBytes-utf8.UTFMax && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// cutAbove cuts and makes the last ASCII character that has a successor one larger; ok is false when there is none.
func cutAbove(b []byte) (out []byte, ok bool) {
	if len(b) <= maxIndexBytes {
		return b, true
	}
	for i := maxIndexBytes - 1; i >= 0; i-- {
		if b[i] < 0x7f {
			out = bytes.Clone(b[:i+1])
			out[i]++
			return out, true
		}
	}
	return []byte{}, false
}

// boundaryOrder tells readers whether they may search the index by halves. Pages of NULLs are passed over.
func (c *chunk) boundaryOrder() format.BoundaryOrder {
	ascending, descending, last := true, true, -1
	for i, null := range c.index.NullPages {
		if null || c.noIndex {
			continue
		}
		if last >= 0 {
			lo := c.compare(c.index.MinValues[i], c.index.MinValues[last])
			hi := c.compare(c.index.MaxValues[i], c.index.MaxValues[last])
			ascending = ascending && lo >= 0 && hi >= 0
			descending = descending && lo <= 0 && hi <= 0
		}
		last = i
	}
	switch {
	case ascending:
		return format.Ascending
	case descending:
		return format.Descending
	}
	return format.Unordered
}
