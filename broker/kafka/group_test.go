package kafka

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/broker"
)

// produceNumbered writes n records with values "0", "1", ... to a topic.
func (n *node) produceNumbered(topic string, count int) {
	n.t.Helper()
	n.produceRange(topic, 0, count)
}

// produceRange writes records with the values from, from+1, ... up to before to. Batches are small, so that consumers get
// them in many polls.
func (n *node) produceRange(topic string, from, to int) {
	n.t.Helper()
	cl := n.client(kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchMaxBytes(1000),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	var failed error
	var once sync.Mutex
	for i := from; i < to; i++ {
		cl.Produce(n.ctx(), kgo.StringRecord(fmt.Sprint(i)), func(_ *kgo.Record, err error) {
			if err != nil {
				once.Lock()
				failed = err
				once.Unlock()
			}
		})
	}
	if err := cl.Flush(n.ctx()); err != nil {
		n.t.Fatal(err)
	}
	once.Lock()
	defer once.Unlock()
	if failed != nil {
		n.t.Fatal(failed)
	}
}

// seen counts values over several consumers.
type seen struct {
	mu struct {
		sync.Mutex
		times map[string]int
	}
}

func newSeen() *seen {
	s := &seen{}
	s.mu.times = map[string]int{}
	return s
}

func (s *seen) add(v string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.times[v]++
}

func (s *seen) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.times)
}

// consume lets clients poll and commit after each poll until enough distinct values are seen, and fails the test when
// that does not come about.
func (n *node) consume(s *seen, enough int, clients ...*kgo.Client) {
	n.t.Helper()
	ctx, cancel := context.WithCancel(n.ctx())
	defer cancel()
	var wait sync.WaitGroup
	for _, cl := range clients {
		wait.Go(func() {
			for ctx.Err() == nil {
				fs := cl.PollFetches(ctx)
				fs.EachRecord(func(r *kgo.Record) { s.add(string(r.Value)) })
				_ = cl.CommitUncommittedOffsets(ctx) // refused when a rebalance took the partitions: their records come again
				if s.distinct() >= enough {
					cancel()
				}
			}
		})
	}
	wait.Wait()
	if d := s.distinct(); d < enough {
		n.t.Fatalf("%d of %d records were seen", d, enough)
	}
}

// pause lets the broker's clock run: what is waited for here is a session timeout, which no event announces.
func (n *node) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-n.t.Context().Done():
	}
}

// mortal is a network that can be cut off for good: what uses it is dead to the broker without a word.
type mortal struct {
	mu struct {
		sync.Mutex
		dead  bool
		conns []net.Conn
	}
}

func (m *mortal) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.dead && err == nil {
		_ = nc.Close()
		return nil, net.ErrClosed
	}
	m.mu.conns = append(m.mu.conns, nc)
	return nc, err
}

func (m *mortal) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.dead = true
	for _, nc := range m.mu.conns {
		_ = nc.Close()
	}
}

// Two members share a topic; one is killed without leaving and one leaves; nothing is lost, for the eager and the
// cooperative protocol.
func TestGroupLosesNothingWhenMembersDieOrLeave(t *testing.T) {
	const records = 20_000
	for name, balancer := range map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(), "cooperative": kgo.CooperativeStickyBalancer()} {
		for _, how := range []string{"leaves", "dies"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				n := newNode(t)
				n.createTopic("t", 6, nil)
				n.produceNumbered("t", records)
				got := newSeen()
				var net mortal
				member := func(opts ...kgo.Opt) *kgo.Client {
					return n.client(append(opts, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.Balancers(balancer), kgo.DisableAutoCommit(),
						kgo.SessionTimeout(time.Second), kgo.HeartbeatInterval(100*time.Millisecond), kgo.FetchMaxPartitionBytes(20_000),
						kgo.FetchMaxWait(200*time.Millisecond))...)
				}
				first, second := member(), member(kgo.Dialer(net.dial), kgo.RetryTimeout(time.Second))
				n.consume(got, records/3, first, second)
				if how == "dies" {
					net.kill()
				} else {
					second.Close()
				}
				n.consume(got, records, first)
				patience := n.ctx()
				for d := n.describe("g"); len(d.Members) != 1; d = n.describe("g") {
					if len(d.Members) == 0 || patience.Err() != nil {
						t.Fatalf("%d members are left, want 1: %v", len(d.Members), d)
					}
					n.pause(50 * time.Millisecond)
				}
			})
		}
	}
}

// Committed offsets and membership are there after a restart: the group goes on where it was, in the same generation.
func TestGroupGoesOnAfterRestart(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 2, nil)
	n.produceNumbered("t", 1000)
	got := newSeen()
	cl := n.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.DisableAutoCommit())
	n.consume(got, 1000, cl)
	if err := cl.CommitUncommittedOffsets(n.ctx()); err != nil {
		t.Fatal(err)
	}
	before := n.describe("g")
	cl.Close()
	n.stop()

	n = start(t, n.fs, broker.Options{})
	committed, err := n.admin().FetchOffsets(n.ctx(), "g")
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	committed.Each(func(o kadm.OffsetResponse) { sum += o.At })
	if sum != 1000 {
		t.Fatalf("committed offsets add up to %d, want 1000: %v", sum, committed)
	}
	if before.State != "Stable" || len(before.Members) != 1 {
		t.Fatalf("before the restart: %+v", before)
	}
	lag, err := n.admin().Lag(n.ctx(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if l := lag["g"].Lag.Total(); l != 0 {
		t.Fatalf("lag %d, want 0", l)
	}
}

func (n *node) describe(group string) kadm.DescribedGroup {
	n.t.Helper()
	d, err := n.admin().DescribeGroups(n.ctx(), group)
	if err != nil {
		n.t.Fatal(err)
	}
	return d[group]
}

// A static member that comes back within its session keeps its partitions, without a rebalance (KIP-345).
func TestStaticMemberComesBackWithoutRebalance(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 2, nil)
	n.produceNumbered("t", 100)
	member := func(id string) *kgo.Client {
		return n.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.InstanceID(id), kgo.DisableAutoCommit(),
			kgo.Balancers(kgo.RangeBalancer()), kgo.HeartbeatInterval(100*time.Millisecond), kgo.FetchMaxWait(200*time.Millisecond))
	}
	a, b := member("a"), member("b")
	got := newSeen()
	n.consume(got, 100, a, b)
	_, generation := a.GroupMetadata()
	assigned := assignedTo(n.describe("g"), "b")
	b.Close() // a static member does not leave
	n.produceNumbered("t", 200)
	b = member("b")
	got = newSeen()
	n.consume(got, 200, a, b)
	d := n.describe("g")
	if _, after := a.GroupMetadata(); after != generation || d.State != "Stable" {
		t.Fatalf("generation %d and state %s after the member came back, want %d and Stable", after, d.State, generation)
	}
	if now := assignedTo(d, "b"); now != assigned || now == "" {
		t.Fatalf("b has %q, had %q", now, assigned)
	}
}

func assignedTo(d kadm.DescribedGroup, instance string) string {
	for _, m := range d.Members {
		if m.InstanceID != nil && *m.InstanceID == instance {
			if a, ok := m.Assigned.AsConsumer(); ok {
				return fmt.Sprint(a.Topics)
			}
		}
	}
	return ""
}

// The administrator's view: groups are listed and described, offsets are deleted where nobody is subscribed, and a group
// is deleted when it is empty and not before.
func TestGroupAdministration(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	n.createTopic("other", 1, nil)
	n.produceNumbered("t", 10)
	cl := n.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.DisableAutoCommit())
	n.consume(newSeen(), 10, cl)
	adm := n.admin()
	ctx := n.ctx()
	var offsets kadm.Offsets
	offsets.AddOffset("other", 0, 5, -1)
	if _, err := adm.CommitOffsets(ctx, "simple", offsets); err != nil {
		t.Fatal(err)
	}
	groups, err := adm.ListGroups(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if g := groups["g"]; g.State != "Stable" || g.ProtocolType != "consumer" {
		t.Fatalf("listed: %+v", groups)
	}
	if g := groups["simple"]; g.State != "Empty" {
		t.Fatalf("listed: %+v", groups)
	}
	if empty, err := adm.ListGroups(ctx, "Empty"); err != nil || len(empty) != 1 || empty["simple"].Group != "simple" {
		t.Fatalf("listed as Empty: %v %v", empty, err)
	}
	var subscribed kadm.TopicsSet
	subscribed.Add("t", 0)
	if r, err := adm.DeleteOffsets(ctx, "g", subscribed); err != nil || r["t"][0] == nil {
		t.Fatalf("delete offsets of a subscribed topic: %v %v, want GROUP_SUBSCRIBED_TO_TOPIC", r, err)
	}
	if r, err := adm.DeleteGroups(ctx, "g"); err != nil || r["g"].Err == nil {
		t.Fatalf("delete a group with a member: %v %v, want NON_EMPTY_GROUP", r, err)
	}
	cl.Close()
	for _, id := range []string{"g", "simple"} {
		if r, err := adm.DeleteGroups(ctx, id); err != nil || r[id].Err != nil {
			t.Fatalf("delete group %s: %v %v", id, r, err)
		}
	}
	if groups, err = adm.ListGroups(ctx); err != nil || len(groups) != 0 {
		t.Fatalf("listed after the deletion: %v %v", groups, err)
	}
	n.stop()
	n = start(t, n.fs, broker.Options{})
	if groups, err = n.admin().ListGroups(n.ctx()); err != nil || len(groups) != 0 {
		t.Fatalf("listed after a restart: %v %v", groups, err)
	}
}

// A new topic of a deleted one's name begins without committed offsets.
func TestDeletedTopicTakesItsOffsetsAlong(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	adm, ctx := n.admin(), n.ctx()
	var offsets kadm.Offsets
	offsets.AddOffset("t", 0, 5, -1)
	if _, err := adm.CommitOffsets(ctx, "g", offsets); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.DeleteTopics(ctx, "t"); err != nil {
		t.Fatal(err)
	}
	n.createTopic("t", 1, nil)
	got, err := adm.FetchOffsets(ctx, "g")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := got.Lookup("t", 0); ok && o.At >= 0 {
		t.Fatalf("offset %d is left", o.At)
	}
}
