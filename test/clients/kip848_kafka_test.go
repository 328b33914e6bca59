package clients

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/kafkatest"
	"github.com/weirhub/weir/test/peers"
)

// The hub answers a story of heartbeats, commits and requests of tools as Apache Kafka 4.4 does.
func TestConsumerProtocolIsKafkas(t *testing.T) {
	peers.Slow(t)
	hub, kafka := hubtest.Up(t, "--data", t.TempDir()), kafkatest.Start(t)
	got, want := tell(t, hub.Kafka), tell(t, kafka.Addr)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] && got[i]+" in Kafka "+want[i] != explained {
			t.Fatalf("the hub:\n%s\nApache Kafka:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	t.Logf("%d answers are equal", len(got))
}

// explained is the one difference. A static member whose answer to its join was lost joins again under its own id; Kafka
// counts that as somebody else who takes its name, and refuses it until the session ends.
const explained = "b joins again while it is there: ok in Kafka b joins again while it is there: UNRELEASED_INSTANCE_ID"

// story is a run of requests and what was answered.
type story struct {
	t     *testing.T
	cl    *kgo.Client
	lines []string
}

// actor is a member of the group "g".
type actor struct {
	s        *story
	id       string
	instance *string
	epoch    int32
	owned    []kmsg.ConsumerGroupHeartbeatRequestTopic
	joins    func(*kmsg.ConsumerGroupHeartbeatRequest)
}

func (s *story) say(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *story) do(req kmsg.Request) kmsg.Response {
	s.t.Helper()
	var resp kmsg.Response
	hubtest.Eventually(s.t, "the coordinator is there", func() bool {
		var err error
		if resp, err = s.cl.Request(ctx(s.t), req); err != nil && !kerr.IsRetriable(err) {
			s.t.Fatal(err)
		}
		r, ok := resp.(*kmsg.ConsumerGroupHeartbeatResponse)
		return err == nil && (!ok || r.ErrorCode != kerr.CoordinatorLoadInProgress.Code && r.ErrorCode != kerr.NotCoordinator.Code)
	})
	return resp
}

func codeName(code int16) string {
	if code == 0 {
		return "ok"
	}
	return kerr.TypedErrorForCode(code).Message
}

// request is a heartbeat; full says all of the member, as after an answer that was lost.
func (a *actor) request(full bool) *kmsg.ConsumerGroupHeartbeatRequest {
	r := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	r.Group, r.MemberID, r.MemberEpoch, r.InstanceID = "g", a.id, a.epoch, a.instance
	r.Topics = append([]kmsg.ConsumerGroupHeartbeatRequestTopic{}, a.owned...)
	if a.epoch == 0 {
		r.Topics = r.Topics[:0]
	}
	if full || a.epoch == 0 {
		r.RebalanceTimeoutMillis, r.SubscribedTopicNames = 5000, []string{"t"}
		if a.joins != nil {
			a.joins(r)
		}
	}
	return r
}

// beat takes over what is answered.
func (a *actor) beat(full bool) *kmsg.ConsumerGroupHeartbeatResponse {
	a.s.t.Helper()
	r := a.s.do(a.request(full)).(*kmsg.ConsumerGroupHeartbeatResponse)
	if r.ErrorCode != 0 {
		return r
	}
	a.epoch = r.MemberEpoch
	if r.Assignment != nil {
		a.owned = nil
		for _, t := range r.Assignment.Topics {
			a.owned = append(a.owned, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: t.TopicID, Partitions: t.Partitions})
		}
	}
	return r
}

// try is one heartbeat whose answer is told, and not taken over.
func (a *actor) try(what string, change func(*kmsg.ConsumerGroupHeartbeatRequest)) {
	a.s.t.Helper()
	r := a.request(false)
	if change != nil {
		change(r)
	}
	got := a.s.do(r).(*kmsg.ConsumerGroupHeartbeatResponse)
	line := fmt.Sprintf("%s: %s", what, codeName(got.ErrorCode))
	if got.ErrorCode == 0 && r.MemberEpoch < 0 {
		line += fmt.Sprintf(", epoch %d, interval %d", got.MemberEpoch, got.HeartbeatIntervalMillis)
	}
	a.s.say("%s", line)
}

// settle heartbeats for all until the group is stable, and tells what each has.
func (s *story) settle(what string, all ...*actor) {
	s.t.Helper()
	var d kmsg.ConsumerGroupDescribeResponseGroup
	for end, full := time.Now().Add(20*time.Second), true; d.State != "Stable"; full = false {
		for _, a := range all {
			if r := a.beat(full); r.ErrorCode != 0 {
				s.t.Fatalf("%s: %s: %s", what, a.id, codeName(r.ErrorCode))
			}
		}
		req := kmsg.NewPtrConsumerGroupDescribeRequest()
		req.Groups = []string{"g"}
		d = s.do(req).(*kmsg.ConsumerGroupDescribeResponse).Groups[0]
		if time.Now().After(end) {
			s.t.Fatalf("%s: %+v", what, d)
		}
	}
	slices.SortFunc(d.Members, func(a, b kmsg.ConsumerGroupDescribeResponseGroupMember) int {
		return strings.Compare(a.MemberID, b.MemberID)
	})
	s.say("%s: %s, assignor %s", what, d.State, d.AssignorName)
	for _, m := range d.Members {
		line := fmt.Sprintf("  %s in the newest epoch %v, target reached %v:", m.MemberID, m.MemberEpoch == d.Epoch && d.Epoch == d.AssignmentEpoch, len(m.Assignment.TopicPartitions) == len(m.TargetAssignment.TopicPartitions))
		for _, tp := range m.Assignment.TopicPartitions {
			line += fmt.Sprintf(" %s %d", tp.Topic, len(tp.Partitions))
			if d.AssignorName == "range" {
				line += fmt.Sprint(tp.Partitions)
			}
		}
		s.say("%s, type %d, regex %v", line, m.MemberType, m.SubscribedTopicRegex != nil)
	}
}

func (s *story) commit(what, member string, epoch int32) {
	s.t.Helper()
	commit := kmsg.NewPtrOffsetCommitRequest()
	commit.Group, commit.MemberID, commit.Generation = "g", member, epoch
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = 7
	topics, err := kadm.NewClient(s.cl).ListTopics(ctx(s.t), "t")
	if err != nil {
		s.t.Fatal(err)
	}
	commit.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", TopicID: topics["t"].ID, Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
	s.say("%s: %s", what, codeName(s.do(commit).(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode))
}

func (s *story) fetch(what string, member *string, epoch int32) {
	s.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, g.MemberID, g.MemberEpoch = "g", member, epoch
	req.Groups = []kmsg.OffsetFetchRequestGroup{g}
	s.say("%s: %s", what, codeName(s.do(req).(*kmsg.OffsetFetchResponse).Groups[0].ErrorCode))
}

func tell(t *testing.T, bootstrap string) []string {
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.RetryTimeout(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	s := &story{t: t, cl: cl}
	if _, err := kadm.NewClient(cl).CreateTopics(ctx(t), 6, 1, nil, "t", "t-other"); err != nil {
		t.Fatal(err)
	}
	one := "one"
	a, b := &actor{s: s, id: "a"}, &actor{s: s, id: "b", instance: &one}
	c := &actor{s: s, id: "c", instance: &one}
	a.wrong()
	s.settle("a alone", a)
	s.settle("a and b", a, b)
	s.members(a, b, c)
	b.try("b leaves for a moment", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -2 })
	s.settle("c in the place of b", c, a)
	b.try("b after c came", nil)
	a.try("a with range", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = kmsg.StringPtr("range") })
	c.try("c with range", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = kmsg.StringPtr("range") })
	d := &actor{s: s, id: "d", joins: func(r *kmsg.ConsumerGroupHeartbeatRequest) {
		r.SubscribedTopicNames, r.SubscribedTopicRegex, r.ServerAssignor = []string{}, kmsg.StringPtr("t-.*"), kmsg.StringPtr("range")
	}}
	s.settle("d with an expression", d, a, c)
	s.tools(a)
	a.try("a leaves", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 })
	a.try("a leaves again", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 })
	d.try("d leaves", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 })
	s.commit("nobody commits while c is there", "", -1)
	s.expel("an administrator removes c", "one")
	s.commit("nobody commits to the empty group", "", -1)
	s.fetch("fetch of a member that is gone", kmsg.StringPtr("a"), 1)
	s.list()
	return s.lines
}

// wrong is what is refused before there is a group.
func (a *actor) wrong() {
	for _, w := range []struct {
		what   string
		change func(r *kmsg.ConsumerGroupHeartbeatRequest)
	}{
		{"no such group, epoch 1", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = 1 }},
		{"no such group, epoch -1", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -1 }},
		{"no group", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Group = "" }},
		{"no member", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberID = "" }},
		{"blank instance", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = kmsg.StringPtr(" ") }},
		{"blank rack", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RackID = kmsg.StringPtr("") }},
		{"no timeout", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.RebalanceTimeoutMillis = -1 }},
		{"owns null", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.Topics = nil }},
		{"no subscription", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicNames = nil }},
		{"empty expression alone", func(r *kmsg.ConsumerGroupHeartbeatRequest) {
			r.SubscribedTopicNames, r.SubscribedTopicRegex = nil, kmsg.StringPtr("")
		}},
		{"epoch -3", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -3 }},
		{"epoch -2 without instance", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch = -2 }},
		{"assignor", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.ServerAssignor = kmsg.StringPtr("what") }},
		{"expression", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.SubscribedTopicRegex = kmsg.StringPtr("(") }},
	} {
		a.try(w.what, w.change)
	}
}

// members is what epochs and instance ids fence.
func (s *story) members(a, b, c *actor) {
	c.try("c under the name of b", nil)
	b.try("b joins again while it is there", func(r *kmsg.ConsumerGroupHeartbeatRequest) {
		r.MemberEpoch, r.RebalanceTimeoutMillis, r.SubscribedTopicNames, r.Topics = 0, 5000, []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	})
	a.try("an epoch too high", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch++ })
	a.try("an epoch too low", func(r *kmsg.ConsumerGroupHeartbeatRequest) {
		r.MemberEpoch--
		r.Topics = append(r.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: [16]byte{9}, Partitions: []int32{1}})
	})
	a.try("the previous epoch", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch, r.Topics = r.MemberEpoch-1, r.Topics[:0] })
	a.try("the previous epoch without what it owns", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberEpoch, r.Topics = r.MemberEpoch-1, nil })
	a.try("an unknown member", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberID = "x" })
	a.try("an unknown member leaves", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.MemberID, r.MemberEpoch = "x", -1 })
	a.try("an unknown instance", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = kmsg.StringPtr("x") })
	a.try("an unknown instance leaves", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID, r.MemberEpoch = kmsg.StringPtr("x"), -1 })
	a.try("a under the name of b", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID = b.instance })
	a.try("a leaves under the name of b", func(r *kmsg.ConsumerGroupHeartbeatRequest) { r.InstanceID, r.MemberEpoch = b.instance, -1 })
	s.commit("a commits", "a", a.epoch)
	s.commit("a commits with a later epoch", "a", a.epoch+1)
	s.commit("a commits with epoch 0", "a", 0)
	s.commit("x commits", "x", 1)
	s.commit("nobody commits", "", -1)
	id, x := "a", "x"
	s.fetch("a fetches", &id, a.epoch)
	s.fetch("a fetches with an earlier epoch", &id, a.epoch-1)
	s.fetch("x fetches", &x, 1)
	s.fetch("nobody fetches", nil, -1)
}

// tools is what administrators ask of a group with members.
func (s *story) tools(a *actor) {
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{"g"}
	g := s.do(describe).(*kmsg.DescribeGroupsResponse).Groups[0]
	s.say("DescribeGroups: %s, %s, %v", codeName(g.ErrorCode), g.State, len(g.Members))
	consumers := kmsg.NewPtrConsumerGroupDescribeRequest()
	consumers.Groups = []string{"nope"}
	cg := s.do(consumers).(*kmsg.ConsumerGroupDescribeResponse).Groups[0]
	s.say("ConsumerGroupDescribe: %s %s %s", codeName(cg.ErrorCode), cg.State, *cg.ErrorMessage)
	del := kmsg.NewPtrDeleteGroupsRequest()
	del.Groups = []string{"g"}
	s.say("DeleteGroups: %s", codeName(s.do(del).(*kmsg.DeleteGroupsResponse).Groups[0].ErrorCode))
	offsets := kmsg.NewPtrOffsetDeleteRequest()
	offsets.Group = "g"
	offsets.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: 0}}}}
	s.say("OffsetDelete: %s", codeName(s.do(offsets).(*kmsg.OffsetDeleteResponse).Topics[0].Partitions[0].ErrorCode))
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Group, beat.MemberID, beat.Generation = "g", a.id, a.epoch
	s.say("Heartbeat: %s", codeName(s.do(beat).(*kmsg.HeartbeatResponse).ErrorCode))
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = "g", a.id, a.epoch
	s.say("SyncGroup: %s", codeName(s.do(sync).(*kmsg.SyncGroupResponse).ErrorCode))
	s.expel("an administrator removes an unknown instance", "nope")
	s.list()
}

func (s *story) expel(what, instance string) {
	s.t.Helper()
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.Members = "g", []kmsg.LeaveGroupRequestMember{{InstanceID: &instance}}
	r := s.do(leave).(*kmsg.LeaveGroupResponse)
	line := what + ": " + codeName(r.ErrorCode)
	for _, m := range r.Members {
		line += " " + codeName(m.ErrorCode)
	}
	s.say("%s", line)
}

func (s *story) list() {
	s.t.Helper()
	list := kmsg.NewPtrListGroupsRequest()
	list.TypesFilter = []string{"consumer"}
	for _, g := range s.do(list).(*kmsg.ListGroupsResponse).Groups {
		s.say("ListGroups: %s %s %s %s", g.Group, g.GroupType, g.GroupState, g.ProtocolType)
	}
}
