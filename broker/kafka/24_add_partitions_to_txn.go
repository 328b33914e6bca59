package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/txn"
)

// AddPartitionsToTxn, 0-5.
//
//	v2  PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH
//	v3  flexible; the last one that producers use
//	v4  several transactions, optionally only verified (KIP-890): what Kafka's brokers ask each other
//	v5  TRANSACTION_ABORTABLE (KIP-890)
//
// All of a producer's partitions become part of its transaction, or none. A call of this process may use the form of v3.
func (s *Server) addPartitionsToTxn(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.AddPartitionsToTxnRequest)
	resp := kmsg.NewPtrAddPartitionsToTxnResponse()
	if req.Version < 4 || c.inProcess && len(req.Transactions) == 0 {
		t := kmsg.NewAddPartitionsToTxnRequestTransaction()
		t.TransactionalID, t.ProducerID, t.ProducerEpoch = req.TransactionalID, req.ProducerID, req.ProducerEpoch
		for _, rt := range req.Topics {
			t.Topics = append(t.Topics, kmsg.AddPartitionsToTxnRequestTransactionTopic{Topic: rt.Topic, Partitions: rt.Partitions})
		}
		for _, at := range s.addToTxn(c, &t, req.Version).Topics {
			rt := kmsg.NewAddPartitionsToTxnResponseTopic()
			rt.Topic = at.Topic
			for _, p := range at.Partitions {
				rt.Partitions = append(rt.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p.Partition, ErrorCode: p.ErrorCode})
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil
	}
	for i := range req.Transactions {
		resp.Transactions = append(resp.Transactions, s.addToTxn(c, &req.Transactions[i], req.Version))
	}
	return resp, nil
}

func (s *Server) addToTxn(c *call, t *kmsg.AddPartitionsToTxnRequestTransaction, version int16) kmsg.AddPartitionsToTxnResponseTransaction {
	out := kmsg.NewAddPartitionsToTxnResponseTransaction()
	out.TransactionalID = t.TransactionalID
	var parts []txn.Partition
	unknown := false
	for _, rt := range t.Topics {
		at := kmsg.NewAddPartitionsToTxnResponseTransactionTopic()
		at.Topic = rt.Topic
		for _, n := range rt.Partitions {
			p := kmsg.NewAddPartitionsToTxnResponseTransactionTopicPartition()
			p.Partition, p.ErrorCode = n, s.unknownPartition(rt.Topic, n)
			if rt.Topic == "" {
				p.ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
			unknown = unknown || p.ErrorCode != 0
			at.Partitions = append(at.Partitions, p)
			parts = append(parts, txn.Partition{Topic: rt.Topic, Index: n})
		}
		out.Topics = append(out.Topics, at)
	}
	codes := make([]int16, len(parts))
	switch co, code := s.coordinatorsFor(c); {
	case code != 0:
		fill(codes, code)
	case t.VerifyOnly:
		codes = co.txns.VerifyPartitions(c.ctx, t.TransactionalID, t.ProducerID, t.ProducerEpoch, parts)
	case unknown:
		fill(codes, kerr.OperationNotAttempted.Code)
	default:
		code = co.txns.AddPartitions(c.ctx, t.TransactionalID, t.ProducerID, t.ProducerEpoch, parts)
		fill(codes, fencedCode(code, version >= 2))
	}
	for i := range out.Topics {
		for j := range out.Topics[i].Partitions {
			if p := &out.Topics[i].Partitions[j]; p.ErrorCode == 0 {
				p.ErrorCode = codes[0]
			}
			codes = codes[1:]
		}
	}
	return out
}

func fill(codes []int16, code int16) {
	for i := range codes {
		codes[i] = code
	}
}

// fencedCode is how older versions say PRODUCER_FENCED (KIP-588).
func fencedCode(code int16, known bool) int16 {
	if code == kerr.ProducerFenced.Code && !known {
		return kerr.InvalidProducerEpoch.Code
	}
	return code
}
