package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/internal/record"
)

// Partition is one log with what consumers may see of it.
//
// The lock append serialises check and write, so that the answer of the idempotence check still holds when the batch is
// written; it is held across write, never across fsync. mu is a leaf and held for a few instructions only.
type Partition struct {
	topic *Topic
	index int32
	log   *commitlog.Log // nil when it could not be opened; mu.offline says why
	fl    *flusher
	now   func() time.Time

	append   sync.Mutex
	flushing sync.Mutex  // held by the one flush that runs, and by close
	damaged  atomic.Bool // compaction has met a damaged batch: it leaves the partition alone until the next start

	mu struct {
		sync.Mutex
		offline error // set once, never cleared: a failed fsync is final
		sync    syncState
		high    int64 // high watermark: what lies below is durable (or written, with durability os)
		stable  int64 // last stable offset as of high
		written int64 // bytes appended since the start of this process
		visible int64 // the part of written that lies below high
		moved   chan struct{}
		watches map[*Waiter]watch
	}
}

type syncState uint8

const (
	syncIdle syncState = iota
	syncQueued
	syncRunning
	syncAgain // running, and something was appended meanwhile
)

// Appended is where a batch went.
type Appended struct {
	Base          int64
	LogAppendTime int64 // ms; -1 with CreateTime
	LogStart      int64
	Duplicate     bool // an idempotent producer sent it again; Base is where it went the first time
	end           int64
}

// Topic is the topic it belongs to; Index its number there.
func (p *Partition) Topic() *Topic { return p.topic }

// Index is the partition's number.
func (p *Partition) Index() int32 { return p.index }

// newPartition wraps an opened log. Its high watermark begins at what the log knows to be durable; start queues the rest.
func newPartition(t *Topic, index int32, log *commitlog.Log, openErr error, fl *flusher, now func() time.Time) *Partition {
	p := &Partition{topic: t, index: index, log: log, fl: fl, now: now}
	if openErr != nil {
		p.mu.offline = fmt.Errorf("%w: %w", ErrOffline, openErr)
		return p
	}
	p.mu.high = log.FlushedOffset()
	p.mu.stable = min(log.LastStableOffset(), p.mu.high)
	return p
}

// start lets the flusher sync what nobody has asked to sync: the end of a log that was just opened, or with durability
// os.
func (p *Partition) start() {
	p.mu.Lock()
	pending := p.mu.offline == nil && p.mu.sync == syncIdle && p.log.NextOffset() > p.log.FlushedOffset()
	if pending {
		p.mu.sync = syncQueued
	}
	p.mu.Unlock()
	if pending {
		p.fl.enqueue(p)
	}
}

// Produce validates and appends one batch of a client (internal false), or any number of batches, control batches among
// them, of this broker's own coordinators. It stamps base offsets into the bytes it is given and keeps none of them.
// When it returns, the batch is written; Wait waits until it is durable. Data path 3/7.
//
// Errors: ErrOffline, ErrTooLarge, ErrInvalidTimestamp, *RecordError, record.ErrCorrupt, record.ErrMagic,
// record.ErrInvalid, and of the idempotence check commitlog.ErrOutOfOrderSequence, ErrInvalidProducerEpoch and kin. After
// any of them, nothing of the batch is in the log.
func (p *Partition) Produce(batches []byte, internal bool) (Appended, error) {
	cfg := p.topic.settings.Load()
	now := p.now().UnixMilli()
	out := Appended{Base: -1, LogAppendTime: -1}
	if len(batches) == 0 {
		return out, fmt.Errorf("%w: no record batch", record.ErrInvalid)
	}
	for rest := batches; len(rest) > 0; {
		b, more, err := record.Split(rest)
		if err != nil {
			return out, err
		}
		if len(more) > 0 && !internal {
			return out, fmt.Errorf("%w: a partition's records must be exactly one batch", record.ErrInvalid)
		}
		if err := validate(b, cfg, now, internal); err != nil {
			return out, err
		}
		if cfg.appendTime {
			b.StampAppendTime(now)
			out.LogAppendTime = now
		}
		rest = more
	}
	for rest := batches; len(rest) > 0; {
		b, more, err := record.Split(rest)
		if err != nil {
			panic("BUG: batches that were split cannot be split: " + err.Error())
		}
		if err := p.appendBatch(b, cfg, &out); err != nil {
			return out, err
		}
		rest = more
	}
	out.LogStart = p.log.StartOffset()
	return out, nil
}

// appendBatch checks sequences, writes, and makes the flusher or the watchers know.
func (p *Partition) appendBatch(b record.Batch, cfg *settings, out *Appended) error {
	p.append.Lock()
	if err := p.Err(); err != nil {
		p.append.Unlock()
		return err
	}
	dup, base, err := p.log.Producers().Check(b)
	if err == nil && !dup {
		base, err = p.log.Append(b)
		err = storage(err)
		if err != nil && errors.Is(err, commitlog.ErrOffline) {
			p.goOffline(err)
		}
	}
	p.append.Unlock()
	if err != nil {
		return fmt.Errorf("append %s-%d: %w", p.topic.Name(), p.index, err)
	}
	if out.Base < 0 {
		out.Base = base
	}
	out.Duplicate, out.end = dup, base+int64(b.LastOffsetDelta())+1
	if !dup {
		p.appended(int64(len(b)), cfg.fsync)
	}
	return nil
}

// appended counts written bytes and queues the sync that makes them visible; without fsync they are visible at once.
func (p *Partition) appended(n int64, fsync bool) {
	p.mu.Lock()
	p.mu.written += n
	queue := false
	if fsync {
		switch p.mu.sync {
		case syncIdle:
			p.mu.sync, queue = syncQueued, true
		case syncRunning:
			p.mu.sync = syncAgain
		case syncQueued, syncAgain:
		}
	} else {
		high := p.log.NextOffset()
		p.advance(high, p.log.Producers().StableBelow(high), p.mu.written)
	}
	p.mu.Unlock()
	if queue {
		p.fl.enqueue(p)
	}
}

// flush syncs once and reports whether the partition belongs into the queue again.
func (p *Partition) flush() (again bool) {
	p.flushing.Lock()
	defer p.flushing.Unlock()
	p.mu.Lock()
	p.mu.sync = syncRunning
	written := p.mu.written
	if p.mu.offline != nil {
		p.mu.sync = syncIdle
		p.mu.Unlock()
		return false
	}
	p.mu.Unlock()
	flushed, err := p.log.Flush()
	stable := p.log.LastStableOffset()

	p.mu.Lock()
	defer p.mu.Unlock()
	again = p.mu.sync == syncAgain && err == nil
	p.mu.sync = syncIdle
	if again {
		p.mu.sync = syncQueued
	}
	if err != nil {
		p.setOffline(fmt.Errorf("%w: flush %s-%d: %w", ErrOffline, p.topic.Name(), p.index, err))
		return false
	}
	p.advance(flushed, stable, written)
	return again
}

// advance moves what consumers may see and wakes those who wait for it. The caller holds mu.
func (p *Partition) advance(high, stable, written int64) {
	p.mu.high = max(p.mu.high, high)
	p.mu.stable = max(p.mu.stable, min(stable, p.mu.high))
	p.mu.visible = max(p.mu.visible, written)
	p.signal()
}

// signal wakes the waits of acks and the watchers that have enough. The caller holds mu.
func (p *Partition) signal() {
	if p.mu.moved != nil {
		close(p.mu.moved)
		p.mu.moved = nil
	}
	for w, at := range p.mu.watches {
		p.credit(w, at)
	}
}

// Wait returns nil when what Produce appended is durable as the topic's durability means it, and ErrOffline when it
// will never be known to be.
func (p *Partition) Wait(ctx context.Context, a Appended) error {
	for {
		p.mu.Lock()
		if p.mu.high >= a.end {
			p.mu.Unlock()
			return nil
		}
		if err := p.mu.offline; err != nil {
			p.mu.Unlock()
			return err
		}
		if p.mu.moved == nil {
			p.mu.moved = make(chan struct{})
		}
		moved := p.mu.moved
		p.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Err is why the partition serves nothing, nil when it does.
func (p *Partition) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.offline
}

func (p *Partition) goOffline(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setOffline(fmt.Errorf("%w: %w", ErrOffline, cause))
}

// setOffline keeps the first cause. The caller holds mu.
func (p *Partition) setOffline(err error) {
	if p.mu.offline == nil {
		p.mu.offline = err
	}
	p.signal()
}

// close ends all use of the log; why is what later calls answer.
func (p *Partition) close(why error) error {
	p.append.Lock()
	defer p.append.Unlock()
	p.flushing.Lock()
	defer p.flushing.Unlock()
	p.mu.Lock()
	healthy := p.mu.offline == nil
	p.setOffline(why)
	p.mu.Unlock()
	if p.log == nil {
		return nil
	}
	err := p.log.Close()
	if !healthy {
		return nil // why it is offline was told when it happened
	}
	return err
}
