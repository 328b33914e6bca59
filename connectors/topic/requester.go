package topic

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Requester sends one Kafka request and gives its response. It is all that this package needs of a cluster, so the same
// code runs on the broker in this process (broker/kafka, by a call) and on any Kafka cluster (franz-go, by a socket).
//
// Request goes to any broker, or to the coordinator that the request names; RequestTo to the broker with that node id
// (the leader of a partition, for Produce and Fetch). Both pick the version. Response slices are the caller's to keep.
type Requester interface {
	Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error)
	RequestTo(ctx context.Context, node int32, req kmsg.Request) (kmsg.Response, error)
}
