package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// rebalance starts a rebalance unless one is running, and completes the running one if nobody is missing any more.
func (c *Coordinator) rebalance(s *state, now time.Time) {
	if s.phase != PreparingRebalance {
		c.prepare(s, now)
		return
	}
	c.tryComplete(s, now)
}

// prepare begins to gather the members of the next generation.
func (c *Coordinator) prepare(s *state, now time.Time) {
	if s.phase == CompletingRebalance {
		s.failSync(kerr.RebalanceInProgress.Code)
	}
	s.syncBy, s.leading = time.Time{}, false
	for _, m := range s.members {
		m.mustSync = false
	}
	s.initial = s.phase == Empty
	s.startedAt = now
	s.become(PreparingRebalance, now)
	if s.initial {
		s.grown = false
		s.joinBy = now.Add(min(c.o.InitialDelay, s.rebalanceTimeout()))
		return
	}
	s.joinBy = now.Add(s.rebalanceTimeout())
	c.tryComplete(s, now)
}

// tryComplete begins the next generation if everybody is there. The first rebalance of a group always waits its time.
func (c *Coordinator) tryComplete(s *state, now time.Time) {
	if s.phase != PreparingRebalance || len(s.pending) > 0 {
		return
	}
	if s.initial && len(s.members) > 0 {
		return
	}
	for _, m := range s.members {
		if m.join == nil {
			return
		}
	}
	c.complete(s, now)
}

// complete begins the next generation with those who have joined. Members that have not are out, except static ones,
// which keep their place until their session ends (KIP-345).
func (c *Coordinator) complete(s *state, now time.Time) {
	for _, m := range s.sorted() {
		if m.join == nil && m.instance == nil {
			s.remove(m, kerr.UnknownMemberID.Code)
		}
	}
	if len(s.members) > 0 && !s.electLeader() {
		s.joinBy = now.Add(s.rebalanceTimeout()) // only absent static members are left: wait for one of them
		return
	}
	s.joinBy, s.initial = time.Time{}, false
	s.generation++
	if len(s.members) == 0 {
		s.protocol, s.leader = "", ""
		s.become(Empty, now)
		// Nobody waits for this record: a restart without it finds members that never heartbeat, and gets here again.
		_, _ = c.store(s, nil, now)
		return
	}
	s.protocol = s.choose()
	s.become(CompletingRebalance, now)
	s.syncBy = now.Add(s.rebalanceTimeout())
	for _, m := range s.members {
		m.deadline, m.fresh, m.mustSync = now.Add(m.session), false, true
		m.answerJoin(s.joined(m))
	}
}

// electLeader makes sure that the leader is somebody who has joined, and tells whether there is one.
func (s *state) electLeader() bool {
	if m := s.members[s.leader]; m != nil && m.join != nil {
		return true
	}
	for _, m := range s.sorted() {
		if m.join != nil {
			s.leader = m.id
			return true
		}
	}
	return false
}

// failSync answers everybody who waits for an assignment with an error.
func (s *state) failSync(code int16) {
	for _, m := range s.members {
		m.assignment = nil
		if m.sync != nil {
			m.answerSync(syncError(code))
		}
	}
}

// expire does what is due at now: member ids that were not used, the end of a rebalance, late SyncGroups, sessions.
func (c *Coordinator) expire(s *state, now time.Time) {
	if s.phase == Dead {
		return
	}
	if s.consumers != nil {
		c.expireConsumers(s, now)
		return
	}
	passed := func(t time.Time) bool { return !t.IsZero() && !t.After(now) }
	for id, until := range s.pending {
		if passed(until) {
			delete(s.pending, id)
			c.tryComplete(s, now)
		}
	}
	for _, m := range s.sorted() {
		if passed(m.deadline) && (!m.waits() || m.fresh) {
			c.drop(s, m, now)
		}
	}
	if passed(s.syncBy) {
		c.syncTimeout(s, now)
	}
	if s.phase == PreparingRebalance && passed(s.joinBy) {
		c.joinTimeout(s, now)
	}
}

// joinTimeout ends the wait for members. The first wait of a group goes on while it keeps growing, up to the rebalance
// timeout (KIP-134).
func (c *Coordinator) joinTimeout(s *state, now time.Time) {
	if limit := s.startedAt.Add(s.rebalanceTimeout()); s.initial && s.grown && now.Before(limit) {
		s.grown = false
		s.joinBy = now.Add(min(c.o.InitialDelay, limit.Sub(now)))
		return
	}
	s.initial = false
	c.complete(s, now)
}

// syncTimeout removes the members that were told of the generation and never asked for their assignment.
func (c *Coordinator) syncTimeout(s *state, now time.Time) {
	s.syncBy = time.Time{}
	late := false
	for _, m := range s.sorted() {
		if m.mustSync {
			s.remove(m, kerr.UnknownMemberID.Code)
			late = true
		}
	}
	if late {
		c.prepare(s, now)
	}
}

// drop removes a member that left or was lost, and starts what follows from it.
func (c *Coordinator) drop(s *state, m *member, now time.Time) {
	s.remove(m, kerr.UnknownMemberID.Code)
	switch s.phase {
	case Stable, CompletingRebalance:
		c.prepare(s, now)
	case PreparingRebalance:
		c.tryComplete(s, now)
	}
}
