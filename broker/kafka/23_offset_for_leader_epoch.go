package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// OffsetForLeaderEpoch, 2-4 (KIP-320). Where the records of an epoch end: a consumer that reconnects finds out whether
// what it has read was taken back. Every partition has one epoch here, 0, which ends at the high watermark.
//
//	v3  replica id
//	v4  flexible
func (s *Server) offsetForLeaderEpoch(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.OffsetForLeaderEpochRequest)
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewOffsetForLeaderEpochResponseTopic()
		out.Topic = t.Topic
		for j := range t.Partitions {
			rp := &t.Partitions[j]
			op := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			op.Partition, op.LeaderEpoch, op.EndOffset = rp.Partition, -1, -1
			p, err := s.b.Partition(t.Topic, rp.Partition)
			if err == nil {
				err = p.Err()
			}
			switch {
			case err != nil:
				op.ErrorCode = code(err)
			case checkEpoch(rp.CurrentLeaderEpoch) != 0:
				op.ErrorCode = checkEpoch(rp.CurrentLeaderEpoch)
			case rp.LeaderEpoch == leaderEpoch:
				op.LeaderEpoch, op.EndOffset = leaderEpoch, p.HighWatermark()
			}
			out.Partitions = append(out.Partitions, op)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}
