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

// maxEmitRows is how many rows of a window go out in one batch: the size at which batches are efficient everywhere and
// still fit the second-level cache.
const maxEmitRows = 4096

// WindowSpec says what a WindowAggregate computes.
type WindowSpec struct {
	In     types.Schema
	Window plan.Window
	Keys   []int
	Aggs   []plan.AggCall
	// Out is the keys, window_start, window_end, window_time, then the aggregates.
	Out types.Schema
	// Retracts: the input holds -U or -D.
	Retracts bool
}

// WindowAggregate is a GROUP BY over TUMBLE, HOP or CUMULATE windows of event time. A window comes out once, when the
// watermark reaches its last millisecond; windows that are due together come in order of their ends. A row all of whose
// windows have come out is late: it is counted and dropped.
type WindowAggregate struct {
	spec    WindowSpec
	metrics *stream.NodeMetrics
	schema  *arrow.Schema
	win     window
	times   *rowTimes
	keys    *keys
	aggs    *aggSet

	panes map[int64]*pane
	fired int64 // windows that end here or before have come out
	next  int64 // the earliest end of a window that has not

	buckets map[int64]*bucket
	order   []*bucket
	minus   []bool
}

// bucket is the rows of a batch that fall into one pane.
type bucket struct {
	start int64
	gs    []int32
	rows  []int32
	minus []bool
}

// NewWindowAggregate makes the operator for one task.
func NewWindowAggregate(t stream.Task, spec WindowSpec) (*WindowAggregate, error) {
	win, err := newWindow(spec.Window)
	if err != nil {
		return nil, err
	}
	times, err := newRowTimes(spec.In, spec.Window.Time)
	if err != nil {
		return nil, err
	}
	aggs, err := newAggSet(spec.In, spec.Aggs, spec.Retracts)
	if err != nil {
		return nil, err
	}
	return &WindowAggregate{
		spec: spec, metrics: t.Metrics, schema: spec.Out.Arrow(), win: win, times: times, keys: newKeys(spec.In, spec.Keys),
		aggs: aggs, panes: map[int64]*pane{}, fired: math.MinInt64, next: math.MaxInt64, buckets: map[int64]*bucket{},
	}, nil
}

// Process takes a batch into its panes.
func (w *WindowAggregate) Process(_ int, in stream.Batch, _ stream.Emitter) error {
	if in.Rows() == 0 {
		return nil
	}
	times, err := w.times.load(in.Rec)
	if err != nil {
		return err
	}
	if err := w.keys.load(in.Rec); err != nil {
		return err
	}
	if err := w.aggs.load(in.Rec); err != nil {
		return err
	}
	minus := minusOf(in.Ops, w.minus)
	w.metrics.AddLate(w.spread(times, minus))
	for _, b := range w.order {
		if err := w.take(b, minus != nil); err != nil {
			return err
		}
	}
	return nil
}

// spread puts each row into the bucket of its pane and answers how many are late.
func (w *WindowAggregate) spread(times []int64, minus []bool) (late int) {
	for _, b := range w.order {
		delete(w.buckets, b.start)
	}
	spare := w.order
	w.order = w.order[:0]
	var cur *bucket
	for i, t := range times {
		start := w.win.paneOf(t)
		if cur == nil || cur.start != start {
			if w.win.lastEnd(start) <= w.fired {
				late++
				continue
			}
			if end := w.win.nextEnd(start, w.fired); w.win.kind == plan.Cumulate {
				start = end - w.win.pane // earlier steps have come out: it counts from the next one on
			}
			if cur = w.buckets[start]; cur == nil {
				cur = &bucket{}
				if n := len(w.order); n < cap(spare) && n < len(spare) {
					cur = spare[n]
				}
				cur.start, cur.gs, cur.rows, cur.minus = start, cur.gs[:0], cur.rows[:0], cur.minus[:0]
				w.buckets[start] = cur
				w.order = append(w.order, cur)
			}
		}
		cur.rows = append(cur.rows, int32(i))
		if minus != nil {
			cur.minus = append(cur.minus, minus[i])
		}
	}
	return late
}

func (w *WindowAggregate) take(b *bucket, signed bool) error {
	p, err := w.pane(b.start)
	if err != nil {
		return err
	}
	var minus []bool
	if signed {
		minus = b.minus
	}
	for k, r := range b.rows {
		g := p.group(w.keys.hash[r], w.keys.row(int(r)))
		b.gs = append(b.gs, g)
		if p.count != nil {
			p.count[g] += sign(minus, k)
		}
	}
	w.aggs.add(p.accs, b.gs, b.rows, minus)
	return nil
}

func (w *WindowAggregate) pane(start int64) (*pane, error) {
	if p := w.panes[start]; p != nil {
		return p, nil
	}
	p, err := w.emptyPane(start)
	if err != nil {
		return nil, err
	}
	w.panes[start] = p
	w.next = min(w.next, w.win.nextEnd(start, w.fired))
	return p, nil
}

func (w *WindowAggregate) emptyPane(start int64) (*pane, error) {
	accs, err := w.aggs.make()
	p := &pane{start: start, accs: accs}
	if w.spec.Retracts {
		p.count = []int64{}
	}
	return p, err
}

// Advance puts out the windows that the watermark makes due.
func (w *WindowAggregate) Advance(wm stream.Watermark, out stream.Emitter) error {
	limit := due(int64(wm))
	for len(w.panes) > 0 && w.next <= limit {
		if err := w.fire(w.next, out); err != nil {
			return err
		}
		w.fired = w.next
		w.plan()
	}
	w.fired = max(w.fired, limit)
	return nil
}

// plan finds the earliest window that has not come out.
func (w *WindowAggregate) plan() {
	w.next = math.MaxInt64
	for start := range w.panes {
		w.next = min(w.next, w.win.nextEnd(start, w.fired))
	}
}

// fire puts out the window that ends at end, and drops the panes that no later window needs.
func (w *WindowAggregate) fire(end int64, out stream.Emitter) error {
	last := end - w.win.pane
	switch w.win.kind {
	case plan.Hop:
		p, err := w.merged(end-w.win.size, end)
		if err != nil || p == nil {
			return err
		}
		delete(w.panes, end-w.win.size)
		return w.emit(p, end, out)
	case plan.Cumulate:
		p := w.panes[last]
		err := w.emit(p, end, out)
		delete(w.panes, last)
		if end < w.win.lastEnd(last) { // the next step holds this one
			if after := w.panes[end]; after != nil {
				p.merge(after)
			}
			p.start = end
			w.panes[end] = p
		}
		return err
	default:
		p := w.panes[last]
		delete(w.panes, last)
		return w.emit(p, end, out)
	}
}

// merged is the panes of [from, to) in one, in order; nil when there is none.
func (w *WindowAggregate) merged(from, to int64) (*pane, error) {
	var parts []*pane
	for start := from; start < to; start += w.win.pane {
		if p := w.panes[start]; p != nil {
			parts = append(parts, p)
		}
	}
	if len(parts) < 2 {
		if len(parts) == 0 {
			return nil, nil
		}
		return parts[0], nil
	}
	all, err := w.emptyPane(from)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		all.merge(p)
	}
	return all, nil
}

func (w *WindowAggregate) emit(p *pane, end int64, out stream.Emitter) error {
	gs := p.visible()
	for len(gs) > 0 {
		n := min(len(gs), maxEmitRows)
		b := stream.Batch{Rec: w.rows(p, gs[:n], end)}
		err := out.Emit(b)
		b.Rec.Release()
		if err != nil {
			return err
		}
		gs = gs[n:]
	}
	return nil
}

// rows makes the output of groups: keys, bounds, aggregates.
func (w *WindowAggregate) rows(p *pane, gs []int32, end int64) arrow.RecordBatch {
	n, keys := len(gs), len(w.spec.Keys)
	cols := make([]*vec.Vec, len(w.spec.Out))
	for i, f := range w.spec.Out {
		cols[i] = &vec.Vec{}
		cols[i].Reset(f.Type, n)
	}
	for i, bound := range []int64{w.win.start(end), end, end - 1} {
		for k := range gs {
			cols[keys+i].I64[k] = bound
		}
	}
	for k, g := range gs {
		unpack(p.table.key(g), cols[:keys], k)
		for i, a := range p.accs {
			a.put(g, cols[keys+3+i], k)
		}
	}
	arrs := make([]arrow.Array, len(cols))
	for i, c := range cols {
		arrs[i] = c.Take()
		defer arrs[i].Release()
	}
	return array.NewRecordBatch(w.schema, arrs, int64(n))
}

// Close gives nothing back.
func (w *WindowAggregate) Close() error { return nil }
