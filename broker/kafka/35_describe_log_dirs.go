package kafka

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// DescribeLogDirs, 1-5: the one data directory, and how large each partition is. Null topics means all.
//
//	v2  flexible
//	v3  an error for the whole answer
//	v4  total and usable bytes of the volume (KIP-827); -1, unknown
//	v5  whether the directory takes no new partitions (KIP-1066); the only one always does
func (s *Server) describeLogDirs(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeLogDirsRequest)
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	dir := kmsg.NewDescribeLogDirsResponseDir()
	dir.Dir, dir.TotalBytes, dir.UsableBytes = s.b.Dir(), -1, -1
	if req.Topics == nil {
		for _, t := range s.b.Topics() {
			dir.Topics = append(dir.Topics, logDirTopic(t, nil))
		}
	}
	for i := range req.Topics {
		rt := &req.Topics[i]
		if t, ok := s.b.Topic(rt.Topic); ok {
			dir.Topics = append(dir.Topics, logDirTopic(t, rt.Partitions))
		}
	}
	resp.Dirs = append(resp.Dirs, dir)
	return resp, nil
}

// logDirTopic tells the sizes of some partitions, nil for all.
func logDirTopic(t *broker.Topic, only []int32) kmsg.DescribeLogDirsResponseDirTopic {
	out := kmsg.NewDescribeLogDirsResponseDirTopic()
	out.Topic = t.Name()
	for _, p := range t.Partitions() {
		if only != nil && !slices.Contains(only, p.Index()) {
			continue
		}
		op := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		op.Partition, op.Size = p.Index(), p.Size()
		out.Partitions = append(out.Partitions, op)
	}
	return out
}
