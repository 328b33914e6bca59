package txn

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// AddPartitions makes partitions part of the producer's transaction, which begins with the first, and answers when that
// is durable.
func (c *Coordinator) AddPartitions(ctx context.Context, id string, producerID int64, epoch int16, parts []Partition) int16 {
	t, code := c.owned(ctx, id, producerID, epoch)
	if code != 0 {
		return code
	}
	defer t.give()
	return c.add(ctx, t, parts, false)
}

func (c *Coordinator) add(ctx context.Context, t *transaction, parts []Partition, version2 bool) int16 {
	if t.meta.preparing() {
		return kerr.ConcurrentTransactions.Code
	}
	if len(t.meta.missing(parts)) == 0 {
		return 0
	}
	if err := c.save(ctx, t, t.meta.with(parts, version2, time.Now())); err != nil {
		return kerr.CoordinatorNotAvailable.Code
	}
	return 0
}

func (m meta) missing(parts []Partition) []Partition {
	var out []Partition
	for _, p := range parts {
		if m.state != Ongoing || !m.partitions[p] {
			out = append(out, p)
		}
	}
	return out
}

// Mode is what Enlist does with a partition that is not part of the transaction yet.
type Mode int8

// The modes, by what the sender's version of Produce or TxnOffsetCommit expects.
const (
	// Verify refuses it with INVALID_TXN_STATE: the client should have called AddPartitionsToTxn.
	Verify Mode = iota
	// VerifyAbortable refuses it with TRANSACTION_ABORTABLE (KIP-890, Produce 11).
	VerifyAbortable
	// Add adds it: transaction version 2 (KIP-890, Produce 12, TxnOffsetCommit 5).
	Add
)

// Enlist admits appends to partitions as part of the producer's transaction. With code 0 the caller appends and then
// calls done; until then the transaction cannot end, so that no record lands behind the marker (T1). The caller must not
// wait for the disk before done unless the append is all that the producer is doing.
func (c *Coordinator) Enlist(ctx context.Context, id string, producerID int64, epoch int16, mode Mode, parts []Partition) (done func(), code int16) {
	t, code := c.owned(ctx, id, producerID, epoch)
	if code != 0 {
		return nil, code
	}
	if mode == Add {
		code = c.add(ctx, t, parts, true)
	} else {
		code = t.meta.verify(parts, mode)
	}
	if code != 0 {
		t.give()
		return nil, code
	}
	return t.give, 0
}

func (m meta) verify(parts []Partition, mode Mode) int16 {
	switch {
	case m.preparing():
		return kerr.ConcurrentTransactions.Code
	case len(m.missing(parts)) == 0:
		return 0
	case mode == VerifyAbortable:
		return kerr.TransactionAbortable.Code
	}
	return kerr.InvalidTxnState.Code
}

// VerifyPartitions tells for each partition whether it is part of the producer's transaction now.
func (c *Coordinator) VerifyPartitions(ctx context.Context, id string, producerID int64, epoch int16, parts []Partition) []int16 {
	out := make([]int16, len(parts))
	t, code := c.owned(ctx, id, producerID, epoch)
	if code == 0 {
		defer t.give()
	}
	for i, p := range parts {
		out[i] = code
		if code == 0 {
			out[i] = t.meta.verify([]Partition{p}, VerifyAbortable)
		}
	}
	return out
}
