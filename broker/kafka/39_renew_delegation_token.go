package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// RenewDelegationToken, 1-2: see createDelegationToken.
func (s *Server) renewDelegationToken(*call) (kmsg.Response, error) {
	resp := kmsg.NewPtrRenewDelegationTokenResponse()
	resp.ErrorCode = kerr.DelegationTokenRequestNotAllowed.Code
	resp.ExpiryTimestamp = -1
	return resp, nil
}
