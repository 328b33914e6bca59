package txn

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// InitProducerID gives a transactional id to the sender: whoever had it before is fenced, and what that one left open is
// aborted. A sender that names its own producer id and epoch (KIP-360) keeps the id only if nobody took it since.
func (c *Coordinator) InitProducerID(ctx context.Context, req *kmsg.InitProducerIDRequest) *kmsg.InitProducerIDResponse {
	r := kmsg.NewPtrInitProducerIDResponse()
	r.ProducerID, r.ProducerEpoch = -1, -1
	timeout := time.Duration(req.TransactionTimeoutMillis) * time.Millisecond
	switch {
	case req.TransactionalID == nil || *req.TransactionalID == "", (req.ProducerID < 0) != (req.ProducerEpoch < 0):
		r.ErrorCode = kerr.InvalidRequest.Code
		return r
	case timeout <= 0 || timeout > c.o.MaxTimeout:
		r.ErrorCode = kerr.InvalidTransactionTimeout.Code
		return r
	}
	t, err := c.lock(ctx, *req.TransactionalID, true)
	if err != nil {
		r.ErrorCode = kerr.ConcurrentTransactions.Code
		return r
	}
	defer t.give()
	if r.ErrorCode = c.initialise(ctx, t, req, timeout); r.ErrorCode == 0 {
		r.ProducerID, r.ProducerEpoch = t.meta.producerID, t.meta.epoch
	}
	return r
}

func (c *Coordinator) initialise(ctx context.Context, t *transaction, req *kmsg.InitProducerIDRequest, timeout time.Duration) int16 {
	if t.meta.preparing() && c.finish(ctx, t) != nil {
		return kerr.ConcurrentTransactions.Code
	}
	named := req.ProducerID >= 0 && t.known
	if named && !t.meta.owns(req.ProducerID, req.ProducerEpoch) {
		return kerr.ProducerFenced.Code
	}
	if t.meta.state == Ongoing {
		if err := c.fence(ctx, t, time.Now()); err != nil {
			return kerr.ConcurrentTransactions.Code
		}
	}
	m := t.meta
	m.timeout = timeout
	switch {
	case named && m.epoch <= maxEpoch && (req.ProducerID != m.producerID || req.ProducerEpoch == m.lastEpoch):
		// The epoch was raised for this very producer: by this request's first try, or when its transaction was aborted.
		// Nobody else was ever given the new one.
	case !t.known || m.epoch >= maxEpoch:
		id, err := c.o.NewProducerID(ctx)
		if err != nil {
			return kerr.CoordinatorNotAvailable.Code
		}
		m.previousID, m.producerID, m.epoch, m.lastEpoch = m.producerID, id, 0, -1
	default:
		m.lastEpoch = -1
		if named {
			m.lastEpoch = m.epoch
		}
		m.epoch++
	}
	if m.state == Ongoing || m.preparing() {
		panic("BUG: initialise an open transaction")
	}
	m.state = Empty
	if err := c.save(ctx, t, m); err != nil {
		return kerr.CoordinatorNotAvailable.Code
	}
	return 0
}

// owns tells whether a producer that calls itself by this id and epoch is the newest one.
func (m meta) owns(producerID int64, epoch int16) bool {
	if producerID == m.producerID {
		return epoch == m.epoch || m.lastEpoch >= 0 && epoch == m.lastEpoch
	}
	// Its epochs ran out and it was given a new id, but not the answer.
	return producerID == m.previousID && epoch >= maxEpoch && m.epoch == 0
}
