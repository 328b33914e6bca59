package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// enlist makes sure that a transactional batch belongs to a transaction that knows of its partition, and that the
// transaction does not end before done is called. Other batches pass.
func (s *Server) enlist(_ *call, req *kmsg.ProduceRequest, _ string, rp *kmsg.ProduceRequestTopicPartition) (done func(), code int16) {
	b, _, err := record.Split(rp.Records)
	if err != nil || !b.Transactional() {
		return func() {}, 0 // Partition.Produce says what is wrong with it
	}
	if req.TransactionID == nil || *req.TransactionID == "" {
		return nil, kerr.InvalidRequest.Code
	}
	return nil, kerr.InvalidTxnState.Code
}

// initTransactionalID is InitProducerId for a transactional producer.
func (s *Server) initTransactionalID(_ *call, _ *kmsg.InitProducerIDRequest) (kmsg.Response, error) {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch, resp.ErrorCode = -1, -1, kerr.CoordinatorNotAvailable.Code
	return resp, nil
}
