package kafka

import (
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeGroups, 0-6.
//
//	v3  authorized operations
//	v4  static members (KIP-345)
//	v5  flexible
//	v6  GROUP_ID_NOT_FOUND for a group that does not exist (KIP-1043); before that it is a Dead one without an error
func (s *Server) describeGroups(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeGroupsRequest)
	resp := kmsg.NewPtrDescribeGroupsResponse()
	co, code := s.coordinatorsFor(c)
	for _, id := range req.Groups {
		g := kmsg.NewDescribeGroupsResponseGroup()
		g.Group, g.ErrorCode = id, code
		if code == 0 {
			g = co.groups.Describe(id)
		}
		if g.State == "Dead" && req.Version >= 6 {
			g.ErrorCode, g.ErrorMessage = kerr.GroupIDNotFound.Code, kmsg.StringPtr(fmt.Sprintf("group %s not found", id))
		}
		g.AuthorizedOperations = math.MinInt32 // not asked for
		if req.IncludeAuthorizedOperations {
			g.AuthorizedOperations = groupOperations
		}
		resp.Groups = append(resp.Groups, g)
	}
	return resp, nil
}

// groupOperations is what everybody may do with a group: read (3), delete (6) and describe (8), as bits.
const groupOperations = 1<<3 | 1<<6 | 1<<8
