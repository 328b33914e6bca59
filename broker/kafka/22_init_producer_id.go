package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// InitProducerId, 0-5.
//
//	v2  flexible
//	v3  the producer's id and epoch, to go on with them (KIP-360)
//	v4  PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH
//	v5  transaction.version 2 (KIP-890)
//
// A producer without a transactional id gets an id that was never given out before, with epoch 0. Transactional ones
// belong to their coordinator.
func (s *Server) initProducerID(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.InitProducerIDRequest)
	if req.TransactionalID != nil {
		return s.initTransactionalID(c, req)
	}
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	if c.ctx.Err() != nil {
		resp.ErrorCode = kerr.RequestTimedOut.Code
		return resp, nil
	}
	id, err := s.b.NextProducerID()
	if err != nil {
		resp.ErrorCode = code(err)
		return resp, nil
	}
	resp.ProducerID, resp.ProducerEpoch = id, 0
	return resp, nil
}
