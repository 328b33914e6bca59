package format

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
)

// Decoder turns records into the columns of its fields. It is used by one goroutine.
type Decoder struct {
	b       *builder
	o       Options
	values  valueDecoder // nil for raw
	meta    []*column    // columns that are not decoded from the value
	bad     []stream.BadRecord
	dropped int64
	scratch record.Record // its address goes to interfaces: kept here, it is allocated once

	// The batch that Decode is within. Its decompressed records are the reader's.
	reader    record.Reader
	topic     string
	partition int32
	last      int64 // the offset of the record that was read last
	next, end int64 // what lies before next is decoded; end is the offset after the batch
}

// valueDecoder fills the columns with source FromValue from one record's value. After false the row is void and
// problem says why.
type valueDecoder interface {
	decode(value []byte) bool
	problem() problem
}

// problem is why a record could not become a row.
type problem struct {
	column *column // nil: the value as a whole
	text   []byte  // the text that does not fit, cut short; for a whole value what is wrong
	quoted bool    // text is a string's content
	fault  fault
}

// maxReason bounds the part of a value that a reason quotes: enough to recognise it, and small in a header.
const maxReason = 64

func (p problem) String() string {
	if p.column == nil {
		return string(p.text)
	}
	if p.fault == missing {
		return fmt.Sprintf("column %s: missing", p.column.field.Name)
	}
	if p.fault == isNull {
		return fmt.Sprintf("column %s: NULL in a NOT NULL column", p.column.field.Name)
	}
	text := string(bytes.ToValidUTF8(p.text, []byte("\uFFFD")))
	if len(text) > maxReason {
		n := maxReason
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n] + "..."
	}
	if p.quoted {
		text = strconv.Quote(text)
	}
	what := "is not a"
	switch p.fault {
	case outOfRange:
		what = "is out of range for"
	case notUTF8:
		what = "is not UTF-8 text for"
	case notObject:
		return fmt.Sprintf("column %s: %s is not an object", p.column.field.Name, text)
	case wrongType:
		if slices.Contains([]byte("AEIOU"), TypeName(p.column.field.Type)[0]) {
			what = "is not an"
		}
	}
	return fmt.Sprintf("column %s: %s %s %s", p.column.field.Name, text, what, TypeName(p.column.field.Type))
}

// NewDecoder makes a decoder of a format ("json", "csv", "raw") for the fields that a plan asks for, and no others.
func NewDecoder(format string, fields []Field, o Options) (*Decoder, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	fields = slices.Clone(fields)
	b, err := newBuilder(o.mem(), fields)
	if err != nil {
		return nil, err
	}
	d := &Decoder{b: b, o: o}
	var values []*column
	for i := range b.cols {
		if c := &b.cols[i]; c.field.Source == FromValue && format != "raw" {
			values = append(values, c)
		} else {
			d.meta = append(d.meta, c)
		}
	}
	switch format {
	case "json":
		d.values, err = newJSONDecoder(b, values, &d.o)
	case "csv":
		d.values, err = newCSVDecoder(b, values, &d.o)
	case "raw":
		for _, c := range d.meta {
			if c.field.Source == FromValue && !c.variable() {
				err = fmt.Errorf("column %s: format raw fills BYTES or STRING, not %s", c.field.Name, TypeName(c.field.Type))
			}
		}
	default:
		err = fmt.Errorf("unknown format %q: use json, csv or raw", format)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Schema is the schema of the batches that Take gives.
func (d *Decoder) Schema() *arrow.Schema { return d.b.schema }

// Start points the decoder at the records of b whose offset is at least from; Decode makes rows of them. It decompresses
// the batch, once, and ends the one before, whose other records are forgotten. Control batches give no rows. The error is
// that of a broken batch (record.ErrInvalid, record.ErrCorrupt).
//
// An uncompressed b is read in place until Decode has reached its end; a compressed one is not needed after Start.
func (d *Decoder) Start(b record.Batch, topic string, partition int32, from int64) error {
	d.topic, d.partition = topic, partition
	d.last, d.next, d.end = b.BaseOffset()-1, from, max(from, b.LastOffset()+1)
	if b.Control() {
		d.next = d.end
	}
	return d.reader.Reset(b, 0)
}

// Decode goes on with the batch of Start until it ends (more is false) or Take would give maxRows rows and bad records
// or what they took from records is maxBytes. A large batch becomes many small ones so: Take between the calls. Records
// that cannot become rows are kept for Take.
//
// All that lies before the offset next is decoded, and a decoder that is started there gives exactly the rest. An error
// means that the batch itself is broken at next, or that more than 1 GiB was decoded without a Take; the rows before it
// stand.
func (d *Decoder) Decode(maxRows, maxBytes int) (next int64, more bool, err error) {
	r := &d.scratch
	for d.Len() < maxRows && d.b.bytes < maxBytes {
		if !d.reader.Next(r) {
			if err := d.reader.Err(); err != nil {
				return d.next, false, err
			}
			d.next = d.end
			return d.next, false, nil
		}
		if r.Offset <= d.last || r.Offset >= d.end {
			// Brokers refuse such a batch. A position within it would not say which records come after it.
			return d.next, false, fmt.Errorf("%w: a record at offset %d after one at %d", record.ErrInvalid, r.Offset, d.last)
		}
		d.last = r.Offset
		if r.Offset < d.next {
			continue
		}
		if err := d.DecodeRecord(r, d.topic, d.partition); err != nil {
			return d.next, false, err
		}
		d.next = r.Offset + 1
	}
	return d.next, d.next < d.end, nil
}

// DecodeRecord appends the row of one record. A file's source calls it with partition -1, the line's number as offset
// and the file's path as topic. The error is that of more than 1 GiB without a Take.
func (d *Decoder) DecodeRecord(r *record.Record, topic string, partition int32) error {
	b := d.b
	if b.bytes > maxBatchBytes {
		return errBatchFull
	}
	if r.Value == nil && d.values != nil && !d.o.KeepNullValues {
		return nil
	}
	b.bytes += len(r.Key) + len(r.Value) + len(r.Headers) + len(topic)
	b.begin()
	var p problem
	ok := true
	if d.values != nil {
		if r.Value == nil {
			b.nullRow()
		} else if ok = d.values.decode(r.Value); !ok {
			p = d.values.problem()
		}
	}
	for i := 0; i < len(d.meta) && ok; i++ {
		p, ok = d.metadata(d.meta[i], r, topic, partition)
	}
	if ok {
		b.rows++
		return nil
	}
	b.undo()
	if d.o.IgnoreParseErrors {
		d.dropped++
		return nil
	}
	d.Reject(r, topic, partition, p.String())
	return nil
}

// Reject notes a record that the caller found to be bad, as if the decoder had.
func (d *Decoder) Reject(r *record.Record, topic string, partition int32, reason string) {
	d.bad = append(d.bad, stream.BadRecord{
		Topic: topic, Partition: partition, Offset: r.Offset, Timestamp: r.Timestamp,
		Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value), Headers: bytes.Clone(r.Headers), HeaderCount: r.HeaderCount,
		Reason: reason,
	})
}

// metadata fills a column that does not come from a decoded value.
func (d *Decoder) metadata(c *column, r *record.Record, topic string, partition int32) (problem, bool) {
	b := d.b
	switch c.field.Source {
	case FromKey:
		return d.bytes(c, r.Key)
	case FromValue, FromRawValue:
		return d.bytes(c, r.Value)
	case FromHeaders:
		b.setBytes(c, r.Headers)
	case FromHeaderCount:
		c.i32[b.rows] = int32(r.HeaderCount) //nolint:gosec // a batch is smaller than 2 GiB
	case FromTimestamp:
		c.i64[b.rows] = r.Timestamp
	case FromPartition:
		c.i32[b.rows] = partition
	case FromOffset:
		c.i64[b.rows] = r.Offset
	case FromTopic:
		b.setString(c, topic)
	}
	return problem{}, true
}

// bytes fills a column with a key or a value as it is.
func (d *Decoder) bytes(c *column, v []byte) (problem, bool) {
	switch {
	case v == nil && !c.field.Nullable:
		return problem{column: c, fault: isNull}, false
	case v == nil:
		d.b.setNull(c)
	case c.kind == kindString && !utf8.Valid(v):
		if d.o.IgnoreParseErrors && c.field.Nullable {
			d.b.setNull(c)
			return problem{}, true
		}
		return problem{column: c, text: v, quoted: true, fault: notUTF8}, false
	default:
		d.b.setBytes(c, v)
	}
	return problem{}, true
}

// nullRow makes all columns from the value NULL.
func (b *builder) nullRow() {
	for i := range b.cols {
		if c := &b.cols[i]; c.field.Source == FromValue {
			b.setNull(c)
		}
	}
}

// Rows is the number of rows that Take would give, Bytes what they took from records: when to call Take.
func (d *Decoder) Rows() int  { return d.b.rows }
func (d *Decoder) Bytes() int { return d.b.bytes }

// Bad is the number of bad records that Take would give, Len that of both.
func (d *Decoder) Bad() int { return len(d.bad) }
func (d *Decoder) Len() int { return d.b.rows + len(d.bad) }

// Dropped counts the records that IgnoreParseErrors has dropped since the decoder was made.
func (d *Decoder) Dropped() int64 { return d.dropped }

// Take hands the rows over (nil when there are none) and the records that became none, and starts anew. The caller
// releases the record batch.
func (d *Decoder) Take() (arrow.RecordBatch, []stream.BadRecord) {
	bad := d.bad
	d.bad = nil
	return d.b.take(), bad
}

// Reset forgets the rows and bad records since the last Take.
func (d *Decoder) Reset() {
	d.b.reset()
	d.bad = nil
}

// Close gives the memory of rows that were not taken back.
func (d *Decoder) Close() { d.b.release() }
