package topic

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
)

// EncodeRow appends a key or a value made of one row to dst, which is not nil, and returns it; nil is null.
// stream/format has them; a task's goroutine alone calls it.
type EncodeRow func(dst []byte, rec arrow.RecordBatch, row int) ([]byte, error)

// BytesColumn takes the bytes of a Binary or String column as they are; NULL is null.
func BytesColumn(column int) EncodeRow {
	return func(dst []byte, rec arrow.RecordBatch, row int) ([]byte, error) {
		c := rec.Column(column)
		if c.IsNull(row) {
			return nil, nil
		}
		switch a := c.(type) {
		case *array.Binary:
			return append(dst, a.Value(row)...), nil
		case *array.String:
			return append(dst, a.Value(row)...), nil
		}
		return nil, fmt.Errorf("column %s: %s are not bytes", rec.ColumnName(column), c.DataType())
	}
}

// NoColumn says that a record's part comes from no column.
const NoColumn = -1

// SinkOptions say what a Sink writes of each row.
type SinkOptions struct {
	Topic string
	// NewKey and NewValue are called once per task. NewKey nil: records have no key and go to the partitions in turn,
	// batch by batch. With a key its hash decides, as in Kafka's own clients.
	NewKey, NewValue func() (EncodeRow, error)
	// Timestamp is a Timestamp or BIGINT (ms) column; NoColumn, or NULL in it, is the time of writing.
	Timestamp int
	// Headers is a Binary column of encoded headers, HeaderCount the Int32 column of their number; or NoColumn.
	Headers, HeaderCount int
	// Upsert writes the last state of each key: +I and +U as they are, -D as a null value, -U not at all. Without it
	// only +I can be written.
	Upsert bool
}

// Sink writes rows to a topic in the pipeline's transaction, so it has nothing to prepare or to commit by itself.
type Sink struct {
	x       *Transaction
	o       SinkOptions
	task    stream.Task
	key     EncodeRow
	value   EncodeRow
	parts   int
	turn    int32
	scratch [2][]byte
}

// NewSink makes the sink of one task.
func NewSink(x *Transaction, o SinkOptions, task stream.Task) (*Sink, error) {
	s := &Sink{x: x, o: o, task: task, turn: int32(task.Index), scratch: [2][]byte{make([]byte, 0, 64), make([]byte, 0, 512)}}
	var err error
	if o.NewKey != nil {
		if s.key, err = o.NewKey(); err != nil {
			return nil, err
		}
	} else if o.Upsert {
		return nil, fmt.Errorf("write %s: an upsert needs a key", o.Topic)
	}
	s.value, err = o.NewValue()
	return s, err
}

// Open looks up the topic's partitions.
func (s *Sink) Open(ctx context.Context) error {
	n, err := s.x.c.Partitions(ctx, s.o.Topic)
	if err == nil && n == 0 {
		err = fmt.Errorf("topic %s has no partitions", s.o.Topic)
	}
	s.parts = n
	return err
}

// Write adds the rows to the transaction. Data path 7/7, where the sink is a topic.
func (s *Sink) Write(ctx context.Context, b stream.Batch) error {
	s.turn++
	bytes, now := 0, time.Now().UnixMilli()
	for i := range b.Rows() {
		op := b.Ops.At(i)
		if op != stream.Insert && !s.o.Upsert {
			return stream.Permanent(fmt.Errorf("write %s: the topic takes new rows only, and the pipeline changes earlier ones (%s)", s.o.Topic, op))
		}
		if op == stream.UpdateBefore {
			continue
		}
		r, err := s.record(b.Rec, i, op, now)
		if err != nil {
			return stream.Permanent(fmt.Errorf("write %s: %w", s.o.Topic, err))
		}
		bytes += len(r.Key) + len(r.Value) + len(r.Headers)
		if err := s.x.Add(ctx, s.o.Topic, s.partition(r.Key), r); err != nil {
			return err
		}
	}
	s.task.Metrics.AddBytes(bytes)
	return nil
}

func (s *Sink) partition(key []byte) int32 {
	if key == nil {
		return s.turn % int32(s.parts)
	}
	return record.PartitionForKey(key, s.parts)
}

// record encodes one row. Its bytes are valid until the next call.
func (s *Sink) record(rec arrow.RecordBatch, row int, op stream.Op, now int64) (r Record, err error) {
	if s.key != nil {
		if r.Key, err = s.key(s.scratch[0][:0], rec, row); err != nil {
			return r, err
		}
		s.keep(0, r.Key)
	}
	if op != stream.Delete {
		if r.Value, err = s.value(s.scratch[1][:0], rec, row); err != nil {
			return r, err
		}
		s.keep(1, r.Value)
	}
	r.Timestamp = rowTime(rec, s.o.Timestamp, row, now)
	if s.o.Headers != NoColumn && s.o.HeaderCount != NoColumn && !rec.Column(s.o.Headers).IsNull(row) {
		r.Headers = rec.Column(s.o.Headers).(*array.Binary).Value(row)
		r.HeaderCount = int(rec.Column(s.o.HeaderCount).(*array.Int32).Value(row))
	}
	return r, nil
}

// keep keeps a buffer that has grown for the next row.
func (s *Sink) keep(i int, b []byte) {
	if cap(b) > cap(s.scratch[i]) {
		s.scratch[i] = b
	}
}

// rowTime is a row's time in ms, now when it has none.
func rowTime(rec arrow.RecordBatch, column, row int, now int64) int64 {
	if column != NoColumn && !rec.Column(column).IsNull(row) {
		switch a := rec.Column(column).(type) {
		case *array.Timestamp:
			return a.Value(row).ToTime(a.DataType().(*arrow.TimestampType).Unit).UnixMilli() //nolint:forcetypeassert // of a Timestamp
		case *array.Int64:
			return a.Value(row)
		}
	}
	return now
}

// Prepare has nothing to do: the pipeline's Committer sends what was written.
func (s *Sink) Prepare(context.Context, stream.CheckpointID, bool) (stream.Pending, error) {
	return nil, nil
}

// Commit is never called, because Prepare leaves nothing.
func (s *Sink) Commit(context.Context, stream.Pending) error { return nil }

// Close has nothing to give back.
func (s *Sink) Close() error { return nil }
