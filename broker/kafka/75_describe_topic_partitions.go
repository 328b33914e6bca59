package kafka

import (
	"math"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// maxDescribedPartitions is Kafka's max.request.partition.size.limit.
const maxDescribedPartitions = 2000

// DescribeTopicPartitions, 0 (KIP-966): topics in the order of their names, in pages of partitions. kafka-topics of 4.x
// asks this way. The cursor names the first partition of the next page.
func (s *Server) describeTopicPartitions(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeTopicPartitionsRequest)
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	var names []string
	for i := range req.Topics {
		names = append(names, req.Topics[i].Topic)
	}
	if len(req.Topics) == 0 {
		for _, t := range s.b.Topics() {
			names = append(names, t.Name())
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	from := int32(0)
	if req.Cursor != nil {
		names = slices.DeleteFunc(names, func(n string) bool { return strings.Compare(n, req.Cursor.Topic) < 0 })
		if len(names) > 0 && names[0] == req.Cursor.Topic {
			from = max(req.Cursor.Partition, 0)
		}
	}
	left := maxDescribedPartitions
	if req.ResponsePartitionLimit > 0 {
		left = min(left, int(req.ResponsePartitionLimit))
	}
	for _, name := range names {
		t, ok := s.b.Topic(name)
		if !ok {
			resp.Topics = append(resp.Topics, unknownTopic(name))
			continue
		}
		parts := t.Partitions()
		parts = parts[min(int(from), len(parts)):]
		if left == 0 && len(parts) > 0 {
			resp.NextCursor = cursor(name, from)
			return resp, nil
		}
		page := parts[:min(left, len(parts))]
		resp.Topics = append(resp.Topics, s.describeTopic(t, page))
		left -= len(page)
		if len(page) < len(parts) {
			resp.NextCursor = cursor(name, from+int32(len(page)))
			return resp, nil
		}
		from = 0
	}
	return resp, nil
}

func cursor(topic string, partition int32) *kmsg.DescribeTopicPartitionsResponseNextCursor {
	n := kmsg.NewDescribeTopicPartitionsResponseNextCursor()
	n.Topic, n.Partition = topic, partition
	return &n
}

func unknownTopic(name string) kmsg.DescribeTopicPartitionsResponseTopic {
	out := kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.ErrorCode, out.AuthorizedOperations = &name, kerr.UnknownTopicOrPartition.Code, math.MinInt32
	if broker.CheckTopicName(name) != nil {
		out.ErrorCode = kerr.InvalidTopicException.Code
	}
	return out
}

func (s *Server) describeTopic(t *broker.Topic, page []*broker.Partition) kmsg.DescribeTopicPartitionsResponseTopic {
	out := kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.TopicID, out.IsInternal = kmsg.StringPtr(t.Name()), t.ID(), t.Internal()
	out.AuthorizedOperations = topicOperations
	node := []int32{s.b.NodeID()}
	for _, p := range page {
		op := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		op.Partition, op.LeaderID, op.LeaderEpoch = p.Index(), node[0], leaderEpoch
		op.Replicas, op.ISR, op.OfflineReplicas = node, node, []int32{}
		op.EligibleLeaderReplicas, op.LastKnownELR = []int32{}, []int32{}
		if p.Err() != nil {
			op.ErrorCode, op.LeaderID = kerr.LeaderNotAvailable.Code, -1
			op.ISR, op.OfflineReplicas = []int32{}, node
		}
		out.Partitions = append(out.Partitions, op)
	}
	return out
}
