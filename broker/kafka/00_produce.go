package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// Produce, 3-13.
//
//	v5   log start offset in the answer
//	v8   which records of a refused batch are at fault (KIP-467)
//	v9   flexible
//	v10  current leader in the answer on a leader error (KIP-951); there is one node, it stays empty
//	v12  a transactional batch adds its partition to the transaction by itself (KIP-890 part 2)
//	v13  topics by id (KIP-516)
//
// acks=-1 is answered when the batch is durable as the topic's durability means it, acks=1 when it is written, acks=0
// never. Each partition answers for itself. Data path 2/7.
func (s *Server) produce(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.ProduceRequest)
	resp := kmsg.NewPtrProduceResponse()
	c.noAnswer = req.Acks == 0 && !c.inProcess
	var waits []produceWait
	asked := 0
	for i := range req.Topics {
		t := &req.Topics[i]
		if asked += len(t.Partitions); asked > maxProducePartitions {
			return nil, fmt.Errorf("produce to more than %d partitions at once", maxProducePartitions)
		}
		out := kmsg.NewProduceResponseTopic()
		out.Topic, out.TopicID = t.Topic, t.TopicID
		topic, unknown := s.findTopic(t.Topic, t.TopicID)
		for j := range t.Partitions {
			rp := &t.Partitions[j]
			op := kmsg.NewProduceResponseTopicPartition()
			op.Partition, op.BaseOffset, op.LogAppendTime, op.LogStartOffset = rp.Partition, -1, -1, -1
			if unknown != nil {
				op.ErrorCode, op.ErrorMessage = code(unknown), message(unknown)
			} else if w, ok := s.produceOne(c, topic, rp, &op); ok && req.Acks == -1 {
				w.topic, w.index = i, j
				waits = append(waits, w)
			}
			out.Partitions = append(out.Partitions, op)
		}
		resp.Topics = append(resp.Topics, out)
	}
	if len(waits) > 0 {
		c.finish = func() { awaitProduced(c, waits, resp) }
	}
	return resp, nil
}

// maxProducePartitions bounds what a frame of empty batches can make of itself: an answer takes twenty times the bytes of
// such a request. A client names each partition at most once, and no node serves more than twice as many.
const maxProducePartitions = 100_000

// produceWait is a partition whose answer waits for its fsync, and the place of that answer.
type produceWait struct {
	p            *broker.Partition
	at           broker.Appended
	topic, index int
}

// produceOne appends one partition's batch and reports whether it did.
func (s *Server) produceOne(c *call, topic *broker.Topic, rp *kmsg.ProduceRequestTopicPartition, op *kmsg.ProduceResponseTopicPartition) (produceWait, bool) {
	p, ok := topic.Partition(rp.Partition)
	if !ok {
		op.ErrorCode = kerr.UnknownTopicOrPartition.Code
		return produceWait{}, false
	}
	if !c.inProcess && coordinatorTopic(topic.Name()) {
		op.ErrorCode = kerr.InvalidTopicException.Code
		op.ErrorMessage = kmsg.StringPtr("clients may not write to " + topic.Name())
		return produceWait{}, false
	}
	req := c.req.(*kmsg.ProduceRequest)
	if req.Acks < -1 || req.Acks > 1 {
		op.ErrorCode = kerr.InvalidRequiredAcks.Code
		return produceWait{}, false
	}
	done, refused := s.enlist(c, req, topic.Name(), rp)
	if refused != 0 {
		op.ErrorCode = refused
		return produceWait{}, false
	}
	at, err := appendEnlisted(p, rp.Records, done)
	if err != nil {
		produceError(op, err)
		return produceWait{}, false
	}
	op.BaseOffset, op.LogAppendTime, op.LogStartOffset = at.Base, at.LogAppendTime, at.LogStart
	return produceWait{p: p, at: at}, true
}

// appendEnlisted ends the enlistment also when the append panics: the transaction would be stuck for ever.
func appendEnlisted(p *broker.Partition, records []byte, done func()) (broker.Appended, error) {
	defer done()
	return p.Produce(records, false)
}

func produceError(op *kmsg.ProduceResponseTopicPartition, err error) {
	op.ErrorCode, op.ErrorMessage = code(err), message(err)
	var rec *broker.RecordError
	if errors.As(err, &rec) {
		r := kmsg.NewProduceResponseTopicPartitionErrorRecord()
		r.RelativeOffset, r.ErrorMessage = rec.Index, &rec.Cause
		op.ErrorRecords = append(op.ErrorRecords, r)
		// The code is not one that clients retry: the batch would be refused again.
	}
}

// awaitProduced waits for each append to be durable. The wait has no limit of its own, and the end of the connection
// does not end it: a sync ends, well or badly, and an answer of "timed out" would only make the client send again what is
// in the log.
func awaitProduced(c *call, waits []produceWait, resp *kmsg.ProduceResponse) {
	ctx := c.ctx
	if !c.inProcess {
		ctx = context.WithoutCancel(ctx)
	}
	for _, w := range waits {
		if err := w.p.Wait(ctx, w.at); err != nil {
			op := &resp.Topics[w.topic].Partitions[w.index]
			op.ErrorCode, op.ErrorMessage = code(err), message(err)
			op.BaseOffset, op.LogAppendTime = -1, -1
		}
	}
}

// coordinatorTopic tells the topics that only coordinators write.
func coordinatorTopic(name string) bool {
	return name == "__consumer_offsets" || name == "__transaction_state"
}

// findTopic finds by id when there is one, else by name. Versions that know only ids leave the name empty, calls of this
// process may fill in either.
func (s *Server) findTopic(name string, id [16]byte) (*broker.Topic, error) {
	if id != ([16]byte{}) {
		if t, ok := s.b.TopicByID(id); ok {
			return t, nil
		}
		return nil, broker.ErrUnknownTopicID
	}
	if t, ok := s.b.Topic(name); ok {
		return t, nil
	}
	if name == "" {
		return nil, broker.ErrUnknownTopicID
	}
	return nil, broker.ErrUnknownTopic
}
