package functions

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
)

// Record is one record of a topic as a function's event shows it. Its slices are views; nil is null.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64 // ms since the epoch
	Key       []byte
	Value     []byte
	// Headers are encoded as in record.Record, HeaderCount is their number.
	Headers     []byte
	HeaderCount int
}

// The columns that Operator reads, by name. Their order in the batch is free.
const (
	ColumnTopic       = "topic"
	ColumnPartition   = "partition"
	ColumnOffset      = "offset"
	ColumnTimestamp   = "timestamp"
	ColumnKey         = "key"
	ColumnValue       = "value"
	ColumnHeaders     = "headers"
	ColumnHeaderCount = "header_count"
)

// InputFields are the columns that Operator needs from a topic's source (format "raw").
func InputFields() []format.Field {
	return []format.Field{
		{Name: ColumnTopic, Type: arrow.BinaryTypes.String, Source: format.FromTopic},
		{Name: ColumnPartition, Type: arrow.PrimitiveTypes.Int32, Source: format.FromPartition},
		{Name: ColumnOffset, Type: arrow.PrimitiveTypes.Int64, Source: format.FromOffset},
		{Name: ColumnTimestamp, Type: timestampType(), Source: format.FromTimestamp},
		{Name: ColumnKey, Type: arrow.BinaryTypes.Binary, Nullable: true, Source: format.FromKey},
		{Name: ColumnValue, Type: arrow.BinaryTypes.Binary, Nullable: true, Source: format.FromRawValue},
		{Name: ColumnHeaders, Type: arrow.BinaryTypes.Binary, Source: format.FromHeaders},
		{Name: ColumnHeaderCount, Type: arrow.PrimitiveTypes.Int32, Source: format.FromHeaderCount},
	}
}

// OutputSchema is the schema of what Operator emits: one row a record, ready for a topic sink.
func OutputSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		{Name: ColumnKey, Type: arrow.BinaryTypes.Binary, Nullable: true},
		{Name: ColumnValue, Type: arrow.BinaryTypes.Binary, Nullable: true},
		{Name: ColumnTimestamp, Type: timestampType()},
		{Name: ColumnHeaders, Type: arrow.BinaryTypes.Binary},
		{Name: ColumnHeaderCount, Type: arrow.PrimitiveTypes.Int32},
	}, nil)
}

func timestampType() arrow.DataType {
	return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
}

// columns are the input columns of one batch.
type columns struct {
	topic                   *array.String
	partition, headerCount  *array.Int32
	offset                  *array.Int64
	timestamp               *array.Timestamp
	key, value, headerBytes *array.Binary
}

func columnsOf(b arrow.RecordBatch) (columns, error) {
	var c columns
	for _, err := range []error{
		column(b, ColumnTopic, &c.topic), column(b, ColumnPartition, &c.partition), column(b, ColumnOffset, &c.offset),
		column(b, ColumnTimestamp, &c.timestamp), column(b, ColumnKey, &c.key), column(b, ColumnValue, &c.value),
		column(b, ColumnHeaders, &c.headerBytes), column(b, ColumnHeaderCount, &c.headerCount),
	} {
		if err != nil {
			return columns{}, err
		}
	}
	return c, nil
}

func column[A arrow.Array](b arrow.RecordBatch, name string, into *A) error {
	at := b.Schema().FieldIndices(name)
	if len(at) != 1 {
		return fmt.Errorf("read column %s: the batch has %d of that name", name, len(at))
	}
	a, ok := b.Column(at[0]).(A)
	if !ok {
		return fmt.Errorf("read column %s: type %s", name, b.Column(at[0]).DataType())
	}
	*into = a
	return nil
}

// record fills r with views of row i.
func (c *columns) record(i int, r *Record) {
	*r = Record{
		Topic: c.topic.Value(i), Partition: c.partition.Value(i), Offset: c.offset.Value(i),
		Timestamp: int64(c.timestamp.Value(i)), Key: bytesAt(c.key, i), Value: bytesAt(c.value, i),
		Headers: bytesAt(c.headerBytes, i),
	}
	if c.headerCount.IsValid(i) {
		r.HeaderCount = int(c.headerCount.Value(i))
	}
}

// bytesAt keeps null and empty apart: an empty value is not nil.
func bytesAt(a *array.Binary, i int) []byte {
	if a.IsNull(i) {
		return nil
	}
	if v := a.Value(i); v != nil {
		return v
	}
	return []byte{}
}

// size estimates the bytes of the record in an event, never too low: base64 grows by 4/3, a header byte takes up to
// five characters, names are escaped at six at the most.
func (r *Record) size() int {
	const members = 160 // names, punctuation and the longest numbers
	return members + 6*len(r.Topic) + (len(r.Key)+len(r.Value)+4)*4/3 + 6*len(r.Headers) + 8*r.HeaderCount
}

// clone copies the record's bytes to the end of arena, so that it outlives the batch that it is a view of.
func (r *Record) clone(arena []byte) (Record, []byte) {
	out := *r
	for _, field := range []*[]byte{&out.Key, &out.Value, &out.Headers} {
		if *field == nil {
			continue
		}
		from := len(arena)
		arena = append(arena, *field...)
		*field = arena[from:len(arena):len(arena)]
	}
	out.Topic = strings.Clone(r.Topic)
	return out, arena
}

// bad is the record as the dead-letter topic gets it.
func (r *Record) bad(reason string, attempts int) stream.BadRecord {
	return stream.BadRecord{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value,
		Headers: r.Headers, HeaderCount: r.HeaderCount, Reason: reason, Attempts: attempts,
	}
}
