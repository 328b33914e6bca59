package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// PushTelemetry, 0 (KIP-714). Pushes are checked as Kafka checks them and counted; what is inside is not unpacked.
func (s *Server) pushTelemetry(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.PushTelemetryRequest)
	resp := kmsg.NewPtrPushTelemetryResponse()
	switch {
	case req.ClientInstanceID == [16]byte{}:
		resp.ErrorCode = kerr.InvalidRequest.Code
	case req.CompressionType < codecNone || req.CompressionType > codecZstd:
		resp.ErrorCode = kerr.UnsupportedCompressionType.Code
	case len(req.Metrics) > maxTelemetryBytes:
		resp.ErrorCode = kerr.TelemetryTooLarge.Code
	default:
		sub := s.subscriptionOf(clientAttributes(c, req.ClientInstanceID))
		resp.ErrorCode = s.clients.push(req.ClientInstanceID, req.SubscriptionID, sub, req.Terminating, time.Now())
	}
	if resp.ErrorCode != 0 {
		s.counters.pushesRefused.Add(1)
		return resp, nil
	}
	s.counters.pushes.Add(1)
	s.counters.pushedBytes.Add(int64(len(req.Metrics)))
	return resp, nil
}
