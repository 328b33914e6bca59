package group

import (
	"container/heap"
	"sync"
	"time"
)

// timer is a group's place in the heap of deadlines. All of it is guarded by timers.mu.
type timer struct {
	group *group
	at    time.Time
	index int // in the heap; -1: not in it
}

// timers holds for each group that has a deadline the time at which to look at it. A deadline that moves later (each
// heartbeat does that) leaves the entry alone: the group is looked at too early once, and told its new time then.
type timers struct {
	wake chan struct{} // room for one: somebody became due earlier than Run knows
	mu   struct {
		sync.Mutex
		heap timerHeap
	}
}

// maxWait bounds how long Run sleeps when nothing is due; it only has to be long.
const maxWait = time.Hour

func (t *timers) arm(g *group, at time.Time) {
	if at.IsZero() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e := &g.timer
	switch {
	case e.index < 0:
		e.at = at
		heap.Push(&t.mu.heap, e)
	case at.Before(e.at):
		e.at = at
		heap.Fix(&t.mu.heap, e.index)
	default:
		return
	}
	if e.index == 0 {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

func (t *timers) disarm(g *group) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g.timer.index >= 0 {
		heap.Remove(&t.mu.heap, g.timer.index)
	}
}

// due takes out the groups whose time has come, and tells how long nothing else will be due.
func (t *timers) due(now time.Time) (time.Duration, []*group) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*group
	for len(t.mu.heap) > 0 && !t.mu.heap[0].at.After(now) {
		out = append(out, heap.Pop(&t.mu.heap).(*timer).group)
	}
	if len(t.mu.heap) == 0 {
		return maxWait, out
	}
	return min(maxWait, t.mu.heap[0].at.Sub(now)), out
}

type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	e := x.(*timer)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *timerHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.index = -1
	return e
}
