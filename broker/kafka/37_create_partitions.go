package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreatePartitions, 0-3: raises a topic's partition count.
//
//	v2  flexible
//	v3  THROTTLING_QUOTA_EXCEEDED (KIP-599)
func (s *Server) createPartitions(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.CreatePartitionsRequest)
	resp := kmsg.NewPtrCreatePartitionsResponse()
	for i := range req.Topics {
		rt := &req.Topics[i]
		out := kmsg.NewCreatePartitionsResponseTopic()
		out.Topic = rt.Topic
		s.growTopic(c, rt, req.ValidateOnly, &out)
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

func (s *Server) growTopic(c *call, rt *kmsg.CreatePartitionsRequestTopic, validateOnly bool, out *kmsg.CreatePartitionsResponseTopic) {
	if err := s.checkNewReplicas(rt); err != nil {
		out.ErrorCode, out.ErrorMessage = kerr.InvalidReplicaAssignment.Code, message(err)
		return
	}
	if t, ok := s.b.Topic(rt.Topic); ok && !validateOnly {
		if out.ErrorCode, out.ErrorMessage = s.mutate(c, int(rt.Count)-len(t.Partitions()), 3); out.ErrorCode != 0 {
			return
		}
	}
	if err := s.b.GrowTopic(c.ctx, rt.Topic, rt.Count, validateOnly); err != nil {
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
	}
}

// checkNewReplicas checks a manual assignment, which names the replicas of each new partition.
func (s *Server) checkNewReplicas(rt *kmsg.CreatePartitionsRequestTopic) error {
	if rt.Assignment == nil {
		return nil
	}
	have := 0
	if t, ok := s.b.Topic(rt.Topic); ok {
		have = len(t.Partitions())
	}
	if more := int(rt.Count) - have; more > 0 && more != len(rt.Assignment) {
		return fmt.Errorf("increasing the number of partitions by %d but %d assignments provided", more, len(rt.Assignment))
	}
	for _, a := range rt.Assignment {
		if len(a.Replicas) != 1 || a.Replicas[0] != s.b.NodeID() {
			return fmt.Errorf("a new partition must be assigned to broker %d alone", s.b.NodeID())
		}
	}
	return nil
}
