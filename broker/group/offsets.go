package group

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// offsets are committed offsets by topic and partition.
type offsets map[string]map[int32]commit

// apply takes a commit over unless one that stands later in the log is there already (G5).
func (o offsets) apply(topic string, partition int32, c commit) {
	parts := o[topic]
	if parts == nil {
		parts = map[int32]commit{}
		o[strings.Clone(topic)] = parts
	}
	if old, ok := parts[partition]; ok && old.logOffset > c.logOffset {
		return
	}
	parts[partition] = c
}

func (o offsets) remove(topic string, partition int32) {
	delete(o[topic], partition)
	if len(o[topic]) == 0 {
		delete(o, topic)
	}
}

func (o offsets) get(topic string, partition int32) (commit, bool) {
	c, ok := o[topic][partition]
	return c, ok
}

// placed is a commit with the partition that it is for.
type placed struct {
	topic     string
	partition int32
	commit
}

// Refuse gives the code for a partition that offsets may not be committed for, because it does not exist, and else 0.
type Refuse func(topic string, partition int32) int16

// CommitOffsets stores offsets and answers when they are durable, whatever becomes of ctx meanwhile. Topics must carry
// names: the caller resolves ids.
func (c *Coordinator) CommitOffsets(ctx context.Context, req *kmsg.OffsetCommitRequest, refuse Refuse) *kmsg.OffsetCommitResponse {
	now := time.Now()
	w := writing{c: c, now: now, group: req.Group, refuse: refuse}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			w.add(t.Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, req.Version >= 6)
		}
	}
	code := w.run(ctx, func(s *state) int16 { return s.mayCommit(req, now) }, func(b *record.Builder) {})
	r := kmsg.NewPtrOffsetCommitResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, w.answer(code)
			rt.Partitions = append(rt.Partitions, rp)
		}
		r.Topics = append(r.Topics, rt)
	}
	return r
}

// mayCommit tells whether the sender may commit now: a member of the generation in force, or anybody while the group
// has no members and no generation is named (a client that assigns its partitions itself).
func (s *state) mayCommit(req *kmsg.OffsetCommitRequest, now time.Time) int16 {
	if g := s.consumers; g != nil {
		return g.mayCommit(req)
	}
	if req.Generation < 0 && s.phase == Empty {
		return 0
	}
	if req.Generation < 0 && req.MemberID == "" && req.InstanceID == nil {
		return kerr.UnknownMemberID.Code // the partitions belong to the members
	}
	m, code := s.current(req.MemberID, req.InstanceID, req.Generation)
	if code != 0 {
		if len(s.members) == 0 && s.generation == 0 {
			return kerr.IllegalGeneration.Code // no such group yet: Kafka's answer
		}
		return code
	}
	if s.phase == CompletingRebalance {
		return kerr.RebalanceInProgress.Code
	}
	m.deadline = now.Add(m.session)
	return 0
}

// writing is a set of commits on its way to the log.
type writing struct {
	c             *Coordinator
	now           time.Time
	group         string
	refuse        Refuse
	commits       []placed
	transactional bool
	refused       []int16 // by partition in the request's order: its own fault, 0 when it is in commits
}

func (w *writing) add(topic string, partition int32, offset int64, epoch int32, metadata *string, hasEpoch bool) {
	code := w.refuse(topic, partition)
	if code == 0 && metadata != nil && len(*metadata) > w.c.o.MaxMetadataBytes {
		code = kerr.OffsetMetadataTooLarge.Code
	}
	w.refused = append(w.refused, code)
	if code != 0 {
		return
	}
	if !hasEpoch {
		epoch = -1
	}
	w.commits = append(w.commits, placed{
		topic: topic, partition: partition,
		commit: commit{offset: offset, leaderEpoch: epoch, metadata: strings.Clone(deref(metadata)), at: w.now.UnixMilli()},
	})
}

// answer is the code of the next partition in the request's order: its own fault, or what became of all.
func (w *writing) answer(all int16) int16 {
	own := w.refused[0]
	w.refused = w.refused[1:]
	if own != 0 {
		return own
	}
	return all
}

// run checks, appends, waits for the disk and makes the offsets visible. mark turns the batch into a transaction's.
func (w *writing) run(ctx context.Context, check func(*state) int16, mark func(*record.Builder)) int16 {
	g := w.c.lock(w.group, true)
	code := check(&g.mu.state)
	if code != 0 || len(w.commits) == 0 {
		w.c.release(g)
		return code
	}
	var b record.Builder
	b.Reset(record.None)
	mark(&b)
	for _, p := range w.commits {
		b.Add(w.now.UnixMilli(), offsetKey(g.id, p.topic, p.partition), p.value())
	}
	batch := b.Build()
	base, wait, err := w.c.append(batch)
	if err != nil {
		w.c.release(g)
		return storageCode(err)
	}
	for i := range w.commits {
		w.commits[i].logOffset = base + int64(i)
	}
	w.transactional = batch.Transactional()
	if w.transactional {
		// Held from the append on, so that a reader that asks for stable offsets cannot miss them.
		for _, p := range w.commits {
			g.mu.hold(batch.ProducerID(), p.topic, p.partition, p.commit)
		}
		w.c.txns.note(batch.ProducerID(), g.id)
	}
	g.mu.writes[w] = true
	w.c.unlock(g)
	err = wait(context.WithoutCancel(ctx)) // what was appended must become visible although its sender is gone
	g.mu.Lock()
	delete(g.mu.writes, w)
	if err == nil && !w.transactional {
		for _, p := range w.commits {
			g.mu.offsets.apply(p.topic, p.partition, p.commit)
		}
	}
	w.c.unlock(g)
	if err != nil {
		return storageCode(err)
	}
	return 0
}

// storageCode is what a client hears when the log takes no more records: to find the coordinator again, which is what
// Kafka answers (KAFKA_STORAGE_ERROR is not among the codes that every client expects here).
func storageCode(err error) int16 {
	if errors.Is(err, record.ErrInvalid) || errors.Is(err, record.ErrCorrupt) {
		return kerr.InvalidCommitOffsetSize.Code
	}
	return kerr.NotCoordinator.Code
}

// FetchOffsets gives committed offsets of one group; nil topics mean all of them. A partition without one has offset
// -1. With stable, a partition that an open transaction has committed to is UNSTABLE_OFFSET_COMMIT (KIP-447).
func (c *Coordinator) FetchOffsets(id string, topics []kmsg.OffsetFetchRequestTopic, stable bool) []kmsg.OffsetFetchResponseTopic {
	g := c.lock(id, false)
	if g == nil {
		return unknownOffsets(topics)
	}
	defer g.mu.Unlock()
	if topics == nil {
		topics = g.mu.committed()
	}
	out := unknownOffsets(topics)
	for i := range out {
		t := &out[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if stable && g.mu.unstable(t.Topic, p.Partition) {
				p.ErrorCode = kerr.UnstableOffsetCommit.Code
				continue
			}
			if c, ok := g.mu.offsets.get(t.Topic, p.Partition); ok {
				metadata := c.metadata
				p.Offset, p.LeaderEpoch, p.Metadata = c.offset, c.leaderEpoch, &metadata
			}
		}
	}
	return out
}

func unknownOffsets(topics []kmsg.OffsetFetchRequestTopic) []kmsg.OffsetFetchResponseTopic {
	out := make([]kmsg.OffsetFetchResponseTopic, 0, len(topics))
	none := ""
	for _, t := range topics {
		rt := kmsg.NewOffsetFetchResponseTopic()
		rt.Topic = t.Topic
		for _, n := range t.Partitions {
			rp := kmsg.NewOffsetFetchResponseTopicPartition()
			rp.Partition, rp.Offset, rp.LeaderEpoch, rp.Metadata = n, -1, -1, &none
			rt.Partitions = append(rt.Partitions, rp)
		}
		out = append(out, rt)
	}
	return out
}

// committed names everything that the group has committed, or has open in a transaction.
func (s *state) committed() []kmsg.OffsetFetchRequestTopic {
	seen := map[string]map[int32]bool{}
	collect := func(o offsets) {
		for topic, parts := range o {
			if seen[topic] == nil {
				seen[topic] = map[int32]bool{}
			}
			for n := range parts {
				seen[topic][n] = true
			}
		}
	}
	collect(s.offsets)
	for _, o := range s.held {
		collect(o)
	}
	out := make([]kmsg.OffsetFetchRequestTopic, 0, len(seen))
	for _, topic := range sortedKeys(seen) {
		out = append(out, kmsg.OffsetFetchRequestTopic{Topic: topic, Partitions: sortedKeys(seen[topic])})
	}
	return out
}
