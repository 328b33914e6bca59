package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// GetTelemetrySubscriptions, 0 (KIP-714): which metrics of its own a client is asked to send. Without a subscription that
// means it (ConfigCommand --entity-type client-metrics) none are, and clients ask again after the interval.
func (s *Server) getTelemetrySubscriptions(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.GetTelemetrySubscriptionsRequest)
	resp := kmsg.NewPtrGetTelemetrySubscriptionsResponse()
	sub := s.subscriptionOf(clientAttributes(c, req.ClientInstanceID))
	resp.ClientInstanceID, resp.ErrorCode = s.clients.ask(req.ClientInstanceID, sub, time.Now())
	if resp.ErrorCode != 0 {
		return resp, nil
	}
	resp.SubscriptionID, resp.RequestedMetrics = sub.id, sub.prefixes
	resp.PushIntervalMillis, resp.TelemetryMaxBytes = int32(sub.interval.Milliseconds()), maxTelemetryBytes
	resp.AcceptedCompressionTypes = []int8{codecZstd, codecLz4, codecGzip, codecSnappy}
	resp.DeltaTemporality = true
	return resp, nil
}

// The numbers of codecs, in the order in which clients are asked to prefer them.
const (
	codecNone   = 0
	codecGzip   = 1
	codecSnappy = 2
	codecLz4    = 3
	codecZstd   = 4
)
