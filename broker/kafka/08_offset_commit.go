package kafka

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetCommit, 2-10.
//
//	v5   no retention time: offsets live as long as their group (KIP-211)
//	v6   leader epochs (KIP-320)
//	v7   static members (KIP-345)
//	v8   flexible
//	v9   members of the consumer protocol (KIP-848), whose generation is their member epoch
//	v10  topics by id (KIP-516)
//
// Answered when the offsets are durable.
func (s *Server) offsetCommit(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.OffsetCommitRequest)
	for i := range req.Topics {
		t := &req.Topics[i]
		t.Topic = s.topicName(t.Topic, t.TopicID)
	}
	co, code := s.coordinatorsFor(c)
	if code == 0 {
		return co.groups.CommitOffsets(c.ctx, req, s.unknownPartition), nil
	}
	resp := kmsg.NewPtrOffsetCommitResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, nil
}
