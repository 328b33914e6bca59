package group

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Phase is where a classic group stands, by Kafka's names.
type Phase int8

// The phases. Dead is a group that was removed from the coordinator while somebody still held its pointer.
const (
	Empty Phase = iota
	PreparingRebalance
	CompletingRebalance
	Stable
	Dead
)

func (p Phase) String() string {
	return [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}[p]
}

// group is a state and the mutex that owns it.
type group struct {
	id string
	mu struct {
		sync.Mutex
		state
	}
	timer timer // owned by timers
}

func newGroup(id string, now time.Time) *group {
	g := &group{id: id}
	g.timer.index = -1
	g.timer.group = g
	g.mu.state = newState(id, now)
	return g
}

// state is one group. It is a plain state machine: it knows no locks, no clock (callers pass now) and no disk.
type state struct {
	id           string
	phase        Phase
	since        time.Time // when the phase began
	generation   int32
	protocolType string
	protocol     string
	leader       string
	members      map[string]*member
	static       map[string]string    // group.instance.id -> member id (KIP-345)
	pending      map[string]time.Time // member ids given out and not yet used (KIP-394), and until when they are good
	order        int                  // joins so far: the order of members

	joinBy time.Time // PreparingRebalance ends then at the latest; zero: no limit is running
	// initial is set in the first rebalance of an Empty group, which waits initialDelay for more members; grown tells
	// that one came since the wait began, startedAt when the first wait began.
	initial, grown bool
	startedAt      time.Time
	leading        bool      // CompletingRebalance: the leader's assignments wait for the disk
	syncBy         time.Time // members that have not sent SyncGroup by then leave; zero: none outstanding

	// record is the last metadata record that was appended: what a restart rebuilds the members from. Between
	// generations it is not what the fields say.
	record []byte

	// consumers is the group as the consumer protocol has it; nil: the group is one of the classic protocol. What stands
	// above is empty then.
	consumers *consumers

	offsets offsets
	held    map[int64]offsets // by producer id: offsets of open transactions
	writes  map[*writing]bool // commits that wait for the disk
}

func newState(id string, now time.Time) state {
	return state{
		id: id, since: now, members: map[string]*member{}, static: map[string]string{}, pending: map[string]time.Time{},
		offsets: offsets{}, writes: map[*writing]bool{},
	}
}

// member is one consumer of a group.
type member struct {
	id, clientID, clientHost string
	instance                 *string
	session, rebalance       time.Duration
	protocols                []kmsg.JoinGroupRequestProtocol
	assignment               []byte
	order                    int
	fresh                    bool // has joined but was in no generation yet
	mustSync                 bool // was told of the generation and has not sent SyncGroup
	deadline                 time.Time
	// The requests that wait for an answer; nil: none. Each channel has room for one answer and gets exactly one.
	join chan *kmsg.JoinGroupResponse
	sync chan *kmsg.SyncGroupResponse
}

func (m *member) metadata(protocol string) []byte {
	for i := range m.protocols {
		if m.protocols[i].Name == protocol {
			return m.protocols[i].Metadata
		}
	}
	return []byte{}
}

func (m *member) supports(protocol string) bool {
	return slices.ContainsFunc(m.protocols, func(p kmsg.JoinGroupRequestProtocol) bool { return p.Name == protocol })
}

// matches tells whether the member would join with what it has joined with already.
func (m *member) matches(protocols []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b kmsg.JoinGroupRequestProtocol) bool {
		return a.Name == b.Name && string(a.Metadata) == string(b.Metadata)
	})
}

// waits tells that the member has a request open, so that it is known to be alive.
func (m *member) waits() bool { return m.join != nil || m.sync != nil }

func (m *member) answerJoin(r *kmsg.JoinGroupResponse) {
	if m.join != nil {
		m.join <- r
		m.join = nil
	}
}

func (m *member) answerSync(r *kmsg.SyncGroupResponse) {
	if m.sync != nil {
		m.sync <- r
		m.sync = nil
	}
}

func (s *state) become(p Phase, now time.Time) { s.phase, s.since = p, now }

func (s *state) add(m *member) {
	s.order++
	m.order = s.order
	s.members[m.id] = m
	if m.instance != nil {
		s.static[*m.instance] = m.id
	}
	if s.leader == "" {
		s.leader = m.id
	}
	delete(s.pending, m.id)
}

// remove takes m out and fails what it waits for.
func (s *state) remove(m *member, code int16) {
	m.answerJoin(joinError(code, m.id))
	m.answerSync(syncError(code))
	delete(s.members, m.id)
	if m.instance != nil && s.static[*m.instance] == m.id {
		delete(s.static, *m.instance)
	}
	if s.leader == m.id {
		s.leader = ""
		if rest := s.sorted(); len(rest) > 0 {
			s.leader = rest[0].id
		}
	}
}

// sorted gives the members in the order in which they joined.
func (s *state) sorted() []*member {
	out := make([]*member, 0, len(s.members))
	for _, m := range s.members {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *member) int { return cmp.Compare(a.order, b.order) })
	return out
}

// accepts tells whether somebody with these protocols can be a member beside the others.
func (s *state) accepts(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if protocolType == "" || len(protocols) == 0 {
		return false
	}
	if len(s.members) == 0 {
		return true
	}
	if protocolType != s.protocolType {
		return false
	}
	return slices.ContainsFunc(protocols, func(p kmsg.JoinGroupRequestProtocol) bool { return s.common(p.Name) })
}

func (s *state) common(protocol string) bool {
	for _, m := range s.members {
		if !m.supports(protocol) {
			return false
		}
	}
	return true
}

// choose is the protocol of the next generation: of those that all members support, each member votes for the one that
// it names first, and the most votes win; between equals the one that the longest-standing member prefers.
func (s *state) choose() string {
	votes, common := map[string]int{}, map[string]bool{}
	members := s.sorted()
	for _, p := range members[0].protocols {
		common[p.Name] = s.common(p.Name)
	}
	for _, m := range members {
		for _, p := range m.protocols {
			if common[p.Name] {
				votes[p.Name]++
				break
			}
		}
	}
	best := ""
	for _, m := range members {
		for _, p := range m.protocols {
			if votes[p.Name] > votes[best] {
				best = p.Name
			}
		}
	}
	return best
}

// rebalanceTimeout is how long the slowest member asked to be waited for.
func (s *state) rebalanceTimeout() time.Duration {
	var longest time.Duration
	for _, m := range s.members {
		longest = max(longest, m.rebalance)
	}
	return longest
}

// next is the earliest time at which the group has something to do by itself; zero: never.
func (s *state) next() time.Time {
	var at time.Time
	earliest := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	earliest(s.joinBy)
	earliest(s.syncBy)
	if s.consumers != nil {
		earliest(s.consumers.next())
	}
	for _, t := range s.pending {
		earliest(t)
	}
	for _, m := range s.members {
		if !m.waits() || m.fresh {
			earliest(m.deadline)
		}
	}
	return at
}
