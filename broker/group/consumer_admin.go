package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// noTopics is a broker without any.
type noTopics struct{}

func (noTopics) TopicInfo(string) (TopicInfo, bool) { return TopicInfo{}, false }
func (noTopics) EachTopic(func(TopicInfo))          {}

// oldestConsumerCommit is the first version of OffsetCommit that members of the consumer protocol may use: those before
// do not know the error that asks them to wait for their new epoch.
const oldestConsumerCommit = 9

// mayCommit tells whether the sender may commit what it wants to: a member with its epoch, one with an older epoch for
// partitions that it has had since (KIP-1251), or anybody without an epoch while there are no members.
func (g *consumers) mayCommit(req *kmsg.OffsetCommitRequest) int16 {
	if req.Generation < 0 && len(g.members) == 0 {
		return 0
	}
	m := g.members[req.MemberID]
	if m == nil {
		return kerr.UnknownMemberID.Code
	}
	if req.Version < oldestConsumerCommit {
		return kerr.UnsupportedVersion.Code
	}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			if !g.mayMove(m, req.Generation, t.Topic, p.Partition) {
				return kerr.StaleMemberEpoch.Code
			}
		}
	}
	return 0
}

// mayCommitTxn is mayCommit for offsets of a transaction. Who names no member is fenced by its transactional id.
func (g *consumers) mayCommitTxn(req *kmsg.TxnOffsetCommitRequest) int16 {
	if req.Generation < 0 && (len(g.members) == 0 || req.Generation == -1 && req.MemberID == "" && req.InstanceID == nil) {
		return 0
	}
	m := g.members[req.MemberID]
	if m == nil {
		return kerr.UnknownMemberID.Code
	}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			if !g.mayMove(m, req.Generation, t.Topic, p.Partition) {
				return kerr.StaleMemberEpoch.Code
			}
		}
	}
	return 0
}

// mayMove tells whether a member that says it is in the epoch may commit for the partition.
func (g *consumers) mayMove(m *consumer, epoch int32, topic string, partition int32) bool {
	if epoch >= m.epoch {
		return epoch == m.epoch
	}
	s := slot{g.topics[topic].ID, partition}
	since, ok := m.assigned[s]
	if !ok {
		since, ok = m.revoking[s]
	}
	return ok && epoch >= since
}

// CheckFetch tells whether a member may read the offsets of its group (OffsetFetch since version 9): with its own epoch.
// Who names no member may always.
func (c *Coordinator) CheckFetch(group string, memberID *string, epoch int32) int16 {
	if epoch < 0 && deref(memberID) == "" {
		return 0
	}
	g := c.lock(group, false)
	if g == nil {
		return 0
	}
	defer g.mu.Unlock()
	if g.mu.consumers == nil {
		return 0
	}
	m := g.mu.consumers.members[deref(memberID)]
	switch {
	case m == nil:
		return kerr.UnknownMemberID.Code
	case m.epoch != epoch:
		return kerr.StaleMemberEpoch.Code
	}
	return 0
}

// expel takes a member out for an administrator, by its id or by its instance id alone.
func (c *Coordinator) expel(s *state, l kmsg.LeaveGroupRequestMember, now time.Time) int16 {
	g := s.consumers
	id := l.MemberID
	if l.InstanceID != nil {
		known, ok := g.static[*l.InstanceID]
		switch {
		case !ok:
			return kerr.UnknownMemberID.Code
		case id != "" && id != known:
			return kerr.FencedInstanceID.Code
		}
		id = known
	}
	m := g.members[id]
	if m == nil {
		return kerr.UnknownMemberID.Code
	}
	w := newChanges(s.id, now)
	g.remove(m, w)
	c.write(g, w)
	return 0
}

// subscribed is what the members consume.
func (g *consumers) subscribed() map[string]bool {
	out := map[string]bool{}
	for _, m := range g.members {
		for _, name := range g.subscription(m) {
			out[name] = true
		}
	}
	return out
}

// Values of MemberType in ConsumerGroupDescribe (KIP-1099).
const consumerMember = 1

// DescribeConsumers gives one group of the consumer protocol as ConsumerGroupDescribe shows it.
func (c *Coordinator) DescribeConsumers(id string) kmsg.ConsumerGroupDescribeResponseGroup {
	r := kmsg.NewConsumerGroupDescribeResponseGroup()
	r.Group = id
	r.Members = []kmsg.ConsumerGroupDescribeResponseGroupMember{}
	fail := func(no *refusal) kmsg.ConsumerGroupDescribeResponseGroup {
		r.ErrorCode, r.ErrorMessage = no.code, &no.text
		return r
	}
	if id == "" {
		return fail(refuse(kerr.InvalidGroupID, "The group id must not be empty."))
	}
	locked := c.lock(id, false)
	if locked == nil {
		return fail(refuse(kerr.GroupIDNotFound, "Group %s not found.", id))
	}
	defer locked.mu.Unlock()
	g := locked.mu.consumers
	if g == nil {
		return fail(refuse(kerr.GroupIDNotFound, "Group %s is not a consumer group.", id))
	}
	r.State, r.Epoch, r.AssignmentEpoch, r.AssignorName = g.phase(), g.epoch, g.targetEpoch, g.preferred()
	names := g.topicNames(c.o.Topics)
	for _, m := range g.sorted() {
		rm := kmsg.NewConsumerGroupDescribeResponseGroupMember()
		rm.MemberID, rm.InstanceID, rm.RackID, rm.MemberEpoch = m.id, m.instance, m.rack, m.epoch
		rm.ClientID, rm.ClientHost, rm.MemberType = m.clientID, m.clientHost, consumerMember
		rm.SubscribedTopics, rm.SubscribedTopicRegex = m.names, &m.regex
		rm.Assignment, rm.TargetAssignment = described(m.assigned, names), described(g.target[m.id], names)
		r.Members = append(r.Members, rm)
	}
	return r
}

// topicNames are the names of the topics that members subscribe to, by id.
func (g *consumers) topicNames(topics Topics) map[[16]byte]string {
	out := map[[16]byte]string{}
	for name, t := range g.topics {
		out[t.ID] = name
	}
	for name := range g.subscribed() {
		if t, ok := topics.TopicInfo(name); ok {
			out[t.ID] = t.Name
		}
	}
	return out
}

func described(p partitions, names map[[16]byte]string) kmsg.Assignment {
	a := kmsg.Assignment{TopicPartitions: []kmsg.AssignmentTopicPartition{}}
	for _, slots := range byTopic(p) {
		name, ok := names[slots[0].topic]
		if !ok {
			continue // a topic that is gone
		}
		t := kmsg.AssignmentTopicPartition{TopicID: slots[0].topic, Topic: name}
		for _, s := range slots {
			t.Partitions = append(t.Partitions, s.partition)
		}
		a.TopicPartitions = append(a.TopicPartitions, t)
	}
	return a
}
