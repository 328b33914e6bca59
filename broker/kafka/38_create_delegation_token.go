package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CreateDelegationToken, 1-3. Tokens stand in for a SASL login, and this listener has none: Kafka refuses them on plaintext
// with this very code.
func (s *Server) createDelegationToken(*call) (kmsg.Response, error) {
	resp := kmsg.NewPtrCreateDelegationTokenResponse()
	resp.ErrorCode = kerr.DelegationTokenRequestNotAllowed.Code
	resp.PrincipalType, resp.PrincipalName = "User", anonymous
	resp.TokenRequesterPrincipalType, resp.TokenRequesterPrincipalName = "User", anonymous
	resp.IssueTimestamp, resp.ExpiryTimestamp, resp.MaxTimestamp = -1, -1, -1
	resp.HMAC = []byte{}
	return resp, nil
}
