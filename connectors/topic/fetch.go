package topic

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
)

const (
	// fetchWaitMillis is how long a broker may hold a fetch while there is nothing: the default of Kafka's clients.
	fetchWaitMillis = 500
	// fetchBytes bounds one fetch, partitionBytes the share of a partition: the latter keeps partitions with much
	// unread data in step, so that event time, which is that of the slowest, does not fall behind.
	fetchBytes     = 16 << 20
	partitionBytes = 1 << 20
)

// fetched is what one fetch gave for a partition.
type fetched struct {
	partition int32
	topicID   [16]byte // of the topic that was read
	err       error
	data      []byte // whole record batches, then perhaps the beginning of one
	aborted   []kmsg.FetchResponseTopicPartitionAbortedTransaction
	end       int64 // high watermark, or last stable offset when only committed records were asked for
	start     int64 // log start offset
}

// fetch reads from the given offsets, one request per leader at the same time.
func (c *Cluster) fetch(ctx context.Context, topic string, from map[int32]int64, committed bool) ([]fetched, error) {
	info, err := c.info(ctx, topic)
	if err != nil {
		return nil, err
	}
	leaders := byLeader(info, slices.Sorted(maps.Keys(from)))
	if len(leaders) == 1 {
		for leader, parts := range leaders {
			return c.fetchFrom(ctx, leader, topic, info.id, parts, from, committed)
		}
	}
	results := make(chan []fetched, len(leaders))
	var g errgroup.Group
	for leader, parts := range leaders {
		g.Go(func() error {
			got, err := c.fetchFrom(ctx, leader, topic, info.id, parts, from, committed)
			if err != nil {
				// The other leaders' answers count; these partitions are asked again elsewhere.
				got = nil
				for _, p := range parts {
					got = append(got, fetched{partition: p, err: err})
				}
			}
			results <- got
			return nil
		})
	}
	_ = g.Wait()
	close(results)
	var out []fetched
	for r := range results {
		out = append(out, r...)
	}
	return out, ctx.Err()
}

func (c *Cluster) fetchFrom(ctx context.Context, leader int32, topic string, id [16]byte, parts []int32, from map[int32]int64, committed bool) ([]fetched, error) {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = fetchWaitMillis, 1, fetchBytes
	req.ReplicaID, req.SessionID, req.SessionEpoch = -1, 0, -1
	if committed {
		req.IsolationLevel = 1
	}
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = topic, id
	for _, p := range parts {
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch = p, from[p], partitionBytes, -1
		rp.LastFetchedEpoch, rp.LogStartOffset = -1, -1
		t.Partitions = append(t.Partitions, rp)
	}
	req.Topics = append(req.Topics, t)
	resp, err := requestTo[*kmsg.FetchResponse](ctx, c, leader, req)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	var out []fetched
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			p := &resp.Topics[i].Partitions[j]
			f := fetched{
				partition: p.Partition, topicID: id, data: p.RecordBatches, aborted: p.AbortedTransactions,
				end: p.HighWatermark, start: p.LogStartOffset,
			}
			if committed {
				f.end = p.LastStableOffset
			}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				f.err = fmt.Errorf("fetch %s-%d at %d: %w", topic, p.Partition, from[p.Partition], err)
			}
			out = append(out, f)
		}
	}
	return out, nil
}
