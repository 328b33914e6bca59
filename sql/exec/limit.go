package exec

import (
	"encoding/binary"
	"errors"

	"github.com/weirhub/weir/stream"
)

// Limit puts out the first rows after some that it skips, in order of arrival. It needs insert-only input and one task.
type Limit struct {
	skip, count int64 // what is left
}

// NewLimit makes the operator.
func NewLimit(skip, count int64) *Limit { return &Limit{skip: skip, count: count} }

// Process passes on the part of the batch that is within the limit.
func (l *Limit) Process(_ int, in stream.Batch, out stream.Emitter) error {
	rows := int64(in.Rows())
	from := min(l.skip, rows)
	to := min(from+l.count, rows)
	l.skip -= from
	l.count -= to - from
	if from == to {
		return nil
	}
	b := stream.Batch{Rec: in.Rec.NewSlice(from, to)}
	defer b.Rec.Release()
	if in.Ops != nil {
		b.Ops = in.Ops[from:to]
	}
	return out.Emit(b)
}

// Advance does nothing.
func (l *Limit) Advance(stream.Watermark, stream.Emitter) error { return nil }

const limitSection = "limit/1"

// Snapshot writes what is left.
func (l *Limit) Snapshot(s *stream.StateWriter) error {
	s.Put(limitSection, stream.NoGroup, binary.AppendVarint(binary.AppendVarint(nil, l.skip), l.count))
	return nil
}

// Restore reads what is left.
func (l *Limit) Restore(s *stream.StateReader) error {
	for _, data := range s.Section(limitSection) {
		r := reader{b: data}
		l.skip, l.count = r.varint(), r.varint()
		if r.bad {
			return errors.New("restore limit: state is cut short")
		}
	}
	return nil
}

// Close gives nothing back.
func (l *Limit) Close() error { return nil }
