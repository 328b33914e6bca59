package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// chunk is one column of the open row group: pages that are finished, and the one that is filled.
//
// A page (data page v2, https://github.com/apache/parquet-format#data-pages):
//
//	header    thrift: sizes, CRC, counts, encoding
//	levels    one definition level a row, RLE of width 1: 1 is a value, 0 a NULL. Not compressed. A column stands at the
//	          top and repeats nothing, so that is all.
//	values    of the rows that are not NULL, compressed
type chunk struct {
	column
	vals   values
	codec  compress.Codec
	limit  int    // bytes of values that end a page
	levels []byte // one byte a row, but only from the page's first NULL on
	rows   int
	nulls  int
	picked []int32 // scratch

	pages   [][]byte
	stored  int64 // bytes of pages
	past    int64 // rows of pages
	meta    format.ColumnMetaData
	index   format.ColumnIndex
	offsets format.OffsetIndex
	noIndex bool // a page's bounds are unknown, so the column index cannot be written

	scratch *scratch
}

// scratch is reused from page to page by all columns of a sink: one page is made at a time.
type scratch struct {
	levels, body []byte
	header       bytes.Buffer
}

const (
	// slabRows go into a page before its size is looked at again.
	slabRows = 4 << 10
	// maxPageRows bounds a page of few bytes a row: a reader that wants one row decodes the page.
	maxPageRows = 64 << 10
	// maxStatisticBytes is the longest bound that statistics carry: a document's text says nothing to a planner.
	maxStatisticBytes = 1 << 10
	// maxIndexBytes is where bounds in the column index are cut; it tells texts apart well enough.
	maxIndexBytes = 32
)

func newChunk(c column, codec compress.Codec, limit int, s *scratch) *chunk {
	k := &chunk{column: c, vals: c.newValues(), codec: codec, limit: limit, scratch: s}
	k.begin()
	return k
}

// begin starts a row group.
func (c *chunk) begin() {
	c.pages, c.stored, c.past, c.noIndex = nil, 0, 0, false
	c.index, c.offsets = format.ColumnIndex{}, format.OffsetIndex{}
	c.meta = format.ColumnMetaData{
		Type: c.physical, Encoding: thrift.Slice[format.Encoding]{format.Plain, format.RLE}, PathInSchema: thrift.Slice[string]{c.name},
		Codec: c.codec.CompressionCodec(),
	}
}

// add appends the rows of arr that sel names, or all.
func (c *chunk) add(arr arrow.Array, sel []int32) error {
	n := arr.Len()
	if sel != nil {
		n = len(sel)
	}
	slab := slabRows
	if texts, ok := arr.(textArray); ok && n > 0 { // long texts: fewer at once
		slab = max(1, min(slab, c.limit/(1+len(texts.ValueBytes())/arr.Len())))
	}
	for from := 0; from < n; from += slab {
		rows := rowSet{first: from, n: min(slab, n-from)}
		if sel != nil {
			rows.sel = sel[from : from+rows.n]
		}
		c.addSlab(arr, rows)
		if c.vals.bytes() >= c.limit || c.rows >= maxPageRows {
			if err := c.endPage(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *chunk) addSlab(arr arrow.Array, rows rowSet) {
	n := rows.n
	if arr.NullN() > 0 {
		if c.nulls == 0 {
			c.levels = ones(c.levels[:0], c.rows)
		}
		rows = c.pick(arr, rows)
		c.nulls += n - rows.n
	} else if c.nulls > 0 {
		c.levels = ones(c.levels, n)
	}
	c.rows += n
	c.vals.add(arr, rows)
}

// pick writes the levels of the rows and leaves those that have a value.
func (c *chunk) pick(arr arrow.Array, rows rowSet) rowSet {
	valid, offset := arr.NullBitmapBytes(), arr.Data().Offset()
	var levels []byte
	c.levels, levels = extend(c.levels, rows.n)
	c.picked = slices.Grow(c.picked[:0], rows.n)[:rows.n]
	n := 0
	for i := range levels {
		r := rows.first + i
		if rows.sel != nil {
			r = int(rows.sel[i])
		}
		bit := valid[(offset+r)>>3] >> ((offset + r) & 7) & 1
		levels[i] = bit
		c.picked[n] = int32(r) // overwritten by the next when this one is NULL: no branch to mispredict
		n += int(bit)
	}
	return rowSet{sel: c.picked[:n], n: n}
}

func ones(dst []byte, n int) []byte {
	dst, added := extend(dst, n)
	for i := range added {
		added[i] = 1
	}
	return dst
}

// endPage encodes and compresses the open page, if it has rows.
func (c *chunk) endPage() error {
	if c.rows == 0 {
		return nil
	}
	p := c.vals.page()
	levels, err := c.encodeLevels()
	if err != nil {
		return err
	}
	header := format.PageHeader{Type: format.DataPageV2}
	header.DataPageHeaderV2 = thrift.New(format.DataPageHeaderV2{
		NumValues: int32(c.rows), NumNulls: int32(c.nulls), NumRows: int32(c.rows), Encoding: p.encoding,
		DefinitionLevelsByteLength: int32(len(levels)), IsCompressed: thrift.New(c.meta.Codec != format.Uncompressed),
	})
	page, err := c.seal(&header, levels, p.body)
	if err != nil {
		return err
	}
	c.offsets.PageLocations = append(c.offsets.PageLocations, format.PageLocation{
		Offset: c.stored, CompressedPageSize: int32(len(page)), FirstRowIndex: c.past, // from the column's first page; the row group's end adds its place
	})
	c.note(p)
	c.pages = append(c.pages, page)
	c.stored += int64(len(page))
	c.past += int64(c.rows)
	c.levels, c.rows, c.nulls = c.levels[:0], 0, 0
	return nil
}

func (c *chunk) encodeLevels() ([]byte, error) {
	if c.nulls > 0 && c.nulls < c.rows {
		var err error
		c.scratch.levels, err = (&rle.Encoding{BitWidth: 1}).EncodeLevels(c.scratch.levels, c.levels)
		return c.scratch.levels, err
	}
	// One run: its length doubled, then the level.
	c.scratch.levels = binary.AppendUvarint(c.scratch.levels[:0], uint64(c.rows)<<1)
	level := byte(1)
	if c.nulls > 0 {
		level = 0
	}
	c.scratch.levels = append(c.scratch.levels, level)
	return c.scratch.levels, nil
}

// seal compresses a body and puts the header before it.
func (c *chunk) seal(header *format.PageHeader, levels, body []byte) ([]byte, error) {
	packed := body
	if c.meta.Codec != format.Uncompressed {
		var err error
		if c.scratch.body, err = c.codec.Encode(c.scratch.body[:0], body); err != nil {
			return nil, fmt.Errorf("compress page: %w", err)
		}
		packed = c.scratch.body
	}
	header.UncompressedPageSize = int32(len(levels) + len(body))
	header.CompressedPageSize = int32(len(levels) + len(packed))
	header.CRC = int32(crc32.Update(crc32.ChecksumIEEE(levels), crc32.IEEETable, packed))
	c.scratch.header.Reset()
	if err := encode(&c.scratch.header, header); err != nil {
		return nil, err
	}
	head := c.scratch.header.Bytes()
	c.meta.TotalUncompressedSize += int64(len(head)) + int64(header.UncompressedPageSize)
	c.meta.TotalCompressedSize += int64(len(head)) + int64(header.CompressedPageSize)
	return slices.Concat(head, levels, packed), nil
}

// encode writes one of the format's structures.
func encode(w io.Writer, v any) error {
	return thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(w)).Encode(v)
}

// note keeps what the footer says of a page.
func (c *chunk) note(p encodedPage) {
	c.meta.NumValues += int64(c.rows)
	c.meta.Statistics.NullCount += int64(c.nulls)
	c.count(format.DataPageV2, p.encoding)
	c.index.NullCounts = append(c.index.NullCounts, int64(c.nulls))
	c.index.NullPages = append(c.index.NullPages, c.nulls == c.rows)
	lo, hi := []byte{}, []byte{}
	if c.nulls < c.rows {
		low, high, ok := c.indexBounds(p.min, p.max)
		c.noIndex = c.noIndex || !ok
		lo, hi = low, high
	}
	c.index.MinValues = append(c.index.MinValues, lo)
	c.index.MaxValues = append(c.index.MaxValues, hi)
	if p.min == nil {
		return
	}
	s := &c.meta.Statistics
	if s.MinValue == nil || c.compare(p.min, s.MinValue) < 0 {
		s.MinValue = p.min
	}
	if s.MaxValue == nil || c.compare(p.max, s.MaxValue) > 0 {
		s.MaxValue = p.max
	}
}

// count counts a page by its kind.
func (c *chunk) count(kind format.PageType, e format.Encoding) {
	if !slices.Contains(c.meta.Encoding, e) {
		c.meta.Encoding = append(c.meta.Encoding, e)
	}
	for i := range c.meta.EncodingStats {
		if s := &c.meta.EncodingStats[i]; s.PageType == kind && s.Encoding == e {
			s.Count++
			return
		}
	}
	c.meta.EncodingStats = append(c.meta.EncodingStats, format.PageEncodingStats{PageType: kind, Encoding: e, Count: 1})
}

// end finishes the row group's last page and gives all that is to be written, the dictionary first.
func (c *chunk) end() (dictionary []byte, pages [][]byte, err error) {
	if err := c.endPage(); err != nil {
		return nil, nil, err
	}
	if body, n := c.vals.dictionary(); n > 0 {
		header := format.PageHeader{Type: format.DictionaryPage}
		header.DictionaryPageHeader = thrift.New(format.DictionaryPageHeader{NumValues: int32(n), Encoding: format.Plain})
		if dictionary, err = c.seal(&header, nil, body); err != nil {
			return nil, nil, err
		}
		c.count(format.DictionaryPage, format.Plain)
	}
	if s := &c.meta.Statistics; len(s.MinValue) > maxStatisticBytes || len(s.MaxValue) > maxStatisticBytes {
		s.MinValue, s.MaxValue = nil, nil
	}
	c.index.BoundaryOrder = c.boundaryOrder()
	return dictionary, c.pages, nil
}
