package quota

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// burstSeconds is how much of its quota a client that was silent may take at once. Kafka averages over eleven
	// seconds, so that a client may take ten seconds' worth at once; one second keeps the load on the node near the rate
	// that was set, and is still many requests.
	burstSeconds = 1
	// MaxWait bounds one wait, below the 30 s after which clients give a request up. What is still owed then is waited for
	// with the next request.
	MaxWait = 20 * time.Second
	// maxBuckets is as many as connections are served by default. Those that owe nothing are dropped first; clients beyond
	// share one bucket for each kind of quota, so that new names do not buy new allowances.
	maxBuckets = 10_000
)

// Limiter measures clients against a table. It is safe for concurrent use.
type Limiter struct {
	table atomic.Pointer[Table] // nil when there are no quotas
	now   func() time.Time
	mu    struct {
		sync.Mutex
		buckets map[bucketKey]*bucket
		swept   time.Time
	}
}

type bucketKey struct {
	key string
	who Entity
}

// bucket holds what may be taken; below zero it is owed.
type bucket struct {
	level float64
	at    time.Time
}

// NewLimiter starts without quotas.
func NewLimiter(now func() time.Time) *Limiter {
	l := &Limiter{now: now}
	l.mu.buckets = map[bucketKey]*bucket{}
	return l
}

// Set puts a table in force. What clients owe stays.
func (l *Limiter) Set(t *Table) {
	if t != nil && len(t.byEntity) == 0 {
		t = nil
	}
	l.table.Store(t)
}

// Active reports whether there is any quota.
func (l *Limiter) Active() bool { return l.table.Load() != nil }

// Charge counts what a client took and tells how long it has to wait before it takes more.
func (l *Limiter) Charge(key, user, client string, amount float64) time.Duration {
	t := l.table.Load()
	if t == nil {
		return 0
	}
	who, rate, ok := t.rate(key, user, client)
	if !ok {
		return 0
	}
	return l.charge(bucketKey{key, who}, rate, amount)
}

// ChargeConnection counts a connection of an address.
func (l *Limiter) ChargeConnection(ip string) time.Duration {
	t := l.table.Load()
	if t == nil {
		return 0
	}
	who, rate, ok := t.addressRate(ip)
	if !ok {
		return 0
	}
	return l.charge(bucketKey{ConnectionsRate, who}, rate, 1)
}

// Owed is Charge of nothing: how long the client still has to wait.
func (l *Limiter) Owed(key, user, client string) time.Duration { return l.Charge(key, user, client, 0) }

// Allowance is what a client's quota allows in one burst; not ok without one.
func (l *Limiter) Allowance(key, user, client string) (amount float64, ok bool) {
	t := l.table.Load()
	if t == nil {
		return 0, false
	}
	_, rate, ok := t.rate(key, user, client)
	return rate * burstSeconds, ok
}

func (l *Limiter) charge(key bucketKey, rate, amount float64) time.Duration {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key, rate, now)
	b.level = min(b.level+rate*now.Sub(b.at).Seconds(), rate*burstSeconds) - amount
	b.at = now
	if b.level >= 0 {
		return 0
	}
	return time.Duration(min(-b.level/rate, MaxWait.Seconds()) * float64(time.Second))
}

// bucket finds or makes one. The caller holds mu.
func (l *Limiter) bucket(key bucketKey, rate float64, now time.Time) *bucket {
	if b := l.mu.buckets[key]; b != nil {
		return b
	}
	// At most once in a burst's time: in between nothing new can be forgotten, and looking at all of them takes a while.
	if len(l.mu.buckets) >= maxBuckets && now.Sub(l.mu.swept).Seconds() >= burstSeconds {
		l.mu.swept = now
		l.forget(now)
	}
	if len(l.mu.buckets) >= maxBuckets {
		key.who = Entity{} // shared
		if b := l.mu.buckets[key]; b != nil {
			return b
		}
	}
	b := &bucket{level: rate * burstSeconds, at: now}
	l.mu.buckets[key] = b
	return b
}

// forget drops the buckets that were not used for longer than it takes to owe nothing and be full again, as far as that
// can be told without their rates: those that owed nothing a burst ago.
func (l *Limiter) forget(now time.Time) {
	for key, b := range l.mu.buckets {
		if b.level >= 0 && now.Sub(b.at).Seconds() >= burstSeconds {
			delete(l.mu.buckets, key)
		}
	}
}
