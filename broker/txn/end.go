package txn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// endEpochBump is the version of EndTxn from which each end raises the epoch and the answer tells it (KIP-890).
const endEpochBump = 5

// EndTxn commits or aborts the producer's transaction and answers when readers see it. A repeated request gets the
// answer of the first.
func (c *Coordinator) EndTxn(ctx context.Context, req *kmsg.EndTxnRequest) *kmsg.EndTxnResponse {
	r := kmsg.NewPtrEndTxnResponse()
	r.ProducerID, r.ProducerEpoch = -1, -1
	t, code := c.known(ctx, req.TransactionalID)
	if code != 0 {
		r.ErrorCode = code
		return r
	}
	defer t.give()
	if r.ErrorCode = c.end(ctx, t, req); r.ErrorCode == 0 && req.Version >= endEpochBump {
		r.ProducerID, r.ProducerEpoch = t.meta.producerID, t.meta.epoch
	}
	return r
}

func (c *Coordinator) end(ctx context.Context, t *transaction, req *kmsg.EndTxnRequest) int16 {
	m := t.meta
	bump := req.Version >= endEpochBump
	again := bump && m.bumpedFrom(req.ProducerID, req.ProducerEpoch)
	if code := m.fenced(req.ProducerID, req.ProducerEpoch); code != 0 && !again {
		return code
	}
	switch {
	case m.preparing():
		if req.Commit != (m.state == PrepareCommit) {
			return kerr.InvalidTxnState.Code
		}
		if c.finish(ctx, t) != nil {
			return kerr.ConcurrentTransactions.Code
		}
		return 0
	case m.state == Ongoing && again:
		return kerr.ProducerFenced.Code // a late end of the transaction before this one
	case m.state == Ongoing:
		return c.decide(ctx, t, req.Commit, bump)
	case again:
		return m.outcome(req.Commit)
	case bump && !req.Commit:
		return c.abortNothing(ctx, t)
	case bump:
		return kerr.InvalidTxnState.Code
	}
	return m.outcome(req.Commit)
}

// bumpedFrom tells whether the last transaction ended with this producer's epoch, which its end raised.
func (m meta) bumpedFrom(producerID int64, epoch int16) bool {
	if !m.version2 {
		return false
	}
	if producerID == m.producerID {
		return epoch == m.epoch-1
	}
	return producerID == m.previousID && epoch == maxEpoch && m.epoch == 0
}

// outcome answers an end of a transaction that has ended already.
func (m meta) outcome(commit bool) int16 {
	if commit && m.state == CompleteCommit || !commit && m.state == CompleteAbort {
		return 0
	}
	return kerr.InvalidTxnState.Code
}

// decide stores the decision and carries it out. With bump the epoch rises; when there is no epoch left, the producer
// id changes with the completion.
func (c *Coordinator) decide(ctx context.Context, t *transaction, commit, bump bool) int16 {
	m := t.meta
	m.lastEpoch, m.version2 = -1, bump
	if bump {
		if m.epoch >= maxEpoch {
			id, err := c.o.NewProducerID(ctx)
			if err != nil {
				return kerr.CoordinatorNotAvailable.Code
			}
			m.nextID = id
		}
		m.epoch++
	}
	if err := c.prepare(ctx, t, m, commit); err != nil {
		return kerr.CoordinatorNotAvailable.Code
	}
	if err := c.finish(ctx, t); err != nil {
		return kerr.ConcurrentTransactions.Code
	}
	return 0
}

// abortNothing raises the epoch of a producer whose every record was refused, so that nothing of it can arrive late.
func (c *Coordinator) abortNothing(ctx context.Context, t *transaction) int16 {
	m := t.meta
	m.state, m.version2, m.lastEpoch = CompleteAbort, true, -1
	if m.epoch >= maxEpoch {
		id, err := c.o.NewProducerID(ctx)
		if err != nil {
			return kerr.CoordinatorNotAvailable.Code
		}
		m.previousID, m.producerID, m.epoch = m.producerID, id, 0
	} else {
		m.epoch++
	}
	if err := c.save(ctx, t, m); err != nil {
		return kerr.CoordinatorNotAvailable.Code
	}
	return 0
}

// fence aborts the open transaction against its producer's will, and raises the epoch so that the producer finds out.
func (c *Coordinator) fence(ctx context.Context, t *transaction, now time.Time) error {
	m := t.meta
	m.lastEpoch = m.epoch
	m.epoch++
	m.version2 = false // an end by that producer, who knows nothing of the bump, is fenced and not taken for a repetition
	if err := c.prepare(ctx, t, m, false); err != nil {
		return err
	}
	return c.finish(ctx, t)
}

func (c *Coordinator) prepare(ctx context.Context, t *transaction, m meta, commit bool) error {
	m.state = PrepareAbort
	if commit {
		m.state = PrepareCommit
	}
	if err := c.save(ctx, t, m); err != nil {
		return fmt.Errorf("prepare transaction %s: %w", t.id, err)
	}
	t.marked = map[Partition]bool{}
	return nil
}

// finish writes the markers that are still missing and completes the transaction. All markers are appended before the
// first is waited for, so that the partitions sync at once. After an error the sweep tries again.
func (c *Coordinator) finish(ctx context.Context, t *transaction) error {
	ctx = context.WithoutCancel(ctx) // the decision is made
	m := t.meta
	if t.marked == nil {
		t.marked = map[Partition]bool{}
	}
	marker := record.EndTxnMarker(m.producerID, m.epoch, m.state == PrepareCommit, coordinatorEpoch, time.Now().UnixMilli())
	type pending struct {
		p    Partition
		wait func(context.Context) error
	}
	var waits []pending
	var failed error
	for _, p := range m.sorted() {
		if t.marked[p] {
			continue
		}
		wait, err := c.markers.Mark(p, marker, m.state == PrepareCommit)
		switch {
		case errors.Is(err, ErrGone):
			t.marked[p] = true
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("mark %s: %w", p, err))
		default:
			waits = append(waits, pending{p, wait})
		}
	}
	for _, w := range waits {
		if err := w.wait(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("mark %s: %w", w.p, err))
			continue
		}
		t.marked[w.p] = true
	}
	if failed != nil {
		return fmt.Errorf("end transaction %s: %w", t.id, failed)
	}
	done := m.completed()
	if _, err := c.append(t, &done); err != nil {
		return fmt.Errorf("complete transaction %s: %w", t.id, err)
	}
	// Not awaited: whatever is appended after it is durable only with it, and a start that misses it finds the decision
	// and writes the markers once more.
	t.meta, t.marked = done, nil
	return nil
}
