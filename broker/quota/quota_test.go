package quota

import (
	"fmt"
	"testing"
	"time"
)

// clock is a time that the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func fixture(entries ...Change) (*Limiter, *clock) {
	c := &clock{t: time.Unix(1_700_000_000, 0)}
	l := NewLimiter(c.now)
	var t *Table
	l.Set(t.With(entries...))
	return l, c
}

func set(e Entity, key string, v float64) Change {
	return Change{Entity: e, Set: map[string]float64{key: v}}
}

// Goal (Q1): a client that takes as fast as it may settles at its quota, whatever the size of its requests; the only
// thing on top is the first second's allowance.
func TestClientSettlesAtItsQuota(t *testing.T) {
	const rate = 1_000_000
	for _, request := range []float64{1_000, 100_000, 3_000_000} {
		l, c := fixture(set(Entity{Client: Name("a")}, ProducerBytes, rate))
		begin, taken := c.t, 0.0
		for c.t.Sub(begin) < 100*time.Second {
			taken += request
			c.t = c.t.Add(l.Charge(ProducerBytes, "u", "a", request) + time.Microsecond)
		}
		got := taken / c.t.Sub(begin).Seconds()
		if got < rate*0.99 || got > rate*1.04 {
			t.Errorf("requests of %.0f: %.0f a second, want about %d", request, got, rate)
		}
	}
}

// Goal (Q2): the most specific entry holds, in the order of Kafka's DefaultQuotaCallback, and counts together whom it is
// set for. Each step takes the entry in force away and looks at the next.
func TestMostSpecificEntryHolds(t *testing.T) {
	anyone := Part{Kind: Default}
	u, c := Name("u"), Name("c")
	order := []struct{ has, who Entity }{
		{Entity{User: u, Client: c}, Entity{User: u, Client: c}},
		{Entity{User: u, Client: anyone}, Entity{User: u, Client: c}},
		{Entity{User: u}, Entity{User: u}},
		{Entity{User: anyone, Client: c}, Entity{User: u, Client: c}},
		{Entity{User: anyone, Client: anyone}, Entity{User: u, Client: c}},
		{Entity{User: anyone}, Entity{User: u}},
		{Entity{Client: c}, Entity{Client: c}},
		{Entity{Client: anyone}, Entity{Client: c}},
	}
	var table *Table
	for i, row := range order {
		table = table.With(set(row.has, ProducerBytes, float64(i+1)))
	}
	// Of another kind, so that it must not matter.
	table = table.With(set(Entity{User: u, Client: c}, ConsumerBytes, 99))
	for i, row := range order {
		who, rate, ok := table.rate(ProducerBytes, "u", "c")
		if !ok || who != row.who || rate != float64(i+1) {
			t.Fatalf("step %d: %+v %v %v", i, who, rate, ok)
		}
		table = table.With(Change{Entity: row.has, Remove: []string{ProducerBytes}})
	}
	if _, _, ok := table.rate(ProducerBytes, "u", "c"); ok {
		t.Fatal("a quota is left")
	}
	if got := table.Entries(); len(got) != 1 || got[0].Values[ConsumerBytes] != 99 {
		t.Fatalf("left: %+v", got)
	}
}

// Goal: two clients under a default have an allowance each; two users of one client id under a quota of the client id
// share one.
func TestWhoSharesAnAllowance(t *testing.T) {
	l, _ := fixture(set(Entity{Client: Part{Kind: Default}}, ProducerBytes, 100))
	if d := l.Charge(ProducerBytes, "u", "a", 100); d != 0 {
		t.Fatalf("a waits %v", d)
	}
	if d := l.Charge(ProducerBytes, "u", "b", 100); d != 0 {
		t.Fatalf("b waits %v", d)
	}
	if d := l.Charge(ProducerBytes, "v", "b", 50); d != 500*time.Millisecond {
		t.Fatalf("another user of b waits %v, want 500ms", d)
	}
}

// Goal: one wait is bounded, and what it leaves is owed yet.
func TestWaitsAreBounded(t *testing.T) {
	l, c := fixture(set(Entity{User: Part{Kind: Default}}, ProducerBytes, 1))
	if d := l.Charge(ProducerBytes, "u", "a", 61); d != MaxWait {
		t.Fatalf("waits %v", d)
	}
	c.t = c.t.Add(MaxWait)
	if d := l.Owed(ProducerBytes, "u", "a"); d != MaxWait {
		t.Fatalf("then %v", d)
	}
	c.t = c.t.Add(40 * time.Second)
	if d := l.Owed(ProducerBytes, "u", "a"); d != 0 {
		t.Fatalf("in the end %v", d)
	}
}

// Goal (Q3): names are free, buckets are not: a client that changes its id with each request gets no more memory and, when
// the buckets are used up, no more allowance.
func TestNamesDoNotBuyAllowances(t *testing.T) {
	l, _ := fixture(set(Entity{Client: Part{Kind: Default}}, ProducerBytes, 10))
	for i := range 2 * maxBuckets {
		l.Charge(ProducerBytes, "u", fmt.Sprint(i), 20)
	}
	if n := len(l.mu.buckets); n > maxBuckets+1 {
		t.Fatalf("%d buckets", n)
	}
	if d := l.Charge(ProducerBytes, "u", "one more", 1); d != MaxWait {
		t.Fatalf("one more waits %v", d)
	}
}

// Goal: an address's own rate goes before the default one.
func TestAddresses(t *testing.T) {
	l, _ := fixture(set(Entity{IP: Part{Kind: Default}}, ConnectionsRate, 1), set(Entity{IP: Name("10.0.0.1")}, ConnectionsRate, 4))
	for i, want := range []time.Duration{0, 0, 0, 0, 250 * time.Millisecond} {
		if d := l.ChargeConnection("10.0.0.1"); d != want {
			t.Errorf("connection %d waits %v, want %v", i, d, want)
		}
	}
	l.ChargeConnection("10.0.0.2")
	if d := l.ChargeConnection("10.0.0.2"); d != time.Second {
		t.Errorf("the other address waits %v", d)
	}
}

// Goal: what Kafka refuses is refused, by what a 4.4 node answered to each.
func TestChecks(t *testing.T) {
	client, ip := Entity{Client: Name("a")}, Entity{IP: Name("1.2.3.4")}
	for _, c := range []struct {
		e   Entity
		key string
		v   float64
		ok  bool
	}{
		{client, ProducerBytes, 1000, true},
		{client, RequestPercent, 50.5, true},
		{client, Mutations, 2.5, true},
		{client, ProducerBytes, 0, false},
		{client, ProducerBytes, -1, false},
		{client, ProducerBytes, 10.5, false},
		{client, "nope", 1, false},
		{client, ConnectionsRate, 1, false},
		{ip, ConnectionsRate, 5, true},
		{ip, ProducerBytes, 5, false},
	} {
		if why := Check(c.e, c.key, c.v); (why == "") != c.ok {
			t.Errorf("%+v %s=%v: %q", c.e, c.key, c.v, why)
		}
	}
	for e, ok := range map[Entity]bool{
		{}:                                       false,
		{User: Name("u")}:                        true,
		{User: Part{Kind: Default}}:              true,
		{Client: Name("")}:                       false,
		{IP: Name("not an address")}:             false,
		{IP: Name("::1")}:                        true,
		{IP: Name("1.2.3.4"), Client: Name("a")}: false,
	} {
		if why := CheckEntity(e); (why == "") != ok {
			t.Errorf("%+v: %q", e, why)
		}
	}
}

// Goal (Q4): without quotas nothing is counted.
func BenchmarkChargeWithoutQuotas(b *testing.B) {
	l := NewLimiter(time.Now)
	for b.Loop() {
		l.Charge(ProducerBytes, "u", "c", 1)
	}
}

func BenchmarkCharge(b *testing.B) {
	l := NewLimiter(time.Now)
	var t *Table
	l.Set(t.With(set(Entity{Client: Part{Kind: Default}}, ProducerBytes, 1e12)))
	for b.Loop() {
		l.Charge(ProducerBytes, "u", "c", 1)
	}
}
