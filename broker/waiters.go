package broker

import "sync/atomic"

// Waiter is a long poll: it is done when the partitions it watches have gained enough bytes together, or when one of
// them has something to say at once (an error, a transaction that ended).
type Waiter struct {
	need atomic.Int64
	done chan struct{}
	once atomic.Bool
}

// NewWaiter waits for that many bytes, 1 at least.
func NewWaiter(bytes int64) *Waiter {
	w := &Waiter{done: make(chan struct{})}
	w.need.Store(max(bytes, 1))
	return w
}

// Done is closed when the wait is over.
func (w *Waiter) Done() <-chan struct{} { return w.done }

func (w *Waiter) gain(n int64) {
	if w.need.Add(-n) <= 0 {
		w.finish()
	}
}

func (w *Waiter) finish() {
	if w.once.CompareAndSwap(false, true) {
		close(w.done)
	}
}

// watch is a waiter's state in one partition: up to where it has seen, and how many visible bytes it was credited with.
type watch struct {
	end       int64
	visible   int64
	committed bool
}

// Watch makes w wait for this partition too: for growth beyond end, which is the high watermark (or the last stable
// offset, when committed) that the caller's Read returned. Growth between that Read and this call counts.
func (p *Partition) Watch(w *Waiter, end int64, committed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.watches == nil {
		p.mu.watches = map[*Waiter]watch{}
	}
	at := watch{end: end, visible: p.mu.visible, committed: committed}
	p.mu.watches[w] = at
	bound := p.mu.high
	if committed {
		bound = p.mu.stable
	}
	if bound > end || p.mu.offline != nil {
		// How many bytes came in between is unknown, so it looks again.
		w.finish()
	}
}

// Unwatch ends a Watch. A poll that is over must call it for each.
func (p *Partition) Unwatch(w *Waiter) {
	p.mu.Lock()
	delete(p.mu.watches, w)
	p.mu.Unlock()
}

// credit tells one waiter what has become visible since the last time. The caller holds mu.
func (p *Partition) credit(w *Waiter, at watch) {
	if p.mu.offline != nil {
		w.finish()
		return
	}
	bound := p.mu.high
	if at.committed {
		bound = p.mu.stable
	}
	if bound <= at.end {
		return
	}
	n := p.mu.visible - at.visible
	if n <= 0 {
		// A transaction ended: its records became visible without new bytes.
		w.finish()
		return
	}
	p.mu.watches[w] = watch{end: bound, visible: p.mu.visible, committed: at.committed}
	w.gain(n)
}
