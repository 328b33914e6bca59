package hub

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weirhub/weir/internal/admin"
)

// collector shows the parts' counters to Prometheus, made from the same status that everything else shows.
type collector struct{ h *Hub }

// metric is one row of the table of metrics.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(p admin.Part) (float64, bool)
}

func partMetric(name, help string, kind prometheus.ValueType, value func(admin.Part) (float64, bool)) metric {
	return metric{prometheus.NewDesc("weir_part_"+name, help, []string{"kind", "name"}, nil), kind, value}
}

func always(f func(admin.Part) int64) func(admin.Part) (float64, bool) {
	return func(p admin.Part) (float64, bool) { return float64(f(p)), true }
}

// partMetrics is the list of what is shown of each part.
func partMetrics() []metric {
	counter, gauge := prometheus.CounterValue, prometheus.GaugeValue
	return []metric{
		partMetric("records_in_total", "Records read.", counter, always(func(p admin.Part) int64 { return p.RecordsIn })),
		partMetric("records_out_total", "Records written.", counter, always(func(p admin.Part) int64 { return p.RecordsOut })),
		partMetric("bytes_in_total", "Bytes read.", counter, always(func(p admin.Part) int64 { return p.BytesIn })),
		partMetric("bytes_out_total", "Bytes written.", counter, always(func(p admin.Part) int64 { return p.BytesOut })),
		partMetric("late_rows_total", "Rows that came after their windows had closed.", counter, always(func(p admin.Part) int64 { return p.LateRows })),
		partMetric("dead_letters_total", "Records given up to the dead-letter topic.", counter, always(func(p admin.Part) int64 { return p.DeadLetters })),
		partMetric("restarts_total", "Starts from the last checkpoint after an error.", counter, always(func(p admin.Part) int64 { return p.Restarts })),
		partMetric("lag_records", "Records that are there and not yet read.", gauge, func(p admin.Part) (float64, bool) { return float64(p.Lag), p.Lag >= 0 }),
		partMetric("failed", "1 when the part has failed.", gauge, always(func(p admin.Part) int64 {
			if p.State == admin.StateFailed {
				return 1
			}
			return 0
		})),
		partMetric("watermark_seconds", "Event time up to which the part has seen everything.", gauge, func(p admin.Part) (float64, bool) {
			if p.Watermark == nil {
				return 0, false
			}
			return float64(*p.Watermark) / 1000, true
		}),
	}
}

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range partMetrics() {
		out <- m.desc
	}
	for _, m := range c.kafkaMetrics() {
		out <- m.Desc()
	}
}

// kafkaMetrics are the numbers of the Kafka listener; none with an external cluster.
func (c collector) kafkaMetrics() (out []prometheus.Metric) {
	if c.h.kafka == nil {
		return nil
	}
	for _, n := range c.h.kafka.Counters() {
		kind := prometheus.CounterValue
		if n.Gauge {
			kind = prometheus.GaugeValue
		}
		var labels, values []string
		if n.Label != "" {
			labels, values = []string{n.Label}, []string{n.Kind}
		}
		out = append(out, prometheus.MustNewConstMetric(prometheus.NewDesc(n.Name, n.Help, labels, nil), kind, n.Value, values...))
	}
	return out
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, p := range c.h.Status().Parts {
		for _, m := range partMetrics() {
			if v, ok := m.value(p); ok {
				out <- prometheus.MustNewConstMetric(m.desc, m.kind, v, p.Kind, p.Name)
			}
		}
	}
	for _, m := range c.kafkaMetrics() {
		out <- m
	}
}
