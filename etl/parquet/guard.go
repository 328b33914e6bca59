package parquet

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/weirhub/weir/stream"
)

// Guard is an operator that stands before a Sink and gives up the rows that no folder can hold, so that one odd value
// stops nothing.
type Guard struct {
	by    []string
	topic string
	row   func(rec arrow.RecordBatch, row int) ([]byte, error)
}

// NewGuard makes a Guard for the partition columns. topic is where the rows come from, row encodes one for the dead-letter
// topic.
func NewGuard(by []string, topic string, row func(rec arrow.RecordBatch, row int) ([]byte, error)) *Guard {
	return &Guard{by, topic, row}
}

// Process passes the rows on that have a folder.
func (g *Guard) Process(_ int, in stream.Batch, out stream.Emitter) error {
	var at []int
	for _, name := range g.by {
		i := in.Rec.Schema().FieldIndices(name)
		if len(i) != 1 {
			return fmt.Errorf("partition by %s: the rows have no such column", name)
		}
		at = append(at, i[0])
	}
	var bad []int
	for r := range in.Rows() {
		if !suspicious(in.Rec, at, r) {
			continue
		}
		_, reason := Folder(in.Rec, at, r)
		if reason == "" {
			continue
		}
		value, err := g.row(in.Rec, r)
		if err != nil {
			return err
		}
		bad = append(bad, r)
		err = out.DeadLetter(stream.BadRecord{
			Topic: g.topic, Partition: -1, Offset: -1, Timestamp: time.Now().UnixMilli(), Value: value, Reason: reason,
		})
		if err != nil {
			return err
		}
	}
	if len(bad) == 0 {
		return out.Emit(in)
	}
	return g.emitWithout(in, bad, out)
}

// suspicious is quick: a short ASCII text always has a folder (each of its bytes takes three at most), and so has every
// value that is not text.
func suspicious(rec arrow.RecordBatch, at []int, r int) bool {
	for _, c := range at {
		switch a := rec.Column(c).(type) {
		case *array.String:
			if v := a.Value(r); 3*len(v)+len(rec.ColumnName(c))+1 > maxFolderBytes || !ascii(v) {
				return true
			}
		case *array.Binary:
			return true
		}
	}
	return false
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// emitWithout emits the stretches between the bad rows; slices share the batch's memory.
func (g *Guard) emitWithout(in stream.Batch, bad []int, out stream.Emitter) error {
	from := 0
	for _, b := range append(bad, in.Rows()) {
		if b > from {
			rec := in.Rec.NewSlice(int64(from), int64(b))
			var ops stream.Changes
			if in.Ops != nil {
				ops = in.Ops[from:b]
			}
			err := out.Emit(stream.Batch{Rec: rec, Ops: ops})
			rec.Release()
			if err != nil {
				return err
			}
		}
		from = b + 1
	}
	return nil
}

// Advance does nothing: a Guard holds no rows.
func (g *Guard) Advance(stream.Watermark, stream.Emitter) error { return nil }

// Snapshot writes nothing.
func (g *Guard) Snapshot(*stream.StateWriter) error { return nil }

// Restore reads nothing.
func (g *Guard) Restore(*stream.StateReader) error { return nil }

// Close does nothing.
func (g *Guard) Close() error { return nil }
