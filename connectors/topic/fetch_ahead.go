package topic

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
)

// load takes the answer of the fetch that runs, or of a new one, and starts the next while this one is decoded.
func (s *Source) load(ctx context.Context) error {
	if err := s.lookForPartitions(ctx); err != nil {
		return err
	}
	if s.ahead == nil {
		s.start(ctx)
	}
	look := time.NewTimer(newPartitionsEvery) // a task without partitions fetches nothing
	defer look.Stop()
	until := s.o.Until
	if s.bounded {
		until = nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-until:
		return nil // Read notes the ends; the fetch goes on
	case <-look.C:
		return nil
	case a := <-s.ahead:
		s.ahead = nil
		if a.err != nil {
			return s.backOff(ctx, a.err)
		}
		if err := s.accept(ctx, a.got); err != nil {
			return err
		}
	}
	if s.pending() {
		s.start(ctx)
	}
	return nil
}

// pending reports whether something was loaded that is worth decoding while the next fetch runs.
func (s *Source) pending() bool {
	for _, p := range s.parts {
		if p.queue != nil {
			return true
		}
	}
	return false
}

// start begins one fetch. Close ends it and waits for it; there is never more than one.
func (s *Source) start(ctx context.Context) {
	from := map[int32]int64{}
	for _, p := range s.parts {
		if !p.ended && !(s.bounded && p.fetch >= p.end) {
			from[p.id] = p.fetch
		}
	}
	if len(from) == 0 {
		return
	}
	fetchCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	answer := make(chan fetchAnswer, 1)
	s.ahead, s.stop = answer, cancel
	go func() {
		defer cancel()
		got, err := s.c.fetch(fetchCtx, s.o.Topic, from, true)
		answer <- fetchAnswer{got, err}
	}()
}

// accept queues what a fetch gave.
func (s *Source) accept(ctx context.Context, got []fetched) error {
	var failed error
	for _, f := range got {
		p := s.byID[f.partition]
		if p == nil {
			continue
		}
		if (f.err == nil || errors.Is(f.err, kerr.OffsetOutOfRange)) && !p.belongs(f.topicID) {
			if err := s.beginAnew(ctx, p, f.topicID); err != nil {
				return err
			}
			continue
		}
		if f.err != nil {
			if errors.Is(f.err, kerr.OffsetOutOfRange) {
				f.err = s.outOfRange(ctx, p)
			}
			failed = errors.Join(failed, f.err)
			continue
		}
		p.high = f.end
		s.queue(p, f)
	}
	s.measure()
	if failed != nil {
		return s.backOff(ctx, failed)
	}
	s.failing, s.wait = time.Time{}, 0
	return nil
}

// queue takes a fetch's batches. What was fetched before has been decoded: Read loads only when nothing is left.
func (s *Source) queue(p *sourcePartition, f fetched) {
	last := int64(-1)
	for rest := f.data; ; {
		b, more, err := record.Split(rest)
		if err != nil {
			break
		}
		last, rest = b.LastOffset(), more
	}
	switch {
	case last >= p.fetch:
		p.fetch, p.queue = last+1, newCommittedBatches(f)
	case s.bounded && f.end >= p.end && len(f.data) == 0:
		// Nothing lies between here and the noted end: compaction or a transaction's marker left a hole.
		s.task.Metrics.AddProgress(p.end-p.next, 0)
		p.fetch, p.next, p.moved = p.end, p.end, true
	}
}

// belongs reports whether the partition's position is one in the topic of that id, and notes the id when the position
// came without one: from a checkpoint that knew none, or from the start of the source.
func (p *sourcePartition) belongs(id [16]byte) bool {
	if id == ([16]byte{}) {
		return true // the cluster gives none
	}
	name := hex.EncodeToString(id[:])
	if p.origin == "" {
		p.origin = name
	}
	return p.origin == name
}

// beginAnew goes on at the start of a topic that was deleted and made anew: the position counts records that are gone, and
// to keep it would pass over as many of the new ones. It says so, as for records that retention took.
func (s *Source) beginAnew(ctx context.Context, p *sourcePartition, id [16]byte) error {
	if s.bounded {
		return fmt.Errorf("read %s: the topic was deleted and made anew", p.split) // another attempt notes its end
	}
	starts, err := s.c.ListOffsets(ctx, s.o.Topic, []int32{p.id}, Earliest, false)
	if err != nil {
		return err
	}
	p.bad = append(p.bad, s.lost(p, p.fetch, fmt.Sprintf("the topic was deleted and made anew: what it had from offset %d on was not read", p.fetch)))
	p.next, p.fetch, p.queue, p.moved, p.origin = starts[0], starts[0], nil, true, hex.EncodeToString(id[:])
	return nil
}

// outOfRange handles a position that the log does not have.
func (s *Source) outOfRange(ctx context.Context, p *sourcePartition) error {
	ids := []int32{p.id}
	starts, err := s.c.ListOffsets(ctx, s.o.Topic, ids, Earliest, false)
	if err != nil {
		return err
	}
	ends, err := s.c.ListOffsets(ctx, s.o.Topic, ids, Latest, false)
	if err != nil {
		return err
	}
	if p.fetch > ends[0] {
		return stream.Permanent(fmt.Errorf("read %s: position %d lies beyond the end of the log, %d: was the topic deleted and made anew?",
			p.split, p.fetch, ends[0]))
	}
	if p.fetch < starts[0] {
		// Retention was faster than the pipeline. It goes on, and says what is missing.
		p.bad = append(p.bad, s.lost(p, p.fetch, fmt.Sprintf("records %d to %d were deleted by retention before they were read", p.fetch, starts[0]-1)))
		p.next, p.fetch, p.queue, p.moved = starts[0], starts[0], nil, true
	}
	return nil
}

// backOff waits before the next fetch, or gives up when nothing but errors has come for as long as patience.
func (s *Source) backOff(ctx context.Context, err error) error {
	if !retriable(err) {
		return err
	}
	if s.failing.IsZero() {
		s.failing = time.Now()
	}
	if time.Since(s.failing) > patience {
		return err
	}
	s.c.forget(s.o.Topic)
	s.wait = min(max(firstWait, 2*s.wait), maxWait)
	if !pause(ctx, s.wait) {
		return ctx.Err()
	}
	return nil
}
