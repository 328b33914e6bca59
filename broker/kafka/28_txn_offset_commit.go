package kafka

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/txn"
)

// TxnOffsetCommit, 0-6. Offsets that become visible with their transaction.
//
//	v2  leader epochs (KIP-320)
//	v3  flexible; the consumer's group membership fences it (KIP-447)
//	v4  TRANSACTION_ABORTABLE (KIP-890)
//	v5  makes the offsets part of the transaction by itself (KIP-890 part 2)
//	v6  topics by id (KIP-516)
func (s *Server) txnOffsetCommit(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.TxnOffsetCommitRequest)
	for i := range req.Topics {
		t := &req.Topics[i]
		t.Topic = s.topicName(t.Topic, t.TopicID)
	}
	co, code := s.coordinatorsFor(c)
	if code == 0 {
		mode := txn.Verify
		switch {
		case req.Version >= 5:
			mode = txn.Add
		case req.Version == 4:
			mode = txn.VerifyAbortable
		}
		var done func()
		done, code = co.txns.Enlist(c.ctx, req.TransactionalID, req.ProducerID, req.ProducerEpoch, mode, []txn.Partition{offsetsPartition()})
		if code == 0 {
			defer done()
			return co.groups.CommitTxnOffsets(c.ctx, req, s.unknownPartition), nil
		}
	}
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewTxnOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, nil
}
