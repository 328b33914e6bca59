package group

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// idle tells that nobody is or is about to be in the group, and that nothing of it is under way.
func (s *state) idle() bool {
	return s.phase == Empty && len(s.members) == 0 && len(s.pending) == 0 && len(s.held) == 0 && len(s.writes) == 0 &&
		(s.consumers == nil || len(s.consumers.members) == 0)
}

// nothing tells that the log does not speak of the group either.
func (s *state) nothing() bool {
	return s.idle() && len(s.offsets) == 0 && s.generation == 0 && s.consumers == nil
}

// Describe gives one group as DescribeGroups shows it; one that does not exist, or is of the consumer protocol, is Dead.
func (c *Coordinator) Describe(id string) kmsg.DescribeGroupsResponseGroup {
	r := kmsg.NewDescribeGroupsResponseGroup()
	r.Group, r.State = id, Dead.String()
	r.Members = []kmsg.DescribeGroupsResponseGroupMember{}
	g := c.lock(id, false)
	if g == nil {
		return r
	}
	defer g.mu.Unlock()
	s := &g.mu.state
	if s.consumers != nil {
		return r // it is described by ConsumerGroupDescribe
	}
	r.State, r.ProtocolType = s.phase.String(), s.protocolType
	settled := s.phase == Stable
	if settled {
		r.Protocol = s.protocol
	}
	for _, m := range s.sorted() {
		rm := kmsg.NewDescribeGroupsResponseGroupMember()
		rm.MemberID, rm.InstanceID, rm.ClientID, rm.ClientHost = m.id, m.instance, m.clientID, m.clientHost
		rm.ProtocolMetadata, rm.MemberAssignment = []byte{}, []byte{}
		if settled {
			rm.ProtocolMetadata = m.metadata(s.protocol)
			if m.assignment != nil {
				rm.MemberAssignment = m.assignment
			}
		}
		r.Members = append(r.Members, rm)
	}
	return r
}

// List gives the groups in one of the states and of one of the types (any case); empty filters let all through.
func (c *Coordinator) List(states, types []string) []kmsg.ListGroupsResponseGroup {
	out := []kmsg.ListGroupsResponseGroup{}
	has := func(filter []string, v string) bool {
		return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return strings.EqualFold(f, v) })
	}
	for _, g := range c.all() {
		r := kmsg.NewListGroupsResponseGroup()
		g.mu.Lock()
		r.Group, r.ProtocolType, r.GroupState, r.GroupType = g.id, g.mu.protocolType, g.mu.phase.String(), "classic"
		if g.mu.consumers != nil {
			r.ProtocolType, r.GroupState, r.GroupType = "consumer", g.mu.consumers.phase(), "consumer"
		}
		dead := g.mu.phase == Dead
		g.mu.Unlock()
		if !dead && has(states, r.GroupState) && has(types, r.GroupType) {
			out = append(out, r)
		}
	}
	return out
}

// Delete removes a group without members, offsets and all, and gives the code for the answer.
func (c *Coordinator) Delete(ctx context.Context, id string) int16 {
	if id == "" {
		return kerr.InvalidGroupID.Code
	}
	g := c.lock(id, false)
	if g == nil {
		return kerr.GroupIDNotFound.Code
	}
	if !g.mu.idle() {
		g.mu.Unlock()
		return kerr.NonEmptyGroup.Code
	}
	wait, err := c.erase(g, time.Now())
	if err == nil {
		err = wait(context.WithoutCancel(ctx))
	}
	if err != nil {
		return storageCode(err)
	}
	return 0
}

// erase writes a tombstone for all that is left of an idle group, removes it and unlocks it.
func (c *Coordinator) erase(g *group, now time.Time) (wait func(context.Context) error, err error) {
	t := newTombstones(now)
	for topic, parts := range g.mu.offsets {
		for n := range parts {
			t.add(offsetKey(g.id, topic, n))
		}
	}
	t.add(metadataKey(g.id))
	if g.mu.consumers != nil {
		w := &changes{id: g.id, now: now, b: &t.b}
		g.mu.consumers.forget(w)
	}
	wait, err = t.append(c)
	if err != nil {
		c.unlock(g)
		return nil, err
	}
	g.mu.phase = Dead
	g.mu.Unlock()
	c.bury(g)
	return wait, nil
}

// DeleteOffsets forgets committed offsets. The codes come back beside the request's partitions; code is for all of it.
func (c *Coordinator) DeleteOffsets(ctx context.Context, req *kmsg.OffsetDeleteRequest) *kmsg.OffsetDeleteResponse {
	r := kmsg.NewPtrOffsetDeleteResponse()
	if req.Group == "" {
		r.ErrorCode = kerr.InvalidGroupID.Code
		return r
	}
	g := c.lock(req.Group, false)
	if g == nil {
		r.ErrorCode = kerr.GroupIDNotFound.Code
		return r
	}
	subscribed, code := g.mu.subscribed()
	if code != 0 {
		g.mu.Unlock()
		r.ErrorCode = code
		return r
	}
	t := newTombstones(time.Now())
	for _, rt := range req.Topics {
		at := kmsg.NewOffsetDeleteResponseTopic()
		at.Topic = rt.Topic
		for _, rp := range rt.Partitions {
			ap := kmsg.NewOffsetDeleteResponseTopicPartition()
			ap.Partition = rp.Partition
			if subscribed[rt.Topic] {
				ap.ErrorCode = kerr.GroupSubscribedToTopic.Code
			} else if _, ok := g.mu.offsets.get(rt.Topic, rp.Partition); ok {
				t.add(offsetKey(g.id, rt.Topic, rp.Partition))
				g.mu.offsets.remove(rt.Topic, rp.Partition)
			}
			at.Partitions = append(at.Partitions, ap)
		}
		r.Topics = append(r.Topics, at)
	}
	wait, err := t.append(c)
	c.unlock(g)
	if err == nil {
		err = wait(context.WithoutCancel(ctx))
	}
	if err != nil {
		r.ErrorCode, r.Topics = storageCode(err), nil
	}
	return r
}

// subscribed is what the members consume. Members of another kind than consumers do not say, so nothing of theirs may
// be touched while they are there.
func (s *state) subscribed() (map[string]bool, int16) {
	if s.consumers != nil {
		return s.consumers.subscribed(), 0
	}
	if len(s.members) == 0 {
		return nil, 0
	}
	if s.protocolType != "consumer" {
		return nil, kerr.NonEmptyGroup.Code
	}
	topics := map[string]bool{}
	for _, m := range s.members {
		for _, p := range m.protocols {
			var meta kmsg.ConsumerMemberMetadata
			if meta.ReadFrom(p.Metadata) != nil {
				return nil, kerr.NonEmptyGroup.Code
			}
			for _, t := range meta.Topics {
				topics[strings.Clone(t)] = true
			}
		}
	}
	return topics, 0
}

// DropTopic forgets the offsets of a topic that was deleted, so that a new topic of that name starts without any.
func (c *Coordinator) DropTopic(ctx context.Context, topic string) error {
	t := newTombstones(time.Now())
	var last func(context.Context) error
	for _, g := range c.all() {
		g.mu.Lock()
		for n := range g.mu.offsets[topic] {
			t.add(offsetKey(g.id, topic, n))
		}
		delete(g.mu.offsets, topic)
		wait, err := t.append(c)
		c.unlock(g)
		if err != nil {
			return err
		}
		last = wait
		t = newTombstones(time.Now())
	}
	if last == nil {
		return nil
	}
	return last(context.WithoutCancel(ctx))
}

// expireOffsets removes groups that had no members for the retention time, and single offsets that nobody in the group
// has committed for as long. A group of consumers that assign their partitions themselves ages by its commits alone.
func (c *Coordinator) expireOffsets(now time.Time) {
	oldest := now.Add(-c.o.OffsetRetention)
	for _, g := range c.all() {
		g.mu.Lock()
		if g.mu.phase == Dead || !g.mu.idle() || g.mu.protocolType != "" && g.mu.since.After(oldest) {
			g.mu.Unlock()
			continue
		}
		expired, left := g.mu.expired(oldest)
		if left == 0 {
			// Nobody waits for these records: a log that refuses them is offline, and to keep a group too long is no loss.
			_, _ = c.erase(g, now)
			continue
		}
		t := newTombstones(now)
		for _, p := range expired {
			t.add(offsetKey(g.id, p.topic, p.partition))
			g.mu.offsets.remove(p.topic, p.partition)
		}
		_, _ = t.append(c)
		c.unlock(g)
	}
}

// expired gives the offsets that were committed before oldest, and how many others there are.
func (s *state) expired(oldest time.Time) (out []placed, left int) {
	for topic, parts := range s.offsets {
		for n, o := range parts {
			if o.at >= oldest.UnixMilli() {
				left++
				continue
			}
			out = append(out, placed{topic: topic, partition: n, commit: o})
		}
	}
	return out, left
}

// tombstones gathers keys to be forgotten into one batch.
type tombstones struct {
	b   record.Builder
	now time.Time
}

func newTombstones(now time.Time) *tombstones {
	t := &tombstones{now: now}
	t.b.Reset(record.None)
	return t
}

func (t *tombstones) add(key []byte) { t.b.Add(t.now.UnixMilli(), key, nil) }

func (t *tombstones) append(c *Coordinator) (wait func(context.Context) error, err error) {
	if t.b.Len() == 0 {
		return func(context.Context) error { return nil }, nil
	}
	_, wait, err = c.append(t.b.Build())
	return wait, err
}
