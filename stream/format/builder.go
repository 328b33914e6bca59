package format

import (
	"errors"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

const (
	// minRows is the smallest capacity of a column: one word of validity bits.
	minRows = 64
	// slack is how far a string copy may write beyond a string's end: it moves 8 bytes at a time.
	slack = 8
	// maxBatchBytes bounds what one batch of columns may take from records before Take: half of what int32 offsets can
	// address, so that the record that crosses it still fits.
	maxBatchBytes = 1 << 30
)

var errBatchFull = errors.New("more than 1 GiB in one batch of columns: take the rows first")

// column is one column under construction. Values are written by row number, not appended: a record that turns out bad
// is undone by not counting its row.
type column struct {
	field *Field
	kind  kind
	index int

	// fixed holds the values, or the offsets of a variable-length column; exactly one of the views is set on it.
	fixed []byte
	i8    []int8
	i16   []int16
	i32   []int32
	i64   []int64
	f32   []float32
	f64   []float64
	dec   []decimal128.Num
	off   []int32

	data     []byte // bytes of a variable-length column; len is what is used
	dataHint int    // what the last batch used

	// valid has a 0 bit for each NULL. It is made at the first NULL and starts as all ones, so that a value costs nothing.
	valid []byte
	nulls int

	// gen is the record that last set this column: how missing and repeated fields are told.
	gen uint64

	limit *[2]decimal128.Num // decimals: see decimalLimits
}

// builder fills typed columns and hands them over as Arrow arrays without copying.
type builder struct {
	mem    memory.Allocator
	schema *arrow.Schema
	cols   []column
	rows   int
	cap    int
	hint   int    // rows of the last batch: the next is expected to be about as long
	bytes  int    // taken from records since the last take
	gen    uint64 // number of the record that is being decoded; never reused
}

func newBuilder(mem memory.Allocator, fields []Field) (*builder, error) {
	b := &builder{mem: mem, schema: Schema(fields), cols: make([]column, len(fields))}
	for i := range fields {
		k, err := kindOf(fields[i].Type)
		if err != nil {
			return nil, errors.New("column " + fields[i].Name + ": " + err.Error())
		}
		if err := checkSource(&fields[i], k); err != nil {
			return nil, err
		}
		b.cols[i] = column{field: &fields[i], kind: k, index: i}
		if d, ok := fields[i].Type.(*arrow.Decimal128Type); ok {
			b.cols[i].limit = decimalLimits(d)
		}
	}
	return b, nil
}

func (c *column) variable() bool { return c.kind == kindString || c.kind == kindBinary }

// fixedBytes is the size of the fixed part for n rows.
func (c *column) fixedBytes(n int) int {
	switch {
	case c.variable():
		return (n + 1) * 4
	case c.kind == kindBool:
		return (n + 7) / 8
	}
	return n * widths[c.kind]
}

// begin makes room for one more row.
func (b *builder) begin() {
	b.gen++
	if b.rows == b.cap {
		b.grow(max(minRows, b.hint, 2*b.cap))
	}
}

func (b *builder) grow(rows int) {
	for i := range b.cols {
		c := &b.cols[i]
		first := c.fixed == nil
		c.fixed = b.realloc(c.fixed, c.fixedBytes(rows))
		c.view(rows)
		if first && c.variable() {
			c.off[0] = 0
		}
		if c.valid != nil {
			c.valid = b.onesFrom(c.valid, rows)
		}
	}
	b.cap = rows
}

// realloc is a buffer of n bytes that begins with old.
func (b *builder) realloc(old []byte, n int) []byte {
	buf := b.mem.Allocate(n)[:n:n]
	if old != nil {
		copy(buf, old)
		b.mem.Free(old)
	}
	return buf
}

// onesFrom is a validity bitmap for rows that begins with old and goes on with ones.
func (b *builder) onesFrom(old []byte, rows int) []byte {
	n := len(old)
	buf := b.realloc(old, (rows+7)/8)
	for i := n; i < len(buf); i++ {
		buf[i] = 0xff
	}
	return buf
}

func (c *column) view(rows int) {
	switch c.kind {
	case kindInt8:
		c.i8 = arrow.Int8Traits.CastFromBytes(c.fixed)
	case kindInt16:
		c.i16 = arrow.Int16Traits.CastFromBytes(c.fixed)
	case kindInt32, kindDate, kindTime:
		c.i32 = arrow.Int32Traits.CastFromBytes(c.fixed)
	case kindInt64, kindTimestamp:
		c.i64 = arrow.Int64Traits.CastFromBytes(c.fixed)
	case kindFloat32:
		c.f32 = arrow.Float32Traits.CastFromBytes(c.fixed)
	case kindFloat64:
		c.f64 = arrow.Float64Traits.CastFromBytes(c.fixed)
	case kindDecimal:
		c.dec = arrow.Decimal128Traits.CastFromBytes(c.fixed)
	case kindString, kindBinary:
		c.off = arrow.Int32Traits.CastFromBytes(c.fixed)[:rows+1]
	}
}

// room makes sure that n bytes and the slack can be written after the column's data.
func (b *builder) room(c *column, n int) {
	if need := len(c.data) + n + slack; need > cap(c.data) {
		b.growData(c, need)
	}
}

func (b *builder) growData(c *column, need int) {
	n := len(c.data)
	c.data = b.realloc(c.data[:cap(c.data)], max(need, 2*cap(c.data), c.dataHint))[:n]
}

// setBytes writes a variable-length value.
func (b *builder) setBytes(c *column, v []byte) {
	b.room(c, len(v))
	c.data = append(c.data[:c.off[b.rows]], v...)
	c.off[b.rows+1] = int32(len(c.data)) //nolint:gosec // bounded by maxBatchBytes
}

// setString is setBytes for a string.
func (b *builder) setString(c *column, v string) {
	b.room(c, len(v))
	c.data = append(c.data[:c.off[b.rows]], v...)
	c.off[b.rows+1] = int32(len(c.data)) //nolint:gosec // bounded by maxBatchBytes
}

func (b *builder) setBool(c *column, v bool) {
	if v {
		bitutil.SetBit(c.fixed, b.rows)
	} else {
		bitutil.ClearBit(c.fixed, b.rows)
	}
}

// setNull makes the row's value NULL, whatever it was.
func (b *builder) setNull(c *column) {
	row := b.rows
	if c.valid == nil {
		c.valid = b.onesFrom(nil, b.cap)
	}
	if bitutil.BitIsSet(c.valid, row) {
		bitutil.ClearBit(c.valid, row)
		c.nulls++
	}
	switch {
	case c.variable():
		c.data = c.data[:c.off[row]]
		c.off[row+1] = c.off[row]
	case c.kind == kindBool:
		bitutil.ClearBit(c.fixed, row)
	default:
		w := widths[c.kind]
		clear(c.fixed[row*w : row*w+w])
	}
}

// revive takes back a NULL that this row's value was set to.
func (b *builder) revive(c *column) {
	if c.nulls > 0 && !bitutil.BitIsSet(c.valid, b.rows) {
		bitutil.SetBit(c.valid, b.rows)
		c.nulls--
	}
}

// undo forgets what was written to the row that begin made room for.
func (b *builder) undo() {
	for i := range b.cols {
		c := &b.cols[i]
		b.revive(c)
		if c.variable() {
			c.data = c.data[:c.off[b.rows]]
		}
	}
}

// take hands the rows over and is empty again. It gives nil when there are no rows.
func (b *builder) take() arrow.RecordBatch {
	if b.rows == 0 {
		b.bytes = 0 // of bad records, which are taken too
		return nil
	}
	arrs := make([]arrow.Array, len(b.cols))
	for i := range b.cols {
		arrs[i] = b.takeColumn(&b.cols[i])
	}
	rec := array.NewRecordBatch(b.schema, arrs, int64(b.rows))
	for _, a := range arrs {
		a.Release()
	}
	b.hint = (b.rows + minRows - 1) / minRows * minRows
	b.rows, b.cap, b.bytes = 0, 0, 0
	return rec
}

func (b *builder) takeColumn(c *column) arrow.Array {
	bufs := make([]*memory.Buffer, 2, 3)
	if c.nulls > 0 {
		bufs[0] = b.buffer(c.valid, (b.rows+7)/8)
	} else if c.valid != nil {
		b.mem.Free(c.valid)
	}
	bufs[1] = b.buffer(c.fixed, c.fixedBytes(b.rows))
	if c.variable() {
		bufs = append(bufs, b.buffer(c.data[:cap(c.data)], len(c.data)))
	}
	data := array.NewData(c.field.Type, b.rows, bufs, nil, c.nulls, 0)
	arr := array.MakeFromData(data)
	data.Release()
	for _, buf := range bufs {
		if buf != nil {
			buf.Release()
		}
	}
	*c = column{
		field: c.field, kind: c.kind, index: c.index, gen: c.gen, limit: c.limit, dataHint: len(c.data) + len(c.data)/8,
	}
	return arr
}

// buffer gives the first n bytes of raw as an Arrow buffer that frees raw when it is released.
func (b *builder) buffer(raw []byte, n int) *memory.Buffer {
	if raw == nil {
		return memory.NewBufferBytes([]byte{})
	}
	whole := memory.NewBufferWithAllocator(raw, b.mem)
	if n == len(raw) {
		return whole
	}
	part := memory.SliceBuffer(whole, 0, n)
	whole.Release()
	return part
}

// reset forgets all rows and keeps the memory.
func (b *builder) reset() {
	for i := range b.cols {
		c := &b.cols[i]
		if c.nulls > 0 {
			for j := range c.valid {
				c.valid[j] = 0xff
			}
			c.nulls = 0
		}
		c.data = c.data[:0]
	}
	b.rows, b.bytes = 0, 0
}

// release gives all memory back.
func (b *builder) release() {
	for i := range b.cols {
		c := &b.cols[i]
		for _, buf := range [][]byte{c.fixed, c.valid, c.data[:cap(c.data)]} {
			if buf != nil {
				b.mem.Free(buf)
			}
		}
		*c = column{field: c.field, kind: c.kind, index: c.index, limit: c.limit}
	}
	b.rows, b.cap, b.bytes = 0, 0, 0
}

// decimalLimits are 10^precision and the power of ten that fills up the scale.
func decimalLimits(t *arrow.Decimal128Type) *[2]decimal128.Num {
	return &[2]decimal128.Num{pow10(int(t.Precision)), pow10(int(t.Scale))}
}

// pow10 is 10^n for n up to 38.
func pow10(n int) decimal128.Num {
	hi, lo := uint64(0), uint64(1)
	for range n {
		h, l := bits.Mul64(lo, 10)
		hi, lo = hi*10+h, l
	}
	return decimal128.New(int64(hi), lo) //nolint:gosec // 10^38 < 2^127
}
