package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ElectLeaders, 0-2 (KIP-183). The one replica of every partition leads it, so an election is never needed. With null
// topics the partitions that need none are left out, and these are all; their topics are named, as Kafka does.
//
//	v1  the type: preferred (0) or unclean (1) (KIP-460)
//	v2  flexible
func (s *Server) electLeaders(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.ElectLeadersRequest)
	resp := kmsg.NewPtrElectLeadersResponse()
	var bad *string
	if req.ElectionType < 0 || req.ElectionType > 1 {
		resp.ErrorCode = kerr.InvalidRequest.Code
		bad = kmsg.StringPtr(fmt.Sprintf("Unknown election type %d", req.ElectionType))
	}
	if req.Topics == nil && bad == nil {
		for _, t := range s.b.Topics() {
			out := kmsg.NewElectLeadersResponseTopic()
			out.Topic = t.Name()
			resp.Topics = append(resp.Topics, out)
		}
	}
	for i := range req.Topics {
		rt := &req.Topics[i]
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = rt.Topic
		for _, p := range rt.Partitions {
			op := kmsg.NewElectLeadersResponseTopicPartition()
			op.Partition = p
			op.ErrorCode, op.ErrorMessage = kerr.InvalidRequest.Code, bad
			if bad == nil {
				op.ErrorCode, op.ErrorMessage = s.electionAnswer(rt.Topic, p)
			}
			out.Partitions = append(out.Partitions, op)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

func (s *Server) electionAnswer(topic string, partition int32) (int16, *string) {
	_, err := s.b.Partition(topic, partition)
	if err != nil {
		return code(err), message(err)
	}
	return kerr.ElectionNotNeeded.Code, kmsg.StringPtr("Leader election not needed for topic partition.")
}
