package group

import (
	"bytes"
	"context"
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// alone brings a group of one member to a stable generation.
func alone(t *testing.T, c *Coordinator, group string) *kmsg.JoinGroupResponse {
	t.Helper()
	j := enter(t, c, group)
	if s, err := c.SyncGroup(t.Context(), syncRequest(j, group, assignment(j.MemberID, "all"))); err != nil || s.ErrorCode != 0 {
		t.Fatalf("sync: %v %+v", err, s)
	}
	return j
}

// An assignment is handed out, and a commit answered and shown, when its record is durable and not before (G3, G5).
func TestNothingIsToldBeforeItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog()
		l.hold = true
		c := open(t, l, Options{})
		run(t, c)
		j := enter(t, c, "g")
		synced := make(chan *kmsg.SyncGroupResponse, 1)
		go func() {
			r, _ := c.SyncGroup(t.Context(), syncRequest(j, "g", assignment(j.MemberID, "all")))
			synced <- r
		}()
		synctest.Wait()
		if d := c.Describe("g"); len(synced) != 0 || d.State != "CompletingRebalance" {
			t.Fatalf("answered before the record was durable, state %s", d.State)
		}
		l.sync()
		if r := <-synced; r.ErrorCode != 0 || string(r.MemberAssignment) != "all" {
			t.Fatalf("sync: %+v", r)
		}
		committed := make(chan int16, 1)
		go func() {
			committed <- commitCode(c.CommitOffsets(t.Context(), commitRequest("g", j.MemberID, 1, 5), anywhere))
		}()
		synctest.Wait()
		if p := fetched(c, "g", false); len(committed) != 0 || p.Offset != -1 {
			t.Fatalf("told or shown before it was durable: %d", p.Offset)
		}
		l.sync()
		if code := <-committed; code != 0 || fetched(c, "g", false).Offset != 5 {
			t.Fatalf("commit: code %d, shown %d", code, fetched(c, "g", false).Offset)
		}
	})
}

// When the log is lost, members and committers hear of it, and what was not durable is not shown.
func TestOfflineLogRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog()
		c := open(t, l, Options{})
		run(t, c)
		j := alone(t, c, "g")
		l.hold = true
		committed := make(chan int16, 1)
		go func() {
			committed <- commitCode(c.CommitOffsets(t.Context(), commitRequest("g", j.MemberID, 1, 5), anywhere))
		}()
		synctest.Wait()
		l.fail()
		if code := <-committed; code != kerr.NotCoordinator.Code {
			t.Fatalf("commit: code %d, want NOT_COORDINATOR", code)
		}
		if p := fetched(c, "g", false); p.Offset != -1 {
			t.Fatalf("shown: %d", p.Offset)
		}
		again := joinRequest("g", j.MemberID, "range")
		again.Protocols[0].Metadata = []byte("changed")
		r, err := c.JoinGroup(t.Context(), again, Client{})
		if err != nil || r.ErrorCode != 0 {
			t.Fatalf("join: %v %+v", err, r)
		}
		s, err := c.SyncGroup(t.Context(), syncRequest(r, "g", assignment(j.MemberID, "all")))
		if err != nil || s.ErrorCode != kerr.CoordinatorNotAvailable.Code {
			t.Fatalf("sync: %v %+v, want COORDINATOR_NOT_AVAILABLE", err, s)
		}
	})
}

// The assignment of a generation that was overtaken while it was written is not given to the next one (G2).
func TestLateAssignmentIsNotForTheNextGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog()
		l.hold = true
		c := open(t, l, Options{})
		run(t, c)
		j := enter(t, c, "g")
		synced := make(chan *kmsg.SyncGroupResponse, 1)
		go func() {
			r, _ := c.SyncGroup(t.Context(), syncRequest(j, "g", assignment(j.MemberID, "old")))
			synced <- r
		}()
		synctest.Wait()
		again := joinRequest("g", j.MemberID, "range")
		again.Protocols[0].Metadata = []byte("changed")
		if r, err := c.JoinGroup(t.Context(), again, Client{}); err != nil || r.Generation != 2 {
			t.Fatalf("join: %v %+v", err, r)
		}
		l.sync()
		if r := <-synced; r.ErrorCode != kerr.RebalanceInProgress.Code {
			t.Fatalf("sync of the first generation: %+v, want REBALANCE_IN_PROGRESS", r)
		}
		synctest.Wait()
		if d := c.Describe("g"); d.State != "CompletingRebalance" {
			t.Fatalf("state %s: the first generation's assignment completed the second", d.State)
		}
	})
}

// A member that heartbeats but does not join again within the rebalance timeout is left behind, and the others go on.
func TestSlowMemberIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, newMemLog(), Options{})
		run(t, c)
		slow := alone(t, c, "g")
		joined := make(chan *kmsg.JoinGroupResponse, 1)
		go func() { joined <- enter(t, c, "g") }()
		start := time.Now()
		for len(joined) == 0 && time.Since(start) < time.Minute {
			time.Sleep(time.Second)
			_ = beat(c, "g", slow)
		}
		r := <-joined
		if waited := time.Since(start); waited < 29*time.Second || waited > 32*time.Second {
			t.Errorf("waited %v for the slow member, its rebalance timeout is 30 s", waited)
		}
		if r.Generation != 2 || r.LeaderID != r.MemberID || len(r.Members) != 1 {
			t.Fatalf("join: %+v", r)
		}
		if code := beat(c, "g", slow); code != kerr.UnknownMemberID.Code {
			t.Fatalf("the slow member's heartbeat: code %d, want UNKNOWN_MEMBER_ID", code)
		}
	})
}

// Members that a restart found in the log carry on if they heartbeat within their session, and are evicted if not.
func TestMembersOutliveRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog()
		c := open(t, l, Options{})
		run(t, c)
		a, b := alone(t, c, "alive"), alone(t, c, "dead")
		c = open(t, l.crash(), Options{})
		run(t, c)
		for range 15 {
			time.Sleep(time.Second)
			if code := beat(c, "alive", a); code != 0 {
				t.Fatalf("heartbeat after the restart: code %d", code)
			}
		}
		if s, err := c.SyncGroup(t.Context(), syncRequest(a, "alive")); err != nil || string(s.MemberAssignment) != "all" {
			t.Fatalf("assignment after the restart: %v %+v", err, s)
		}
		if code := beat(c, "dead", b); code != kerr.UnknownMemberID.Code {
			t.Fatalf("heartbeat after the session: code %d, want UNKNOWN_MEMBER_ID", code)
		}
		if d := c.Describe("dead"); d.State != "Empty" {
			t.Fatalf("state %s, want Empty", d.State)
		}
	})
}

func txnCommit(t *testing.T, c *Coordinator, producer, offset int64) {
	t.Helper()
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.Group, req.ProducerID, req.Generation = 5, "g", producer, -1
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	p.Offset = offset
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{p}}}
	if code := c.CommitTxnOffsets(t.Context(), req, anywhere).Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatalf("transactional commit: code %d", code)
	}
}

func endTxn(t *testing.T, c *Coordinator, producer int64, commit bool) {
	t.Helper()
	wait, err := c.EndTxn(record.EndTxnMarker(producer, 0, commit, 0, 0), commit)
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Offsets of a transaction appear with its commit and never with its abort, readers that want stable ones are told to
// wait meanwhile, and of two commits the later in the log wins, all of it also over a restart at each step (G5, G6).
func TestOffsetsOfTransactions(t *testing.T) {
	l := newMemLog()
	c := open(t, l, Options{})
	check := func(step string, offset int64, unstable bool) {
		t.Helper()
		for _, c := range []*Coordinator{c, open(t, l.crash(), Options{})} {
			if p := fetched(c, "g", false); p.Offset != offset || p.ErrorCode != 0 {
				t.Fatalf("%s: offset %d code %d, want %d", step, p.Offset, p.ErrorCode, offset)
			}
			if p := fetched(c, "g", true); (p.ErrorCode == kerr.UnstableOffsetCommit.Code) != unstable {
				t.Fatalf("%s: stable read has code %d, unstable is %v", step, p.ErrorCode, unstable)
			}
		}
	}
	check("before", -1, false)
	txnCommit(t, c, 7, 10)
	check("open", -1, true)
	endTxn(t, c, 7, true)
	check("committed", 10, false)
	txnCommit(t, c, 7, 20)
	check("next open", 10, true)
	endTxn(t, c, 7, false)
	check("aborted", 10, false)
	txnCommit(t, c, 7, 30)
	if code := commitCode(c.CommitOffsets(t.Context(), commitRequest("g", "", -1, 40), anywhere)); code != 0 {
		t.Fatalf("commit: code %d", code)
	}
	check("overtaken", 40, true)
	endTxn(t, c, 7, true)
	check("the later in the log wins", 40, false)
	endTxn(t, c, 7, true)
	check("marked twice", 40, false)
	txnCommit(t, c, 7, 50)
	txnCommit(t, c, 8, 60)
	endTxn(t, c, 7, true)
	check("one of two ended", 50, true)
	c = open(t, l.crash(), Options{})
	c.log = l
	endTxn(t, c, 8, true)
	check("ended after a restart", 60, false)
}

// Who may commit: members of the generation in force, and anybody while there are none; never to what does not exist or
// with a text that is too long.
func TestWhoMayCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, newMemLog(), Options{})
		run(t, c)
		j := alone(t, c, "g")
		for name, tt := range map[string]struct {
			group, member string
			generation    int32
			want          int16
		}{
			"member":                {"g", j.MemberID, 1, 0},
			"older generation":      {"g", j.MemberID, 0, kerr.IllegalGeneration.Code},
			"newer generation":      {"g", j.MemberID, 2, kerr.IllegalGeneration.Code},
			"unknown member":        {"g", "nobody", 1, kerr.UnknownMemberID.Code},
			"simple, group in use":  {"g", "", -1, kerr.UnknownMemberID.Code},
			"simple, new group":     {"new", "", -1, 0},
			"generation, new group": {"another", "m", 3, kerr.IllegalGeneration.Code},
		} {
			if code := commitCode(c.CommitOffsets(t.Context(), commitRequest(tt.group, tt.member, tt.generation, 1), anywhere)); code != tt.want {
				t.Errorf("%s: code %d, want %d", name, code, tt.want)
			}
		}
		if d := c.Describe("another"); d.State != "Dead" {
			t.Errorf("a refused commit left a group behind: %s", d.State)
		}
		req := commitRequest("g", j.MemberID, 1, 1)
		long := string(bytes.Repeat([]byte("x"), 4097))
		req.Topics[0].Partitions[0].Metadata = &long
		if code := commitCode(c.CommitOffsets(t.Context(), req, anywhere)); code != kerr.OffsetMetadataTooLarge.Code {
			t.Errorf("long text: code %d, want OFFSET_METADATA_TOO_LARGE", code)
		}
		nowhere := func(string, int32) int16 { return kerr.UnknownTopicOrPartition.Code }
		if code := commitCode(c.CommitOffsets(t.Context(), commitRequest("g", j.MemberID, 1, 1), nowhere)); code != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("no such partition: code %d", code)
		}
	})
}

// Offsets of a group without members are forgotten after the retention time, in the log as well; a group in use keeps them.
func TestOffsetsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog()
		c := open(t, l, Options{OffsetRetention: time.Hour})
		run(t, c)
		j := alone(t, c, "used")
		for group, member := range map[string]string{"used": j.MemberID, "simple": ""} {
			generation := int32(1)
			if member == "" {
				generation = -1
			}
			if code := commitCode(c.CommitOffsets(t.Context(), commitRequest(group, member, generation, 3), anywhere)); code != 0 {
				t.Fatalf("commit: code %d", code)
			}
		}
		for range 90 * 10 {
			time.Sleep(6 * time.Second)
			if code := beat(c, "used", j); code != 0 {
				t.Fatalf("heartbeat: code %d", code)
			}
		}
		for _, c := range []*Coordinator{c, open(t, l.crash(), Options{})} {
			if p := fetched(c, "used", false); p.Offset != 3 {
				t.Errorf("offset of the group in use: %d, want 3", p.Offset)
			}
			if d := c.Describe("simple"); d.State != "Dead" {
				t.Errorf("the unused group is %s, want it gone", d.State)
			}
		}
	})
}

// The records have Kafka's bytes, written down here by hand from its schemas (OffsetCommitKey 1, OffsetCommitValue 3,
// GroupMetadataKey 2, GroupMetadataValue 3).
func TestRecordsHaveKafkasBytes(t *testing.T) {
	at := time.UnixMilli(0x0102030405)
	s := newState("g", at)
	s.protocolType, s.protocol, s.generation = "consumer", "range", 4
	instance := "i"
	m := &member{
		id: "m", instance: &instance, clientID: "c", clientHost: "/h", session: time.Second, rebalance: 2 * time.Second,
		protocols: []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{0xaa}}}, assignment: []byte{0xbb, 0xcc},
	}
	s.add(m)
	c := commit{offset: 258, leaderEpoch: -1, metadata: "x", at: 1}
	for name, tt := range map[string]struct {
		got  []byte
		want string
	}{
		"offset key":   {offsetKey("g", "t", 3), "0001" + "000167" + "000174" + "00000003"},
		"offset value": {c.value(), "0003" + "0000000000000102" + "ffffffff" + "000178" + "0000000000000001"},
		"group key":    {metadataKey("g"), "0002" + "000167"},
		"group value": {s.metadataValue(nil), "0003" + "0008636f6e73756d6572" + "00000004" + "000572616e6765" + "00016d" + "0000000102030405" +
			"00000001" + "00016d" + "000169" + "000163" + "00022f68" + "000007d0" + "000003e8" + "00000001aa" + "00000002bbcc"},
	} {
		if got := hex.EncodeToString(tt.got); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tt.want)
		}
	}
}

// A JoinGroup whose client gave up leaves its member to the deadlines and blocks nobody for longer.
func TestAbandonedJoinDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, newMemLog(), Options{InitialDelay: time.Second})
		run(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		first, _ := c.JoinGroup(ctx, joinRequest("g", "", "range"), Client{})
		gone := make(chan error, 1)
		go func() {
			_, err := c.JoinGroup(ctx, joinRequest("g", first.MemberID, "range"), Client{})
			gone <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; err == nil {
			t.Fatal("no error for a canceled join")
		}
		j := enter(t, c, "g")
		if j.ErrorCode != 0 {
			t.Fatalf("join: %+v", j)
		}
		time.Sleep(time.Minute)
		if d := c.Describe("g"); len(d.Members) != 0 {
			t.Fatalf("members that never came back: %+v", d.Members)
		}
	})
}
