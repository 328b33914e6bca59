package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// LeaveGroup, 0-5.
//
//	v3  several members, static ones by their instance id (KIP-345)
//	v4  flexible
//	v5  a reason, which is for people (KIP-800)
func (s *Server) leaveGroup(c *call) (kmsg.Response, error) {
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp := kmsg.NewPtrLeaveGroupResponse()
		resp.ErrorCode = code
		return resp, nil
	}
	return co.groups.LeaveGroup(c.req.(*kmsg.LeaveGroupRequest)), nil
}
