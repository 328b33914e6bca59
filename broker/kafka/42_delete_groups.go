package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// DeleteGroups, 0-3. Groups without members go, with their offsets.
//
//	v2  flexible
//	v3  error messages
func (s *Server) deleteGroups(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DeleteGroupsRequest)
	resp := kmsg.NewPtrDeleteGroupsResponse()
	co, code := s.coordinatorsFor(c)
	for _, id := range req.Groups {
		g := kmsg.NewDeleteGroupsResponseGroup()
		g.Group, g.ErrorCode = id, code
		if code == 0 {
			g.ErrorCode = co.groups.Delete(c.ctx, id)
		}
		resp.Groups = append(resp.Groups, g)
	}
	return resp, nil
}
