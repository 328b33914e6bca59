package stream

import "time"

// channelWatermarks is the event time of a task behind an exchange: the minimum over its channels, each of which is one
// upstream task. Idle channels do not count; when all are idle the task is idle and event time stands still.
type channelWatermarks struct {
	of   []Watermark
	idle []bool
	now  Watermark
	// beforeEnd is now without the jump to MaxWatermark at the end of the input. It is what a checkpoint keeps: a bounded
	// input may have grown when the pipeline is started again, and its new rows are not all late.
	beforeEnd Watermark
}

func newChannelWatermarks(channels int, start Watermark) *channelWatermarks {
	w := &channelWatermarks{of: make([]Watermark, channels), idle: make([]bool, channels), now: start, beforeEnd: start}
	for i := range w.of {
		w.of[i] = start
	}
	return w
}

// set takes a channel's word and gives the task's event time, whether it rose, and whether the task is idle.
func (w *channelWatermarks) set(channel int, wm Watermark, idle bool) (now Watermark, rose, allIdle bool) {
	w.of[channel], w.idle[channel] = max(wm, w.of[channel]), idle
	low, active := MaxWatermark, false
	for i, c := range w.of {
		if !w.idle[i] {
			active, low = true, min(low, c)
		}
	}
	if !active {
		return w.now, false, true
	}
	if low > w.now {
		w.now, rose = low, true
	}
	if w.now < MaxWatermark {
		w.beforeEnd = w.now
	}
	return w.now, rose, false
}

// split is what a source task knows of one of its splits.
type split struct {
	state   SplitState
	seen    bool // this attempt has read from it
	ended   bool
	idle    bool
	lastRow time.Time
}

// splitWatermarks is the event time of a source's task: the minimum over its splits that have neither ended nor gone idle.
type splitWatermarks struct {
	splits    map[string]*split
	restored  map[string]SplitState
	idleAfter time.Duration // 0: never
	none      bool          // the source has said that the task has no splits
	now       Watermark     // without the jump to MaxWatermark at the end, as channelWatermarks.beforeEnd
}

func newSplitWatermarks(known []string, restored []SplitState, idleAfter time.Duration, start Watermark) *splitWatermarks {
	w := &splitWatermarks{splits: map[string]*split{}, restored: map[string]SplitState{}, idleAfter: idleAfter, now: start}
	for _, s := range restored {
		w.restored[s.Split] = s
	}
	for _, name := range known {
		w.split(name)
	}
	w.advance()
	return w
}

// split finds or makes a split; one of an earlier attempt has its watermark already.
func (w *splitWatermarks) split(name string) *split {
	s := w.splits[name]
	if s == nil {
		s = &split{state: SplitState{Split: name, Watermark: MinWatermark}, lastRow: time.Now()}
		if r, ok := w.restored[name]; ok {
			s.state = r
		}
		w.splits[name] = s
	}
	return s
}

// moved notes where a split stands after a batch, and the watermark that its rows allow.
func (w *splitWatermarks) moved(b Batch, wm Watermark) {
	s := w.split(b.Pos.Split)
	s.seen, s.ended = true, s.ended || b.End
	s.state.Offset, s.state.Line, s.state.Origin = b.Pos.Offset, b.Pos.Line, b.Pos.Origin
	s.state.Watermark = max(s.state.Watermark, wm)
	if b.Rows() > 0 {
		s.idle, s.lastRow = false, time.Now()
	}
}

// advance works out the task's event time and whether it rose.
func (w *splitWatermarks) advance() (rose bool) {
	low, active := MaxWatermark, false
	for _, s := range w.splits {
		if !s.ended && !s.idle {
			active, low = true, min(low, s.state.Watermark)
		}
	}
	if active && low > w.now {
		w.now, rose = low, true
	}
	return rose
}

// expire takes splits without rows for idleAfter out of the minimum and reports whether any left, and whether none is
// active any more.
func (w *splitWatermarks) expire(now time.Time) (changed, allIdle bool) {
	allIdle = len(w.splits) > 0
	for _, s := range w.splits {
		if w.idleAfter > 0 && !s.idle && !s.ended && now.Sub(s.lastRow) >= w.idleAfter {
			s.idle, changed = true, true
		}
		allIdle = allIdle && s.idle
	}
	return changed, allIdle
}

// nextIdle is when the next split will go idle, and false when none can.
func (w *splitWatermarks) nextIdle() (at time.Time, ok bool) {
	if w.idleAfter <= 0 {
		return at, false
	}
	for _, s := range w.splits {
		if t := s.lastRow.Add(w.idleAfter); !s.idle && !s.ended && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

// states are the splits that this attempt has read from.
func (w *splitWatermarks) states() []SplitState {
	var out []SplitState
	for _, s := range w.splits {
		if s.seen {
			out = append(out, s.state)
		}
	}
	return out
}
