package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadataTopic is the name under which Kafka's tools ask for the log of the metadata.
const metadataTopic = "__cluster_metadata"

// DescribeQuorum, 0-2 (KIP-595): a quorum of one, this node, over the metadata log.
//
//	v1  when a voter fetched last and was caught up last (KIP-836): the leader is at any time
//	v2  directory ids and the voters' listeners (KIP-853); a voter that is fixed has no directory id
func (s *Server) describeQuorum(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeQuorumRequest)
	resp := kmsg.NewPtrDescribeQuorumResponse()
	found := false
	for i := range req.Topics {
		rt := &req.Topics[i]
		out := kmsg.NewDescribeQuorumResponseTopic()
		out.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			op := kmsg.NewDescribeQuorumResponseTopicPartition()
			op.Partition = rp.Partition
			if rt.Topic == metadataTopic && rp.Partition == 0 {
				found = true
				s.quorum(&op)
			} else {
				op.ErrorCode = kerr.UnknownTopicOrPartition.Code
				op.ErrorMessage = kmsg.StringPtr(kerr.UnknownTopicOrPartition.Description)
			}
			out.Partitions = append(out.Partitions, op)
		}
		resp.Topics = append(resp.Topics, out)
	}
	if found {
		node := kmsg.NewDescribeQuorumResponseNode()
		node.NodeID = s.b.NodeID()
		l := kmsg.NewDescribeQuorumResponseNodeListener()
		l.Name, l.Host, l.Port = "PLAINTEXT", c.host, uint16(c.port)
		node.Listeners = append(node.Listeners, l)
		resp.Nodes = append(resp.Nodes, node)
	}
	return resp, nil
}

func (s *Server) quorum(op *kmsg.DescribeQuorumResponseTopicPartition) {
	end, now := s.b.MetadataOffset(), time.Now().UnixMilli()
	op.LeaderID, op.LeaderEpoch, op.HighWatermark = s.b.NodeID(), leaderEpoch, end
	voter := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
	voter.ReplicaID, voter.LogEndOffset = s.b.NodeID(), end
	voter.LastFetchTimestamp, voter.LastCaughtUpTimestamp = now, now
	op.CurrentVoters = append(op.CurrentVoters, voter)
}
