package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// AlterReplicaLogDirs, 1-2 (KIP-113). There is one directory: a partition is there already, and no other is found.
//
//	v2  flexible
func (s *Server) alterReplicaLogDirs(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.AlterReplicaLogDirsRequest)
	resp := kmsg.NewPtrAlterReplicaLogDirsResponse()
	at := map[string]int{} // a topic may be named under several directories and is answered once
	for i := range req.Dirs {
		d := &req.Dirs[i]
		for j := range d.Topics {
			rt := &d.Topics[j]
			if _, ok := at[rt.Topic]; !ok {
				at[rt.Topic] = len(resp.Topics)
				t := kmsg.NewAlterReplicaLogDirsResponseTopic()
				t.Topic = rt.Topic
				resp.Topics = append(resp.Topics, t)
			}
			out := &resp.Topics[at[rt.Topic]]
			for _, p := range rt.Partitions {
				op := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
				op.Partition, op.ErrorCode = p, kerr.LogDirNotFound.Code
				if d.Dir == s.b.Dir() {
					op.ErrorCode = s.unknownPartition(rt.Topic, p)
				}
				out.Partitions = append(out.Partitions, op)
			}
		}
	}
	return resp, nil
}
