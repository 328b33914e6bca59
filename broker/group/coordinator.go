package group

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options are a coordinator's settings. Zero values mean the defaults that stand beside the fields.
type Options struct {
	// InitialDelay is how long the first rebalance of an empty group waits for more members: 100 ms. Each new member
	// starts the wait again, up to the rebalance timeout. Kafka waits 3 s, which makes every start slow; with no wait
	// at all, a second member that starts in the same instant costs a whole rebalance at the pace of heartbeats.
	InitialDelay time.Duration
	// MinSession and MaxSession bound the session timeouts that members may ask for: Kafka's 6 s and 30 min.
	MinSession, MaxSession time.Duration
	// MaxMembers bounds a group: 5,000. A generation is sent to its leader in one answer and stored in one record, so a
	// group must stay well under the largest frame at some hundred bytes a member.
	MaxMembers int
	// MaxMetadataBytes bounds the text beside a committed offset: Kafka's 4,096.
	MaxMetadataBytes int
	// Topics tells the consumer protocol which topics there are; without it there are none.
	Topics Topics
	// Timeouts gives a group of the consumer protocol its timeouts: 45 s and 5 s, which are Kafka's. It is called with no
	// group locked.
	Timeouts func(group string) Timeouts
	// OffsetRetention is how long the offsets of a group without members are kept: Kafka's 7 days.
	OffsetRetention time.Duration
}

const (
	defaultInitialDelay    = 100 * time.Millisecond
	defaultMinSession      = 6 * time.Second
	defaultMaxSession      = 30 * time.Minute
	defaultMaxMembers      = 5000
	defaultMaxMetadata     = 4096
	defaultOffsetRetention = 7 * 24 * time.Hour

	// DefaultConsumerSession and DefaultConsumerHeartbeat are Kafka's group.consumer.session.timeout.ms and
	// group.consumer.heartbeat.interval.ms.
	DefaultConsumerSession   = 45 * time.Second
	DefaultConsumerHeartbeat = 5 * time.Second

	// freshTimeout is how long somebody who never was in a generation may wait in JoinGroup: Kafka's
	// NewMemberJoinTimeout. Its client has retried long before, and its old member id must not stay for ever.
	freshTimeout = 5 * time.Minute
	// expiryEvery is the pace at which expired offsets are looked for: Kafka's offsets.retention.check.interval.ms.
	expiryEvery = 10 * time.Minute
	// trimEvery is the pace at which the log's growth is looked at.
	trimEvery = time.Minute
)

func (o Options) withDefaults() Options {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	or(&o.InitialDelay, defaultInitialDelay)
	or(&o.MinSession, defaultMinSession)
	or(&o.MaxSession, defaultMaxSession)
	or(&o.OffsetRetention, defaultOffsetRetention)
	if o.Topics == nil {
		o.Topics = noTopics{}
	}
	if o.Timeouts == nil {
		o.Timeouts = func(string) Timeouts { return Timeouts{DefaultConsumerSession, DefaultConsumerHeartbeat} }
	}
	if o.MaxMembers == 0 {
		o.MaxMembers = defaultMaxMembers
	}
	if o.MaxMetadataBytes == 0 {
		o.MaxMetadataBytes = defaultMaxMetadata
	}
	return o
}

// Client is who sent a request, as DescribeGroups shows it.
type Client struct{ ID, Host string }

// Coordinator owns all groups. Its methods are safe for concurrent use; each takes a request of Kafka's and gives its
// answer. Errors of the protocol are codes in the answer; an error beside it is the caller's own ctx that ended.
type Coordinator struct {
	log    Log
	o      Options
	timers timers
	grown  atomic.Int64 // bytes in the log since the last trim
	live   atomic.Int64 // bytes that the last trim wrote
	txns   holders
	mu     struct {
		sync.Mutex
		groups map[string]*group
	}
}

// Open rebuilds the groups from the log. It starts nothing: deadlines are served by Run.
func Open(log Log, o Options) (*Coordinator, error) {
	c := &Coordinator{log: log, o: o.withDefaults()}
	c.timers.wake = make(chan struct{}, 1)
	c.txns.mu.groups = map[int64]map[string]bool{}
	c.mu.groups = map[string]*group{}
	r := replay{c: c, now: time.Now(), groups: c.mu.groups}
	if err := log.Replay(r.batch); err != nil {
		return nil, fmt.Errorf("open groups: %w", err)
	}
	for id, g := range c.mu.groups {
		if g.mu.consumers != nil {
			g.mu.consumers.restored(c.o.Timeouts(id).Session, r.now)
		}
		if g.mu.nothing() {
			delete(c.mu.groups, id) // only tombstones were left of it
			continue
		}
		c.timers.arm(g, g.mu.next())
	}
	return c, nil
}

// Run serves the deadlines of members and rebalances and removes expired offsets until ctx ends.
func (c *Coordinator) Run(ctx context.Context) error {
	expiry := time.NewTicker(expiryEvery)
	defer expiry.Stop()
	trim := time.NewTicker(trimEvery)
	defer trim.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait, due := c.timers.due(time.Now())
		for _, g := range due {
			g.mu.Lock()
			c.expire(&g.mu.state, time.Now())
			c.release(g)
		}
		if len(due) > 0 {
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-c.timers.wake:
		case <-expiry.C:
			c.expireOffsets(time.Now())
		case <-trim.C:
			_ = c.trim(ctx, trimBytes) // tried again a minute later
		}
	}
}

// lock gives the group locked, or nil when there is none; with create it makes one.
func (c *Coordinator) lock(id string, create bool) *group {
	for {
		c.mu.Lock()
		g := c.mu.groups[id]
		if g == nil && create {
			id := string([]byte(id)) // the request's strings may be views of its frame
			g = newGroup(id, time.Now())
			c.mu.groups[id] = g
		}
		c.mu.Unlock()
		if g == nil {
			return nil
		}
		g.mu.Lock()
		if g.mu.phase != Dead {
			return g
		}
		g.mu.Unlock() // removed between the two locks: look again
	}
}

// unlock gives the group back and sees to its next deadline.
func (c *Coordinator) unlock(g *group) {
	next := g.mu.next()
	g.mu.Unlock()
	c.timers.arm(g, next)
}

// release is unlock for a group that may have been made for nothing: by a request that was refused, or for a member that
// never came. Nothing in the log speaks of it, and it is removed.
func (c *Coordinator) release(g *group) {
	if g.mu.phase == Dead || !g.mu.nothing() {
		c.unlock(g)
		return
	}
	g.mu.phase = Dead
	g.mu.Unlock()
	c.bury(g)
}

// bury takes a group that became Dead out of the table.
func (c *Coordinator) bury(g *group) {
	c.timers.disarm(g)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.groups[g.id] == g {
		delete(c.mu.groups, g.id)
	}
}

// all gives every group's pointer, by name.
func (c *Coordinator) all() []*group {
	c.mu.Lock()
	out := make([]*group, 0, len(c.mu.groups))
	for _, g := range c.mu.groups {
		out = append(out, g)
	}
	c.mu.Unlock()
	slices.SortFunc(out, func(a, b *group) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return out
}

// newMemberID makes an id as Kafka does: what the member calls itself, a dash, a random UUID.
func newMemberID(prefix string) string {
	var b [16]byte
	_, _ = rand.Read(b[:])                      // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // version 4, variant 1 (RFC 9562)
	h := hex.EncodeToString(b[:])
	return prefix + "-" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
