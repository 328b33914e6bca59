package stdout

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/stream"
)

// maxPendingBytes is how many bytes of lines one checkpoint holds before they are printed early: a sink that nobody can
// read from fast enough must not fill memory. What is printed early may be printed again after a failure.
const maxPendingBytes = 4 << 20

// EncodeRow appends the JSON of one row to dst; stream/format has it.
type EncodeRow func(dst []byte, rec arrow.RecordBatch, row int) ([]byte, error)

// Output is where the tasks of a sink print. Safe for concurrent use.
type Output struct {
	mu struct {
		sync.Mutex
		w io.Writer
	}
}

// NewOutput prints to w.
func NewOutput(w io.Writer) *Output {
	o := &Output{}
	o.mu.w = w
	return o
}

func (o *Output) print(lines []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.mu.w.Write(lines); err != nil {
		return stream.Permanent(fmt.Errorf("print rows: %w", err))
	}
	return nil
}

// Options say how rows are printed.
type Options struct {
	// NewRow is called once per task. Nil: objects of the row's columns as arrow spells them.
	NewRow func() (EncodeRow, error)
	// Changelog puts each row into {"op":"+I","row":...}. Without it -U is left out, and -D prints as a row with "op".
	Changelog bool
}

// Sink prints the rows of one task.
type Sink struct {
	out   *Output
	o     Options
	row   EncodeRow
	lines bytes.Buffer
	line  []byte
}

// NewSink makes the sink of one task.
func NewSink(out *Output, o Options) (*Sink, error) {
	s := &Sink{out: out, o: o, row: encodeRow}
	if o.NewRow != nil {
		row, err := o.NewRow()
		if err != nil {
			return nil, err
		}
		s.row = row
	}
	return s, nil
}

// Open has nothing to do.
func (s *Sink) Open(context.Context) error { return nil }

// Write holds lines until the checkpoint.
func (s *Sink) Write(_ context.Context, b stream.Batch) error {
	for i := range b.Rows() {
		op := b.Ops.At(i)
		if op == stream.UpdateBefore && !s.o.Changelog {
			continue
		}
		var err error
		if s.line, err = s.row(s.line[:0], b.Rec, i); err != nil {
			return stream.Permanent(fmt.Errorf("print rows: %w", err))
		}
		if s.o.Changelog || op == stream.Delete {
			fmt.Fprintf(&s.lines, `{"op":"%s","row":%s}`, op, s.line)
		} else {
			s.lines.Write(s.line)
		}
		s.lines.WriteByte('\n')
	}
	if s.lines.Len() > maxPendingBytes {
		return s.flush()
	}
	return nil
}

func (s *Sink) flush() error {
	if s.lines.Len() == 0 {
		return nil
	}
	err := s.out.print(s.lines.Bytes())
	s.lines.Reset()
	return err
}

// Prepare leaves a word when there are lines, so that Commit is called.
func (s *Sink) Prepare(context.Context, stream.CheckpointID, bool) (stream.Pending, error) {
	if s.lines.Len() == 0 {
		return nil, nil
	}
	return stream.Pending(`"lines"`), nil
}

// Commit prints the lines. In a new process there are none: those of the old one were printed or died with it.
func (s *Sink) Commit(context.Context, stream.Pending) error { return s.flush() }

// Close forgets lines that were not committed.
func (s *Sink) Close() error { return nil }

// encodeRow is the default: {"column":value,...}.
func encodeRow(dst []byte, rec arrow.RecordBatch, row int) ([]byte, error) {
	dst = append(dst, '{')
	for c := range int(rec.NumCols()) {
		if c > 0 {
			dst = append(dst, ',')
		}
		name, err := json.Marshal(rec.ColumnName(c))
		if err != nil {
			return dst, fmt.Errorf("column %s: %w", rec.ColumnName(c), err)
		}
		dst = append(append(dst, name...), ':')
		v, err := json.Marshal(rec.Column(c).GetOneForMarshal(row))
		if err != nil {
			return dst, fmt.Errorf("column %s: %w", rec.ColumnName(c), err)
		}
		dst = append(dst, v...)
	}
	return append(dst, '}'), nil
}
