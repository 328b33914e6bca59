package group

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Versions of JoinGroup at which its behaviour changes.
const (
	joinKnownMember    = 4 // KIP-394: a new member gets its id first and joins with it
	joinSkipAssignment = 9 // KIP-814: a static leader that comes back is told not to assign
)

// JoinGroup makes the sender a member of the next generation and answers when that generation begins: when all members
// have joined, or the slowest member's rebalance timeout has passed.
func (c *Coordinator) JoinGroup(ctx context.Context, req *kmsg.JoinGroupRequest, from Client) (*kmsg.JoinGroupResponse, error) {
	if code := c.checkJoin(req); code != 0 {
		return joinError(code, req.MemberID), nil
	}
	g := c.lock(req.Group, req.MemberID == "")
	if g == nil {
		return joinError(kerr.UnknownMemberID.Code, req.MemberID), nil
	}
	j := joining{c: c, s: &g.mu.state, req: req, from: from, now: time.Now()}
	j.run()
	c.release(g)
	if j.stored != nil {
		if err := j.stored(context.WithoutCancel(ctx)); err != nil {
			return joinError(kerr.CoordinatorNotAvailable.Code, req.MemberID), nil
		}
	}
	select {
	case r := <-j.answer:
		return r, nil
	case <-ctx.Done():
		// The member stays: its client may come back under the same id, and the deadlines see to it if not.
		return nil, ctx.Err()
	}
}

func (c *Coordinator) checkJoin(req *kmsg.JoinGroupRequest) int16 {
	session := time.Duration(req.SessionTimeoutMillis) * time.Millisecond
	switch {
	case req.Group == "":
		return kerr.InvalidGroupID.Code
	case session < c.o.MinSession || session > c.o.MaxSession:
		return kerr.InvalidSessionTimeout.Code
	case req.InstanceID != nil && *req.InstanceID == "":
		return kerr.InvalidRequest.Code
	}
	return 0
}

// joining is one JoinGroup on its way through a locked group.
type joining struct {
	c    *Coordinator
	s    *state
	req  *kmsg.JoinGroupRequest
	from Client
	now  time.Time

	answer chan *kmsg.JoinGroupResponse
	stored func(context.Context) error // waits for a record that must be durable before the answer (G3); nil: none
}

func (j *joining) reply(r *kmsg.JoinGroupResponse) { j.answer <- r }

func (j *joining) fail(e *kerr.Error) { j.reply(joinError(e.Code, j.req.MemberID)) }

func (j *joining) run() {
	j.answer = make(chan *kmsg.JoinGroupResponse, 1)
	if !j.s.accepts(j.req.ProtocolType, j.req.Protocols) {
		j.fail(kerr.InconsistentGroupProtocol)
		return
	}
	if g := j.s.consumers; g != nil {
		if len(g.members) > 0 {
			j.fail(kerr.InconsistentGroupProtocol)
			return
		}
		if j.req.MemberID != "" { // nobody has an id of the classic protocol here
			j.fail(kerr.UnknownMemberID)
			return
		}
		j.s.becomeClassic(j.c, j.now)
	}
	if j.req.MemberID == "" {
		j.newcomer()
		return
	}
	if _, ok := j.s.pending[j.req.MemberID]; ok {
		if j.req.InstanceID != nil { // a static member never was given an id to come back with
			j.fail(kerr.UnknownMemberID)
			return
		}
		j.enter(j.req.MemberID)
		return
	}
	m, code := j.s.find(j.req.MemberID, j.req.InstanceID)
	if code != 0 {
		j.reply(joinError(code, j.req.MemberID))
		return
	}
	j.again(m)
}

// newcomer handles a JoinGroup without a member id.
func (j *joining) newcomer() {
	if id := j.req.InstanceID; id != nil {
		fresh := newMemberID(*id)
		if old, ok := j.s.static[*id]; ok {
			j.replace(j.s.members[old], fresh)
			return
		}
		j.enter(fresh)
		return
	}
	id := newMemberID(j.from.ID)
	if j.req.Version < joinKnownMember {
		j.enter(id)
		return
	}
	if len(j.s.members)+len(j.s.pending) >= j.c.o.MaxMembers {
		j.fail(kerr.GroupMaxSizeReached)
		return
	}
	j.s.pending[id] = j.now.Add(time.Duration(j.req.SessionTimeoutMillis) * time.Millisecond)
	j.reply(joinError(kerr.MemberIDRequired.Code, id))
}

// enter adds the sender as a new member and starts a rebalance.
func (j *joining) enter(id string) {
	if len(j.s.members) >= j.c.o.MaxMembers {
		j.fail(kerr.GroupMaxSizeReached)
		return
	}
	m := &member{id: strings.Clone(id), clientID: strings.Clone(j.from.ID), clientHost: j.from.Host, fresh: true}
	if j.req.InstanceID != nil {
		instance := strings.Clone(*j.req.InstanceID)
		m.instance = &instance
	}
	if len(j.s.members) == 0 {
		j.s.protocolType = strings.Clone(j.req.ProtocolType)
	}
	j.s.add(m)
	j.s.grown = true
	j.wait(m)
	m.deadline = j.now.Add(freshTimeout)
	j.c.rebalance(j.s, j.now)
}

// wait makes the request the one that the member's next generation answers. An older one, whose connection is most
// likely gone, is told to come again.
func (j *joining) wait(m *member) {
	m.answerJoin(joinError(kerr.RebalanceInProgress.Code, m.id))
	m.join = j.answer
	m.protocols = cloneProtocols(j.req.Protocols)
	m.session = time.Duration(j.req.SessionTimeoutMillis) * time.Millisecond
	m.rebalance = time.Duration(j.req.RebalanceTimeoutMillis) * time.Millisecond
	if j.req.Version < 1 {
		m.rebalance = m.session
	}
	m.deadline = j.now.Add(m.session)
}

// again handles a JoinGroup of somebody who is a member.
func (j *joining) again(m *member) {
	s := j.s
	switch {
	case s.phase == Empty:
		j.fail(kerr.UnknownMemberID)
	case s.phase == CompletingRebalance && m.matches(j.req.Protocols),
		s.phase == Stable && s.leader != m.id && m.matches(j.req.Protocols):
		// It missed the answer, or asks without a change: what is in force is still right. A leader that joins again in
		// a stable group wants a rebalance, because it saw that something changed.
		m.deadline = j.now.Add(m.session)
		j.reply(s.joined(m))
	default:
		j.wait(m)
		j.c.rebalance(s, j.now)
	}
}

// replace lets a static member come back under a new id (KIP-345): the old id is fenced, and a stable group carries on
// without a rebalance as long as its protocol would stay the same.
func (j *joining) replace(old *member, id string) {
	s := j.s
	wasLeader := s.leader
	old.answerJoin(joinError(kerr.FencedInstanceID.Code, old.id))
	old.answerSync(syncError(kerr.FencedInstanceID.Code))
	m := &member{
		id: id, clientID: strings.Clone(j.from.ID), clientHost: j.from.Host, instance: old.instance, order: old.order,
		assignment: old.assignment, mustSync: old.mustSync, fresh: old.fresh,
	}
	delete(s.members, old.id)
	s.members[id] = m
	s.static[*m.instance] = id
	if s.leader == old.id {
		s.leader = id
	}
	j.wait(m)
	switch {
	case s.phase == PreparingRebalance:
		j.c.tryComplete(s, j.now)
	case s.phase == Stable && s.choose() == s.protocol:
		j.resume(m, wasLeader)
	default:
		// Sent to the leader under its old id, the member would get no assignment in the generation that is being
		// completed; and a changed protocol needs a new generation anyway.
		j.c.prepare(s, j.now)
	}
}

// resume answers a static member that came back into a stable group.
func (j *joining) resume(m *member, oldLeader string) {
	stored, err := j.c.store(j.s, nil, j.now)
	if err != nil {
		m.answerJoin(joinError(kerr.CoordinatorNotAvailable.Code, m.id))
		return
	}
	j.stored = stored
	r := j.s.joined(m)
	if j.s.leader == m.id {
		if j.req.Version >= joinSkipAssignment {
			r.SkipAssignment = true
		} else {
			// An older leader would assign again, and a stable group would not listen: it must not see that it leads.
			r.LeaderID, r.Members = oldLeader, []kmsg.JoinGroupResponseMember{}
		}
	}
	m.answerJoin(r)
}

// joined is the answer that tells m of the generation in force; the leader's has everybody's subscription.
func (s *state) joined(m *member) *kmsg.JoinGroupResponse {
	r := kmsg.NewPtrJoinGroupResponse()
	protocolType, protocol := s.protocolType, s.protocol
	r.Generation, r.ProtocolType, r.Protocol, r.LeaderID, r.MemberID = s.generation, &protocolType, &protocol, s.leader, m.id
	r.Members = []kmsg.JoinGroupResponseMember{}
	if m.id != s.leader {
		return r
	}
	for _, o := range s.sorted() {
		r.Members = append(r.Members, kmsg.JoinGroupResponseMember{
			MemberID: o.id, InstanceID: o.instance, ProtocolMetadata: o.metadata(s.protocol),
		})
	}
	return r
}

func joinError(code int16, memberID string) *kmsg.JoinGroupResponse {
	r := kmsg.NewPtrJoinGroupResponse()
	none := ""
	r.ErrorCode, r.Generation, r.MemberID, r.Protocol = code, -1, strings.Clone(memberID), &none
	r.Members = []kmsg.JoinGroupResponseMember{}
	return r
}

func cloneProtocols(in []kmsg.JoinGroupRequestProtocol) []kmsg.JoinGroupRequestProtocol {
	out := make([]kmsg.JoinGroupRequestProtocol, len(in))
	for i, p := range in {
		out[i] = kmsg.JoinGroupRequestProtocol{Name: strings.Clone(p.Name), Metadata: bytes.Clone(p.Metadata)}
		if out[i].Metadata == nil {
			out[i].Metadata = []byte{}
		}
	}
	return out
}
