package kafka

import (
	"sync/atomic"
	"time"
)

// counters are what the front counts beside its work.
type counters struct {
	produce, fetch, request, mutation       throttleCounter
	refusedAll, refusedAddress, refusedRate atomic.Int64
	pushes, pushesRefused, pushedBytes      atomic.Int64
}

// throttleCounter counts the answers that told a client to pause, and for how long.
type throttleCounter struct{ answers, nanos atomic.Int64 }

func (t *throttleCounter) add(d time.Duration) {
	t.answers.Add(1)
	t.nanos.Add(int64(d))
}

// Counter is one number for a monitoring system.
type Counter struct {
	Name  string // as Prometheus wants it: a counter's ends in _total
	Help  string
	Label string // a label's name, "" without one
	Kind  string // the label's value
	Gauge bool
	Value float64
}

// Counters are all numbers of the front as they stand. The names and labels are always the same.
func (s *Server) Counters() []Counter {
	k := &s.counters
	out := []Counter{{Name: "weir_kafka_connections", Help: "Connections open.", Gauge: true, Value: float64(s.doors.count())}}
	for _, row := range [...]struct {
		kind string
		t    *throttleCounter
	}{{"produce", &k.produce}, {"fetch", &k.fetch}, {"request", &k.request}, {"mutation", &k.mutation}} {
		out = append(out,
			Counter{Name: "weir_kafka_throttled_total", Help: "Answers that told a client to pause for its quota.", Label: "quota", Kind: row.kind, Value: float64(row.t.answers.Load())},
			Counter{Name: "weir_kafka_throttle_seconds_total", Help: "For how long they did.", Label: "quota", Kind: row.kind, Value: time.Duration(row.t.nanos.Load()).Seconds()},
		)
	}
	for _, row := range [...]struct {
		kind string
		n    *atomic.Int64
	}{{"max_connections", &k.refusedAll}, {"per_ip", &k.refusedAddress}, {"creation_rate", &k.refusedRate}} {
		out = append(out, Counter{Name: "weir_kafka_connections_refused_total", Help: "Connections closed at once, by the limit.", Label: "limit", Kind: row.kind, Value: float64(row.n.Load())})
	}
	return append(out,
		Counter{Name: "weir_kafka_telemetry_pushes_total", Help: "Pushes of clients' metrics.", Value: float64(k.pushes.Load())},
		Counter{Name: "weir_kafka_telemetry_refused_total", Help: "Pushes that were refused.", Value: float64(k.pushesRefused.Load())},
		Counter{Name: "weir_kafka_telemetry_bytes_total", Help: "Bytes of those pushes.", Value: float64(k.pushedBytes.Load())},
	)
}
