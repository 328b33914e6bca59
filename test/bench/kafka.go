package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// load is one row of figures: records of one size sent to a fresh topic at full speed, then read from its start.
type load struct {
	name    string
	records int
	size    int
	codec   kgo.CompressionCodec
	// configs of the topic, by product
	configs map[string]map[string]string
}

// The loads. Kafka answers acks=all on one node from the page cache, Weir after fsync; so each also runs as the other does.
func loads(quick bool) []load {
	plain := map[string]map[string]string{"Kafka": nil, "Weir": nil}
	n100, n1k := 3_000_000, 500_000
	if quick {
		n100, n1k = 300_000, 60_000
	}
	return []load{
		{"100 B", n100, 100, kgo.NoCompression(), plain},
		{"100 B, lz4", n100, 100, kgo.Lz4Compression(), plain},
		{"1 KiB", n1k, 1024, kgo.NoCompression(), plain},
		{"1 KiB, lz4", n1k, 1024, kgo.Lz4Compression(), plain},
		{"100 B, both with fsync", n100 / 2, 100, kgo.NoCompression(), map[string]map[string]string{"Kafka": {"flush.messages": "1"}, "Weir": nil}},
		{"100 B, both without", n100, 100, kgo.NoCompression(), map[string]map[string]string{"Kafka": nil, "Weir": {"durability": "os"}}},
	}
}

// latencyRate is far below what either broker can do, so that latency is the broker's and not a queue's.
const latencyRate = 1000

// figures are those of one product: a name of a row to its rounds.
type figures map[string][]float64

func (f figures) add(row string, v float64) { f[row] = append(f[row], v) }

// comparison is the run of both products.
type comparison struct {
	b       *bench
	loads   []load
	names   []string // of the products, in the order of the columns
	figures map[string]figures
	others  time.Duration
	wall    time.Duration
	client  time.Duration
}

func runKafka(ctx context.Context, b *bench) (report, error) {
	apache, err := kafka()
	if err != nil {
		return report{}, err
	}
	ours, err := b.hub(ctx)
	if err != nil {
		return report{}, err
	}
	c := &comparison{b: b, loads: loads(b.quick), names: []string{apache.name, ours.name}, figures: map[string]figures{apache.name: {}, ours.name: {}}}
	var running []*server
	defer func() {
		for _, s := range running {
			_ = s.stop()
		}
	}()
	for _, p := range []product{apache, ours} {
		s, err := c.starts(ctx, p)
		if err != nil {
			return report{}, err
		}
		running = append(running, s)
	}
	for _, s := range running {
		if err := c.warmUp(ctx, s); err != nil {
			return report{}, err
		}
	}
	for round := range b.rounds {
		for _, s := range running {
			if err := c.round(ctx, s, round); err != nil {
				return report{}, err
			}
		}
	}
	for _, s := range running {
		bytes, err := residentBytes(s.pid())
		if err != nil {
			return report{}, err
		}
		c.figures[s.name].add("RSS after the loads, MiB", float64(bytes)/(1<<20))
	}
	return c.report(), nil
}

// starts starts a product on empty data, a few times; the last one stays.
func (c *comparison) starts(ctx context.Context, p product) (*server, error) {
	f := c.figures[p.name]
	for i := 0; ; i++ {
		dir := filepath.Join(c.b.dir, fmt.Sprintf("%s-%d", strings.ToLower(p.name), i))
		s, err := p.start(ctx, dir)
		if err != nil {
			return nil, err
		}
		metadata, acked, err := awaitStart(ctx, s)
		if err != nil {
			_ = s.stop()
			return nil, err
		}
		used, err := processCPU(s.pid())
		if err != nil {
			return nil, err
		}
		rss, err := residentBytes(s.pid())
		if err != nil {
			return nil, err
		}
		c.b.progress("%s started in %.0f ms, first record after %.0f ms", p.name, ms(metadata), ms(acked))
		f.add("start to first Metadata, ms", ms(metadata))
		f.add("start to first acknowledged record, ms", ms(acked))
		f.add("CPU seconds of a start", used.Seconds())
		f.add("RSS after start, MiB", float64(rss)/(1<<20))
		if i == c.b.rounds-1 {
			return s, nil
		}
		if err := s.stop(); err != nil {
			return nil, err
		}
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
}

// warmUp gives a JVM the time to compile what the loads run, and both the same load.
func (c *comparison) warmUp(ctx context.Context, s *server) error {
	l := c.loads[0]
	c.b.progress("%s: warm-up", s.name)
	if err := createTopic(ctx, s, "warm-up", nil); err != nil {
		return err
	}
	if err := produceAll(ctx, s, "warm-up", l.records, newPayload(l.size), l.codec); err != nil {
		return err
	}
	return consumeAll(ctx, s, "warm-up", l.records)
}

func (c *comparison) round(ctx context.Context, s *server, round int) error {
	for i, l := range c.loads {
		topic := fmt.Sprintf("load-%d-%d", i, round)
		set := map[string]*string{}
		for k, v := range l.configs[s.name] {
			set[k] = &v
		}
		if err := createTopic(ctx, s, topic, set); err != nil {
			return err
		}
		if err := c.run(ctx, s, l, topic); err != nil {
			return err
		}
	}
	topic := fmt.Sprintf("latency-%d", round)
	if err := createTopic(ctx, s, topic, nil); err != nil {
		return err
	}
	n := 8 * latencyRate
	if c.b.quick {
		n = 3 * latencyRate
	}
	settle()
	var d []time.Duration
	u, err := measured(s, n, func() (err error) {
		d, err = latencies(ctx, s, topic, n, latencyRate)
		return err
	})
	if err != nil {
		return err
	}
	f := c.figures[s.name]
	p50, p99 := ms(percentile(d, 0.5)), ms(percentile(d, 0.99))
	f.add("end to end at 1,000/s, p50 ms", p50)
	f.add("end to end at 1,000/s, p99 ms", p99)
	f.add("broker CPU at 1,000/s, % of one", 100*u.cpu.Seconds()/u.wall.Seconds())
	c.count(u)
	c.b.progress("%s, round %d: latency p50 %.2f ms, p99 %.2f ms", s.name, round+1, p50, p99)
	return nil
}

// run is one load: produce, count, consume.
func (c *comparison) run(ctx context.Context, s *server, l load, topic string) error {
	p := newPayload(l.size)
	settle()
	sent, err := measured(s, l.records, func() error { return produceAll(ctx, s, topic, l.records, p, l.codec) })
	if err != nil {
		return err
	}
	if n, err := endOffsets(ctx, s, topic); err != nil || n != l.records {
		return fmt.Errorf("%s holds %d records of %d in %s: %w", s.name, n, l.records, topic, err)
	}
	read, err := measured(s, l.records, func() error { return consumeAll(ctx, s, topic, l.records) })
	if err != nil {
		return err
	}
	f := c.figures[s.name]
	f.add("produce "+l.name+", records/s", sent.perSecond())
	f.add("produce "+l.name+", broker CPU s per million", sent.cpuPerMillion())
	f.add("consume "+l.name+", records/s", read.perSecond())
	f.add("consume "+l.name+", broker CPU s per million", read.cpuPerMillion())
	c.count(sent)
	c.count(read)
	c.b.progress("%s, %s: produced %s/s (CPU %.2f s per million), consumed %s/s (%.2f)", s.name, l.name,
		grouped(sent.perSecond()), sent.cpuPerMillion(), grouped(read.perSecond()), read.cpuPerMillion())
	return deleteTopic(ctx, s, topic)
}

func (c *comparison) count(u usage) {
	c.wall += u.wall
	c.others += u.others
	c.client += u.client
}

// report lays the rows out in the order of the loads. The last column says how much better Weir is: above 1 it is.
func (c *comparison) report() report {
	r := report{
		page: "kafka.md", title: "Beside Apache Kafka " + kafkaVersion(),
		head: append(append([]string{""}, c.names...), "Weir better by"),
		note: fmt.Sprintf("Medians of %d rounds [lowest-highest]. During the loads the client used %.0f %% of one CPU, others on the machine %.0f %%.",
			c.b.rounds, 100*c.client.Seconds()/c.wall.Seconds(), 100*c.others.Seconds()/c.wall.Seconds()),
	}
	row := func(name string, format func(float64) string, moreIsBetter bool) {
		cells := []string{name}
		var m []float64
		for _, p := range c.names {
			v := c.figures[p][name]
			cells = append(cells, spread(v, format))
			m = append(m, median(v))
		}
		if moreIsBetter {
			cells = append(cells, ratio(m[1], m[0]))
		} else {
			cells = append(cells, ratio(m[0], m[1]))
		}
		r.rows = append(r.rows, cells)
	}
	for _, what := range []string{"produce ", "consume "} {
		for _, l := range c.loads {
			row(what+l.name+", records/s", grouped, true)
			row(what+l.name+", broker CPU s per million", decimals(3), false)
		}
	}
	row("end to end at 1,000/s, p50 ms", decimals(2), false)
	row("end to end at 1,000/s, p99 ms", decimals(2), false)
	row("broker CPU at 1,000/s, % of one", decimals(1), false)
	row("start to first Metadata, ms", grouped, false)
	row("start to first acknowledged record, ms", grouped, false)
	row("CPU seconds of a start", decimals(2), false)
	row("RSS after start, MiB", grouped, false)
	row("RSS after the loads, MiB", grouped, false)
	return r
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
