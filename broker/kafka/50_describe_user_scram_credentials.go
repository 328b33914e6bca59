package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeUserScramCredentials, 0 (KIP-554): nobody has credentials, since the listener asks nobody for them. Kafka's
// tool that lists the quotas of users asks for these too.
func (s *Server) describeUserSCRAMCredentials(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeUserSCRAMCredentialsRequest)
	resp := kmsg.NewPtrDescribeUserSCRAMCredentialsResponse()
	for _, u := range req.Users {
		r := kmsg.NewDescribeUserSCRAMCredentialsResponseResult()
		r.User, r.ErrorCode = u.Name, kerr.ResourceNotFound.Code
		r.ErrorMessage = kmsg.StringPtr("Attempt to describe a user credential that does not exist: " + u.Name)
		resp.Results = append(resp.Results, r)
	}
	return resp, nil
}
