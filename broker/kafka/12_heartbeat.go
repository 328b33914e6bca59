package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// Heartbeat, 0-4.
//
//	v3  static members (KIP-345)
//	v4  flexible
func (s *Server) heartbeat(c *call) (kmsg.Response, error) {
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp := kmsg.NewPtrHeartbeatResponse()
		resp.ErrorCode = code
		return resp, nil
	}
	return co.groups.Heartbeat(c.req.(*kmsg.HeartbeatRequest)), nil
}
