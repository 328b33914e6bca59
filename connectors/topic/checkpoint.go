package topic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/stream"
)

// CheckpointTopic holds the last checkpoint of every pipeline, by its name.
const CheckpointTopic = "__weir_checkpoints"

// checkpointMetadata, before an offset, is the metadata of the group's committed offsets: where in CheckpointTopic the
// record lies that was written in the same transaction. Both are there or neither is, so a start needs to read one
// record and not the topic; and it need not care about the open transactions of other pipelines in that topic.
const checkpointMetadata = "weir-checkpoint:"

// maxCheckpointBytes is the largest checkpoint record: inline state takes up to 64 KiB in base64, and a sink may name
// thousands of prepared files.
const maxCheckpointBytes = 8 << 20

// checkpointSegmentBytes is small, because only closed segments are compacted, and all but the last record of each
// pipeline is of no use.
const checkpointSegmentBytes = 16 << 20

func checkpointTopic() TopicSpec {
	return TopicSpec{Name: CheckpointTopic, Partitions: 1, Configs: map[string]string{
		"cleanup.policy": "compact", "max.message.bytes": strconv.Itoa(maxCheckpointBytes), "segment.bytes": strconv.Itoa(checkpointSegmentBytes),
	}}
}

// Restore takes the pipeline over and reads its last checkpoint.
func (x *Transaction) Restore(ctx context.Context) (*stream.Checkpoint, error) {
	if err := x.c.EnsureTopic(ctx, checkpointTopic()); err != nil {
		return nil, err
	}
	if err := x.begin(ctx); err != nil {
		return nil, err
	}
	at, err := x.checkpointOffset(ctx)
	if err != nil {
		return nil, err
	}
	var value []byte
	if at >= 0 {
		if value, err = x.c.recordAt(ctx, CheckpointTopic, 0, at, x.o.Pipeline); err != nil {
			return nil, err
		}
	}
	if value == nil {
		// No offsets are committed (a first start; or a group that expired, or was reset by somebody): look through all.
		if value, err = x.c.lastCommitted(ctx, CheckpointTopic, 0, x.o.Pipeline); err != nil {
			return nil, err
		}
	}
	if value == nil && at >= 0 {
		// Beginning anew would write everything twice.
		return nil, stream.Permanent(fmt.Errorf("restore %s: group %s was committed with a checkpoint at offset %d of %s, which is not there; delete the group to start from the beginning",
			x.o.Pipeline, x.id, at, CheckpointTopic))
	}
	if value == nil {
		return nil, nil //nolint:nilnil // the contract: no checkpoint and no error
	}
	c, err := stream.DecodeCheckpoint(value)
	if err != nil {
		return nil, stream.Permanent(fmt.Errorf("restore %s: %w", x.o.Pipeline, err))
	}
	return c, nil
}

// Commit ends the transaction: all output since the last one, the group's offsets and the checkpoint's record. It is decided
// when Commit returns; readers may see it some milliseconds later, when the cluster has written its markers. After the
// last checkpoint that is waited for, so that whoever counts after a bounded run finds all.
func (x *Transaction) Commit(ctx context.Context, c *stream.Checkpoint) error {
	value, err := c.Encode()
	if err != nil {
		return err
	}
	if len(value) > maxCheckpointBytes-1024 {
		return stream.Permanent(fmt.Errorf("checkpoint record of %d bytes is larger than %d", len(value), maxCheckpointBytes-1024))
	}
	r := Record{Timestamp: time.Now().UnixMilli(), Key: []byte(x.o.Pipeline), Value: value}
	if err := x.Add(ctx, CheckpointTopic, 0, r); err != nil {
		return err
	}
	if err := x.flush(ctx); err != nil {
		return err
	}
	x.mu.Lock()
	at := x.output(place{CheckpointTopic, 0}).lastBase
	x.mu.Unlock()
	if err := x.commitOffsets(ctx, c, at); err != nil {
		return x.translate(err)
	}
	if err := x.end(ctx); err != nil {
		return x.translate(err)
	}
	if c.Last {
		return x.begin(ctx) // answers only when nothing of the transaction before is left to do
	}
	return nil
}

// flush sends everything and waits until it is acknowledged. The checkpoint's record is alone in its batch, because its
// output was flushed at the checkpoint before.
func (x *Transaction) flush(ctx context.Context) error {
	x.mu.Lock()
	for _, o := range x.mu.outputs {
		x.seal(ctx, o)
	}
	x.mu.Unlock()
	return x.wait(ctx, 0)
}

// commitOffsets adds the positions in topics to the transaction, and in their metadata where the checkpoint lies. A
// pipeline that reads no topic commits the place of its checkpoint itself.
func (x *Transaction) commitOffsets(ctx context.Context, c *stream.Checkpoint, checkpointAt int64) error {
	offsets := x.consumed(c)
	if len(offsets) == 0 {
		offsets = map[string]map[int32]int64{CheckpointTopic: {0: checkpointAt + 1}}
	}
	err := x.c.retry(ctx, "add offsets to transaction of "+x.id, func() error {
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.TransactionalID, req.Group = x.id, x.id
		req.ProducerID, req.ProducerEpoch = x.producer()
		resp, err := request[*kmsg.AddOffsetsToTxnResponse](ctx, x.c, req)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	})
	if err != nil {
		return err
	}
	metadata := checkpointMetadata + strconv.FormatInt(checkpointAt, 10)
	return x.c.retry(ctx, "commit offsets of "+x.id, func() error {
		return x.tryCommitOffsets(ctx, offsets, metadata)
	}, slices.Collect(maps.Keys(offsets))...)
}

func (x *Transaction) tryCommitOffsets(ctx context.Context, offsets map[string]map[int32]int64, metadata string) error {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.Generation = x.id, x.id, -1
	req.ProducerID, req.ProducerEpoch = x.producer()
	for topic, partitions := range offsets {
		info, err := x.c.info(ctx, topic)
		if err != nil {
			return err
		}
		t := kmsg.NewTxnOffsetCommitRequestTopic()
		t.Topic, t.TopicID = topic, info.id
		for p, offset := range partitions {
			rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = p, offset, -1, &metadata
			t.Partitions = append(t.Partitions, rp)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := request[*kmsg.TxnOffsetCommitResponse](ctx, x.c, req)
	if err != nil {
		return err
	}
	for i := range resp.Topics {
		for _, p := range resp.Topics[i].Partitions {
			err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
		}
	}
	return firstFinal(err)
}

// consumed are the positions in topics, by topic and partition; the lowest where two sources read one topic.
func (x *Transaction) consumed(c *stream.Checkpoint) map[string]map[int32]int64 {
	out := map[string]map[int32]int64{}
	for _, splits := range c.Sources {
		for _, s := range splits {
			i := strings.LastIndexByte(s.Split, '-')
			if i < 0 || !slices.Contains(x.o.Sources, s.Split[:i]) {
				continue
			}
			p, err := strconv.ParseInt(s.Split[i+1:], 10, 32)
			if err != nil {
				continue
			}
			topic := s.Split[:i]
			if out[topic] == nil {
				out[topic] = map[int32]int64{}
			}
			if had, ok := out[topic][int32(p)]; !ok || s.Offset < had {
				out[topic][int32(p)] = s.Offset
			}
		}
	}
	return out
}

// end commits the transaction. From transaction.version 2 on (KIP-890) the cluster answers with a new epoch.
func (x *Transaction) end(ctx context.Context) error {
	var resp *kmsg.EndTxnResponse
	err := x.c.retry(ctx, "commit transaction of "+x.id, func() (err error) {
		req := kmsg.NewPtrEndTxnRequest()
		req.TransactionalID, req.Commit = x.id, true
		req.ProducerID, req.ProducerEpoch = x.producer()
		if resp, err = request[*kmsg.EndTxnResponse](ctx, x.c, req); err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		return err
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if resp.ProducerID >= 0 && resp.ProducerEpoch >= 0 && resp.Version >= 5 {
		x.newEpoch(resp.ProducerID, resp.ProducerEpoch)
	} else {
		x.newEpoch(x.mu.producerID, x.mu.epoch)
	}
	return nil
}

// checkpointOffset reads from the group's committed offsets where the last checkpoint lies, -1 when they do not say.
func (x *Transaction) checkpointOffset(ctx context.Context) (int64, error) {
	at := int64(-1)
	err := x.c.retry(ctx, "read offsets of "+x.id, func() error {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Group, req.RequireStable = x.id, true
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = x.id
		req.Groups = append(req.Groups, g)
		resp, err := request[*kmsg.OffsetFetchResponse](ctx, x.c, req)
		if err != nil {
			return err
		}
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return err
		}
		found := func(metadata *string, code int16) {
			if metadata == nil || code != 0 {
				err = errors.Join(err, kerr.ErrorForCode(code))
			} else if text, ok := strings.CutPrefix(*metadata, checkpointMetadata); ok {
				if offset, perr := strconv.ParseInt(text, 10, 64); perr == nil {
					at = max(at, offset)
				}
			}
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				found(p.Metadata, p.ErrorCode)
			}
		}
		for i := range resp.Groups {
			if gerr := kerr.ErrorForCode(resp.Groups[i].ErrorCode); !errors.Is(gerr, kerr.GroupIDNotFound) {
				err = errors.Join(err, gerr) // a group that was never committed may be no group at all
			}
			for _, t := range resp.Groups[i].Topics {
				for _, p := range t.Partitions {
					found(p.Metadata, p.ErrorCode)
				}
			}
		}
		return firstFinal(err)
	})
	return at, err
}
