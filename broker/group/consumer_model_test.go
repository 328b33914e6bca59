package group

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// consumerWorld is what all members of the model know together.
type consumerWorld struct {
	t      *testing.T
	topics *memTopics
	log    *memLog
	mu     struct {
		sync.Mutex
		c       *Coordinator
		players []*player
		joined  int
		moved   int // partitions taken over from another
		commits int
		refused map[int16]int
	}
}

func (w *consumerWorld) coordinator() *Coordinator {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mu.c
}

// player is one client. It follows the protocol, and hangs, dies, leaves, loses answers and changes its mind when its dice
// say so, until calm.
type player struct {
	w        *consumerWorld
	r        *rand.Rand
	instance *string
	calm     context.Context

	// Guarded by w.mu: what the others look at.
	m      client
	epochs []int32 // that it was in, in this life
	had    []slot  // what it once owned, in this life
}

func (p *player) pause(lowest, span int) {
	time.Sleep(time.Duration(lowest+p.r.IntN(span)) * time.Millisecond)
}

func (p *player) dice(n int) bool { return p.calm.Err() == nil && p.r.IntN(n) == 0 }

// live plays until ctx ends.
func (p *player) live(ctx context.Context) {
	p.reborn()
	for ctx.Err() == nil {
		p.pause(100, 400)
		switch {
		case p.dice(40): // dies, and another comes in its place
			p.reborn()
		case p.dice(40):
			p.leave(ctx)
		case p.dice(40): // hangs for longer than its session
			p.pause(3000, 3000)
		case p.dice(30):
			p.w.mu.Lock()
			p.subscribe()
			p.w.mu.Unlock()
			p.beat(ctx, true)
		default:
			p.beat(ctx, p.r.IntN(5) == 0)
		}
		if p.r.IntN(2) == 0 {
			p.commit(ctx)
		}
		if p.dice(10) {
			p.zombie(ctx)
		}
	}
}

// reborn is a new life under a new id. What the old one owned nobody takes back from it: it is gone.
func (p *player) reborn() {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.mu.joined++
	p.m = client{group: "g", id: fmt.Sprintf("member-%d", p.w.mu.joined), instance: p.instance}
	p.epochs, p.had = nil, nil
	p.subscribe()
}

func (p *player) subscribe() {
	p.m.regex, p.m.topics = "", []string{"t0"}
	switch p.r.IntN(3) {
	case 0:
		p.m.topics = append(p.m.topics, "t1")
	case 1:
		p.m.topics, p.m.regex = nil, "t.*"
	}
}

func (p *player) leave(ctx context.Context) {
	p.w.mu.Lock()
	m := p.m
	m.epoch = epochLeave
	if p.instance != nil && p.r.IntN(2) == 0 {
		m.epoch = epochStaticLeave
	}
	p.m.owned = nil
	p.w.mu.Unlock()
	p.w.coordinator().ConsumerHeartbeat(ctx, m.request(false), Client{})
	p.reborn()
}

func (p *player) beat(ctx context.Context, full bool) {
	p.w.mu.Lock()
	p.m.instance = p.instance
	req := p.m.request(full || p.m.epoch == epochJoin)
	p.w.mu.Unlock()
	assignor := []string{assignorUniform, assignorRange}[p.r.IntN(2)]
	if req.MemberEpoch == epochJoin && p.r.IntN(4) == 0 {
		req.ServerAssignor = &assignor
	}
	req.RebalanceTimeoutMillis = min(req.RebalanceTimeoutMillis, 2000)
	r := p.w.coordinator().ConsumerHeartbeat(ctx, req, Client{"model", "/host"})
	if p.dice(20) { // the answer is lost; the client says all of itself next time
		p.beat(ctx, true)
		return
	}
	switch r.ErrorCode {
	case 0:
		p.told(r)
	case kerr.UnreleasedInstanceID.Code, kerr.CoordinatorNotAvailable.Code:
	default: // fenced or unknown: it gives everything up and joins again
		p.w.mu.Lock()
		p.w.mu.refused[r.ErrorCode]++
		p.m.epoch, p.m.owned = epochJoin, nil
		p.w.mu.Unlock()
		if r.ErrorCode == kerr.FencedInstanceID.Code {
			p.reborn()
		}
	}
}

// told takes over an answer. What it must give up it gives up after a while, and tells with its next heartbeat.
func (p *player) told(r *kmsg.ConsumerGroupHeartbeatResponse) {
	next := map[slot]int32{}
	if r.Assignment != nil {
		for _, t := range r.Assignment.Topics {
			for _, n := range t.Partitions {
				next[slot{t.TopicID, n}] = 0
			}
		}
		p.pause(1, 50)
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if r.MemberEpoch < p.m.epoch {
		p.w.t.Errorf("member %s was in epoch %d and is told %d", p.m.id, p.m.epoch, r.MemberEpoch)
	}
	p.m.epoch = r.MemberEpoch
	p.epochs = append(p.epochs, r.MemberEpoch)
	if r.Assignment == nil {
		return
	}
	for s := range next {
		if _, has := p.m.owned[s]; !has {
			p.take(s)
		}
	}
	p.m.owned = next
}

// take checks that nobody who is a member owns what this one is given.
func (p *player) take(s slot) {
	p.had = append(p.had, s)
	for _, o := range p.w.mu.players {
		if _, owns := o.m.owned[s]; !owns || o == p {
			continue
		}
		g := p.w.mu.c.lock("g", false)
		_, member := g.mu.consumers.members[o.m.id]
		g.mu.Unlock()
		p.w.mu.moved++
		if member && o.m.epoch > 0 {
			p.w.t.Errorf("%s is given %v, which %s owns", p.m.id, s, o.m.id)
		}
	}
}

// send commits an offset that tells who committed it, in which epoch.
func (p *player) send(ctx context.Context, epoch int32, s slot) {
	topic := fmt.Sprintf("t%d", s.topic[0]-1)
	if p.w.topics.id(topic) != s.topic {
		return // it was deleted
	}
	p.w.mu.Lock()
	req := commitRequest("g", p.m.id, epoch, 1)
	p.w.mu.Unlock()
	text := fmt.Sprintf("%s %d", req.MemberID, epoch)
	req.InstanceID = p.instance
	req.Topics[0].Topic, req.Topics[0].Partitions[0].Partition = topic, s.partition
	req.Topics[0].Partitions[0].Metadata = &text
	code := commitCode(p.w.coordinator().CommitOffsets(ctx, req, anywhere))
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if code == 0 {
		p.w.mu.commits++
	} else {
		p.w.mu.refused[code]++
	}
}

func (p *player) commit(ctx context.Context) {
	p.w.mu.Lock()
	epoch, slots := p.m.epoch, p.m.owned.slots()
	p.w.mu.Unlock()
	if len(slots) > 0 {
		p.send(ctx, epoch, slots[p.r.IntN(len(slots))])
	}
}

// zombie commits for something it once had, in an epoch that it once was in.
func (p *player) zombie(ctx context.Context) {
	p.w.mu.Lock()
	epochs, had := p.epochs, p.had
	p.w.mu.Unlock()
	if len(had) > 0 && len(epochs) > 0 {
		if e := epochs[p.r.IntN(len(epochs))]; e < epochs[len(epochs)-1] {
			p.send(ctx, e, had[p.r.IntN(len(had))])
		}
	}
}

// Whatever members do and topics become, a partition has one owner at a time, epochs only rise, no commit of an older owner
// is taken, and when all is calm each partition has an owner; also when the coordinator crashes on the way, and when its
// log is trimmed.
func TestConsumersModel(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runConsumersModel(t, seed) })
		})
	}
}

func runConsumersModel(t *testing.T, seed uint64) {
	w := &consumerWorld{t: t, topics: &memTopics{}, log: newMemLog()}
	w.log.delay = []time.Duration{0, 20 * time.Millisecond, 300 * time.Millisecond}[seed%3]
	w.mu.refused = map[int16]int{}
	for i := range 3 {
		w.topics.set(fmt.Sprintf("t%d", i), int32(1+i*2))
	}
	o := Options{Topics: w.topics, Timeouts: func(string) Timeouts { return Timeouts{3 * time.Second, 500 * time.Millisecond} }}
	stop := w.boot(o)
	ctx, end := context.WithTimeout(t.Context(), 90*time.Second)
	defer end()
	calm, quiet := context.WithTimeout(ctx, 60*time.Second)
	defer quiet()
	for i := range 6 {
		p := &player{w: w, r: rand.New(rand.NewPCG(seed, uint64(i))), calm: calm}
		if i >= 4 {
			name := fmt.Sprintf("static-%d", i)
			p.instance = &name
		}
		w.mu.players = append(w.mu.players, p)
	}
	var wait sync.WaitGroup
	for _, p := range w.mu.players {
		wait.Go(func() { p.live(ctx) })
	}
	wait.Go(func() { w.changeTopics(calm, rand.New(rand.NewPCG(seed, 99))) })
	if seed%4 == 1 {
		wait.Go(func() {
			for calm.Err() == nil {
				time.Sleep(1900 * time.Millisecond)
				_ = w.coordinator().trim(calm, 0)
			}
		})
	}
	if seed%4 == 3 {
		time.Sleep(30 * time.Second)
		stop()
		w.log.fail()
		w.log = w.log.crash()
		w.log.delay = 20 * time.Millisecond
		stop = w.boot(o)
	}
	wait.Wait()
	stop()
	w.check(seed, o)
}

// boot starts a coordinator on the world's log.
func (w *consumerWorld) boot(o Options) (stop func()) {
	c := open(w.t, w.log, o)
	w.mu.Lock()
	w.mu.c = c
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	return func() {
		cancel()
		<-done
	}
}

// changeTopics grows t0 and t1, and deletes and makes t2 and others.
func (w *consumerWorld) changeTopics(calm context.Context, r *rand.Rand) {
	for n := int32(2); calm.Err() == nil; n++ {
		time.Sleep(time.Duration(2000+r.IntN(6000)) * time.Millisecond)
		switch r.IntN(3) {
		case 0:
			w.topics.set("t0", n)
		case 1:
			w.topics.set("t2", 0)
		case 2:
			w.topics.set(fmt.Sprintf("t%d", w.topics.made), 2)
		}
	}
}

func (w *consumerWorld) check(seed uint64, o Options) {
	t := w.t
	if w.mu.commits < 50 || w.mu.joined < 7 || len(w.mu.refused) < 2 {
		t.Errorf("the model did too little: %d lives, %d commits, refused %v", w.mu.joined, w.mu.commits, w.mu.refused)
	}
	d := w.mu.c.DescribeConsumers("g")
	if d.State != "Stable" {
		t.Errorf("state %s after the calm", d.State)
	}
	owners := map[slot]int{}
	names := map[string]bool{}
	for _, p := range w.mu.players {
		for s := range p.m.owned {
			owners[s]++
		}
		for _, name := range p.m.topics {
			names[name] = true
		}
		w.topics.EachTopic(func(i TopicInfo) { names[i.Name] = names[i.Name] || p.m.regex != "" })
	}
	all := 0
	w.topics.EachTopic(func(i TopicInfo) {
		for n := range i.Partitions {
			if !names[i.Name] {
				continue
			}
			all++
			if got := owners[slot{i.ID, n}]; got != 1 {
				t.Errorf("partition %d of %s has %d owners after the calm", n, i.Name, got)
			}
		}
	})
	if len(owners) != all {
		t.Errorf("%d partitions are owned, there are %d", len(owners), all)
	}
	if again := open(t, w.log.crash(), o).DescribeConsumers("g"); !reflect.DeepEqual(d, again) {
		t.Errorf("before the restart %+v\nafter it %+v", d, again)
	}
	if seed%4 != 1 { // a trimmed log repeats older records
		checkConsumersLog(t, w.log, w.topics)
	}
}

// checkConsumersLog reads the log as a restart does. The group's epoch never falls, no two members have a partition at any
// place of it, and a commit stands where its sender has the partition.
func checkConsumersLog(t *testing.T, log *memLog, topics *memTopics) {
	t.Helper()
	var epoch int32
	var reader record.Reader
	have := map[string]*consumer{}
	commits := 0
	err := log.Replay(func(b record.Batch) error {
		if err := reader.Reset(b, 0); err != nil {
			return err
		}
		var rec record.Record
		for reader.Next(&rec) {
			switch rec.Key[1] {
			case kindGroup:
				g := newConsumers()
				if err := g.readGroup(rec.Value); err != nil {
					return err
				}
				if g.epoch < epoch {
					t.Errorf("epoch %d stands behind %d in the log", g.epoch, epoch)
				}
				epoch = g.epoch
			case kindCurrent:
				_, id, err := readConsumerKey(rec.Key)
				if err != nil {
					return err
				}
				delete(have, id)
				if rec.Value == nil {
					continue
				}
				m := &consumer{id: id}
				if err := m.readCurrent(rec.Value); err != nil {
					return err
				}
				have[id] = m
			case offsetKeyVersion:
				commits++
				if err := checkCommit(t, &rec, have, topics); err != nil {
					return err
				}
			}
		}
		owner := map[slot]string{} // within a batch one may lose and another one get
		for id, m := range have {
			for _, p := range []partitions{m.assigned, m.revoking} {
				for s := range p {
					if o, ok := owner[s]; ok {
						t.Errorf("%s and %s have %v", o, id, s)
					}
					owner[s] = id
				}
			}
		}
		return reader.Err()
	})
	if err != nil || commits == 0 {
		t.Fatal(commits, err)
	}
}

func checkCommit(t *testing.T, rec *record.Record, have map[string]*consumer, topics *memTopics) error {
	var k kmsg.OffsetCommitKey
	var v kmsg.OffsetCommitValue
	if err := k.ReadFrom(rec.Key); err != nil {
		return err
	}
	if err := v.ReadFrom(rec.Value); err != nil {
		return err
	}
	id, _, _ := strings.Cut(v.Metadata, " ")
	m, n := have[id], 0
	if _, err := fmt.Sscanf(k.Topic, "t%d", &n); err != nil {
		return err
	}
	s := slot{[16]byte{byte(n + 1)}, k.Partition}
	if _, exists := topics.TopicInfo(k.Topic); exists && topics.id(k.Topic) != s.topic {
		return nil
	}
	if m == nil {
		t.Errorf("offset %d: a commit of %q, who is no member", rec.Offset, v.Metadata)
		return nil
	}
	_, a := m.assigned[s]
	_, r := m.revoking[s]
	if !a && !r {
		t.Errorf("offset %d: a commit of %q for %s-%d, which it has not: %v %v", rec.Offset, v.Metadata, k.Topic, k.Partition, m.assigned, m.revoking)
	}
	return nil
}
