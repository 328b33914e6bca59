package kafka

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/group"
)

// ConsumerGroupHeartbeat, 0-1: the consumer protocol (KIP-848).
//
//	v1  topics by regular expression; members make their ids themselves (KIP-1082)
func (s *Server) consumerGroupHeartbeat(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.ConsumerGroupHeartbeatRequest)
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
		resp.ErrorCode = code
		return resp, nil
	}
	return co.groups.ConsumerHeartbeat(c.ctx, req, group.Client{ID: c.clientID, Host: c.clientHost}), nil
}
