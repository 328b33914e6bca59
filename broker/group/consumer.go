package group

import (
	"cmp"
	"regexp"
	"slices"
	"time"
)

// TopicInfo is what the consumer protocol must know of a topic.
type TopicInfo struct {
	Name       string
	ID         [16]byte
	Partitions int32
}

// Topics tells which topics exist. Both are called with a group locked, and must not call back.
type Topics interface {
	// TopicInfo is the topic of this name.
	TopicInfo(name string) (TopicInfo, bool)
	// EachTopic calls f with every topic, in any order.
	EachTopic(f func(TopicInfo))
}

// Timeouts are the pace of a group of the consumer protocol, which its members do not choose themselves.
type Timeouts struct {
	// Session is how long a member may be silent: consumer.session.timeout.ms.
	Session time.Duration
	// Heartbeat is what its members are told: consumer.heartbeat.interval.ms.
	Heartbeat time.Duration
}

// slot is one partition of a topic.
type slot struct {
	topic     [16]byte
	partition int32
}

// partitions is a set of partitions. Those that a member has carry the epoch at which it was given each (KIP-1251).
type partitions map[slot]int32

func (p partitions) equal(o partitions) bool {
	if len(p) != len(o) {
		return false
	}
	for s := range p {
		if _, ok := o[s]; !ok {
			return false
		}
	}
	return true
}

// slots gives the set in order.
func (p partitions) slots() []slot {
	out := make([]slot, 0, len(p))
	for s := range p {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b slot) int {
		return cmp.Or(slices.Compare(a.topic[:], b.topic[:]), cmp.Compare(a.partition, b.partition))
	})
	return out
}

// consumerState is how far a member is from its target, by the numbers that Kafka stores.
type consumerState int8

const (
	// settled: the member has what its epoch's target says.
	settled consumerState = 0
	// mustRevoke: it was told to give partitions up, and has not said that it did.
	mustRevoke consumerState = 1
	// mustWait: it is in the newest epoch, and others have not given up all that it shall get.
	mustWait consumerState = 2
)

// Member epochs of a heartbeat that are no epochs.
const (
	epochJoin        = 0
	epochLeave       = -1
	epochStaticLeave = -2 // a static member goes, and will come back
)

// consumer is one member of a group of the consumer protocol.
type consumer struct {
	id, clientID, clientHost string
	instance, rack           *string
	names                    []string // topics that it subscribes to by name, sorted
	regex                    string   // and by expression; "": none
	rebalance                time.Duration
	assignor                 string // that it asks for; "": it does not care

	// epoch is the member's: all it owns is of this target's epoch or older. previous is the one before, which it may
	// still send when the answer that told it of the new one was lost.
	epoch, previous int32
	state           consumerState
	assigned        partitions // it may consume them
	revoking        partitions // it must give them up and has not yet; nobody else gets them

	deadline time.Time // of its session
	revokeBy time.Time // mustRevoke ends then at the latest; zero: it is not in it
}

// pattern is a regular expression that members subscribe to.
type pattern struct {
	re     *regexp.Regexp
	topics []string // that it matches, sorted
}

// consumers is a group of the consumer protocol (KIP-848). Members say what they subscribe to; the coordinator computes a
// target for each epoch of the group, and brings one member after the other there: a partition is given to a member after
// the one that had it said that it let go.
type consumers struct {
	epoch       int32 // of the group: raised when a member, a subscription or a subscribed topic changes
	targetEpoch int32 // of the group when target was computed
	members     map[string]*consumer
	static      map[string]string     // group.instance.id -> member id
	target      map[string]partitions // by member id
	owners      map[slot]string       // who has a partition, or still must give it up
	patterns    map[string]*pattern
	topics      map[string]TopicInfo // that are subscribed to and exist
	hash        int64                // of topics
	checked     time.Time            // when topics was compared with what exists

	// stored waits for the newest record of the group; nil: all are durable. No answer leaves before (G3).
	stored *waiting
}

func newConsumers() *consumers {
	return &consumers{
		members: map[string]*consumer{}, static: map[string]string{}, target: map[string]partitions{},
		owners: map[slot]string{}, patterns: map[string]*pattern{}, topics: map[string]TopicInfo{},
	}
}

// sorted gives the members, static ones first by their instance ids, the others by their ids.
func (g *consumers) sorted() []*consumer {
	out := make([]*consumer, 0, len(g.members))
	for _, m := range g.members {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *consumer) int {
		if (a.instance == nil) != (b.instance == nil) {
			if a.instance != nil {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(deref(a.instance), deref(b.instance)), cmp.Compare(a.id, b.id))
	})
	return out
}

// subscription is the names of the topics that m consumes, sorted.
func (g *consumers) subscription(m *consumer) []string {
	p := g.patterns[m.regex]
	if p == nil {
		return m.names
	}
	out := slices.Concat(m.names, p.topics)
	slices.Sort(out)
	return slices.Compact(out)
}

// phase is the group's state by Kafka's names.
func (g *consumers) phase() string {
	switch {
	case len(g.members) == 0:
		return "Empty"
	case g.epoch > g.targetEpoch:
		return "Assigning"
	}
	for _, m := range g.members {
		if m.state != settled || m.epoch != g.targetEpoch {
			return "Reconciling"
		}
	}
	return "Stable"
}

// preferred is the assignor that most members ask for. Members that ask for none go with the others.
func (g *consumers) preferred() string {
	votes, best := map[string]int{}, assignorUniform
	for _, m := range g.members {
		if m.assignor != "" {
			votes[m.assignor]++
		}
	}
	for _, name := range assignorNames() {
		if votes[name] > votes[best] {
			best = name
		}
	}
	return best
}

// own makes m the owner of what it has and must give up, and of nothing else.
func (g *consumers) own(m *consumer) {
	for _, p := range []partitions{m.assigned, m.revoking} {
		for s := range p {
			g.owners[s] = m.id
		}
	}
}

func (g *consumers) disown(m *consumer) {
	for _, p := range []partitions{m.assigned, m.revoking} {
		for s := range p {
			if g.owners[s] == m.id {
				delete(g.owners, s)
			}
		}
	}
}

// next is the earliest deadline of a member; zero: there is none.
func (g *consumers) next() (at time.Time) {
	for _, m := range g.members {
		for _, t := range []time.Time{m.deadline, m.revokeBy} {
			if !t.IsZero() && (at.IsZero() || t.Before(at)) {
				at = t
			}
		}
	}
	return at
}
