package kafka

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConsumerGroupDescribe, 0-1: groups of the consumer protocol (KIP-848).
//
//	v1  which protocol each member speaks (KIP-1099)
func (s *Server) consumerGroupDescribe(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.ConsumerGroupDescribeRequest)
	resp := kmsg.NewPtrConsumerGroupDescribeResponse()
	co, code := s.coordinatorsFor(c)
	for _, id := range req.Groups {
		g := kmsg.NewConsumerGroupDescribeResponseGroup()
		g.Group, g.ErrorCode = id, code
		if code == 0 {
			g = co.groups.DescribeConsumers(id)
		}
		g.AuthorizedOperations = math.MinInt32 // not asked for
		if req.IncludeAuthorizedOperations {
			g.AuthorizedOperations = groupOperations
		}
		resp.Groups = append(resp.Groups, g)
	}
	return resp, nil
}
