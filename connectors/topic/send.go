package topic

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
)

// inFlight is the first unacknowledged batch of a partition. Only one per partition is on its way, so order and sequence
// hold whatever is retried.
type inFlight struct {
	*output
	batch record.Batch
}

// send sends sealed batches, the first of every partition in one round, until there are none.
func (x *Transaction) send(ctx context.Context) {
	for {
		round, fresh := x.nextRound()
		if len(round) == 0 {
			return
		}
		err := x.addPartitions(ctx, fresh)
		if err == nil {
			err = x.produce(ctx, round)
		}
		if err != nil {
			x.fail(x.translate(err))
			return
		}
		x.acknowledge(round)
	}
}

// nextRound takes the first sealed batch of each partition, and says which partitions the transaction does not have yet.
// An empty round ends the sender.
func (x *Transaction) nextRound() (round []inFlight, fresh []*output) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, o := range x.mu.outputs {
		if len(o.sealed) == 0 {
			continue
		}
		round = append(round, inFlight{o, o.sealed[0]})
		if !x.mu.added[o.place] {
			fresh = append(fresh, o)
		}
	}
	if len(round) == 0 {
		x.mu.sending = false
		x.wake()
	} else if x.mu.opened.IsZero() {
		x.open()
	}
	return round, fresh
}

func (x *Transaction) acknowledge(round []inFlight) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range round {
		f.sealed = f.sealed[1:]
		x.mu.queued -= len(f.batch)
	}
	x.wake()
}

// producer is the id and epoch that the transaction has.
func (x *Transaction) producer() (int64, int16) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.mu.producerID, x.mu.epoch
}

// addPartitions makes partitions part of the transaction, before anything is written to them.
func (x *Transaction) addPartitions(ctx context.Context, outputs []*output) error {
	if len(outputs) == 0 {
		return nil
	}
	byTopic := map[string][]int32{}
	for _, o := range outputs {
		byTopic[o.topic] = append(byTopic[o.topic], o.partition)
	}
	err := x.c.retry(ctx, "add partitions to transaction of "+x.id, func() error {
		return x.tryAddPartitions(ctx, byTopic)
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, o := range outputs {
		x.mu.added[o.place] = true
	}
	return nil
}

// tryAddPartitions fills in both forms of the request: versions 4 and up list transactions, earlier ones are of one.
func (x *Transaction) tryAddPartitions(ctx context.Context, byTopic map[string][]int32) error {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID = x.id
	req.ProducerID, req.ProducerEpoch = x.producer()
	txn := kmsg.NewAddPartitionsToTxnRequestTransaction()
	txn.TransactionalID, txn.ProducerID, txn.ProducerEpoch = req.TransactionalID, req.ProducerID, req.ProducerEpoch
	for topic, partitions := range byTopic {
		t := kmsg.NewAddPartitionsToTxnRequestTopic()
		t.Topic, t.Partitions = topic, partitions
		req.Topics = append(req.Topics, t)
		tt := kmsg.NewAddPartitionsToTxnRequestTransactionTopic()
		tt.Topic, tt.Partitions = topic, partitions
		txn.Topics = append(txn.Topics, tt)
	}
	req.Transactions = append(req.Transactions, txn)
	resp, err := request[*kmsg.AddPartitionsToTxnResponse](ctx, x.c, req)
	if err != nil {
		return err
	}
	err = kerr.ErrorForCode(resp.ErrorCode)
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
		}
	}
	for _, txn := range resp.Transactions {
		for _, t := range txn.Topics {
			for _, p := range t.Partitions {
				err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
			}
		}
	}
	return firstFinal(err)
}

// firstFinal picks, of joined errors, one that is not retriable, if there is one: OPERATION_NOT_ATTEMPTED says nothing
// beside the error of another partition.
func firstFinal(err error) error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return err
	}
	errs := joined.Unwrap()
	for _, e := range errs {
		if !retriable(e) && !errors.Is(e, kerr.OperationNotAttempted) {
			return e
		}
	}
	for _, e := range errs {
		if !errors.Is(e, kerr.OperationNotAttempted) {
			return e
		}
	}
	return errs[0]
}

// produce sends one batch for each partition, to all leaders at once, until all are acknowledged.
func (x *Transaction) produce(ctx context.Context, round []inFlight) error {
	left := round
	topics := make([]string, len(round))
	for i, f := range round {
		topics[i] = f.topic
	}
	return x.c.retry(ctx, "write in transaction of "+x.id, func() error {
		byLeader, err := x.leaders(ctx, left)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		results := make(chan produced, len(byLeader))
		for leader, batches := range byLeader {
			wg.Go(func() { results <- x.c.produceTo(ctx, leader, &x.id, batches) })
		}
		wg.Wait()
		close(results)
		left = nil
		for r := range results {
			left = append(left, r.left...)
			err = errors.Join(err, r.err)
		}
		return firstFinal(err)
	}, topics...)
}

// produced is what one leader answered: what is to be sent again, and why.
type produced struct {
	left []inFlight
	err  error
}

func (x *Transaction) leaders(ctx context.Context, round []inFlight) (map[int32][]inFlight, error) {
	out := map[int32][]inFlight{}
	for _, f := range round {
		info, err := x.c.info(ctx, f.topic)
		if err != nil {
			return nil, err
		}
		if int(f.partition) >= len(info.leaders) {
			return nil, stream.Permanent(fmt.Errorf("topic %s has no partition %d", f.topic, f.partition))
		}
		out[info.leaders[f.partition]] = append(out[info.leaders[f.partition]], f)
	}
	return out, nil
}

// produceTo sends batches to their leader, as part of the transaction if there is one.
func (c *Cluster) produceTo(ctx context.Context, leader int32, transaction *string, batches []inFlight) produced {
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks, req.TimeoutMillis = transaction, -1, produceTimeoutMillis
	waiting := map[place]inFlight{}
	at := map[string]int{}
	for _, f := range batches {
		info, err := c.info(ctx, f.topic)
		if err != nil {
			return produced{batches, err}
		}
		i, ok := at[f.topic]
		if !ok {
			t := kmsg.NewProduceRequestTopic()
			t.Topic, t.TopicID = f.topic, info.id
			i = len(req.Topics)
			req.Topics = append(req.Topics, t)
			at[f.topic] = i
		}
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = f.partition, f.batch
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
		waiting[f.place] = f
	}
	resp, err := requestTo[*kmsg.ProduceResponse](ctx, c, leader, req)
	if err != nil {
		return produced{batches, err}
	}
	return produceAnswer(req, resp, waiting)
}

// produceAnswer sorts the batches by their fate. Answers name topics by name, or by id from version 13 on.
func produceAnswer(req *kmsg.ProduceRequest, resp *kmsg.ProduceResponse, waiting map[place]inFlight) produced {
	var out produced
	for i := range resp.Topics {
		topic := resp.Topics[i].Topic
		for j := range req.Topics {
			if topic == "" && req.Topics[j].TopicID == resp.Topics[i].TopicID {
				topic = req.Topics[j].Topic
			}
		}
		for _, p := range resp.Topics[i].Partitions {
			name := place{topic, p.Partition}
			f, ok := waiting[name]
			if !ok {
				continue
			}
			switch err := kerr.ErrorForCode(p.ErrorCode); {
			case err == nil || errors.Is(err, kerr.DuplicateSequenceNumber):
				f.lastBase = p.BaseOffset
				delete(waiting, name)
			case errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) || errors.Is(err, kerr.InvalidRecord):
				out.err = errors.Join(out.err, stream.Permanent(fmt.Errorf("batch of %d records, %d bytes, for %s: %w", f.batch.Count(), len(f.batch), name, err)))
			default:
				out.err = errors.Join(out.err, fmt.Errorf("batch for %s: %w", name, err))
			}
		}
	}
	for _, f := range waiting {
		out.left = append(out.left, f)
	}
	if len(out.left) > 0 && out.err == nil {
		out.err = errors.New("the broker's answer leaves partitions out")
	}
	return out
}

// Produce writes one batch outside of any transaction and gives its base offset, once all replicas have it. A retry may
// write it twice unless it carries the sequence of an idempotent producer.
func (c *Cluster) Produce(ctx context.Context, topic string, partition int32, b record.Batch) (base int64, err error) {
	o := &output{place: place{topic, partition}}
	err = c.retry(ctx, "write "+o.String(), func() error {
		info, err := c.info(ctx, topic)
		if err != nil {
			return err
		}
		if int(partition) >= len(info.leaders) {
			return stream.Permanent(fmt.Errorf("topic %s has no partition %d", topic, partition))
		}
		return firstFinal(c.produceTo(ctx, info.leaders[partition], nil, []inFlight{{o, b}}).err)
	}, topic)
	return o.lastBase, err
}
