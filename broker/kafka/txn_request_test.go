package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// rawTxn is a transactional producer that speaks by requests of this process, as pipelines do.
type rawTxn struct {
	n        *node
	id       string
	pid      int64
	epoch    int16
	sequence map[int32]int32
}

// openTxn makes a producer; its transaction begins with the first produce or commitOffset.
func (n *node) openTxn(id string) *rawTxn {
	n.t.Helper()
	tx := &rawTxn{n: n, id: id}
	if code := tx.init(n.ctx()); code != 0 {
		n.t.Fatalf("InitProducerId: code %d", code)
	}
	return tx
}

func (x *rawTxn) init(ctx context.Context) int16 {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = &x.id, 60_000, -1, -1
	resp, err := x.n.s.Request(ctx, req)
	if err != nil {
		return -1
	}
	r := resp.(*kmsg.InitProducerIDResponse)
	x.pid, x.epoch, x.sequence = r.ProducerID, r.ProducerEpoch, map[int32]int32{}
	return r.ErrorCode
}

func (x *rawTxn) tryProduce(ctx context.Context, topic string, partition int32, value string) int16 {
	var b record.Builder
	b.Reset(record.None)
	b.SetProducer(x.pid, x.epoch, x.sequence[partition], true)
	b.Add(1, nil, []byte(value))
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks = &x.id, -1
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: partition, Records: b.Build()}}}}
	resp, err := x.n.s.Request(ctx, req)
	if err != nil {
		return -1
	}
	x.sequence[partition]++
	return resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode
}

func (x *rawTxn) produce(topic string, partition int32, value string) {
	x.n.t.Helper()
	if code := x.tryProduce(x.n.ctx(), topic, partition, value); code != 0 {
		x.n.t.Fatalf("produce: code %d", code)
	}
}

func (x *rawTxn) tryCommitOffset(ctx context.Context, group, topic string, offset int64) int16 {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = x.id, group, x.pid, x.epoch, -1
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	p.Offset = offset
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{p}}}
	resp, err := x.n.s.Request(ctx, req)
	if err != nil {
		return -1
	}
	return resp.(*kmsg.TxnOffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
}

func (x *rawTxn) commitOffset(group, topic string, offset int64) {
	x.n.t.Helper()
	if code := x.tryCommitOffset(x.n.ctx(), group, topic, offset); code != 0 {
		x.n.t.Fatalf("commit offset: code %d", code)
	}
}

func (x *rawTxn) tryEnd(ctx context.Context, commit bool) int16 {
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = x.id, x.pid, x.epoch, commit
	resp, err := x.n.s.Request(ctx, req)
	if err != nil {
		return -1
	}
	r := resp.(*kmsg.EndTxnResponse)
	if r.ErrorCode == 0 {
		x.pid, x.epoch, x.sequence = r.ProducerID, r.ProducerEpoch, map[int32]int32{}
	}
	return r.ErrorCode
}

func (x *rawTxn) end(commit bool) int16 { return x.tryEnd(x.n.ctx(), commit) }
