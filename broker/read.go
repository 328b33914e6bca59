package broker

import (
	"errors"
	"fmt"

	"github.com/weirhub/weir/broker/commitlog"
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
		return r, fmt.Errorf("read %s-%d: %w", p.topic.Name(), p.index, err)
	}
	if readCommitted {
		r.Aborted = p.log.AbortedTxns(offset, end)
	}
	return r, nil
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
