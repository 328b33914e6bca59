package group

import (
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// memTopics is a broker's topics in memory.
type memTopics struct {
	mu     sync.Mutex
	byName map[string]TopicInfo
	made   byte
}

func (m *memTopics) TopicInfo(name string) (TopicInfo, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.byName[name]
	return t, ok
}

func (m *memTopics) EachTopic(f func(TopicInfo)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.byName {
		f(t)
	}
}

// set makes or grows a topic; 0 partitions delete it.
func (m *memTopics) set(name string, partitions int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byName == nil {
		m.byName = map[string]TopicInfo{}
	}
	t, ok := m.byName[name]
	if !ok {
		m.made++
		t = TopicInfo{Name: name, ID: [16]byte{m.made}}
	}
	t.Partitions = partitions
	m.byName[name] = t
	if partitions == 0 {
		delete(m.byName, name)
	}
}

func (m *memTopics) id(name string) [16]byte {
	t, _ := m.TopicInfo(name)
	return t.ID
}

// client is a member as its client library plays it: it takes over what it is told, and says what it owns.
type client struct {
	c        *Coordinator
	group    string
	id       string
	instance *string
	epoch    int32
	owned    partitions
	topics   []string
	regex    string
}

func (m *client) request(full bool) *kmsg.ConsumerGroupHeartbeatRequest {
	r := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	r.Version, r.Group, r.MemberID, r.MemberEpoch, r.InstanceID = 1, m.group, m.id, m.epoch, m.instance
	r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	for _, slots := range byTopic(m.owned) {
		t := kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: slots[0].topic}
		for _, s := range slots {
			t.Partitions = append(t.Partitions, s.partition)
		}
		r.Topics = append(r.Topics, t)
	}
	if full {
		r.RebalanceTimeoutMillis = 10_000
		r.SubscribedTopicNames = append([]string{}, m.topics...)
		r.SubscribedTopicRegex = &m.regex
	}
	return r
}

// beat heartbeats and takes over what the answer says.
func (m *client) beat(t *testing.T, full bool) *kmsg.ConsumerGroupHeartbeatResponse {
	t.Helper()
	r := m.c.ConsumerHeartbeat(t.Context(), m.request(full || m.epoch == 0), Client{"app", "/host"})
	if r.ErrorCode != 0 {
		return r
	}
	m.epoch = r.MemberEpoch
	if r.Assignment != nil {
		m.owned = partitions{}
		for _, topic := range r.Assignment.Topics {
			for _, n := range topic.Partitions {
				m.owned[slot{topic.TopicID, n}] = 0
			}
		}
	}
	return r
}

func (m *client) must(t *testing.T, full bool) *kmsg.ConsumerGroupHeartbeatResponse {
	t.Helper()
	r := m.beat(t, full)
	if r.ErrorCode != 0 {
		t.Fatalf("%s: code %d: %s", m.id, r.ErrorCode, deref(r.ErrorMessage))
	}
	return r
}

func openConsumers(t *testing.T, l *memLog, topics *memTopics) *Coordinator {
	return open(t, l, Options{Topics: topics})
}

// A member alone gets all partitions; a second one waits until the first has said that it let go; then the group is
// stable, each has half, and both are in the newest epoch.
func TestPartitionsMoveAfterTheyWereRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("t", 4)
		c := openConsumers(t, newMemLog(), topics)
		run(t, c)
		a := &client{c: c, group: "g", id: "a", topics: []string{"t"}}
		if r := a.must(t, true); r.MemberEpoch != 1 || len(a.owned) != 4 || r.HeartbeatIntervalMillis != 5000 {
			t.Fatalf("first member: %+v, owns %v", r, a.owned)
		}
		b := &client{c: c, group: "g", id: "b", topics: []string{"t"}}
		if r := b.must(t, true); r.MemberEpoch != 2 || len(b.owned) != 0 {
			t.Fatalf("second member: epoch %d, owns %v: nothing is free yet", r.MemberEpoch, b.owned)
		}
		before := a.owned
		if r := a.must(t, false); r.MemberEpoch != 1 || len(a.owned) != 2 {
			t.Fatalf("first member: epoch %d, owns %v: it has to give up two", r.MemberEpoch, a.owned)
		}
		kept := a.owned
		a.owned = before // it still revokes
		if r := a.must(t, false); r.MemberEpoch != 1 || r.Assignment != nil {
			t.Fatalf("first member: %+v while it revokes", r)
		}
		if b.must(t, false); len(b.owned) != 0 {
			t.Fatalf("second member owns %v, which the first has not given up", b.owned)
		}
		if d := c.DescribeConsumers("g"); d.State != "Reconciling" {
			t.Fatalf("state %s", d.State)
		}
		a.owned = kept
		if r := a.must(t, false); r.MemberEpoch != 2 {
			t.Fatalf("first member: epoch %d after it revoked", r.MemberEpoch)
		}
		if r := b.must(t, false); r.MemberEpoch != 2 || len(b.owned) != 2 {
			t.Fatalf("second member: epoch %d, owns %v", r.MemberEpoch, b.owned)
		}
		d := c.DescribeConsumers("g")
		if d.State != "Stable" || d.Epoch != 2 || d.AssignmentEpoch != 2 || d.AssignorName != "uniform" || len(d.Members) != 2 ||
			d.Members[0].Assignment.TopicPartitions[0].Topic != "t" || d.Members[0].MemberType != 1 {
			t.Fatalf("describe: %+v", d)
		}
	})
}

// A member that is silent for the session, and one that does not revoke within its rebalance timeout, are out, and the
// other gets what they had.
func TestLostMembersAreFenced(t *testing.T) {
	for _, c := range []struct {
		name  string
		alive bool // the victim heartbeats, but never revokes
		after time.Duration
	}{{"silent", false, 45 * time.Second}, {"keeps", true, 10 * time.Second}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				topics := &memTopics{}
				topics.set("t", 4)
				co := openConsumers(t, newMemLog(), topics)
				run(t, co)
				victim := &client{c: co, group: "g", id: "victim", topics: []string{"t"}}
				victim.must(t, true)
				start := time.Now()
				heir := &client{c: co, group: "g", id: "heir", topics: []string{"t"}}
				heir.must(t, true)
				all := victim.owned
				for len(heir.owned) < 4 && time.Since(start) < time.Minute {
					time.Sleep(time.Second)
					if c.alive && victim.beat(t, false).ErrorCode == 0 {
						victim.owned = all
					}
					heir.must(t, false)
				}
				if took := time.Since(start); took < c.after || took > c.after+3*time.Second {
					t.Errorf("the heir has %v after %v, want all after %v", heir.owned, took, c.after)
				}
				if r := victim.beat(t, false); r.ErrorCode != kerr.UnknownMemberID.Code {
					t.Errorf("the victim's heartbeat: code %d, want UNKNOWN_MEMBER_ID", r.ErrorCode)
				}
			})
		})
	}
}

// A static member that leaves for a moment keeps its partitions for whoever comes back under its name, without a new
// epoch; while it is there nobody else gets the name.
func TestStaticMemberComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("t", 4)
		c := openConsumers(t, newMemLog(), topics)
		run(t, c)
		name := "one"
		a := &client{c: c, group: "g", id: "a", instance: &name, topics: []string{"t"}}
		a.must(t, true)
		other := &client{c: c, group: "g", id: "b", instance: &name, topics: []string{"t"}}
		if r := other.beat(t, true); r.ErrorCode != kerr.UnreleasedInstanceID.Code {
			t.Fatalf("code %d, want UNRELEASED_INSTANCE_ID", r.ErrorCode)
		}
		a.epoch = epochStaticLeave
		if r := a.must(t, false); r.MemberEpoch != epochStaticLeave {
			t.Fatalf("leave: %+v", r)
		}
		if r := other.must(t, true); r.MemberEpoch != 1 || len(other.owned) != 4 {
			t.Fatalf("back: %+v, owns %v", r, other.owned)
		}
		a.epoch = 1
		if r := a.beat(t, false); r.ErrorCode != kerr.FencedInstanceID.Code {
			t.Fatalf("the old one: code %d, want FENCED_INSTANCE_ID", r.ErrorCode)
		}
	})
}

// Commits and fetches of offsets are fenced by the member's epoch; an older one is good for partitions that the member has
// had since (KIP-1251).
func TestOffsetsAreFencedByMemberEpochs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("t", 1)
		c := openConsumers(t, newMemLog(), topics)
		run(t, c)
		commit := func(member string, epoch int32) int16 {
			return commitCode(c.CommitOffsets(t.Context(), commitRequest("g", member, epoch, 1), anywhere))
		}
		a := &client{c: c, group: "g", id: "a", topics: []string{"t"}}
		a.must(t, true)
		b := &client{c: c, group: "g", id: "b", topics: []string{"t"}}
		b.must(t, true)
		a.must(t, false)
		if a.epoch != 2 || len(a.owned) != 1 {
			t.Fatalf("epoch %d, owns %v", a.epoch, a.owned)
		}
		for _, x := range []struct {
			member string
			epoch  int32
			want   int16
		}{
			{"a", 2, 0},
			{"a", 1, 0}, // it has had the partition since epoch 1
			{"a", 0, kerr.StaleMemberEpoch.Code},
			{"a", 3, kerr.StaleMemberEpoch.Code},
			{"b", 2, 0},
			{"b", 1, kerr.StaleMemberEpoch.Code},
			{"nobody", 2, kerr.UnknownMemberID.Code},
			{"", -1, kerr.UnknownMemberID.Code},
		} {
			if got := commit(x.member, x.epoch); got != x.want {
				t.Errorf("commit of %q in epoch %d: code %d, want %d", x.member, x.epoch, got, x.want)
			}
		}
		old := commitRequest("g", "a", 2, 1)
		old.Version = 8
		if got := commitCode(c.CommitOffsets(t.Context(), old, anywhere)); got != kerr.UnsupportedVersion.Code {
			t.Errorf("version 8: code %d, want UNSUPPORTED_VERSION", got)
		}
		id, nobody := "a", "nobody"
		if got := c.CheckFetch("g", &id, 1); got != kerr.StaleMemberEpoch.Code {
			t.Errorf("fetch in epoch 1: code %d, want STALE_MEMBER_EPOCH", got)
		}
		if got := c.CheckFetch("g", &nobody, 1); got != kerr.UnknownMemberID.Code {
			t.Errorf("fetch of nobody: code %d, want UNKNOWN_MEMBER_ID", got)
		}
		if c.CheckFetch("g", &id, 2) != 0 || c.CheckFetch("g", nil, -1) != 0 {
			t.Error("fetch refused")
		}
	})
}

// Offsets of a transaction are fenced as plain ones are; who names no member is fenced by its transactional id alone.
func TestTransactionsAreFencedByMemberEpochs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("t", 1)
		c := openConsumers(t, newMemLog(), topics)
		a := &client{c: c, group: "g", id: "a", topics: []string{"t"}}
		a.must(t, true)
		for _, x := range []struct {
			member string
			epoch  int32
			want   int16
		}{
			{"a", 1, 0},
			{"a", 0, kerr.StaleMemberEpoch.Code},
			{"a", 2, kerr.StaleMemberEpoch.Code},
			{"nobody", 1, kerr.UnknownMemberID.Code},
			{"", -1, 0},
		} {
			req := kmsg.NewPtrTxnOffsetCommitRequest()
			req.Version, req.Group, req.MemberID, req.Generation, req.ProducerID = 5, "g", x.member, x.epoch, 9
			req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Offset: 3}}}}
			if got := c.CommitTxnOffsets(t.Context(), req, anywhere).Topics[0].Partitions[0].ErrorCode; got != x.want {
				t.Errorf("commit of %q in epoch %d: code %d, want %d", x.member, x.epoch, got, x.want)
			}
		}
	})
}

// A member whose answer was lost goes on with its previous epoch as long as it owns no more than it was given; other
// epochs are fenced.
func TestEpochsAreFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("t", 2)
		c := openConsumers(t, newMemLog(), topics)
		run(t, c)
		a := &client{c: c, group: "g", id: "a", topics: []string{"t"}}
		a.must(t, true)
		topics.set("t", 3)
		time.Sleep(2 * time.Second)
		lost := a.request(false)
		if r := c.ConsumerHeartbeat(t.Context(), lost, Client{}); r.MemberEpoch != 2 {
			t.Fatalf("a new partition: %+v", r)
		}
		if r := a.must(t, true); r.MemberEpoch != 2 || len(a.owned) != 3 {
			t.Fatalf("again with epoch 1: %+v, owns %v", r, a.owned)
		}
		for _, epoch := range []int32{3, 1} {
			a.epoch = epoch
			a.owned[slot{[16]byte{99}, 0}] = 0 // which it never was given
			if r := a.beat(t, false); r.ErrorCode != kerr.FencedMemberEpoch.Code {
				t.Errorf("epoch %d: code %d, want FENCED_MEMBER_EPOCH", epoch, r.ErrorCode)
			}
		}
		a.epoch, a.owned = 0, nil
		if r := a.must(t, true); r.MemberEpoch != 2 || len(a.owned) != 3 {
			t.Fatalf("joins again: %+v, owns %v", r, a.owned)
		}
	})
}

// An expression subscribes to what it matches as a whole, now and later; one that is not RE2 is refused.
func TestExpressionsFollowTheTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("logs-a", 1)
		topics.set("other-logs-a", 1)
		c := openConsumers(t, newMemLog(), topics)
		run(t, c)
		a := &client{c: c, group: "g", id: "a", regex: "logs-.*"}
		if a.must(t, true); len(a.owned) != 1 {
			t.Fatalf("owns %v", a.owned)
		}
		topics.set("logs-b", 2)
		time.Sleep(2 * time.Second)
		if a.must(t, false); len(a.owned) != 3 || a.epoch != 2 {
			t.Fatalf("epoch %d, owns %v after logs-b was made", a.epoch, a.owned)
		}
		topics.set("logs-a", 0)
		time.Sleep(2 * time.Second)
		for range 2 { // gives it up, and says so
			a.must(t, false)
		}
		if len(a.owned) != 2 || a.epoch != 3 {
			t.Fatalf("epoch %d, owns %v after logs-a was deleted", a.epoch, a.owned)
		}
		bad := &client{c: c, group: "g", id: "b", regex: "(?=x)"}
		if r := bad.beat(t, true); r.ErrorCode != kerr.InvalidRegularExpression.Code {
			t.Fatalf("code %d, want INVALID_REGULAR_EXPRESSION", r.ErrorCode)
		}
	})
}

// A restart finds members, epochs, targets and what each has, also from a log that was trimmed.
func TestConsumersOutliveRestart(t *testing.T) {
	for _, trimmed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			topics := &memTopics{}
			topics.set("t", 5)
			topics.set("u-1", 1)
			l := newMemLog()
			c := openConsumers(t, l, topics)
			run(t, c)
			name := "static"
			a := &client{c: c, group: "g", id: "a", instance: &name, topics: []string{"t"}}
			a.must(t, true)
			b := &client{c: c, group: "g", id: "b", topics: []string{"t"}, regex: "u-.*"}
			b.must(t, true)
			a.must(t, false) // and leaves the revocation open
			if trimmed {
				if err := c.trim(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			}
			before := c.DescribeConsumers("g")
			again := openConsumers(t, l.crash(), topics)
			run(t, again)
			after := again.DescribeConsumers("g")
			if len(before.Members) != 2 || before.State != "Reconciling" || !reflect.DeepEqual(before, after) {
				t.Fatalf("before %+v\nafter  %+v", before, after)
			}
			a.c, b.c = again, again
			for range 3 {
				a.must(t, false)
				b.must(t, false)
			}
			if len(a.owned)+len(b.owned) != 6 || again.DescribeConsumers("g").State != "Stable" {
				t.Fatalf("after the restart a has %v, b has %v", a.owned, b.owned)
			}
		})
	}
}

// A group changes its protocol only while it is empty, and keeps its offsets; the other protocol's requests are refused
// while it is not.
func TestEmptyGroupChangesItsProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("t", 1)
		l := newMemLog()
		c := openConsumers(t, l, topics)
		run(t, c)
		j := alone(t, c, "g")
		if code := commitCode(c.CommitOffsets(t.Context(), commitRequest("g", j.MemberID, 1, 5), anywhere)); code != 0 {
			t.Fatalf("commit: code %d", code)
		}
		a := &client{c: c, group: "g", id: "a", topics: []string{"t"}}
		if r := a.beat(t, true); r.ErrorCode != kerr.GroupIDNotFound.Code {
			t.Fatalf("heartbeat in a classic group: code %d, want GROUP_ID_NOT_FOUND", r.ErrorCode)
		}
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Version, leave.Group, leave.Members = 5, "g", []kmsg.LeaveGroupRequestMember{{MemberID: j.MemberID}}
		c.LeaveGroup(leave)
		a.must(t, true)
		if l := c.List(nil, []string{"Consumer"}); len(l) != 1 || l[0].GroupState != "Stable" || l[0].ProtocolType != "consumer" {
			t.Fatalf("list: %+v", l)
		}
		if p := fetched(c, "g", true); p.Offset != 5 {
			t.Fatalf("offset %d, want 5", p.Offset)
		}
		join := joinRequest("g", "", "range")
		if r, err := c.JoinGroup(t.Context(), join, Client{}); err != nil || r.ErrorCode != kerr.InconsistentGroupProtocol.Code {
			t.Fatalf("classic join: %v %+v, want INCONSISTENT_GROUP_PROTOCOL", err, r)
		}
		if code := c.Delete(t.Context(), "g"); code != kerr.NonEmptyGroup.Code {
			t.Fatalf("delete: code %d, want NON_EMPTY_GROUP", code)
		}
		a.epoch = epochLeave
		if r := a.must(t, false); r.MemberEpoch != epochLeave {
			t.Fatalf("leave: %+v", r)
		}
		late := joinRequest("g", j.MemberID, "range")
		if r, err := c.JoinGroup(t.Context(), late, Client{}); err != nil || r.ErrorCode != kerr.UnknownMemberID.Code || len(c.List(nil, []string{"consumer"})) != 1 {
			t.Fatalf("a member of before: %v %+v, want UNKNOWN_MEMBER_ID and the group as it is", err, r)
		}
		alone(t, c, "g")
		again := openConsumers(t, l.crash(), topics)
		if d := again.Describe("g"); d.State != "Stable" || again.DescribeConsumers("g").ErrorCode != kerr.GroupIDNotFound.Code {
			t.Fatalf("after a restart: %+v", d)
		}
		if p := fetched(again, "g", true); p.Offset != 5 {
			t.Fatalf("offset %d after the restart, want 5", p.Offset)
		}
	})
}

// A deleted group is gone from the log.
func TestDeletedConsumersAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("t", 1)
		l := newMemLog()
		c := openConsumers(t, l, topics)
		a := &client{c: c, group: "g", id: "a", topics: []string{"t"}, regex: "t.*"}
		a.must(t, true)
		a.epoch = epochLeave
		a.must(t, false)
		if code := c.Delete(t.Context(), "g"); code != 0 {
			t.Fatalf("delete: code %d", code)
		}
		for _, c := range []*Coordinator{c, openConsumers(t, l.crash(), topics)} {
			if l := c.List(nil, nil); len(l) != 0 {
				t.Errorf("list: %+v", l)
			}
		}
	})
}

// An answer waits for the disk, also one that tells only of what another request has appended (G3).
func TestHeartbeatsWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("t", 2)
		l := newMemLog()
		l.hold = true
		c := openConsumers(t, l, topics)
		a := &client{c: c, group: "g", id: "a", topics: []string{"t"}}
		answers := make(chan *kmsg.ConsumerGroupHeartbeatResponse, 2)
		for range 2 { // the second appends nothing
			go func() { answers <- c.ConsumerHeartbeat(t.Context(), a.request(true), Client{}) }()
		}
		synctest.Wait()
		if len(answers) != 0 {
			t.Fatalf("answered before the record was durable: %+v", <-answers)
		}
		l.sync()
		for range 2 {
			if r := <-answers; r.ErrorCode != 0 || r.MemberEpoch != 1 {
				t.Fatalf("%+v", r)
			}
		}
		l.fail()
		topics.set("t", 3)
		time.Sleep(2 * time.Second)
		a.epoch = 1
		for range 2 { // the group is ahead of its log for good
			if r := a.beat(t, false); r.ErrorCode != kerr.CoordinatorNotAvailable.Code {
				t.Fatalf("code %d, want COORDINATOR_NOT_AVAILABLE", r.ErrorCode)
			}
		}
	})
}

// What Kafka refuses is refused, with its codes.
func TestHeartbeatsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &memTopics{}
		topics.set("t", 1)
		c := open(t, newMemLog(), Options{Topics: topics, MaxMembers: 1})
		a := &client{c: c, group: "g", id: "a", topics: []string{"t"}}
		a.must(t, true)
		blank, what := " ", "what"
		for _, x := range []struct {
			name   string
			change func(r *kmsg.ConsumerGroupHeartbeatRequest)
			want   *kerr.Error
		}{
			{"no group", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Group = "" }, kerr.InvalidRequest},
			{"no member", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberID = "" }, kerr.InvalidRequest},
			{"blank instance", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = &blank }, kerr.InvalidRequest},
			{"blank rack", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RackID = &blank }, kerr.InvalidRequest},
			{"no timeout", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RebalanceTimeoutMillis = -1 }, kerr.InvalidRequest},
			{"owns null", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Topics = nil }, kerr.InvalidRequest},
			{"no subscription", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames, r.SubscribedTopicRegex = nil, nil }, kerr.InvalidRequest},
			{"epoch -3", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -3 }, kerr.InvalidRequest},
			{"epoch -2", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -2 }, kerr.InvalidRequest},
			{"assignor", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = &what }, kerr.UnsupportedAssignor},
			{"another group", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Group, r.MemberEpoch = "h", 1 }, kerr.GroupIDNotFound},
			{"another member", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = 1 }, kerr.UnknownMemberID},
			{"leaves", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 }, kerr.UnknownMemberID},
			{"too many", func(*kmsg.ConsumerGroupHeartbeatRequest) {}, kerr.GroupMaxSizeReached},
		} {
			r := (&client{c: c, group: "g", id: "b", topics: []string{"t"}}).request(true)
			x.change(r)
			if got := c.ConsumerHeartbeat(t.Context(), r, Client{}); got.ErrorCode != x.want.Code {
				t.Errorf("%s: code %d, want %s", x.name, got.ErrorCode, x.want.Message)
			}
		}
	})
}
