package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// EndTxn, 0-5. Answered when readers of committed records see the outcome.
//
//	v2  PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH
//	v3  flexible
//	v4  TRANSACTION_ABORTABLE (KIP-890)
//	v5  raises the epoch, and tells the new one (KIP-890, transaction.version 2)
func (s *Server) endTxn(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.EndTxnRequest)
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp := kmsg.NewPtrEndTxnResponse()
		resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = code, -1, -1
		return resp, nil
	}
	resp := co.txns.EndTxn(c.ctx, req)
	resp.ErrorCode = fencedCode(resp.ErrorCode, req.Version >= 2)
	return resp, nil
}
