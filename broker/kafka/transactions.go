package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/txn"
	"github.com/weirhub/weir/internal/record"
)

// enlist makes sure that a transactional batch belongs to a transaction that knows of its partition, and that the
// transaction does not end before done is called. Other batches pass.
func (s *Server) enlist(c *call, req *kmsg.ProduceRequest, topic string, rp *kmsg.ProduceRequestTopicPartition) (done func(), code int16) {
	b, _, err := record.Split(rp.Records)
	if err != nil || !b.Transactional() {
		return func() {}, 0 // Partition.Produce says what is wrong with it
	}
	if req.TransactionID == nil || *req.TransactionID == "" {
		return nil, kerr.InvalidRequest.Code
	}
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		return nil, code
	}
	mode := txn.Verify
	switch {
	case req.Version >= 12:
		mode = txn.Add
	case req.Version == 11:
		mode = txn.VerifyAbortable
	}
	at := txn.Partition{Topic: topic, Index: rp.Partition}
	done, code = co.txns.Enlist(c.ctx, *req.TransactionID, b.ProducerID(), b.ProducerEpoch(), mode, []txn.Partition{at})
	return done, fencedCode(code, false) // Produce never learned to say PRODUCER_FENCED
}

// initTransactionalID is InitProducerId for a transactional producer.
func (s *Server) initTransactionalID(c *call, req *kmsg.InitProducerIDRequest) (kmsg.Response, error) {
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp := kmsg.NewPtrInitProducerIDResponse()
		resp.ProducerID, resp.ProducerEpoch, resp.ErrorCode = -1, -1, code
		return resp, nil
	}
	resp := co.txns.InitProducerID(c.ctx, req)
	resp.ErrorCode = fencedCode(resp.ErrorCode, req.Version >= 4)
	return resp, nil
}
