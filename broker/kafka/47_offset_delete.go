package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// OffsetDelete, 0 (KIP-496). Offsets of topics that the group's members are not subscribed to.
func (s *Server) offsetDelete(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.OffsetDeleteRequest)
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp := kmsg.NewPtrOffsetDeleteResponse()
		resp.ErrorCode = code
		return resp, nil
	}
	return co.groups.DeleteOffsets(c.ctx, req), nil
}
