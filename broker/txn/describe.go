package txn

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// parseKey gives the transactional id of a record's key, "" for a kind of record that is not ours to read.
func parseKey(b []byte) (string, error) {
	if len(b) >= 2 && (b[0] != 0 || b[1] != 0) {
		return "", nil
	}
	var k kmsg.TxnMetadataKey
	if err := k.ReadFrom(b); err != nil {
		return "", err
	}
	return k.TransactionalID, nil
}

// Describe gives one transactional id as DescribeTransactions shows it.
func (c *Coordinator) Describe(ctx context.Context, id string) kmsg.DescribeTransactionsResponseTransactionState {
	r := kmsg.NewDescribeTransactionsResponseTransactionState()
	r.TransactionalID, r.StartTimestamp = id, -1
	t, err := c.lock(ctx, id, false)
	switch {
	case err != nil:
		r.ErrorCode = kerr.ConcurrentTransactions.Code
		return r
	case t == nil || !t.known:
		if t != nil {
			t.give()
		}
		r.ErrorCode = kerr.TransactionalIDNotFound.Code
		return r
	}
	m := t.meta
	t.give()
	r.State, r.ProducerID, r.ProducerEpoch = m.state.String(), m.producerID, m.epoch
	r.TimeoutMillis = int32(m.timeout.Milliseconds())
	if !m.started.IsZero() {
		r.StartTimestamp = m.started.UnixMilli()
	}
	for _, p := range m.sorted() {
		if n := len(r.Topics); n == 0 || r.Topics[n-1].Topic != p.Topic {
			rt := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
			rt.Topic = p.Topic
			r.Topics = append(r.Topics, rt)
		}
		rt := &r.Topics[len(r.Topics)-1]
		rt.Partitions = append(rt.Partitions, p.Index)
	}
	return r
}

// Filter chooses what List gives. Empty fields choose all.
type Filter struct {
	States      []string
	ProducerIDs []int64
	LongerThan  time.Duration // the open transaction's age; negative: any
	Matches     func(id string) bool
}

// List gives the transactional ids that the filter lets through, by name.
func (c *Coordinator) List(ctx context.Context, f Filter) []kmsg.ListTransactionsResponseTransactionState {
	out := []kmsg.ListTransactionsResponseTransactionState{}
	now := time.Now()
	for _, t := range c.all() {
		if t.take(ctx) != nil {
			return out
		}
		m, known := t.meta, t.known && !t.gone
		t.give()
		if !known || f.Matches != nil && !f.Matches(t.id) {
			continue
		}
		if len(f.States) > 0 && !slices.ContainsFunc(f.States, func(s string) bool { return strings.EqualFold(s, m.state.String()) }) {
			continue
		}
		if len(f.ProducerIDs) > 0 && !slices.Contains(f.ProducerIDs, m.producerID) {
			continue
		}
		if f.LongerThan >= 0 && (m.started.IsZero() || now.Sub(m.started) <= f.LongerThan) {
			continue
		}
		r := kmsg.NewListTransactionsResponseTransactionState()
		r.TransactionalID, r.ProducerID, r.TransactionState = t.id, m.producerID, m.state.String()
		out = append(out, r)
	}
	return out
}

// KnownState tells whether a state filter names a state.
func KnownState(s string) bool {
	for st := Empty; st <= CompleteAbort; st++ {
		if strings.EqualFold(s, st.String()) {
			return true
		}
	}
	return false
}
