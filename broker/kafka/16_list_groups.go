package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// ListGroups, 0-5.
//
//	v3  flexible
//	v4  states, and a filter by them (KIP-518)
//	v5  types, and a filter by them (KIP-848): classic and consumer
func (s *Server) listGroups(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.ListGroupsRequest)
	resp := kmsg.NewPtrListGroupsResponse()
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp.ErrorCode = code
		return resp, nil
	}
	resp.Groups = co.groups.List(req.StatesFilter, req.TypesFilter)
	return resp, nil
}
