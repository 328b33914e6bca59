package group

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// holders remembers which groups have offsets that wait for the end of a producer's transaction. A leaf lock.
type holders struct {
	mu struct {
		sync.Mutex
		groups map[int64]map[string]bool
	}
}

func (h *holders) note(producerID int64, group string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mu.groups[producerID] == nil {
		h.mu.groups[producerID] = map[string]bool{}
	}
	h.mu.groups[producerID][strings.Clone(group)] = true
}

func (h *holders) take(producerID int64) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := sortedKeys(h.mu.groups[producerID])
	delete(h.mu.groups, producerID)
	return out
}

// hold keeps an offset until the transaction of its producer ends.
func (s *state) hold(producerID int64, topic string, partition int32, c commit) {
	if s.held == nil {
		s.held = map[int64]offsets{}
	}
	if s.held[producerID] == nil {
		s.held[producerID] = offsets{}
	}
	s.held[producerID].apply(topic, partition, c)
}

// release ends a transaction: its offsets become the group's, or never were.
func (s *state) release(producerID int64, committed bool) {
	if committed {
		for topic, parts := range s.held[producerID] {
			for n, c := range parts {
				s.offsets.apply(topic, n, c)
			}
		}
	}
	delete(s.held, producerID)
}

func (s *state) unstable(topic string, partition int32) bool {
	for _, o := range s.held {
		if _, ok := o.get(topic, partition); ok {
			return true
		}
	}
	return false
}

// CommitTxnOffsets stores offsets as part of the producer's transaction and answers when they are durable; they become
// visible with EndTxn. The caller has made sure that the producer's transaction is open, has __consumer_offsets in it,
// and cannot end before this returns.
func (c *Coordinator) CommitTxnOffsets(ctx context.Context, req *kmsg.TxnOffsetCommitRequest, refuse Refuse) *kmsg.TxnOffsetCommitResponse {
	w := writing{c: c, now: time.Now(), group: req.Group, refuse: refuse}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			w.add(t.Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, req.Version >= 2)
		}
	}
	code := w.run(ctx, func(s *state) int16 { return s.mayCommitTxn(req, w.now) }, func(b *record.Builder) {
		b.SetProducer(req.ProducerID, req.ProducerEpoch, -1, true)
	})
	r := kmsg.NewPtrTxnOffsetCommitResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewTxnOffsetCommitResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rp := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, w.answer(code)
			rt.Partitions = append(rt.Partitions, rp)
		}
		r.Topics = append(r.Topics, rt)
	}
	return r
}

// mayCommitTxn fences members of an older generation (KIP-447). Who names no member at all is older than that, or
// assigns its partitions itself; its transactional id fences it.
func (s *state) mayCommitTxn(req *kmsg.TxnOffsetCommitRequest, now time.Time) int16 {
	if g := s.consumers; g != nil {
		return g.mayCommitTxn(req)
	}
	if req.Generation < 0 && req.MemberID == "" && req.InstanceID == nil {
		return 0
	}
	if req.Generation < 0 && s.phase == Empty {
		return 0
	}
	m, code := s.current(req.MemberID, req.InstanceID, req.Generation)
	if code != 0 {
		if len(s.members) == 0 && s.generation == 0 {
			return kerr.IllegalGeneration.Code
		}
		return code
	}
	if s.phase == CompletingRebalance {
		return kerr.RebalanceInProgress.Code
	}
	m.deadline = now.Add(m.session)
	return 0
}

// EndTxn appends the marker that ends the producer's transaction in __consumer_offsets. When the returned wait gives
// nil the marker is durable, and the offsets of the transaction are committed or gone. Doing it twice is harmless.
func (c *Coordinator) EndTxn(marker record.Batch, committed bool) (wait func(context.Context) error, err error) {
	producerID := marker.ProducerID()
	_, durable, err := c.append(marker)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if err := durable(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		for _, id := range c.txns.take(producerID) {
			if g := c.lock(id, false); g != nil {
				g.mu.release(producerID, committed)
				c.unlock(g)
			}
		}
		return nil
	}, nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
