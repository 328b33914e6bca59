package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterPartitionReassignments, 0-1 (KIP-455). To the one node a partition is assigned already; any other list of replicas
// is refused with Kafka's reasons, and there is never a reassignment to cancel.
//
//	v1  whether the number of replicas may change (KIP-860); the only list that passes does not change it
func (s *Server) alterPartitionReassignments(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.AlterPartitionAssignmentsRequest)
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.AllowReplicationFactorChange = req.AllowReplicationFactorChange
	for i := range req.Topics {
		rt := &req.Topics[i]
		out := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		out.Topic = rt.Topic
		for j := range rt.Partitions {
			rp := &rt.Partitions[j]
			op := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			op.Partition = rp.Partition
			if _, err := s.b.Partition(rt.Topic, rp.Partition); err != nil {
				op.ErrorCode, op.ErrorMessage = code(err), message(err)
			} else {
				op.ErrorCode, op.ErrorMessage = s.reassign(rp.Replicas)
			}
			out.Partitions = append(out.Partitions, op)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

// reassign judges a list of replicas; nil cancels.
func (s *Server) reassign(replicas []int32) (int16, *string) {
	if replicas == nil {
		return kerr.NoReassignmentInProgress.Code, nil
	}
	why := ""
	if len(replicas) == 0 {
		why = "The manual partition assignment includes an empty replica list."
	}
	for i, r := range replicas {
		switch {
		case why != "":
		case r != s.b.NodeID():
			why = fmt.Sprintf("The manual partition assignment includes broker %d, but no such broker is registered.", r)
		case i > 0:
			why = fmt.Sprintf("The manual partition assignment includes the broker %d more than once.", r)
		}
	}
	if why == "" {
		return 0, nil
	}
	return kerr.InvalidReplicaAssignment.Code, &why
}
