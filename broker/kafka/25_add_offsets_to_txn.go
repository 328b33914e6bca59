package kafka

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/txn"
)

// AddOffsetsToTxn, 0-4.
//
//	v2  PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH
//	v3  flexible
//	v4  TRANSACTION_ABORTABLE (KIP-890)
//
// All offsets stand in one partition, so it does not matter which group they are for.
func (s *Server) addOffsetsToTxn(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.AddOffsetsToTxnRequest)
	resp := kmsg.NewPtrAddOffsetsToTxnResponse()
	co, code := s.coordinatorsFor(c)
	if code == 0 {
		code = co.txns.AddPartitions(c.ctx, req.TransactionalID, req.ProducerID, req.ProducerEpoch, []txn.Partition{offsetsPartition()})
	}
	resp.ErrorCode = fencedCode(code, req.Version >= 2)
	return resp, nil
}
