package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// DeleteRecords, 0-2 (KIP-107). The offset becomes the first that can be read; -1 stands for the high watermark.
//
//	v2  flexible
func (s *Server) deleteRecords(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DeleteRecordsRequest)
	resp := kmsg.NewPtrDeleteRecordsResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewDeleteRecordsResponseTopic()
		out.Topic = t.Topic
		for _, rp := range t.Partitions {
			op := kmsg.NewDeleteRecordsResponseTopicPartition()
			op.Partition, op.LowWatermark = rp.Partition, -1
			p, err := s.b.Partition(t.Topic, rp.Partition)
			if err == nil {
				op.LowWatermark, err = p.DeleteBefore(rp.Offset)
			}
			op.ErrorCode = code(err)
			out.Partitions = append(out.Partitions, op)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}
