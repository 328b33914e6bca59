package group

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// world is what all members of the model know together.
type world struct {
	t   *testing.T
	c   *Coordinator
	log *memLog
	mu  struct {
		sync.Mutex
		leaders  map[int32]string            // by generation
		assigned map[int32]map[string]string // by generation and member: what the leader handed in
		syncs    int
		commits  int
		refused  map[int16]int
	}
}

// actor is one client. It joins, syncs, heartbeats and commits as clients do, and leaves, dies, hangs and comes back
// when its dice say so.
type actor struct {
	w        *world
	r        *rand.Rand
	instance *string
	id       string
	last     int32 // the newest generation that it was told of
}

func (a *actor) pause(lowest, span int) {
	time.Sleep(time.Duration(lowest+a.r.IntN(span)) * time.Millisecond)
}

func (a *actor) live(ctx context.Context) {
	for ctx.Err() == nil {
		j := a.join(ctx)
		if j == nil || j.ErrorCode != 0 {
			a.pause(1, 300)
			continue
		}
		if a.r.IntN(12) == 0 {
			a.pause(1, 3000) // hangs between join and sync
		}
		if a.sync(ctx, j) {
			a.work(ctx, j)
		}
	}
}

func (a *actor) join(ctx context.Context) *kmsg.JoinGroupResponse {
	req := joinRequest("g", a.id, "range")
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.InstanceID = 1000, 2000, a.instance
	if a.r.IntN(3) == 0 {
		req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: "sticky", Metadata: []byte{1}})
	}
	if a.r.IntN(10) == 0 { // gives up waiting, as when its connection breaks
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(a.r.IntN(500))*time.Millisecond)
		defer cancel()
	}
	r, err := a.w.c.JoinGroup(ctx, req, Client{"model", "host"})
	switch {
	case err != nil:
		return nil
	case r.ErrorCode == kerr.MemberIDRequired.Code:
		a.id = r.MemberID
	case r.ErrorCode == kerr.UnknownMemberID.Code, r.ErrorCode == kerr.FencedInstanceID.Code:
		a.id = ""
	case r.ErrorCode == 0:
		a.id = r.MemberID
		a.told(r)
	}
	return r
}

// told checks that generations only grow for a member, and that a generation has one leader.
func (a *actor) told(r *kmsg.JoinGroupResponse) {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	if r.Generation < a.last {
		a.w.t.Errorf("member %s was in generation %d and is told %d", a.id, a.last, r.Generation)
	}
	a.last = r.Generation
	if a.instance != nil {
		return // a static leader may change its member id within a generation
	}
	if was, ok := a.w.mu.leaders[r.Generation]; ok && was != r.LeaderID && r.LeaderID == r.MemberID {
		a.w.t.Errorf("generation %d has the leaders %s and %s", r.Generation, was, r.LeaderID)
	}
	if r.LeaderID == r.MemberID {
		a.w.mu.leaders[r.Generation] = r.LeaderID
	}
}

// sync gets the assignment; a leader hands in a text for each member that only this generation and member can have.
func (a *actor) sync(ctx context.Context, j *kmsg.JoinGroupResponse) bool {
	var hand []kmsg.SyncGroupRequestGroupAssignment
	leads := j.LeaderID == j.MemberID && !j.SkipAssignment
	if leads {
		given := map[string]string{}
		for _, m := range j.Members {
			given[m.MemberID] = fmt.Sprintf("%d:%s:%d", j.Generation, m.MemberID, a.r.Uint32())
			hand = append(hand, assignment(m.MemberID, given[m.MemberID]))
		}
		a.w.mu.Lock()
		if a.w.mu.assigned[j.Generation] == nil {
			a.w.mu.assigned[j.Generation] = map[string]string{}
		}
		for id, v := range given {
			// A leader that asks again in a stable group is not listened to; both answers count as handed in.
			a.w.mu.assigned[j.Generation][id] += v + "|"
		}
		a.w.mu.Unlock()
	}
	s, err := a.w.c.SyncGroup(ctx, syncRequest(j, "g", hand...))
	if err != nil || s.ErrorCode != 0 {
		return false
	}
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	a.w.mu.syncs++
	got := string(s.MemberAssignment)
	if got != "" && a.instance == nil && !slices.Contains(strings.Split(a.w.mu.assigned[j.Generation][a.id], "|"), got) {
		a.w.t.Errorf("member %s of generation %d got %q, its leader gave %q", a.id, j.Generation, got, a.w.mu.assigned[j.Generation][a.id])
	}
	return true
}

// work heartbeats and commits until a rebalance or the dice end it.
func (a *actor) work(ctx context.Context, j *kmsg.JoinGroupResponse) {
	for ctx.Err() == nil {
		a.pause(50, 200)
		code := beat(a.w.c, "g", &kmsg.JoinGroupResponse{MemberID: a.id, Generation: j.Generation})
		if a.r.IntN(2) == 0 {
			a.commit(ctx, j.Generation)
		}
		if a.r.IntN(20) == 0 { // a zombie's commit
			a.commit(ctx, j.Generation-1-int32(a.r.IntN(2)))
		}
		switch {
		case code == kerr.RebalanceInProgress.Code:
			return
		case code != 0:
			a.id = ""
			return
		}
		switch a.r.IntN(25) {
		case 0:
			req := kmsg.NewPtrLeaveGroupRequest()
			req.Version, req.Group = 5, "g"
			req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: a.id, InstanceID: a.instance}}
			a.w.c.LeaveGroup(req)
			a.id = ""
			return
		case 1: // dies; a static one comes back under its name
			a.id = ""
			a.pause(1, 1500)
			return
		case 2: // joins again of itself, as when its subscription changed
			return
		}
	}
}

// commit stores an offset that tells the generation it was committed in.
func (a *actor) commit(ctx context.Context, generation int32) {
	req := commitRequest("g", a.id, generation, int64(generation))
	text := strconv.Itoa(int(generation))
	req.InstanceID = a.instance
	req.Topics[0].Partitions[0].Metadata = &text
	code := commitCode(a.w.c.CommitOffsets(ctx, req, anywhere))
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	if code == 0 {
		a.w.mu.commits++
		return
	}
	a.w.mu.refused[code]++
}

// Whatever members do, a generation has one leader, each member gets what that leader gave it, and in the log every
// commit stands within its own generation (G1, G2, G4). What a restart rebuilds is what there was (G6).
func TestGroupModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, seed) })
		})
	}
}

func runModel(t *testing.T, seed uint64) {
	w := &world{t: t, log: newMemLog()}
	w.log.delay = []time.Duration{0, 20 * time.Millisecond, 700 * time.Millisecond}[seed%3]
	w.mu.leaders, w.mu.assigned, w.mu.refused = map[int32]string{}, map[int32]map[string]string{}, map[int16]int{}
	w.c = open(t, w.log, Options{})
	run(t, w.c)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var wait sync.WaitGroup
	if seed%2 == 1 {
		wait.Go(func() { trimNowAndThen(ctx, w.c) })
	}
	for i := range 5 {
		a := &actor{w: w, r: rand.New(rand.NewPCG(seed, uint64(i)))}
		if i >= 3 {
			name := fmt.Sprintf("static-%d", i)
			a.instance = &name
		}
		wait.Go(func() { a.live(ctx) })
	}
	wait.Wait()
	if w.mu.syncs < 10 || w.mu.commits < 20 {
		t.Fatalf("the model did too little: %d syncs, %d commits, refused %v", w.mu.syncs, w.mu.commits, w.mu.refused)
	}
	if seed%2 == 0 { // a trimmed log repeats older records
		checkOrder(t, w.log)
	}
	before := w.c.Describe("g")
	after := open(t, w.log.crash(), Options{}).Describe("g")
	if before.State == "Stable" && !sameMembers(before, after) {
		t.Errorf("before the restart %v, after it %v", flat(before), flat(after))
	}
	if a, b := fetched(w.c, "g", true), fetched(open(t, w.log.crash(), Options{}), "g", true); a.Offset != b.Offset {
		t.Errorf("committed %d before the restart, %d after it", a.Offset, b.Offset)
	}
}

// trimNowAndThen rewrites the log every two seconds or so.
func trimNowAndThen(ctx context.Context, c *Coordinator) {
	for ctx.Err() == nil {
		time.Sleep(1900 * time.Millisecond)
		_ = c.trim(ctx, 0)
	}
}

func sameMembers(a, b kmsg.DescribeGroupsResponseGroup) bool { return maps.Equal(flat(a), flat(b)) }

func flat(g kmsg.DescribeGroupsResponseGroup) map[string]string {
	out := map[string]string{"state": g.State + g.Protocol}
	for _, m := range g.Members {
		out[m.MemberID] = string(m.MemberAssignment) + "/" + string(m.ProtocolMetadata)
	}
	return out
}

// checkOrder reads the log as a restart does: generations never go back, and a commit stands behind the record of its own
// generation and before that of the next.
func checkOrder(t *testing.T, log *memLog) {
	t.Helper()
	var generation int32
	var reader record.Reader
	err := log.Replay(func(b record.Batch) error {
		if err := reader.Reset(b, 0); err != nil {
			return err
		}
		var rec record.Record
		for reader.Next(&rec) {
			if rec.Key[1] == 2 {
				var v kmsg.GroupMetadataValue
				if err := v.ReadFrom(rec.Value); err != nil {
					return err
				}
				if v.Generation < generation {
					t.Errorf("generation %d stands behind %d in the log", v.Generation, generation)
				}
				generation = v.Generation
				continue
			}
			var v kmsg.OffsetCommitValue
			if err := v.ReadFrom(rec.Value); err != nil {
				return err
			}
			if v.Metadata != strconv.Itoa(int(generation)) {
				t.Errorf("a commit of generation %s stands in generation %d", v.Metadata, generation)
			}
		}
		return reader.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}
