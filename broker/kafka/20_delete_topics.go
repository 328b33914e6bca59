package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteTopics, 1-6.
//
//	v4  flexible
//	v5  error messages; THROTTLING_QUOTA_EXCEEDED (KIP-599)
//	v6  by name or by id (KIP-516), one of the two
func (s *Server) deleteTopics(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DeleteTopicsRequest)
	resp := kmsg.NewPtrDeleteTopicsResponse()
	topics := req.Topics
	for _, name := range req.TopicNames { // v5 and older, and callers in process
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = &name
		topics = append(topics, t)
	}
	for i := range topics {
		resp.Topics = append(resp.Topics, s.deleteTopic(c, &topics[i]))
	}
	return resp, nil
}

func (s *Server) deleteTopic(c *call, rt *kmsg.DeleteTopicsRequestTopic) kmsg.DeleteTopicsResponseTopic {
	out := kmsg.NewDeleteTopicsResponseTopic()
	out.Topic, out.TopicID = rt.Topic, rt.TopicID
	byID := rt.TopicID != ([16]byte{})
	switch {
	case byID && rt.Topic != nil, !byID && rt.Topic == nil:
		out.ErrorCode = kerr.InvalidRequest.Code
		out.ErrorMessage = kmsg.StringPtr("a topic is named by its name or by its id, one of the two")
		return out
	case byID:
		t, ok := s.b.TopicByID(rt.TopicID)
		if !ok {
			out.ErrorCode = kerr.UnknownTopicID.Code
			return out
		}
		out.Topic = kmsg.StringPtr(t.Name())
	default:
		if t, ok := s.b.Topic(*rt.Topic); ok {
			out.TopicID = t.ID()
		}
	}
	if coordinatorTopic(*out.Topic) {
		out.ErrorCode = kerr.InvalidTopicException.Code
		out.ErrorMessage = kmsg.StringPtr("internal topics cannot be deleted")
		return out
	}
	if t, ok := s.b.Topic(*out.Topic); ok {
		if out.ErrorCode, out.ErrorMessage = s.mutate(c, len(t.Partitions()), 5); out.ErrorCode != 0 {
			return out
		}
	}
	if err := s.b.DeleteTopic(c.ctx, *out.Topic); err != nil {
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
		return out
	}
	s.dropOffsets(c.ctx, *out.Topic)
	return out
}
