package group

import (
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// topicsEvery is how often a group compares its topics with what exists, at a heartbeat of any member: often enough that a
// new partition is consumed within a heartbeat or two, and no work for each of thousands of heartbeats a second.
const topicsEvery = time.Second

// refresh looks at the topics that the members subscribe to, at once when a subscription changed, and tells whether they
// differ from what the target was made for.
func (g *consumers) refresh(topics Topics, w *changes, at bool) bool {
	if !at && w.now.Sub(g.checked) < topicsEvery {
		return false
	}
	g.checked = w.now
	g.resolve(topics, w)
	now := map[string]TopicInfo{}
	look := func(name string) {
		if _, seen := now[name]; seen {
			return
		}
		if t, ok := topics.TopicInfo(name); ok {
			now[strings.Clone(name)] = t
		}
	}
	for _, m := range g.members {
		for _, name := range m.names {
			look(name)
		}
	}
	for _, p := range g.patterns {
		for _, name := range p.topics {
			look(name)
		}
	}
	g.topics = now
	if h := hashOf(now); h != g.hash {
		g.hash = h
		return true
	}
	return false
}

// resolve finds the topics that each expression in use matches.
func (g *consumers) resolve(topics Topics, w *changes) {
	matches := map[string][]string{}
	for _, m := range g.members {
		if m.regex == "" {
			continue
		}
		matches[m.regex] = []string{}
		if g.patterns[m.regex] == nil {
			re, err := compilePattern(m.regex)
			if err != nil {
				panic("BUG: unchecked expression: " + err.Error())
			}
			g.patterns[m.regex] = &pattern{re: re}
		}
	}
	for _, re := range sortedKeys(g.patterns) {
		if matches[re] == nil {
			delete(g.patterns, re)
			w.put(nil, kindPattern, re)
		}
	}
	if len(g.patterns) == 0 {
		return
	}
	topics.EachTopic(func(t TopicInfo) {
		for re, p := range g.patterns {
			if p.re.MatchString(t.Name) {
				matches[re] = append(matches[re], t.Name)
			}
		}
	})
	for _, re := range sortedKeys(g.patterns) {
		p := g.patterns[re]
		slices.Sort(matches[re])
		if p.topics == nil || !slices.Equal(p.topics, matches[re]) {
			p.topics = matches[re]
			w.put(p.value(w.now), kindPattern, re)
		}
	}
}

// hashOf tells two sets of topics apart; no topics are 0. Only the program that wrote it compares it: another one finds a
// difference, and makes a new target.
func hashOf(topics map[string]TopicInfo) int64 {
	if len(topics) == 0 {
		return 0
	}
	h := fnv.New64a()
	for _, name := range sortedKeys(topics) {
		t := topics[name]
		b := append([]byte(name), 0)
		b = append(b, t.ID[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(t.Partitions))
		_, _ = h.Write(b) // never fails
	}
	return int64(h.Sum64())
}

// aim makes the target of the group's epoch when it has none yet.
func (g *consumers) aim(w *changes) {
	if g.epoch == g.targetEpoch {
		return
	}
	next := g.retarget()
	for _, id := range sortedKeys(next) {
		if had, ok := g.target[id]; !ok || !had.equal(next[id]) {
			w.put(memberTargetValue(next[id]), kindMemberTarget, id)
		}
	}
	g.target, g.targetEpoch = next, g.epoch
	w.put(g.targetValue(w.now), kindTarget)
}

// reconcile brings m as near to its target as it can be: first it gives up what it must, then it enters the new epoch, then
// it gets what is free. owned is what it says it has, nil when it does not say.
func (g *consumers) reconcile(m *consumer, owned partitions, w *changes) {
	switch m.state {
	case settled:
		if m.epoch == g.targetEpoch {
			return
		}
	case mustRevoke:
		if owns(owned, m.revoking) {
			return
		}
	}
	before := string(m.currentValue())
	g.disown(m)
	g.approach(m, owned)
	g.own(m)
	if m.state != mustRevoke {
		m.revokeBy = time.Time{}
	} else if v := string(m.currentValue()); v != before {
		m.revokeBy = w.now.Add(m.rebalance)
	}
	if v := m.currentValue(); string(v) != before {
		w.put(v, kindCurrent, m.id)
	}
}

func (g *consumers) approach(m *consumer, owned partitions) {
	target := g.target[m.id]
	keep, revoke := partitions{}, partitions{}
	for s, epoch := range m.assigned {
		if _, ok := target[s]; ok {
			keep[s] = epoch
		} else {
			revoke[s] = epoch
		}
	}
	if len(revoke) > 0 && owns(owned, revoke) {
		m.state, m.assigned, m.revoking = mustRevoke, keep, revoke
		return
	}
	m.state = settled
	for s := range target {
		if _, ok := keep[s]; ok {
			continue
		}
		if _, taken := g.owners[s]; taken {
			m.state = mustWait
			continue
		}
		keep[s] = g.targetEpoch
	}
	m.assigned, m.revoking = keep, partitions{}
	if m.epoch != g.targetEpoch {
		m.previous, m.epoch = m.epoch, g.targetEpoch
	}
}

// owns tells whether a member that says it owns these may still use one of those. One that does not say may.
func owns(owned, those partitions) bool {
	if owned == nil {
		return true
	}
	for s := range those {
		if _, ok := owned[s]; ok {
			return true
		}
	}
	return false
}

// erase takes all of m out of the group and the log.
func (g *consumers) erase(m *consumer, w *changes) {
	w.put(nil, kindCurrent, m.id)
	w.put(nil, kindMemberTarget, m.id)
	w.put(nil, kindMember, m.id)
	g.disown(m)
	delete(g.members, m.id)
	delete(g.target, m.id)
	if m.instance != nil && g.static[*m.instance] == m.id {
		delete(g.static, *m.instance)
	}
}

// remove is erase for a member that left or was lost: what it had is for the others, in a new epoch. The next heartbeat
// computes its target.
func (g *consumers) remove(m *consumer, w *changes) {
	g.erase(m, w)
	g.epoch++
	w.put(g.groupValue(), kindGroup)
}

// expireConsumers removes the members whose sessions are over and those that did not revoke in time.
func (c *Coordinator) expireConsumers(s *state, now time.Time) {
	g := s.consumers
	w := newChanges(s.id, now)
	passed := func(t time.Time) bool { return !t.IsZero() && !t.After(now) }
	for _, m := range g.sorted() {
		if passed(m.deadline) || passed(m.revokeBy) {
			g.remove(m, w)
		}
	}
	c.write(g, w)
}
