package group

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func joinRequest(group, member, protocol string) *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.MemberID, r.ProtocolType = 9, group, member, "consumer"
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 10_000, 30_000
	r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: protocol, Metadata: []byte("meta-" + member)}}
	return r
}

func syncRequest(j *kmsg.JoinGroupResponse, group string, assignments ...kmsg.SyncGroupRequestGroupAssignment) *kmsg.SyncGroupRequest {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Version, r.Group, r.MemberID, r.Generation = 5, group, j.MemberID, j.Generation
	r.ProtocolType, r.Protocol = j.ProtocolType, j.Protocol
	r.GroupAssignment = assignments
	return r
}

func assignment(member, value string) kmsg.SyncGroupRequestGroupAssignment {
	return kmsg.SyncGroupRequestGroupAssignment{MemberID: member, MemberAssignment: []byte(value)}
}

func beat(c *Coordinator, group string, j *kmsg.JoinGroupResponse) int16 {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Version, r.Group, r.MemberID, r.Generation = 4, group, j.MemberID, j.Generation
	return c.Heartbeat(r).ErrorCode
}

func commitRequest(group, member string, generation int32, offset int64) *kmsg.OffsetCommitRequest {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.MemberID, r.Generation = 9, group, member, generation
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = offset
	r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
	return r
}

func anywhere(string, int32) int16 { return 0 }

func commitCode(r *kmsg.OffsetCommitResponse) int16 { return r.Topics[0].Partitions[0].ErrorCode }

func fetched(c *Coordinator, group string, stable bool) kmsg.OffsetFetchResponseTopicPartition {
	t := c.FetchOffsets(group, []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}, stable)
	return t[0].Partitions[0]
}

// enter joins as a new member does: once for the id, once with it.
func enter(t *testing.T, c *Coordinator, group string) *kmsg.JoinGroupResponse {
	t.Helper()
	first, err := c.JoinGroup(t.Context(), joinRequest(group, "", "range"), Client{"app", "host"})
	if err != nil || first.ErrorCode != kerr.MemberIDRequired.Code {
		t.Fatalf("first join: %v, code %d, want MEMBER_ID_REQUIRED", err, first.ErrorCode)
	}
	r, err := c.JoinGroup(t.Context(), joinRequest(group, first.MemberID, "range"), Client{"app", "host"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// run serves deadlines for the length of the test.
func run(t *testing.T, c *Coordinator) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A member alone goes through the whole life of a group: id, generation, assignment, heartbeat, commit, leave.
func TestOneMemberJoinsSyncsCommitsAndLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, newMemLog(), Options{})
		run(t, c)
		j := enter(t, c, "g")
		if j.ErrorCode != 0 || j.Generation != 1 || j.LeaderID != j.MemberID || len(j.Members) != 1 || *j.Protocol != "range" {
			t.Fatalf("join: %+v", j)
		}
		s, err := c.SyncGroup(t.Context(), syncRequest(j, "g", assignment(j.MemberID, "all")))
		if err != nil || s.ErrorCode != 0 || string(s.MemberAssignment) != "all" {
			t.Fatalf("sync: %v %+v", err, s)
		}
		if code := beat(c, "g", j); code != 0 {
			t.Fatalf("heartbeat: code %d", code)
		}
		if code := commitCode(c.CommitOffsets(t.Context(), commitRequest("g", j.MemberID, 1, 42), anywhere)); code != 0 {
			t.Fatalf("commit: code %d", code)
		}
		if p := fetched(c, "g", true); p.Offset != 42 || p.ErrorCode != 0 {
			t.Fatalf("fetched %+v, want 42", p)
		}
		if d := c.Describe("g"); d.State != "Stable" || d.Protocol != "range" || d.Members[0].ClientHost != "host" {
			t.Fatalf("describe: %+v", d)
		}
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Version, leave.Group = 5, "g"
		leave.Members = []kmsg.LeaveGroupRequestMember{{MemberID: j.MemberID}}
		if r := c.LeaveGroup(leave); r.ErrorCode != 0 || r.Members[0].ErrorCode != 0 {
			t.Fatalf("leave: %+v", r)
		}
		if d := c.Describe("g"); d.State != "Empty" {
			t.Fatalf("after leaving: %s, want Empty", d.State)
		}
	})
}

// Two members that start together are in one generation, each gets its own assignment, and when one is silent for its
// session timeout the other is told to join again and has the group alone.
func TestSilentMemberIsEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, newMemLog(), Options{})
		run(t, c)
		joins := make(chan *kmsg.JoinGroupResponse, 2)
		for range 2 {
			go func() { joins <- enter(t, c, "g") }()
		}
		a, b := <-joins, <-joins
		if a.LeaderID != a.MemberID {
			a, b = b, a
		}
		if a.Generation != 1 || b.Generation != 1 || len(a.Members) != 2 || len(b.Members) != 0 {
			t.Fatalf("joins: %+v and %+v", a, b)
		}
		got := make(chan string, 1)
		go func() {
			s, _ := c.SyncGroup(t.Context(), syncRequest(b, "g"))
			got <- string(s.MemberAssignment)
		}()
		s, _ := c.SyncGroup(t.Context(), syncRequest(a, "g", assignment(a.MemberID, "left"), assignment(b.MemberID, "right")))
		if r := <-got; string(s.MemberAssignment) != "left" || r != "right" {
			t.Fatalf("assignments %q and %q", s.MemberAssignment, r)
		}
		for i := range 20 {
			time.Sleep(time.Second)
			if code := beat(c, "g", a); code == kerr.RebalanceInProgress.Code {
				if i < 9 {
					t.Fatalf("rebalance after %d s, before the session of 10 s was over", i+1)
				}
				break
			} else if code != 0 {
				t.Fatalf("heartbeat: code %d", code)
			}
		}
		j, _ := c.JoinGroup(t.Context(), joinRequest("g", a.MemberID, "range"), Client{})
		if j.Generation != 2 || len(j.Members) != 1 {
			t.Fatalf("after the eviction: %+v", j)
		}
		if code := beat(c, "g", b); code != kerr.UnknownMemberID.Code {
			t.Fatalf("the evicted member's heartbeat: code %d, want UNKNOWN_MEMBER_ID", code)
		}
		if code := commitCode(c.CommitOffsets(t.Context(), commitRequest("g", b.MemberID, 1, 9), anywhere)); code != kerr.UnknownMemberID.Code {
			t.Fatalf("the evicted member's commit: code %d, want UNKNOWN_MEMBER_ID", code)
		}
	})
}

// A group that a refused request or an unused member id has made is gone again.
func TestGroupsMadeForNothingAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, newMemLog(), Options{})
		run(t, c)
		refused := joinRequest("refused", "", "range")
		refused.Protocols = nil
		if r, err := c.JoinGroup(t.Context(), refused, Client{}); err != nil || r.ErrorCode != kerr.InconsistentGroupProtocol.Code {
			t.Fatalf("join without protocols: %v %+v", err, r)
		}
		if _, err := c.JoinGroup(t.Context(), joinRequest("unused", "", "range"), Client{}); err != nil {
			t.Fatal(err)
		}
		if got := c.List(nil, nil); len(got) != 1 || got[0].Group != "unused" {
			t.Fatalf("groups: %+v, want the one whose member id is good for 10 s", got)
		}
		time.Sleep(11 * time.Second)
		if got := c.List(nil, nil); len(got) != 0 {
			t.Fatalf("groups: %+v", got)
		}
	})
}
