package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/txn"
	"github.com/weirhub/weir/internal/record"
)

// WriteTxnMarkers, 1-2: an end of a transaction in partitions, past its coordinator. Here the coordinator needs no
// request for that; this is for the tool that ends a transaction that no coordinator knows (`kafka-transactions abort`).
//
//	v1  flexible
//	v2  the transaction's version (KIP-1228); an epoch that is lower than the producer's is fenced with any
//
// All markers are appended before the first is waited for.
func (s *Server) writeTxnMarkers(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.WriteTxnMarkersRequest)
	resp := kmsg.NewPtrWriteTxnMarkersResponse()
	co, unavailable := s.coordinatorsFor(c)
	var waits []markerWait
	for i := range req.Markers {
		m := &req.Markers[i]
		out := kmsg.NewWriteTxnMarkersResponseMarker()
		out.ProducerID = m.ProducerID
		for j := range m.Topics {
			rt := &m.Topics[j]
			ot := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
			ot.Topic = rt.Topic
			for k, p := range rt.Partitions {
				op := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
				op.Partition, op.ErrorCode = p, unavailable
				if unavailable == 0 {
					var wait func(context.Context) error
					if wait, op.ErrorCode = s.mark(co, m, txn.Partition{Topic: rt.Topic, Index: p}); wait != nil {
						waits = append(waits, markerWait{wait: wait, marker: i, topic: j, partition: k})
					}
				}
				ot.Partitions = append(ot.Partitions, op)
			}
			out.Topics = append(out.Topics, ot)
		}
		resp.Markers = append(resp.Markers, out)
	}
	for _, w := range waits {
		if err := w.wait(c.ctx); err != nil {
			resp.Markers[w.marker].Topics[w.topic].Partitions[w.partition].ErrorCode = code(err)
		}
	}
	return resp, nil
}

// markerWait is a marker that waits for its sync, and the place of its answer.
type markerWait struct {
	wait                     func(context.Context) error
	marker, topic, partition int
}

// mark appends one marker.
func (s *Server) mark(co *coordinators, m *kmsg.WriteTxnMarkersRequestMarker, at txn.Partition) (func(context.Context) error, int16) {
	marker := record.EndTxnMarker(m.ProducerID, m.ProducerEpoch, m.Committed, m.CoordinatorEpoch, time.Now().UnixMilli())
	wait, err := (&markers{b: s.b, groups: co.groups}).Mark(at, marker, m.Committed)
	if errors.Is(err, txn.ErrGone) {
		return nil, kerr.UnknownTopicOrPartition.Code
	}
	return wait, code(err)
}
