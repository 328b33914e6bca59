package broker

import (
	"errors"
	"fmt"

	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/internal/record"
)

// ReadResult is what a Read saw. The caller releases Slice when it is not empty.
type ReadResult struct {
	Slice         commitlog.Slice
	HighWatermark int64
	LastStable    int64
	LogStart      int64
	// Aborted are the aborted transactions that reach into the range read; only with readCommitted.
	Aborted []commitlog.AbortedTxn
}

// End is the offset that this Read could see up to: what a Watch after it is for.
func (r *ReadResult) End(readCommitted bool) int64 {
	if readCommitted {
		return r.LastStable
	}
	return r.HighWatermark
}

// Read returns whole batches from the one that holds offset, up to the high watermark, or the last stable offset when
// readCommitted. The first batch is returned even when it is larger than maxBytes; maxBytes <= 0 reads nothing and only
// tells the offsets. An offset at or above the end gives no bytes, one outside the log ErrOffsetRange.
func (p *Partition) Read(offset int64, maxBytes int, readCommitted bool) (ReadResult, error) {
	for {
		r, err := p.read(offset, maxBytes, readCommitted)
		end := r.End(readCommitted)
		if err != nil || r.Slice.Len() > 0 || offset >= end || maxBytes <= 0 {
			return r, err
		}
		// All from offset to the end was compacted away, which can only be when the end has moved on since.
		if again, err := p.bounds(); err != nil || again.End(readCommitted) == end {
			return r, err
		}
	}
}

func (p *Partition) read(offset int64, maxBytes int, readCommitted bool) (ReadResult, error) {
	r, err := p.bounds()
	if err != nil {
		return r, err
	}
	next := p.log.NextOffset()
	if offset < r.LogStart || offset > next {
		return r, fmt.Errorf("read %s-%d: %w: %d is not in [%d, %d]", p.topic.Name(), p.index, ErrOffsetRange, offset, r.LogStart, next)
	}
	end := r.End(readCommitted)
	if offset >= end || maxBytes <= 0 {
		return r, nil
	}
	r.Slice, err = p.log.Read(offset, maxBytes, end)
	if err != nil {
		var out *commitlog.OffsetOutOfRangeError
		if errors.As(err, &out) {
			return r, fmt.Errorf("read %s-%d: %w: %w", p.topic.Name(), p.index, ErrOffsetRange, err)
		}
		return r, p.wrap("read", storage(err))
	}
	if readCommitted && r.Slice.Len() > 0 {
		if err = r.findAborted(p.log, offset, end); err != nil {
			r.Slice.Release()
			return r, p.wrap("read", storage(err))
		}
	}
	return r, nil
}

// findAborted lists the aborted transactions of the bytes read, and no more: after a long outage a consumer may have
// thousands of them ahead. Where each batch ends is looked up only when there are any.
func (r *ReadResult) findAborted(log *commitlog.Log, offset, end int64) error {
	if len(log.AbortedTxns(offset, end)) == 0 {
		return nil
	}
	next, err := r.Next()
	if err == nil {
		r.Aborted = log.AbortedTxns(offset, next)
	}
	return err
}

// Next is the offset after the last record read. It reads the headers of the batches, one after another.
func (r *ReadResult) Next() (int64, error) {
	f, pos, n, ok := r.Slice.File()
	if !ok {
		return -1, errors.New("nothing was read")
	}
	var header [record.HeaderBytes]byte
	next := r.Slice.BaseOffset()
	for end := pos + int64(n); pos < end; {
		if _, err := f.ReadAt(header[:], pos); err != nil {
			return -1, err
		}
		b := record.Batch(header[:])
		next = b.LastOffset() + 1
		pos += int64(b.Size())
	}
	return next, nil
}

func (p *Partition) bounds() (ReadResult, error) {
	p.mu.Lock()
	r := ReadResult{HighWatermark: p.mu.high, LastStable: p.mu.stable, LogStart: -1}
	err := p.mu.offline
	p.mu.Unlock()
	if err == nil {
		r.LogStart = p.log.StartOffset()
	}
	return r, err
}

// HighWatermark is the offset below which all is durable and may be read.
func (p *Partition) HighWatermark() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.high
}

// LastStableOffset is the offset below which no transaction is open.
func (p *Partition) LastStableOffset() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.stable
}
