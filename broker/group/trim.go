package group

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/weirhub/weir/internal/record"
)

// trimBytes is how much the log may grow before the groups are written anew at its end and what lies before is deleted:
// some 100,000 commits, which a start replays in a tenth of a second. It is this log's compaction: the coordinator knows
// what is alive, so nothing has to be read back to find out.
const trimBytes = 16 << 20

// trim writes every group anew behind what the log holds, and then deletes what lies before, when the log has grown by
// more than the limit, and by more than what is alive. Commits go on meanwhile.
//
// Each group is written under its mutex, so that its records stand in the order of its state (G4). A commit that is in
// the log and not yet durable is written again as well, behind the offsets that it may replace; without that it would be
// deleted with the old records. Offsets of open transactions cannot be written again, because their marker may be in the
// log already: trim gives up when some lie before the new records, and the next attempt comes later.
func (c *Coordinator) trim(ctx context.Context, limit int64) error {
	grown := c.grown.Load()
	if grown <= max(limit, c.live.Load()) {
		return nil
	}
	// What stands before this tombstone of a group that cannot be was written by groups that are in the table by now.
	mark := newTombstones(time.Now())
	mark.add(metadataKey(""))
	first, last, err := c.append(mark.b.Build())
	if err != nil {
		return err
	}
	size := int64(0)
	for _, g := range c.all() {
		g.mu.Lock()
		b, ok := g.mu.snapshot(time.Now())
		if ok {
			size += int64(len(b))
			_, last, err = c.append(b)
		}
		open := g.mu.heldBefore(first)
		g.mu.Unlock()
		if err != nil {
			return err
		}
		if open {
			return nil
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

// snapshot is all records of a group in one batch; false when there are none.
func (s *state) snapshot(now time.Time) (record.Batch, bool) {
	if s.phase == Dead {
		return nil, false
	}
	var b record.Builder
	b.Reset(record.None)
	at := now.UnixMilli()
	if s.record != nil {
		b.Add(at, metadataKey(s.id), s.record)
	}
	for topic, parts := range s.offsets {
		for n, c := range parts {
			b.Add(at, offsetKey(s.id, topic, n), c.value())
		}
	}
	for _, w := range s.inOrder() {
		for _, p := range w.commits {
			b.Add(at, offsetKey(s.id, p.topic, p.partition), p.value())
		}
	}
	if s.consumers != nil {
		s.consumers.all(&changes{id: s.id, now: now, b: &b})
	}
	if b.Len() == 0 {
		return nil, false
	}
	return b.Build(), true
}

// inOrder gives the plain commits that wait for the disk, as they stand in the log.
func (s *state) inOrder() []*writing {
	var out []*writing
	for w := range s.writes {
		if !w.transactional {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b *writing) int { return cmp.Compare(a.commits[0].logOffset, b.commits[0].logOffset) })
	return out
}

// heldBefore tells whether an open transaction has offsets in the log before the offset.
func (s *state) heldBefore(offset int64) bool {
	for _, o := range s.held {
		for _, parts := range o {
			for _, c := range parts {
				if c.logOffset < offset {
					return true
				}
			}
		}
	}
	return false
}
