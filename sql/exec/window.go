package exec

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// window is the arithmetic of TUMBLE, HOP and CUMULATE. Time is cut into panes, in which no window starts or ends: rows
// are aggregated once for their pane, and a window is the panes between its bounds.
//
//	TUMBLE    |---------|---------|     pane = window
//	HOP       |--1--|--2--|--3--|       pane = slide; windows 1+2, 2+3, ...
//	CUMULATE  |-1-|-2-|-3-|             pane = step; windows 1, 1+2, 1+2+3
//
// All times are ms; a window holds its start but not its end, and is due when the watermark reaches end - 1.
type window struct {
	kind   plan.WindowKind
	size   int64
	pane   int64
	offset int64
}

func newWindow(w plan.Window) (window, error) {
	out := window{kind: w.Kind, size: w.Size, pane: w.Size, offset: w.Offset}
	if w.Kind == plan.Hop || w.Kind == plan.Cumulate {
		out.pane = w.Slide
	}
	switch {
	case w.Kind == plan.Session:
		return out, fmt.Errorf("window %s: SESSION windows are not supported", w)
	case out.size <= 0 || out.pane <= 0:
		return out, fmt.Errorf("window %s: size and slide must be positive", w)
	case out.size%out.pane != 0:
		return out, fmt.Errorf("window %s: the size must be a multiple of the slide", w)
	}
	return out, nil
}

// paneOf is the start of the pane in which a time lies, also before 1970.
func (w *window) paneOf(t int64) int64 { return t - types.FloorMod(t-w.offset, w.pane) }

// firstStart is the start of the earliest window that holds the pane.
func (w *window) firstStart(pane int64) int64 {
	switch w.kind {
	case plan.Hop:
		return pane - w.size + w.pane
	default:
		return pane - types.FloorMod(pane-w.offset, w.size)
	}
}

// lastEnd is the end of the latest window that holds the pane.
func (w *window) lastEnd(pane int64) int64 {
	if w.kind == plan.Cumulate {
		return w.firstStart(pane) + w.size
	}
	return pane + w.size
}

// nextEnd is the end of the earliest window over the pane that ends after fired.
func (w *window) nextEnd(pane, fired int64) int64 {
	end := pane + w.pane
	if end <= fired {
		end = pane + (types.FloorDiv(fired-pane, w.pane)+1)*w.pane
	}
	return end
}

// start is the start of the window that ends at end.
func (w *window) start(end int64) int64 {
	if w.kind == plan.Cumulate {
		return w.firstStart(end - w.pane)
	}
	return end - w.size
}

// due is the largest end of a window that a watermark makes due.
func due(wm int64) int64 {
	if wm == math.MaxInt64 {
		return wm
	}
	return wm + 1
}

// rowTimes reads an event time column.
type rowTimes struct {
	col  int
	name string
	t    types.Type
	v    vec.Vec
	mem  vec.Scratch
	ms   []int64
}

func newRowTimes(in types.Schema, col int) (*rowTimes, error) {
	t := in[col].Type
	if !t.IsTimestamp() {
		return nil, fmt.Errorf("window: column %s is %s, not a timestamp", in[col].Name, t)
	}
	return &rowTimes{col: col, name: in[col].Name, t: t}, nil
}

// load gives the times of all rows in ms. NULL is an error: the row belongs to no window, and to drop it in silence would
// make results wrong.
func (r *rowTimes) load(rec arrow.RecordBatch) ([]int64, error) {
	if err := r.mem.FromArrow(&r.v, r.t, rec.Column(r.col), nil); err != nil {
		return nil, err
	}
	if r.v.Valid != nil && r.v.Valid.Count(r.v.Len) < r.v.Len {
		return nil, fmt.Errorf("event time %s is NULL in a row: filter such rows out (WHERE %s IS NOT NULL) or give them a time", r.name, r.name)
	}
	scale := r.t.UnitsPerSecond() / 1000
	if scale == 1 {
		return r.v.I64, nil
	}
	r.ms = r.ms[:0]
	for _, t := range r.v.I64 {
		r.ms = append(r.ms, types.FloorDiv(t, scale))
	}
	return r.ms, nil
}
