package broker

import (
	"context"
	"sync"
)

// maxSyncs is how many partitions may be in fdatasync at once. A file system joins concurrent syncs into one journal
// commit, and flash reaches its throughput near a queue depth of 16.
const maxSyncs = 16

// flusher is the group commit. Each partition with unsynced records is in its queue at most once, so the queue is
// bounded by the number of partitions, and every partition syncs on its own: none waits for another's fsync as long as
// fewer than maxSyncs are busy.
//
// A partition goes idle -> queued -> syncing -> idle. What is appended while it is queued belongs to the coming sync;
// what is appended while it is syncing makes it queued again afterwards. An idle partition thus syncs at once, and a busy one
// gathers for exactly as long as its disk takes.
type flusher struct {
	mu struct {
		sync.Mutex
		queue  []*Partition
		closed bool
	}
	ready sync.Cond
}

func newFlusher() *flusher {
	f := &flusher{}
	f.ready.L = &f.mu
	return f
}

// enqueue hands over a partition whose state has just become queued.
func (f *flusher) enqueue(p *Partition) {
	f.mu.Lock()
	f.mu.queue = append(f.mu.queue, p)
	f.mu.Unlock()
	f.ready.Signal()
}

// run works until ctx ends and the queue is empty.
func (f *flusher) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		f.mu.Lock()
		f.mu.closed = true
		f.mu.Unlock()
		f.ready.Broadcast()
	})
	defer stop()
	var workers sync.WaitGroup
	for range maxSyncs {
		workers.Go(f.work)
	}
	workers.Wait()
	f.mu.Lock()
	f.mu.closed = false // a later Run works again
	f.mu.Unlock()
}

func (f *flusher) work() {
	for {
		p := f.next()
		if p == nil {
			return
		}
		if p.flush() {
			f.enqueue(p)
		}
	}
}

func (f *flusher) next() *Partition {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.mu.queue) == 0 {
		if f.mu.closed {
			return nil
		}
		f.ready.Wait()
	}
	p := f.mu.queue[0]
	f.mu.queue[0] = nil
	f.mu.queue = f.mu.queue[1:]
	return p
}
