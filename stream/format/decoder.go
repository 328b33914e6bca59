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
	reader  record.Reader
	scratch record.Record // its address goes to interfaces: kept here, it is allocated once
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

// Decode appends a row for each record of b whose offset is at least from. Records that cannot become rows are kept
// for Take. Control batches give none. An error means that the batch itself is broken (record.ErrInvalid,
// record.ErrCorrupt) or that more than 1 GiB was decoded without a Take; the rows before it stand.
//
// A record's value is copied: b is not needed afterwards.
func (d *Decoder) Decode(b record.Batch, topic string, partition int32, from int64) error {
	if b.Control() {
		return nil
	}
	if err := d.reader.Reset(b, 0); err != nil {
		return err
	}
	for d.reader.Next(&d.scratch) {
		if d.scratch.Offset < from {
			continue
		}
		if err := d.DecodeRecord(&d.scratch, topic, partition); err != nil {
			return err
		}
	}
	return d.reader.Err()
}

// DecodeRecord appends the row of one record. A file's source calls it with partition -1, the line's number as offset
// and the file's path as topic. The error is that of a batch that is too large, as in Decode.
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

// Bad is the number of bad records that Take would give.
func (d *Decoder) Bad() int { return len(d.bad) }

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
