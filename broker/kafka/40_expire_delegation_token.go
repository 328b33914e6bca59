package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ExpireDelegationToken, 1-2: see createDelegationToken.
func (s *Server) expireDelegationToken(*call) (kmsg.Response, error) {
	resp := kmsg.NewPtrExpireDelegationTokenResponse()
	resp.ErrorCode = kerr.DelegationTokenRequestNotAllowed.Code
	resp.ExpiryTimestamp = -1
	return resp, nil
}
