package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// SyncGroup, 0-5. The answer comes when the leader's assignments are durable.
//
//	v3  static members (KIP-345)
//	v4  flexible
//	v5  protocol type and name, on both sides
func (s *Server) syncGroup(c *call) (kmsg.Response, error) {
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.ErrorCode, resp.MemberAssignment = code, []byte{}
		return resp, nil
	}
	resp, err := co.groups.SyncGroup(c.ctx, c.req.(*kmsg.SyncGroupRequest))
	if err != nil {
		return nil, err
	}
	return resp, nil
}
