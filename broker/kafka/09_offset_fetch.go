package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// OffsetFetch, 1-10.
//
//	v2   null topics mean all; an error for the whole group
//	v5   leader epochs (KIP-320)
//	v6   flexible
//	v7   require stable: UNSTABLE_OFFSET_COMMIT while a transaction has offsets open (KIP-447)
//	v8   several groups (KIP-709)
//	v9   members of the consumer protocol (KIP-848), with their epochs
//	v10  topics by id (KIP-516)
func (s *Server) offsetFetch(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.OffsetFetchRequest)
	resp := kmsg.NewPtrOffsetFetchResponse()
	co, code := s.coordinatorsFor(c)
	if req.Version < 8 {
		resp.ErrorCode = code
		if code == 0 {
			resp.Topics = co.groups.FetchOffsets(req.Group, req.Topics, req.RequireStable)
			return resp, nil
		}
		for _, t := range req.Topics { // v1 has no code for the whole
			rt := kmsg.NewOffsetFetchResponseTopic()
			rt.Topic = t.Topic
			for _, n := range t.Partitions {
				rp := kmsg.NewOffsetFetchResponseTopicPartition()
				rp.Partition, rp.Offset, rp.LeaderEpoch, rp.ErrorCode = n, -1, -1, code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil
	}
	for i := range req.Groups {
		g := kmsg.NewOffsetFetchResponseGroup()
		g.Group, g.ErrorCode = req.Groups[i].Group, code
		if code == 0 {
			g.ErrorCode = co.groups.CheckFetch(g.Group, req.Groups[i].MemberID, req.Groups[i].MemberEpoch)
		}
		if g.ErrorCode == 0 {
			g.Topics = s.fetchGroupOffsets(co, &req.Groups[i], req)
		}
		resp.Groups = append(resp.Groups, g)
	}
	return resp, nil
}

func (s *Server) fetchGroupOffsets(co *coordinators, rg *kmsg.OffsetFetchRequestGroup, req *kmsg.OffsetFetchRequest) []kmsg.OffsetFetchResponseGroupTopic {
	var ask []kmsg.OffsetFetchRequestTopic
	if rg.Topics != nil {
		ask = make([]kmsg.OffsetFetchRequestTopic, 0, len(rg.Topics))
	}
	for _, t := range rg.Topics {
		ask = append(ask, kmsg.OffsetFetchRequestTopic{Topic: s.topicName(t.Topic, t.TopicID), Partitions: t.Partitions})
	}
	found := co.groups.FetchOffsets(rg.Group, ask, req.RequireStable)
	out := make([]kmsg.OffsetFetchResponseGroupTopic, 0, len(found))
	for i, t := range found {
		gt := kmsg.NewOffsetFetchResponseGroupTopic()
		gt.Topic = t.Topic
		if rg.Topics != nil {
			gt.TopicID = rg.Topics[i].TopicID
		} else if topic, ok := s.b.Topic(t.Topic); ok {
			gt.TopicID = topic.ID()
		} else if req.Version >= 10 {
			continue // a topic that is gone has no id to name it by
		}
		for _, p := range t.Partitions {
			gp := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			gp.Partition, gp.Offset, gp.LeaderEpoch, gp.Metadata, gp.ErrorCode = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode
			if t.Topic == "" {
				gp.ErrorCode = kerr.UnknownTopicID.Code
			}
			gt.Partitions = append(gt.Partitions, gp)
		}
		out = append(out, gt)
	}
	return out
}
