package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// SaslHandshake, 0-1. The listener is plaintext: whoever asks for a mechanism is told what Kafka's plaintext listener
// tells, that the connection is past authentication, instead of losing it without a word.
func (s *Server) saslHandshake(*call) (kmsg.Response, error) {
	resp := kmsg.NewPtrSASLHandshakeResponse()
	resp.ErrorCode = kerr.IllegalSaslState.Code
	return resp, nil
}
