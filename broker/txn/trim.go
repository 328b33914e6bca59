package txn

import (
	"context"
	"time"

	"github.com/weirhub/weir/internal/record"
)

// trimBytes is how much the log may grow before the transactions are written anew at its end and what lies before is
// deleted: some 40,000 transactions, which a start replays in a tenth of a second. It is this log's compaction.
const trimBytes = 16 << 20

// trim writes every transactional id anew behind what the log holds, and then deletes what lies before, when the log
// has grown by more than the limit, and by more than what is alive. An id is written by who has its turn, so that its records stand in the order of its
// states.
func (c *Coordinator) trim(ctx context.Context, limit int64) error {
	grown := c.grown.Load()
	if grown <= max(limit, c.live.Load()) {
		return nil
	}
	// What stands before this tombstone of an id that cannot be was written by ids that are in the table by now.
	var b record.Builder
	b.Reset(record.None)
	b.Add(time.Now().UnixMilli(), recordKey(""), nil)
	first, last, err := c.write(b.Build())
	if err != nil {
		return err
	}
	size := int64(0)
	for _, t := range c.all() {
		if err := t.take(ctx); err != nil {
			return err
		}
		if !t.known || t.gone {
			t.give()
			continue
		}
		b.Reset(record.None)
		b.Add(t.meta.updated.UnixMilli(), recordKey(t.id), t.meta.value())
		batch := b.Build()
		size += int64(len(batch))
		_, last, err = c.write(batch)
		t.give()
		if err != nil {
			return err
		}
	}
	if err := last(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := c.log.DeleteBefore(first); err != nil {
		return err
	}
	c.live.Store(size)
	c.grown.Add(-grown - size)
	return nil
}
