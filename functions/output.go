package functions

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/stream"
)

// output collects what the function puts out and what is given up, until the task's goroutine hands it on. It copies
// records, but the bytes of bad ones stay views of the input.
type output struct {
	b     *array.RecordBuilder
	rows  int
	bad   []stream.BadRecord
	stats *Stats
}

func newOutput(mem memory.Allocator, schema *arrow.Schema, stats *Stats) *output {
	return &output{b: array.NewRecordBuilder(mem, schema), stats: stats}
}

func (o *output) add(recs []Record) {
	if len(recs) == 0 {
		return
	}
	key, value := o.b.Field(0).(*array.BinaryBuilder), o.b.Field(1).(*array.BinaryBuilder)
	at, headers := o.b.Field(2).(*array.TimestampBuilder), o.b.Field(3).(*array.BinaryBuilder)
	count := o.b.Field(4).(*array.Int32Builder)
	for i := range recs {
		r := &recs[i]
		appendBytes(key, r.Key)
		appendBytes(value, r.Value)
		at.Append(arrow.Timestamp(r.Timestamp))
		headers.Append(r.Headers)
		count.Append(int32(r.HeaderCount))
	}
	o.rows += len(recs)
}

func appendBytes(b *array.BinaryBuilder, v []byte) {
	if v == nil {
		b.AppendNull()
		return
	}
	b.Append(v)
}

func (o *output) deadLetter(r *Record, reason string, attempts int) {
	o.bad = append(o.bad, r.bad(reason, attempts))
}

// emit hands on what was collected and empties the output.
func (o *output) emit(out stream.Emitter) error {
	o.stats.RecordsOut.Add(int64(o.rows))
	o.stats.DeadLetters.Add(int64(len(o.bad)))
	for i := range o.bad {
		if err := out.DeadLetter(o.bad[i]); err != nil {
			return err
		}
	}
	o.bad = o.bad[:0]
	if o.rows == 0 {
		return nil
	}
	o.rows = 0
	rec := o.b.NewRecordBatch()
	defer rec.Release()
	return out.Emit(stream.Batch{Rec: rec})
}

func (o *output) release() { o.b.Release() }
