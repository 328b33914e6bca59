package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FindCoordinator, 0-6. There is one node, and it coordinates every group and every transactional id.
//
//	v1  kinds: 0 group, 1 transactional id
//	v3  flexible
//	v4  several keys (KIP-699)
//	v6  kind 2, share groups (KIP-932), which are not served
func (s *Server) findCoordinator(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.FindCoordinatorRequest)
	resp := kmsg.NewPtrFindCoordinatorResponse()
	var refused int16
	var why *string
	if req.CoordinatorType != 0 && req.CoordinatorType != 1 {
		refused, why = kerr.InvalidRequest.Code, kmsg.StringPtr("only groups and transactional ids have coordinators here")
	}
	keys := req.CoordinatorKeys
	if req.Version < 4 {
		keys = []string{req.CoordinatorKey}
	}
	for _, key := range keys {
		k := kmsg.NewFindCoordinatorResponseCoordinator()
		k.Key, k.NodeID, k.Host, k.Port = key, s.b.NodeID(), c.host, c.port
		if refused != 0 {
			k.NodeID, k.Host, k.Port, k.ErrorCode, k.ErrorMessage = -1, "", -1, refused, why
		}
		resp.Coordinators = append(resp.Coordinators, k)
	}
	if req.Version < 4 {
		k := resp.Coordinators[0]
		resp.NodeID, resp.Host, resp.Port, resp.ErrorCode, resp.ErrorMessage = k.NodeID, k.Host, k.Port, k.ErrorCode, k.ErrorMessage
	}
	return resp, nil
}
