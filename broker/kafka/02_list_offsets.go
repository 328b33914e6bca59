package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// ListOffsets, 1-11.
//
//	v2   isolation level: read_committed clients get the last stable offset as the end
//	v4   leader epoch
//	v6   flexible
//	v7   the offset with the largest timestamp, -3 (KIP-734)
//	v8   the earliest offset of the local log, -4 (KIP-405): everything is local
//	v9   the end of the tiered part, -5 (KIP-1005): there is none, -1
//	v11  the earliest offset not yet tiered, -6 (KIP-1023): everything
//
// A time in ms finds the first record at or after it.
func (s *Server) listOffsets(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.ListOffsetsRequest)
	resp := kmsg.NewPtrListOffsetsResponse()
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewListOffsetsResponseTopic()
		out.Topic = t.Topic
		for j := range t.Partitions {
			rp := &t.Partitions[j]
			op := kmsg.NewListOffsetsResponseTopicPartition()
			op.Partition, op.Timestamp, op.Offset, op.LeaderEpoch = rp.Partition, -1, -1, -1
			s.listOffset(t.Topic, rp, req.Version, req.IsolationLevel == 1, &op)
			out.Partitions = append(out.Partitions, op)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

// The timestamps with a meaning of their own.
const (
	specLatest        = -1
	specEarliest      = -2
	specMaxTimestamp  = -3
	specEarliestLocal = -4
	specLatestTiered  = -5
	specNextUpload    = -6
)

// specSince is the version that introduced each of them.
var specSince = map[int64]int16{
	specLatest: 0, specEarliest: 0, specMaxTimestamp: 7, specEarliestLocal: 8, specLatestTiered: 9, specNextUpload: 11,
}

func (s *Server) listOffset(topic string, rp *kmsg.ListOffsetsRequestTopicPartition, version int16, committed bool, op *kmsg.ListOffsetsResponseTopicPartition) {
	p, err := s.b.Partition(topic, rp.Partition)
	if err != nil {
		op.ErrorCode = code(err)
		return
	}
	if op.ErrorCode = checkEpoch(rp.CurrentLeaderEpoch); op.ErrorCode != 0 {
		return
	}
	if since, ok := specSince[rp.Timestamp]; rp.Timestamp < 0 && (!ok || version < since) {
		op.ErrorCode = kerr.UnsupportedVersion.Code
		return
	}
	at, err := lookupOffset(p, rp.Timestamp, committed)
	if err != nil {
		op.ErrorCode = code(err)
		return
	}
	op.Offset, op.Timestamp = at.Offset, at.Timestamp
	if at.Offset >= 0 {
		op.LeaderEpoch = leaderEpoch
	}
}

func lookupOffset(p *broker.Partition, spec int64, committed bool) (broker.OffsetAt, error) {
	switch spec {
	case specLatest:
		return p.EndOffset(committed)
	case specEarliest, specEarliestLocal, specNextUpload:
		return p.StartOffset()
	case specLatestTiered:
		return broker.OffsetAt{Offset: -1, Timestamp: -1}, p.Err()
	case specMaxTimestamp:
		return p.MaxTimestamp(committed)
	}
	return p.OffsetForTime(spec, committed)
}
