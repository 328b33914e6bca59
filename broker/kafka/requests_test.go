package kafka

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// batch is one uncompressed batch of a producer without an id.
func batch(values ...string) record.Batch { return sequenced(-1, -1, -1, values...) }

// sequenced is a batch of an idempotent producer.
func sequenced(id int64, epoch int16, sequence int32, values ...string) record.Batch {
	var b record.Builder
	b.Reset(record.None)
	if id >= 0 {
		b.SetProducer(id, epoch, sequence, false)
	}
	for _, v := range values {
		b.Add(1_700_000_000_000, nil, []byte(v))
	}
	return slices.Clone(b.Build())
}

// produceReq puts batches into the partitions first, first+1, ... of a topic, acks=all.
func produceReq(topic string, first int32, batches ...record.Batch) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 10_000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	for i, b := range batches {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = first+int32(i), b
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

// fetchReq reads partition 0 of a topic without a session.
func fetchReq(topic string, offset int64, minBytes, waitMillis int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxWaitMillis, req.MaxBytes, req.SessionEpoch = minBytes, waitMillis, 50<<20, -1
	addFetch(req, topic, 0, offset, 1<<20)
	return req
}

// addFetch adds a partition to a fetch.
func addFetch(req *kmsg.FetchRequest, topic string, partition int32, offset int64, maxBytes int32) {
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, maxBytes
	p.CurrentLeaderEpoch = -1
	for i := range req.Topics {
		if req.Topics[i].Topic == topic {
			req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
			return
		}
	}
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
}

// values are the record values of a partition's answer, in order.
func values(records []byte) (out []string, err error) {
	var r record.Reader
	var rec record.Record
	for len(records) > 0 {
		var b record.Batch
		if b, records, err = record.Split(records); err != nil {
			return out, err
		}
		if err := b.Validate(); err != nil {
			return out, err
		}
		if err := r.Reset(b, 0); err != nil {
			return out, err
		}
		for r.Next(&rec) {
			out = append(out, string(rec.Value))
		}
		if r.Err() != nil {
			return out, r.Err()
		}
	}
	return out, nil
}
