package group

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/weirhub/weir/internal/record"
)

// memLog is a log in memory. With hold set, what is appended becomes durable only when sync is called; with delay set,
// when somebody has waited so long for it.
type memLog struct {
	hold  bool
	delay time.Duration
	mu    struct {
		sync.Mutex
		batches []record.Batch
		next    int64
		durable int // of the batches
		deleted int // batches before them
		offline error
		synced  *sync.Cond
	}
}

func newMemLog() *memLog {
	l := &memLog{}
	l.mu.synced = sync.NewCond(&l.mu)
	return l
}

func (l *memLog) Append(b record.Batch) (int64, func(context.Context) error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.offline != nil {
		return 0, nil, l.mu.offline
	}
	if err := b.Validate(); err != nil {
		return 0, nil, err
	}
	own := record.Batch(bytes.Clone(b))
	base := l.mu.next
	own.SetBaseOffset(base)
	l.mu.next += int64(own.LastOffsetDelta()) + 1
	l.mu.batches = append(l.mu.batches, own)
	n := len(l.mu.batches) + l.mu.deleted
	if !l.hold && l.delay == 0 {
		l.mu.durable = n - l.mu.deleted
	}
	return base, func(context.Context) error {
		if l.delay > 0 {
			time.Sleep(l.delay)
			l.sync()
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for l.mu.durable+l.mu.deleted < n && l.mu.offline == nil {
			l.mu.synced.Wait()
		}
		if l.mu.durable+l.mu.deleted >= n {
			return nil
		}
		return l.mu.offline
	}, nil
}

func (l *memLog) Replay(f func(record.Batch) error) error {
	l.mu.Lock()
	batches := l.mu.batches[:l.mu.durable]
	l.mu.Unlock()
	for _, b := range batches {
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

func (l *memLog) DeleteBefore(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.mu.batches) > 0 && l.mu.batches[0].LastOffset() < offset {
		if l.mu.durable == 0 {
			return errors.New("delete what is not durable")
		}
		l.mu.batches = l.mu.batches[1:]
		l.mu.durable--
		l.mu.deleted++
	}
	return nil
}

func (l *memLog) sync() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.offline == nil {
		l.mu.durable = len(l.mu.batches)
	}
	l.mu.synced.Broadcast()
}

var errDisk = errors.New("input/output error")

func (l *memLog) fail() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.offline = errDisk
	l.mu.synced.Broadcast()
}

// crash is the log as the next start finds it: what was durable.
func (l *memLog) crash() *memLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := newMemLog()
	n.mu.batches = l.mu.batches[:l.mu.durable:l.mu.durable]
	n.mu.durable = l.mu.durable
	for _, b := range n.mu.batches {
		n.mu.next = b.LastOffset() + 1
	}
	return n
}

func open(t *testing.T, l *memLog, o Options) *Coordinator {
	t.Helper()
	if o.MinSession == 0 {
		o.MinSession = time.Second
	}
	c, err := Open(l, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
