package kafka

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/quota"
)

// anonymous is the user of every connection: the listener asks nobody who he is.
const anonymous = "ANONYMOUS"

// throttle counts what a request took, tells the client in the answer how long it has to pause, and returns that for its
// connection to be muted (KIP-219): the answer goes out at once, the next request is not read before.
//
// The time of a request is what its handler took, less what it only waited. Joins of groups wait for other members and
// are not counted. A wait for the disk is, except that of Produce, which is nobody's work.
func (s *Server) throttle(c *call, resp kmsg.Response, took time.Duration) time.Duration {
	longest := c.owed
	charge := func(key string, amount float64, counter *throttleCounter) {
		d := s.limits.Charge(key, anonymous, c.clientID, amount)
		if d > 0 {
			counter.add(d)
		}
		longest = max(longest, d)
	}
	switch c.req.Key() {
	case keyProduce:
		charge(quota.ProducerBytes, float64(c.size), &s.counters.produce)
	case keyFetch:
		size := 0
		for i := range c.records {
			size += c.records[i].Len()
		}
		charge(quota.ConsumerBytes, float64(size), &s.counters.fetch)
	}
	if k := c.req.Key(); k != keyJoinGroup && k != keySyncGroup {
		charge(quota.RequestPercent, 100*max(took-c.waited, 0).Seconds(), &s.counters.request)
	}
	if t, ok := resp.(kmsg.ThrottleResponse); ok && longest > 0 {
		already, _ := t.Throttle()
		// Rounded up: a client that comes back a fraction of a millisecond early would find its connection still muted.
		millis := int32(min((longest + time.Millisecond - 1).Milliseconds(), math.MaxInt32))
		resp.(kmsg.SetThrottleResponse).SetThrottle(max(already, millis))
	}
	return longest
}

// fetchAllowance bounds a fetch by what its client may take in one burst, so that it gets small answers often and not a
// large one after a long pause.
func (s *Server) fetchAllowance(c *call) int32 {
	if c.inProcess {
		return math.MaxInt32
	}
	n, ok := s.limits.Allowance(quota.ConsumerBytes, anonymous, c.clientID)
	if !ok {
		return math.MaxInt32
	}
	return int32(min(max(n, 1), math.MaxInt32))
}

// mutate counts partitions to be created or deleted against the client's quota (KIP-599). While the client owes, versions
// that know the code are refused with it; older ones, below strictFrom, are only made to pause.
func (s *Server) mutate(c *call, partitions int, strictFrom int16) (int16, *string) {
	if c.inProcess || partitions <= 0 {
		return 0, nil
	}
	strict := c.req.GetVersion() >= strictFrom
	amount := float64(partitions)
	if strict && s.limits.Owed(quota.Mutations, anonymous, c.clientID) > 0 {
		amount = 0 // nothing is done
	}
	d := s.limits.Charge(quota.Mutations, anonymous, c.clientID, amount)
	if d == 0 || strict && amount > 0 {
		return 0, nil // what goes over the quota at once is done yet, what comes after it is not
	}
	s.counters.mutation.add(d)
	c.owed = max(c.owed, d)
	if !strict {
		return 0, nil
	}
	return kerr.ThrottlingQuotaExceeded.Code, kmsg.StringPtr(kerr.ThrottlingQuotaExceeded.Description)
}

// muting is a time before which a connection's next request is not served. It only grows.
type muting struct{ nanos atomic.Int64 }

// until mutes for a time from now on.
func (m *muting) until(d time.Duration) {
	if d <= 0 {
		return
	}
	at := time.Now().Add(d).UnixNano()
	for {
		have := m.nanos.Load()
		if at <= have || m.nanos.CompareAndSwap(have, at) {
			return
		}
	}
}

// wait returns when the time has come, or ctx has ended; it tells whether it had to wait.
func (m *muting) wait(ctx context.Context) bool {
	at := m.nanos.Load()
	if at == 0 {
		return false
	}
	d := time.Until(time.Unix(0, at))
	if d <= 0 {
		return false
	}
	pause(ctx, d)
	return true
}
