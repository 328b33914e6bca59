package group

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ownMemberID is the version from which members make their ids themselves (KIP-1082).
const ownMemberID = 1

// refusal is an error of the protocol with its text.
type refusal struct {
	code int16
	text string
}

func refuse(e *kerr.Error, format string, args ...any) *refusal {
	return &refusal{e.Code, fmt.Sprintf(format, args...)}
}

// ConsumerHeartbeat is the one request of the consumer protocol (KIP-848): it joins, keeps the session, says what the
// member subscribes to and owns, and leaves. The answer carries the member's epoch and, when it changed, what the member
// may consume. It leaves when what it says is durable (G3).
func (c *Coordinator) ConsumerHeartbeat(ctx context.Context, req *kmsg.ConsumerGroupHeartbeatRequest, from Client) *kmsg.ConsumerGroupHeartbeatResponse {
	if no := checkHeartbeat(req); no != nil {
		return no.heartbeat()
	}
	times := c.o.Timeouts(req.Group)
	g := c.lock(req.Group, req.MemberEpoch == epochJoin)
	if g == nil {
		return refuse(kerr.GroupIDNotFound, "Group %s not found.", req.Group).heartbeat()
	}
	h := beating{c: c, s: &g.mu.state, req: req, from: from, now: time.Now(), times: times}
	r, no := h.run()
	if no != nil {
		c.release(g)
		return no.heartbeat()
	}
	stored := h.g.stored
	if h.w.b.Len() > 0 || h.fresh {
		c.release(g)
	} else {
		g.mu.Unlock() // and not release: deadlines that only move later need no new entry, as for Heartbeat
	}
	if !c.stored(ctx, g, stored) {
		return (&refusal{code: kerr.CoordinatorNotAvailable.Code}).heartbeat()
	}
	return r
}

// stored waits until what a group has appended is durable, whatever becomes of ctx, and tells whether it is.
func (c *Coordinator) stored(ctx context.Context, g *group, w *waiting) bool {
	if w == nil {
		return true
	}
	if w.wait(context.WithoutCancel(ctx)) != nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.consumers != nil && g.mu.consumers.stored == w {
		g.mu.consumers.stored = nil
	}
	return true
}

func (no *refusal) heartbeat() *kmsg.ConsumerGroupHeartbeatResponse {
	r := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	r.ErrorCode = no.code
	if no.text != "" {
		r.ErrorMessage = &no.text
	}
	return r
}

// checkHeartbeat refuses what is wrong whatever the group's state, with Kafka's words.
func checkHeartbeat(req *kmsg.ConsumerGroupHeartbeatRequest) *refusal {
	invalid := func(text string) *refusal { return &refusal{kerr.InvalidRequest.Code, text} }
	blank := func(s *string) bool { return s != nil && strings.TrimSpace(*s) == "" }
	switch {
	case strings.TrimSpace(req.Group) == "":
		return invalid("GroupId can't be empty.")
	case blank(req.InstanceID):
		return invalid("InstanceId can't be empty.")
	case blank(req.RackID):
		return invalid("RackId can't be empty.")
	case (req.Version >= ownMemberID || req.MemberEpoch != epochJoin) && strings.TrimSpace(req.MemberID) == "":
		return invalid("MemberId can't be empty.")
	case req.MemberEpoch < epochStaticLeave:
		return invalid("MemberEpoch is invalid.")
	case req.MemberEpoch == epochStaticLeave && req.InstanceID == nil:
		return invalid("InstanceId can't be null.")
	}
	if req.MemberEpoch == epochJoin {
		switch {
		case req.RebalanceTimeoutMillis == -1:
			return invalid("RebalanceTimeoutMs must be provided in first request.")
		case req.Topics == nil || len(req.Topics) > 0:
			return invalid("TopicPartitions must be empty when (re-)joining.")
		case req.SubscribedTopicNames == nil && req.SubscribedTopicRegex == nil:
			return invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
		}
	}
	if a := req.ServerAssignor; a != nil && !slices.Contains(assignorNames(), *a) {
		return refuse(kerr.UnsupportedAssignor, "ServerAssignor %s is not supported. Supported assignors: %s.",
			*a, strings.Join(assignorNames(), ", "))
	}
	if re := req.SubscribedTopicRegex; re != nil && *re != "" {
		if _, err := compilePattern(*re); err != nil {
			return refuse(kerr.InvalidRegularExpression, "SubscribedTopicRegex `%s` is not a valid regular expression: %v.", *re, err)
		}
	}
	return nil
}

// beating is one ConsumerGroupHeartbeat on its way through a locked group.
type beating struct {
	c     *Coordinator
	s     *state
	g     *consumers
	req   *kmsg.ConsumerGroupHeartbeatRequest
	from  Client
	now   time.Time
	times Timeouts
	w     *changes
	fresh bool // the sender was no member before
}

func (h *beating) run() (*kmsg.ConsumerGroupHeartbeatResponse, *refusal) {
	h.w = newChanges(h.s.id, h.now)
	if no := h.group(); no != nil {
		return nil, no
	}
	if h.req.MemberEpoch < 0 {
		return h.leave()
	}
	m, no := h.sender()
	if no != nil {
		return nil, no
	}
	had := m.assigned
	changed := h.update(m)
	if h.g.refresh(h.c.o.Topics, h.w, changed) || changed {
		h.g.epoch++
		h.w.put(h.g.groupValue(), kindGroup)
	}
	h.g.aim(h.w)
	h.g.reconcile(m, h.owned(), h.w)
	h.c.write(h.g, h.w)
	m.deadline = h.now.Add(h.times.Session)
	r := h.answer(m.id, m.epoch)
	if h.full() || !had.equal(m.assigned) {
		r.Assignment = assignmentOf(m.assigned)
	}
	return r, nil
}

// group makes sure that the group is one of the consumer protocol. One of the classic protocol that has no members
// becomes one, and keeps its offsets.
func (h *beating) group() *refusal {
	if h.s.consumers == nil {
		if h.req.MemberEpoch != epochJoin || len(h.s.members) > 0 || len(h.s.pending) > 0 {
			return refuse(kerr.GroupIDNotFound, "Group %s is not a consumer group.", h.s.id)
		}
		h.s.becomeConsumers(h.w)
	}
	h.g = h.s.consumers
	return nil
}

func (s *state) becomeConsumers(w *changes) {
	if s.record != nil {
		w.b.Add(w.now.UnixMilli(), metadataKey(s.id), nil)
	}
	*s = state{
		id: s.id, since: w.now, members: s.members, static: s.static, pending: s.pending,
		offsets: s.offsets, held: s.held, writes: s.writes, consumers: newConsumers(),
	}
}

// becomeClassic is the way back, for a group without members.
func (s *state) becomeClassic(c *Coordinator, now time.Time) {
	w := newChanges(s.id, now)
	s.consumers.forget(w)
	c.write(s.consumers, w)
	s.consumers = nil
}

// sender finds the member that sent the heartbeat, or makes it.
func (h *beating) sender() (*consumer, *refusal) {
	id, epoch := h.req.MemberID, h.req.MemberEpoch
	if h.req.InstanceID == nil {
		if m := h.g.members[id]; m != nil {
			return m, h.checkEpoch(m)
		}
	} else if known, ok := h.g.static[*h.req.InstanceID]; ok {
		m := h.g.members[known]
		switch {
		case epoch != epochJoin && known != id:
			return nil, refuse(kerr.FencedInstanceID, "Static member %s with instance id %s was fenced by member %s.", id, *h.req.InstanceID, known)
		case epoch != epochJoin:
			return m, h.checkEpoch(m)
		case m.epoch != epochStaticLeave && known != id:
			return nil, refuse(kerr.UnreleasedInstanceID,
				"Static member %s with instance id %s cannot join the group because the instance id is owned by member %s.", id, *h.req.InstanceID, known)
		}
		return h.comeBack(m, id), nil
	}
	if epoch != epochJoin {
		return nil, refuse(kerr.UnknownMemberID, "Member %s is not a member of group %s.", id, h.s.id)
	}
	if len(h.g.members) >= h.c.o.MaxMembers {
		return nil, refuse(kerr.GroupMaxSizeReached,
			"The consumer group has reached its maximum capacity of %d members.", h.c.o.MaxMembers)
	}
	if id == "" { // version 0 may leave it to the coordinator
		id = newMemberID(h.from.ID)
	}
	m := h.g.member(strings.Clone(id))
	if h.req.InstanceID != nil {
		instance := strings.Clone(*h.req.InstanceID)
		m.instance = &instance
		h.g.static[instance] = m.id
	}
	h.fresh = true
	return m, nil
}

// checkEpoch lets a member with its epoch go on, one that joins again, and one that has lost the answer that told it of
// its new epoch: it may own less than it was given, not more.
func (h *beating) checkEpoch(m *consumer) *refusal {
	epoch := h.req.MemberEpoch
	switch {
	case epoch == epochJoin || epoch == m.epoch:
		return nil
	case epoch > m.epoch:
		return refuse(kerr.FencedMemberEpoch, "The consumer group member has a greater member epoch (%d) than the one known by "+
			"the group coordinator (%d). The member must abandon all its partitions and rejoin.", epoch, m.epoch)
	}
	if epoch == m.previous && h.req.Topics != nil {
		owned := h.owned()
		for s := range owned {
			if _, ok := m.assigned[s]; !ok {
				owned = nil
				break
			}
		}
		if owned != nil {
			return nil
		}
	}
	return refuse(kerr.FencedMemberEpoch, "The consumer group member has a smaller member epoch (%d) than the one known by "+
		"the group coordinator (%d). The member must abandon all its partitions and rejoin.", epoch, m.epoch)
}

// comeBack lets a static member go on where it left, under another id if it has one.
func (h *beating) comeBack(old *consumer, id string) *consumer {
	h.fresh = true
	m := *old
	m.epoch, m.previous = epochJoin, epochJoin
	if old.id == id {
		*old = m
		return old
	}
	m.id = strings.Clone(id)
	h.g.members[m.id] = &m
	h.g.static[*m.instance] = m.id
	h.g.own(&m)
	h.g.target[m.id] = h.g.target[old.id]
	h.w.put(memberTargetValue(h.g.target[m.id]), kindMemberTarget, m.id)
	h.g.erase(old, h.w)
	return &m
}

// update takes over what the heartbeat says of the member and tells whether its subscription changed.
func (h *beating) update(m *consumer) bool {
	before := string(m.value())
	names, regex, assignor := m.names, m.regex, m.assignor
	if h.req.SubscribedTopicNames != nil {
		m.names = make([]string, 0, len(h.req.SubscribedTopicNames))
		for _, n := range h.req.SubscribedTopicNames {
			m.names = append(m.names, strings.Clone(n))
		}
		slices.Sort(m.names)
		m.names = slices.Compact(m.names)
	}
	if h.req.SubscribedTopicRegex != nil {
		m.regex = strings.Clone(*h.req.SubscribedTopicRegex)
	}
	if h.req.RebalanceTimeoutMillis >= 0 {
		m.rebalance = time.Duration(h.req.RebalanceTimeoutMillis) * time.Millisecond
	}
	if h.req.ServerAssignor != nil {
		m.assignor = strings.Clone(*h.req.ServerAssignor)
	}
	if h.req.RackID != nil {
		rack := strings.Clone(*h.req.RackID)
		m.rack = &rack
	}
	m.clientID, m.clientHost = strings.Clone(h.from.ID), strings.Clone(h.from.Host)
	if v := m.value(); string(v) != before || h.fresh {
		h.w.put(v, kindMember, m.id)
	}
	_, targeted := h.g.target[m.id]
	return !targeted || !slices.Equal(names, m.names) || regex != m.regex || assignor != m.assignor
}

// owned is what the member says it owns; nil when it does not say.
func (h *beating) owned() partitions {
	if h.req.Topics == nil {
		return nil
	}
	out := partitions{}
	for _, t := range h.req.Topics {
		for _, n := range t.Partitions {
			out[slot{t.TopicID, n}] = 0
		}
	}
	return out
}

// full tells that the member wants to hear everything: it joins, or says all of itself because an answer was lost.
func (h *beating) full() bool {
	return h.req.MemberEpoch == epochJoin ||
		h.req.RebalanceTimeoutMillis != -1 && h.req.Topics != nil &&
			(h.req.SubscribedTopicNames != nil || h.req.SubscribedTopicRegex != nil)
}

func (h *beating) answer(id string, epoch int32) *kmsg.ConsumerGroupHeartbeatResponse {
	r := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	r.MemberID, r.MemberEpoch = &id, epoch
	if epoch >= 0 {
		r.HeartbeatIntervalMillis = int32(h.times.Heartbeat.Milliseconds())
	}
	return r
}

// leave takes the member out. A static one that will come back keeps what it has until its session ends.
func (h *beating) leave() (*kmsg.ConsumerGroupHeartbeatResponse, *refusal) {
	id := h.req.MemberID
	m := h.g.members[id]
	if h.req.InstanceID != nil {
		known, ok := h.g.static[*h.req.InstanceID]
		if ok && known != id {
			return nil, refuse(kerr.FencedInstanceID, "Static member %s with instance id %s was fenced by member %s.", id, *h.req.InstanceID, known)
		}
		if !ok {
			m = nil
		}
	}
	if m == nil {
		return nil, refuse(kerr.UnknownMemberID, "Member %s is not a member of group %s.", id, h.s.id)
	}
	if h.req.MemberEpoch == epochStaticLeave {
		h.g.disown(m)
		m.epoch, m.previous, m.state, m.revoking, m.revokeBy = epochStaticLeave, m.epoch, settled, partitions{}, time.Time{}
		h.g.own(m)
		h.w.put(m.currentValue(), kindCurrent, m.id)
	} else {
		h.g.remove(m, h.w)
	}
	h.c.write(h.g, h.w)
	return h.answer(id, h.req.MemberEpoch), nil
}

func assignmentOf(p partitions) *kmsg.ConsumerGroupHeartbeatResponseAssignment {
	a := &kmsg.ConsumerGroupHeartbeatResponseAssignment{Topics: []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{}}
	for _, slots := range byTopic(p) {
		t := kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{TopicID: slots[0].topic}
		for _, s := range slots {
			t.Partitions = append(t.Partitions, s.partition)
		}
		a.Topics = append(a.Topics, t)
	}
	return a
}
