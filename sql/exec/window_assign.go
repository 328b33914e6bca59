package exec

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
	"github.com/weirhub/weir/stream"
)

// WindowAssign is a window function outside a window aggregate: each row comes out once for each of its windows, with
// the window's bounds behind its columns.
type WindowAssign struct {
	win    window
	times  *rowTimes
	schema *arrow.Schema
	in     int // columns of the input
	out    types.Schema
}

// NewWindowAssign makes the operator. out is the input's columns, window_start, window_end, window_time.
func NewWindowAssign(in types.Schema, w plan.Window, out types.Schema) (*WindowAssign, error) {
	win, err := newWindow(w)
	if err != nil {
		return nil, err
	}
	times, err := newRowTimes(in, w.Time)
	if err != nil {
		return nil, err
	}
	return &WindowAssign{win: win, times: times, schema: out.Arrow(), in: len(in), out: out}, nil
}

// Process puts the rows out with their windows.
func (w *WindowAssign) Process(_ int, in stream.Batch, out stream.Emitter) error {
	if in.Rows() == 0 {
		return nil
	}
	times, err := w.times.load(in.Rec)
	if err != nil {
		return err
	}
	var rows []int32
	var ends []int64
	for i, t := range times {
		p := w.win.paneOf(t)
		for end := w.win.nextEnd(p, math.MinInt64); end <= w.win.lastEnd(p); end += w.win.pane {
			rows, ends = append(rows, int32(i)), append(ends, end)
		}
	}
	b := in
	if len(rows) > len(times) {
		b = stream.Take(stream.Batch{Rec: in.Rec, Ops: in.Ops}, rows)
		defer b.Rec.Release()
	}
	cols := make([]arrow.Array, 0, len(w.out))
	for i := range w.in {
		c := b.Rec.Column(i)
		c.Retain()
		cols = append(cols, c)
	}
	cols = append(cols, w.bounds(ends)...)
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	rec := array.NewRecordBatch(w.schema, cols, int64(len(rows)))
	defer rec.Release()
	return out.Emit(stream.Batch{Rec: rec, Ops: b.Ops})
}

func (w *WindowAssign) bounds(ends []int64) []arrow.Array {
	cols := make([]arrow.Array, 3)
	for c := range cols {
		var v vec.Vec
		v.Reset(w.out[w.in+c].Type, len(ends))
		for i, end := range ends {
			v.I64[i] = [3]int64{w.win.start(end), end, end - 1}[c]
		}
		cols[c] = v.Take()
	}
	return cols
}

// Advance does nothing: the engine passes the watermark on.
func (w *WindowAssign) Advance(stream.Watermark, stream.Emitter) error { return nil }

// Snapshot writes nothing.
func (w *WindowAssign) Snapshot(*stream.StateWriter) error { return nil }

// Restore reads nothing.
func (w *WindowAssign) Restore(*stream.StateReader) error { return nil }

// Close gives nothing back.
func (w *WindowAssign) Close() error { return nil }
