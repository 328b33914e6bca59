package kafka

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/group"
)

// JoinGroup, 0-9. The answer comes with the next generation.
//
//	v1  a rebalance timeout apart from the session's
//	v4  a new member gets its id first (MEMBER_ID_REQUIRED) and joins with it (KIP-394)
//	v5  static members (KIP-345)
//	v6  flexible
//	v7  the protocol type in the answer
//	v8  a reason, which is for people (KIP-800)
//	v9  a static leader that comes back is told not to assign (KIP-814)
func (s *Server) joinGroup(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.JoinGroupRequest)
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp := kmsg.NewPtrJoinGroupResponse()
		none := ""
		resp.ErrorCode, resp.Generation, resp.Protocol, resp.MemberID = code, -1, &none, req.MemberID
		return resp, nil
	}
	resp, err := co.groups.JoinGroup(c.ctx, req, group.Client{ID: c.clientID, Host: c.clientHost})
	if err != nil {
		return nil, err
	}
	return resp, nil
}
