package broker

import (
	"context"
	"fmt"

	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/internal/record"
)

// Settle waits until all that is in the partition's log when it is called is durable and below the high watermark. A
// coordinator that is about to replay an internal topic calls it, since a log begins with a tail that nobody has synced.
func (p *Partition) Settle(ctx context.Context) error {
	if err := p.Err(); err != nil {
		return err
	}
	return p.Wait(ctx, Appended{end: p.log.NextOffset()})
}

// Replay calls f with each durable batch in order: how the owner of an internal topic gets its state back.
func (p *Partition) Replay(f func(record.Batch) error) error {
	start, err := p.StartOffset()
	if err != nil {
		return err
	}
	return replay(start.Offset, p.HighWatermark(), f, func(offset int64) (commitlog.Slice, error) {
		r, err := p.Read(offset, replayBytes, false)
		return r.Slice, err
	})
}

// replayBytes is how much of a log is replayed at once: a few hundred batches.
const replayBytes = 1 << 20

func replay(from, end int64, f func(record.Batch) error, read func(offset int64) (commitlog.Slice, error)) error {
	for offset := from; offset < end; {
		s, err := read(offset)
		if err != nil {
			return err
		}
		next := offset
		err = s.Each(func(b record.Batch) error {
			next = b.LastOffset() + 1
			return f(b)
		})
		s.Release()
		if err != nil {
			return err
		}
		if next <= offset {
			return fmt.Errorf("no progress at offset %d", offset)
		}
		offset = next
	}
	return nil
}
