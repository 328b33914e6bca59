package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// DescribeProducers, 0 (KIP-664): the idempotent and transactional producers that a partition knows.
func (s *Server) describeProducers(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeProducersRequest)
	resp := kmsg.NewPtrDescribeProducersResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewDescribeProducersResponseTopic()
		out.Topic = t.Topic
		for _, index := range t.Partitions {
			out.Partitions = append(out.Partitions, s.partitionProducers(t.Topic, index))
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

func (s *Server) partitionProducers(topic string, index int32) kmsg.DescribeProducersResponseTopicPartition {
	out := kmsg.NewDescribeProducersResponseTopicPartition()
	out.Partition = index
	p, err := s.b.Partition(topic, index)
	if err != nil {
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
		return out
	}
	list, err := p.Producers()
	if err != nil {
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
		return out
	}
	for _, pr := range list {
		a := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		a.ProducerID, a.ProducerEpoch = pr.ID, int32(pr.Epoch)
		a.LastSequence, a.LastTimestamp = pr.LastSequence, pr.LastSeen
		a.CoordinatorEpoch, a.CurrentTxnStartOffset = -1, pr.TxnFirst
		out.ActiveProducers = append(out.ActiveProducers, a)
	}
	return out
}
