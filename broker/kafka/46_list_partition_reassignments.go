package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// ListPartitionReassignments, 0 (KIP-455): none is ever going on. Partitions that do not exist are left out as well, as
// Kafka does.
func (s *Server) listPartitionReassignments(*call) (kmsg.Response, error) {
	return kmsg.NewPtrListPartitionReassignmentsResponse(), nil
}
