package parquet

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"
)

// texts is a column of strings or bytes. It begins with a dictionary where that may pay and goes on in plain where it
// does not: each page says which of the two it is.
type texts struct {
	dict     dictionary
	indexing bool // the open page has indices, not plain values
	wanted   bool // a dictionary may be tried
	never    bool // no dictionary any more in this file: it did not pay
	written  bool // a finished page of the row group has indices
	indices  []int32
	encoded  []byte // scratch
	plain    []byte // each value behind its length, 4 bytes little endian
}

// When a dictionary does not pay. A column of unique values shows after a few thousand; one of many values that do come
// back needs more of them: of 4,096 values out of 20,000, nine in ten are different. Beyond maxDictionaryBytes the readers'
// memory suffers: what is written stays, the rest is plain.
const (
	firstSampleValues  = 4 << 10
	sampleValues       = 16 << 10
	maxDictionaryBytes = 1 << 20
)

func newTexts(dictionary bool) *texts {
	v := &texts{wanted: dictionary, indexing: dictionary}
	v.dict.seed, v.dict.mix = maphash.MakeSeed(), [2]uint64{rand.Uint64(), rand.Uint64()}
	return v
}

func (v *texts) bytes() int {
	if v.indexing && len(v.dict.plain) > maxDictionaryBytes {
		return 1 << 30 // ends the page, and with it the use of the dictionary
	}
	return len(v.plain) + 2*len(v.indices)
}

// textArray is *array.String or *array.Binary.
type textArray interface {
	ValueOffsets() []int32
	ValueBytes() []byte
}

func (v *texts) add(arr arrow.Array, rows rowSet) {
	if rows.n == 0 {
		return
	}
	a := arr.(textArray)
	offsets, data := a.ValueOffsets(), a.ValueBytes()
	first := offsets[0]
	for i := range rows.n {
		r := rows.first + i
		if rows.sel != nil {
			r = int(rows.sel[i])
		}
		from, to := int(offsets[r]-first), int(offsets[r+1]-first)
		if v.indexing {
			v.indices = append(v.indices, v.dict.index(data, from, to))
			continue
		}
		b := data[from:to]
		v.plain = binary.LittleEndian.AppendUint32(v.plain, uint32(len(b)))
		v.plain = append(v.plain, b...)
	}
	if v.indexing && !v.written {
		v.judge()
	}
}

// judge looks at the first page's values so far.
func (v *texts) judge() {
	n, different := len(v.indices), v.dict.len()
	switch {
	case n >= sampleValues && different > n/4*3, n >= firstSampleValues && different > n/16*15:
		v.giveUp()
	}
}

// giveUp writes the open page in plain and goes on so until the file's end. Before the first page is finished that leaves no
// trace of the dictionary.
func (v *texts) giveUp() {
	for _, i := range v.indices {
		v.plain = append(v.plain, v.dict.entry(i)...)
	}
	v.indices, v.indexing, v.never = v.indices[:0], false, true
}

func (v *texts) page() encodedPage {
	full := len(v.dict.plain) > maxDictionaryBytes
	if v.indexing && !v.written && v.dict.len() > len(v.indices)/2 && (full || len(v.indices) >= sampleValues) {
		v.giveUp()
	}
	if !v.indexing || len(v.indices) == 0 { // a page of NULLs alone asks for no dictionary
		out := encodedPage{body: v.plain, encoding: format.Plain}
		out.min, out.max = plainBounds(v.plain)
		v.plain = v.plain[:0]
		return out
	}
	var err error
	if v.encoded, err = new(rle.DictionaryEncoding).EncodeInt32(v.encoded, v.indices); err != nil {
		panic("BUG: dictionary indices cannot be encoded: " + err.Error())
	}
	out := encodedPage{body: v.encoded, encoding: format.RLEDictionary}
	out.min, out.max = v.dict.bounds(v.indices)
	v.written = true
	v.indices = v.indices[:0]
	if full {
		v.indexing = false
	}
	return out
}

func (v *texts) dictionary() (body []byte, n int) {
	if v.written {
		body, n = bytes.Clone(v.dict.plain), v.dict.len()
	}
	v.dict.reset()
	v.indexing, v.written = v.wanted && !v.never, false
	return body, n
}

// begin starts another file.
func (v *texts) begin() { v.indexing, v.never = v.wanted, false }

// plainBounds walks values behind their lengths. Most comparisons end in the first 8 bytes, held as one number.
func plainBounds(plain []byte) (lo, hi []byte) {
	var low, high uint64
	for pos := 0; pos < len(plain); {
		n := int(binary.LittleEndian.Uint32(plain[pos:]))
		b := plain[pos+4 : pos+4+n]
		k := prefix(plain[pos+4:], n)
		pos += 4 + n
		if lo == nil {
			lo, hi, low, high = b, b, k, k
			continue
		}
		if k < low || k == low && bytes.Compare(b, lo) < 0 {
			lo, low = b, k
		}
		if k > high || k == high && bytes.Compare(b, hi) > 0 {
			hi, high = b, k
		}
	}
	return cloneBound(lo), cloneBound(hi)
}

// cloneBound copies a bound; the empty text stays apart from none.
func cloneBound(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// prefix is the first 8 of n bytes as a number in the order of texts, zeros behind a shorter one. b may go on.
func prefix(b []byte, n int) uint64 {
	if len(b) < 8 {
		var full [8]byte
		copy(full[:], b[:n])
		return binary.BigEndian.Uint64(full[:])
	}
	k := binary.BigEndian.Uint64(b)
	if n < 8 {
		k &= ^uint64(0) << (64 - 8*n)
	}
	return k
}

// dictionary numbers different values in the order of their first appearance. A text of up to 16 bytes is told from
// others by its length and its first and last 8 bytes, held as numbers; a longer one is compared when those agree.
type dictionary struct {
	seed  maphash.Seed
	mix   [2]uint64 // random as well, for the hash of short texts: nobody shall choose values that meet in one slot
	slots []int32   // open addressing: number+1 of an entry, 0 is free; the length is a power of two
	keys  []key     // of the entries
	hash  []uint64  // of the entries
	start []int32   // where they begin in plain
	plain []byte    // the dictionary page's body
	seen  []bool    // scratch of bounds
}

type key struct {
	first, last uint64
	length      int32
}

// minSlots is room for the columns of few values, which are most, without growing.
const minSlots = 64

func (d *dictionary) len() int { return len(d.start) }

// entry is a value behind its length.
func (d *dictionary) entry(i int32) []byte {
	end := len(d.plain)
	if int(i)+1 < len(d.start) {
		end = int(d.start[i+1])
	}
	return d.plain[d.start[i]:end]
}

func (d *dictionary) reset() {
	clear(d.slots)
	d.keys, d.hash, d.start, d.plain = d.keys[:0], d.hash[:0], d.start[:0], d.plain[:0]
}

// index is the number of the text data[from:to]; the bytes behind it may be looked at.
func (d *dictionary) index(data []byte, from, to int) int32 {
	if len(d.start)*2 >= len(d.slots) {
		d.grow()
	}
	n := to - from
	k := key{first: prefix(data[from:], n), length: int32(n)}
	if n > 8 {
		k.last = binary.BigEndian.Uint64(data[to-8:])
	}
	var h uint64
	if n <= 16 {
		high, low := bits.Mul64(k.first^d.mix[0], k.last^d.mix[1]^uint64(n))
		h = high ^ low
	} else {
		h = maphash.Bytes(d.seed, data[from:to])
	}
	mask := uint64(len(d.slots) - 1)
	at := h & mask
	for ; d.slots[at] != 0; at = (at + 1) & mask {
		if i := d.slots[at] - 1; d.keys[i] == k && (n <= 16 || bytes.Equal(d.entry(i)[4:], data[from:to])) {
			return i
		}
	}
	i := int32(len(d.start))
	d.slots[at] = i + 1
	d.keys, d.hash = append(d.keys, k), append(d.hash, h)
	d.start = append(d.start, int32(len(d.plain)))
	d.plain = binary.LittleEndian.AppendUint32(d.plain, uint32(n))
	d.plain = append(d.plain, data[from:to]...)
	return i
}

func (d *dictionary) grow() {
	d.slots = make([]int32, max(minSlots, 2*len(d.slots)))
	mask := uint64(len(d.slots) - 1)
	for i, h := range d.hash {
		at := h & mask
		for d.slots[at] != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = int32(i) + 1
	}
}

// bounds compares each entry that the indices name once.
func (d *dictionary) bounds(indices []int32) (lo, hi []byte) {
	d.seen = slices.Grow(d.seen[:0], d.len())[:d.len()]
	clear(d.seen)
	for _, i := range indices {
		d.seen[i] = true
	}
	for i, seen := range d.seen {
		if !seen {
			continue
		}
		b := d.entry(int32(i))[4:]
		if lo == nil || bytes.Compare(b, lo) < 0 {
			lo = b
		}
		if hi == nil || bytes.Compare(b, hi) > 0 {
			hi = b
		}
	}
	return cloneBound(lo), cloneBound(hi)
}
