package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// noAuthorizer is what Kafka says to every question about ACLs when authorizer.class.name is empty, as it is here.
const noAuthorizer = "No Authorizer is configured."

// DescribeAcls, 1-3: there is no authorizer.
//
//	v1  pattern types (KIP-290)   v2  flexible   v3  users of tokens (KIP-373)
func (s *Server) describeACLs(*call) (kmsg.Response, error) {
	resp := kmsg.NewPtrDescribeACLsResponse()
	resp.ErrorCode, resp.ErrorMessage = kerr.SecurityDisabled.Code, kmsg.StringPtr(noAuthorizer)
	return resp, nil
}
