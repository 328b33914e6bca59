package kafka

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	// maxTelemetryBytes is Kafka's default of telemetry.max.bytes.
	maxTelemetryBytes = 1 << 20
	// maxInstances is how many clients with telemetry are remembered, Kafka's number; the one that was silent for longest
	// is forgotten, and begins anew with its next request.
	maxInstances = 16_384
)

// telemetry remembers the clients that asked for a subscription, to hold them to its interval.
type telemetry struct {
	mu struct {
		sync.Mutex
		byID map[[16]byte]*instance
	}
}

// instance is one client.
type instance struct {
	subscription int32
	asked        time.Time
	pushed       time.Time
	refused      bool // its last push, because the subscription has changed: it may ask at once
	terminated   bool
}

// ask counts a request for a subscription in; a client that has none yet gets an id.
func (t *telemetry) ask(id [16]byte, sub subscription, now time.Time) ([16]byte, int16) {
	if id == ([16]byte{}) {
		_, _ = rand.Read(id[:]) // never fails
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	in := t.find(id)
	if !in.asked.IsZero() && !in.refused && now.Sub(in.asked) < sub.interval && in.subscription == sub.id {
		return id, kerr.ThrottlingQuotaExceeded.Code
	}
	in.asked, in.refused, in.subscription = now, false, sub.id
	return id, 0
}

// push counts a push in and tells what speaks against it. A client that leaves may push once more at any time.
func (t *telemetry) push(id [16]byte, subscriptionID int32, sub subscription, terminating bool, now time.Time) int16 {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := t.find(id)
	switch {
	case in.terminated:
		return kerr.InvalidRequest.Code
	// Half an interval, because clients spread their first pushes over the interval.
	case !terminating && !in.pushed.IsZero() && now.Sub(in.pushed) < sub.interval/2:
		return kerr.ThrottlingQuotaExceeded.Code
	case subscriptionID != sub.id:
		in.refused = true
		return kerr.UnknownSubscriptionID.Code
	}
	in.pushed, in.terminated, in.subscription = now, terminating, sub.id
	return 0
}

// find returns a client, a new one when it is not known. The caller holds mu.
func (t *telemetry) find(id [16]byte) *instance {
	if in := t.mu.byID[id]; in != nil {
		return in
	}
	if t.mu.byID == nil {
		t.mu.byID = map[[16]byte]*instance{}
	}
	if len(t.mu.byID) >= maxInstances {
		t.forgetOldest()
	}
	in := &instance{}
	t.mu.byID[id] = in
	return in
}

func (t *telemetry) forgetOldest() {
	var oldest [16]byte
	var when time.Time
	for id, in := range t.mu.byID {
		last := in.asked
		if in.pushed.After(last) {
			last = in.pushed
		}
		if when.IsZero() || last.Before(when) {
			oldest, when = id, last
		}
	}
	delete(t.mu.byID, oldest)
}
