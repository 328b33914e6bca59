package broker

import (
	"fmt"

	"github.com/weirhub/weir/broker/commitlog"
)

// OffsetAt is a place in a partition and the time of its record, -1 where there is none.
type OffsetAt struct {
	Offset    int64
	Timestamp int64 // ms
}

// StartOffset is the first offset that can be read.
func (p *Partition) StartOffset() (OffsetAt, error) {
	r, err := p.bounds()
	return OffsetAt{Offset: r.LogStart, Timestamp: -1}, err
}

// EndOffset is the high watermark, or the last stable offset.
func (p *Partition) EndOffset(readCommitted bool) (OffsetAt, error) {
	r, err := p.bounds()
	return OffsetAt{Offset: r.End(readCommitted), Timestamp: -1}, err
}

// OffsetForTime is the first visible record at or after the time; -1, -1 when there is none.
func (p *Partition) OffsetForTime(ms int64, readCommitted bool) (OffsetAt, error) {
	none := OffsetAt{Offset: -1, Timestamp: -1}
	r, err := p.bounds()
	if err != nil {
		return none, err
	}
	offset, at, ok, err := p.log.OffsetForTime(ms, r.End(readCommitted))
	if err != nil || !ok {
		return none, p.wrap("find time in", storage(err))
	}
	return OffsetAt{Offset: offset, Timestamp: at}, nil
}

// MaxTimestamp is the first visible record with the largest timestamp; -1, -1 when there is none.
func (p *Partition) MaxTimestamp(readCommitted bool) (OffsetAt, error) {
	none := OffsetAt{Offset: -1, Timestamp: -1}
	r, err := p.bounds()
	if err != nil {
		return none, err
	}
	offset, at, err := p.log.MaxTimestamp(r.End(readCommitted))
	if err != nil {
		return none, p.wrap("find largest time in", storage(err))
	}
	return OffsetAt{Offset: offset, Timestamp: at}, nil
}

// DeleteBefore makes offset the first that can be read, -1 the high watermark, and returns the start that then holds.
func (p *Partition) DeleteBefore(offset int64) (int64, error) {
	r, err := p.bounds()
	if err != nil {
		return -1, err
	}
	if offset == -1 {
		offset = r.HighWatermark
	}
	if offset < 0 || offset > r.HighWatermark {
		return -1, p.wrap("delete records of", fmt.Errorf("%w: %d is above the high watermark %d", ErrOffsetRange, offset, r.HighWatermark))
	}
	if offset > p.log.FlushedOffset() { // durability os
		if _, err := p.log.Flush(); err != nil {
			p.goOffline(err)
			return -1, p.wrap("delete records of", err)
		}
	}
	if err := p.log.DeleteBefore(offset); err != nil {
		return -1, p.wrap("delete records of", storage(err))
	}
	return p.log.StartOffset(), nil
}

// Producers is what the partition knows of idempotent and transactional producers.
func (p *Partition) Producers() ([]commitlog.ProducerInfo, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	return p.log.Producers().List(), nil
}

// Size is the partition's bytes on disk, without indexes; 0 when it could not be opened.
func (p *Partition) Size() int64 {
	if p.log == nil {
		return 0
	}
	return p.log.Size()
}

func (p *Partition) wrap(verb string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s-%d: %w", verb, p.topic.Name(), p.index, err)
}
