package group

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// syncNamesProtocol is the version from which a SyncGroup must name the protocol that it is for (KIP-559).
const syncNamesProtocol = 5

// SyncGroup takes the assignments from the leader and gives each member its own once they are durable (G2, G3).
func (c *Coordinator) SyncGroup(ctx context.Context, req *kmsg.SyncGroupRequest) (*kmsg.SyncGroupResponse, error) {
	if req.Group == "" {
		return syncError(kerr.InvalidGroupID.Code), nil
	}
	if req.Version >= syncNamesProtocol && (req.ProtocolType == nil || req.Protocol == nil) {
		return syncError(kerr.InconsistentGroupProtocol.Code), nil
	}
	g := c.lock(req.Group, false)
	if g == nil {
		return syncError(kerr.UnknownMemberID.Code), nil
	}
	answer, lead := c.sync(&g.mu.state, req, time.Now())
	c.unlock(g)
	if lead != nil {
		// Not bound to ctx: the others wait for the assignment, whatever becomes of the leader's connection.
		err := lead.wait(context.WithoutCancel(ctx))
		g.mu.Lock()
		c.assign(&g.mu.state, lead, err, time.Now())
		c.unlock(g)
	}
	select {
	case r := <-answer:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lead is a leader's assignments on their way to the disk.
type lead struct {
	generation  int32
	assignments map[string][]byte
	wait        func(context.Context) error
}

func (c *Coordinator) sync(s *state, req *kmsg.SyncGroupRequest, now time.Time) (chan *kmsg.SyncGroupResponse, *lead) {
	answer := make(chan *kmsg.SyncGroupResponse, 1)
	m, code := s.current(req.MemberID, req.InstanceID, req.Generation)
	if code == 0 && (differs(req.ProtocolType, s.protocolType) || differs(req.Protocol, s.protocol)) {
		code = kerr.InconsistentGroupProtocol.Code
	}
	if code == 0 && s.phase == PreparingRebalance {
		code = kerr.RebalanceInProgress.Code
	}
	if code != 0 {
		answer <- syncError(code)
		return answer, nil
	}
	m.mustSync = false
	m.deadline = now.Add(m.session)
	if s.phase == Stable {
		answer <- s.assigned(m)
		return answer, nil
	}
	m.answerSync(syncError(kerr.RebalanceInProgress.Code)) // an older request of the same member
	m.sync = answer
	if m.id != s.leader || s.leading {
		return answer, nil // what the leader said first is on its way to the disk, and stands
	}
	l := &lead{generation: s.generation, assignments: map[string][]byte{}}
	for id := range s.members {
		l.assignments[id] = []byte{}
	}
	for _, a := range req.GroupAssignment {
		if _, ok := s.members[a.MemberID]; ok {
			l.assignments[strings.Clone(a.MemberID)] = bytes.Clone(a.MemberAssignment)
		}
	}
	wait, err := c.store(s, l.assignments, now)
	if err != nil {
		s.failSync(kerr.CoordinatorNotAvailable.Code)
		c.prepare(s, now)
		return answer, nil
	}
	l.wait, s.leading = wait, true
	return answer, l
}

// assign hands the assignments out, unless the group has moved on meanwhile: then everybody has had another answer.
func (c *Coordinator) assign(s *state, l *lead, err error, now time.Time) {
	if s.phase != CompletingRebalance || s.generation != l.generation {
		return
	}
	s.leading = false
	if err != nil {
		s.failSync(kerr.CoordinatorNotAvailable.Code)
		c.prepare(s, now)
		return
	}
	s.become(Stable, now)
	for _, m := range s.members {
		m.assignment = l.assignments[m.id]
		if m.sync != nil {
			m.deadline = now.Add(m.session)
			m.answerSync(s.assigned(m))
		}
	}
}

func (s *state) assigned(m *member) *kmsg.SyncGroupResponse {
	r := kmsg.NewPtrSyncGroupResponse()
	protocolType, protocol := s.protocolType, s.protocol
	r.ProtocolType, r.Protocol, r.MemberAssignment = &protocolType, &protocol, m.assignment
	if r.MemberAssignment == nil {
		r.MemberAssignment = []byte{}
	}
	return r
}

func syncError(code int16) *kmsg.SyncGroupResponse {
	r := kmsg.NewPtrSyncGroupResponse()
	r.ErrorCode, r.MemberAssignment = code, []byte{}
	return r
}

// differs tells whether a member names something else than what the group has chosen; older ones name nothing.
func differs(named *string, chosen string) bool { return named != nil && *named != chosen }

// find is the member with this id. A static member is known by its instance id, and its member id must be the newest.
func (s *state) find(id string, instance *string) (*member, int16) {
	if instance != nil {
		current, ok := s.static[*instance]
		if !ok {
			return nil, kerr.UnknownMemberID.Code
		}
		if current != id {
			return nil, kerr.FencedInstanceID.Code
		}
	}
	m := s.members[id]
	if m == nil {
		return nil, kerr.UnknownMemberID.Code
	}
	return m, 0
}

// current is find for what only members of the generation in force may do (G1).
func (s *state) current(id string, instance *string, generation int32) (*member, int16) {
	m, code := s.find(id, instance)
	if code != 0 {
		return nil, code
	}
	if generation != s.generation {
		return nil, kerr.IllegalGeneration.Code
	}
	return m, 0
}

// Heartbeat keeps the sender's session alive and tells it when to join again.
func (c *Coordinator) Heartbeat(req *kmsg.HeartbeatRequest) *kmsg.HeartbeatResponse {
	r := kmsg.NewPtrHeartbeatResponse()
	if req.Group == "" {
		r.ErrorCode = kerr.InvalidGroupID.Code
		return r
	}
	g := c.lock(req.Group, false)
	if g == nil {
		r.ErrorCode = kerr.UnknownMemberID.Code
		return r
	}
	defer g.mu.Unlock() // and not c.unlock: a deadline that moves later needs no new entry
	m, code := g.mu.current(req.MemberID, req.InstanceID, req.Generation)
	if code != 0 {
		r.ErrorCode = code
		return r
	}
	m.deadline = time.Now().Add(m.session)
	if g.mu.phase == PreparingRebalance {
		r.ErrorCode = kerr.RebalanceInProgress.Code
	}
	return r
}

// LeaveGroup takes members out at once, without waiting for their sessions to end.
func (c *Coordinator) LeaveGroup(req *kmsg.LeaveGroupRequest) *kmsg.LeaveGroupResponse {
	r := kmsg.NewPtrLeaveGroupResponse()
	if req.Group == "" {
		r.ErrorCode = kerr.InvalidGroupID.Code
		return r
	}
	leaving := req.Members
	if req.Version < 3 {
		leaving = []kmsg.LeaveGroupRequestMember{{MemberID: req.MemberID}}
	}
	g := c.lock(req.Group, false)
	for _, l := range leaving {
		a := kmsg.NewLeaveGroupResponseMember()
		a.MemberID, a.InstanceID, a.ErrorCode = l.MemberID, l.InstanceID, kerr.UnknownMemberID.Code
		if g != nil {
			a.ErrorCode = c.leave(&g.mu.state, l, time.Now())
		}
		r.Members = append(r.Members, a)
	}
	if g != nil {
		c.unlock(g)
	}
	if req.Version < 3 {
		r.ErrorCode = r.Members[0].ErrorCode
	}
	return r
}

func (c *Coordinator) leave(s *state, l kmsg.LeaveGroupRequestMember, now time.Time) int16 {
	if s.consumers != nil {
		return c.expel(s, l, now)
	}
	if _, ok := s.pending[l.MemberID]; ok && l.InstanceID == nil {
		delete(s.pending, l.MemberID)
		c.tryComplete(s, now)
		return 0
	}
	id := l.MemberID
	if l.InstanceID != nil && id == "" { // an administrator removes a static member by its instance id alone (KIP-345)
		id = s.static[*l.InstanceID]
	}
	m, code := s.find(id, l.InstanceID)
	if code != 0 {
		return code
	}
	c.drop(s, m, now)
	return 0
}
