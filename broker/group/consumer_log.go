package group

import (
	"context"
	"regexp"
	"time"

	"github.com/weirhub/weir/internal/record"
)

// waiting is an append that may not be durable yet.
type waiting struct{ wait func(context.Context) error }

// changes gathers the records of one step of a group. They are appended as one batch: a restart finds all or none.
type changes struct {
	id  string // of the group
	now time.Time
	b   *record.Builder
}

func newChanges(id string, now time.Time) *changes {
	w := &changes{id: id, now: now, b: &record.Builder{}}
	w.b.Reset(record.None)
	return w
}

func (w *changes) put(value []byte, kind int16, rest ...string) {
	w.b.Add(w.now.UnixMilli(), consumerKey(kind, w.id, rest...), value)
}

// write appends the changes. The caller holds the group's mutex (G4) and answers only after g.stored. When the log does
// not take them the group is ahead of it for good, and no answer leaves any more: the log is offline then.
func (c *Coordinator) write(g *consumers, w *changes) {
	if w.b.Len() == 0 {
		return
	}
	_, wait, err := c.append(w.b.Build())
	if err != nil {
		wait = func(context.Context) error { return err }
	}
	g.stored = &waiting{wait}
}

// all writes the group as it is.
func (g *consumers) all(w *changes) {
	for _, m := range g.sorted() {
		w.put(m.value(), kindMember, m.id)
	}
	for _, re := range sortedKeys(g.patterns) {
		w.put(g.patterns[re].value(w.now), kindPattern, re)
	}
	w.put(g.groupValue(), kindGroup)
	for _, id := range sortedKeys(g.target) {
		w.put(memberTargetValue(g.target[id]), kindMemberTarget, id)
	}
	w.put(g.targetValue(w.now), kindTarget)
	for _, m := range g.sorted() {
		w.put(m.currentValue(), kindCurrent, m.id)
	}
}

// forget writes tombstones for all of a group without members.
func (g *consumers) forget(w *changes) {
	for _, re := range sortedKeys(g.patterns) {
		w.put(nil, kindPattern, re)
	}
	w.put(nil, kindTarget)
	w.put(nil, kindTopics)
	w.put(nil, kindGroup)
}

// consumer applies one record of the consumer protocol.
func (r *replay) consumer(kind int16, rec *record.Record) error {
	group, rest, err := readConsumerKey(rec.Key)
	if err != nil {
		return err
	}
	s := &r.group(group).mu.state
	if s.consumers == nil {
		if rec.Value == nil {
			return nil
		}
		s.consumers = newConsumers()
	}
	if rec.Value == nil {
		s.forgetRecord(kind, rest)
		return nil
	}
	g := s.consumers
	switch kind {
	case kindGroup:
		return g.readGroup(rec.Value)
	case kindMember:
		return g.member(rest).read(rec.Value)
	case kindTarget:
		return g.readTarget(rec.Value)
	case kindMemberTarget:
		g.target[rest], err = readMemberTarget(rec.Value)
		return err
	case kindCurrent:
		return g.member(rest).readCurrent(rec.Value)
	case kindPattern:
		p := &pattern{}
		if p.re, err = compilePattern(rest); err != nil {
			return err
		}
		g.patterns[rest] = p
		return p.read(rec.Value)
	}
	return nil
}

func (s *state) forgetRecord(kind int16, rest string) {
	g := s.consumers
	switch kind {
	case kindGroup:
		s.consumers = nil
	case kindMember:
		delete(g.members, rest)
	case kindMemberTarget:
		delete(g.target, rest)
	case kindCurrent:
		if m := g.members[rest]; m != nil {
			m.epoch, m.previous, m.state, m.assigned, m.revoking = 0, 0, settled, partitions{}, partitions{}
		}
	case kindPattern:
		delete(g.patterns, rest)
	}
}

func (g *consumers) member(id string) *consumer {
	m := g.members[id]
	if m == nil {
		m = &consumer{id: id, assigned: partitions{}, revoking: partitions{}}
		g.members[id] = m
	}
	return m
}

// restored rebuilds what follows from the records. Members must show up again within their session, counted from now.
func (g *consumers) restored(session time.Duration, now time.Time) {
	for _, m := range g.members {
		if m.instance != nil {
			g.static[*m.instance] = m.id
		}
		g.own(m)
		m.deadline = now.Add(session)
		if m.state == mustRevoke {
			m.revokeBy = now.Add(m.rebalance)
		}
	}
}

// compilePattern is Google's RE2, as the consumer protocol has it; the whole of a topic's name must match.
func compilePattern(re string) (*regexp.Regexp, error) { return regexp.Compile(`\A(?:` + re + `)\z`) }
