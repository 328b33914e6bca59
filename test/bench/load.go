package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What a load must end within, and how long a consumer may see nothing.
const (
	loadTimeout = 2 * time.Minute
	// partitions of every topic: the hub's example has as many.
	partitions = 6
)

// usage is what a load did to the broker.
type usage struct {
	records int
	wall    time.Duration
	cpu     time.Duration // the broker's
	client  time.Duration // this process'
	others  time.Duration // everybody else's
}

func (u usage) perSecond() float64 { return float64(u.records) / u.wall.Seconds() }
func (u usage) cpuPerMillion() float64 {
	return u.cpu.Seconds() / float64(u.records) * 1e6
}

// measured runs a load of so many records and says what it took.
func measured(s *server, records int, f func() error) (usage, error) {
	before, err := readCPU(s.pid())
	if err != nil {
		return usage{}, err
	}
	own, all, start := ownCPU(), busy(), time.Now()
	if err := f(); err != nil {
		return usage{}, errors.Join(err, s.ended())
	}
	u := usage{records: records, wall: time.Since(start), client: ownCPU() - own}
	after, err := readCPU(s.pid())
	u.cpu = after.since(before)
	u.others = max(0, busy()-all-u.cpu-u.client)
	return u, err
}

// createTopic makes a topic of the loads.
func createTopic(ctx context.Context, s *server, topic string, configs map[string]*string) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(s.addr))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = kadm.NewClient(c).CreateTopic(ctx, partitions, 1, configs, topic)
	if err != nil {
		return fmt.Errorf("create topic %s at %s: %w", topic, s.name, err)
	}
	return nil
}

// deleteTopic makes room on the disk.
func deleteTopic(ctx context.Context, s *server, topic string) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(s.addr))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := kadm.NewClient(c).DeleteTopic(ctx, topic); err != nil {
		return fmt.Errorf("delete topic %s at %s: %w", topic, s.name, err)
	}
	return nil
}

// endOffsets is the number of records in a topic that has lost none.
func endOffsets(ctx context.Context, s *server, topic string) (int, error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(s.addr))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	n := 0
	ends.Each(func(o kadm.ListedOffset) { n += int(o.Offset) })
	return n, ends.Error()
}

// payload gives values of one size, cut out of a text of events: as compressible as such texts are.
type payload struct {
	text []byte
	size int
}

func newPayload(size int) payload { return payload{bytes.Join(clicks(20_000), []byte{'\n'}), size} }

func (p payload) value(i int) []byte {
	at := i * p.size % (len(p.text) - p.size)
	return p.text[at : at+p.size]
}

// produceAll sends the records as fast as the client takes them and returns when all are acknowledged. What differs
// from franz-go's defaults are the Java producer's: linger of 5 ms, another partition every 64 KiB.
func produceAll(ctx context.Context, s *server, topic string, records int, p payload, codec kgo.CompressionCodec) error {
	c, err := kgo.NewClient(
		kgo.SeedBrokers(s.addr), kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(5*time.Millisecond),
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(64<<10, true, true, nil)), kgo.ProducerBatchCompression(codec),
		kgo.MaxBufferedRecords(100_000),
	)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var failed atomic.Pointer[error]
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	var some []kgo.Record // allocated together, so that the client's garbage is not the figure
	for i := range records {
		if len(some) == 0 {
			some = make([]kgo.Record, 1024)
		}
		some[0].Value = p.value(i)
		c.Produce(ctx, &some[0], promise)
		some = some[1:]
	}
	if err := c.Flush(ctx); err != nil {
		return fmt.Errorf("produce to %s at %s: %w", topic, s.name, err)
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("produce to %s at %s: %w", topic, s.name, *err)
	}
	return nil
}

// consumeAll reads a topic from its start until the records are there.
func consumeAll(ctx context.Context, s *server, topic string, records int) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	for n := 0; n < records; {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume %s at %s after %d of %d records: %w", topic, s.name, n, records, err)
		}
		n += fetches.NumRecords()
	}
	return nil
}

// latencies sends records at a steady rate without linger and measures from the call of Produce to the arrival in the
// consumer, the first second left out. Produce does not block, so a slow broker delays no later record.
func latencies(ctx context.Context, s *server, topic string, records, perSecond int) ([]time.Duration, error) {
	c, err := kgo.NewClient(
		kgo.SeedBrokers(s.addr), kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(0),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(500*time.Millisecond),
	)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	start := time.Now()
	out := make([]time.Duration, 0, records)
	errs := make(chan error, 1)
	var reader sync.WaitGroup
	reader.Go(func() {
		for len(out) < records {
			fetches := c.PollFetches(ctx)
			now := time.Since(start)
			if err := fetches.Err(); err != nil {
				errs <- fmt.Errorf("measure latency at %s after %d records: %w", s.name, len(out), err)
				cancel()
				return
			}
			fetches.EachRecord(func(r *kgo.Record) { out = append(out, now-time.Duration(binary.BigEndian.Uint64(r.Value))) })
		}
	})
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for sent := 0; sent < records && ctx.Err() == nil; {
		<-tick.C
		// A ticker drops ticks that come late; what is due is sent now.
		for due := int(time.Since(start) * time.Duration(perSecond) / time.Second); sent < min(due, records); sent++ {
			value := make([]byte, 100)
			binary.BigEndian.PutUint64(value, uint64(time.Since(start)))
			c.Produce(ctx, &kgo.Record{Value: value}, nil)
		}
	}
	reader.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	return out[min(perSecond, len(out)):], nil
}

func percentile(d []time.Duration, p float64) time.Duration {
	slices.Sort(d)
	return d[min(len(d)-1, int(p*float64(len(d))))]
}

// awaitStart waits until a fresh server answers Metadata, and then until a record in a new topic is acknowledged; both
// since the process began.
func awaitStart(ctx context.Context, s *server) (metadata, acked time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if err := s.ended(); err != nil {
			return 0, 0, err
		}
		if err := ask(ctx, s); err == nil {
			break
		} else if ctx.Err() != nil {
			return 0, 0, fmt.Errorf("wait for %s: %w\n%s", s.name, err, tail(s.output.String()))
		}
		time.Sleep(5 * time.Millisecond)
	}
	metadata = time.Since(s.started)
	if err := createTopic(ctx, s, "first", nil); err != nil {
		return 0, 0, err
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.DefaultProduceTopic("first"), kgo.ProducerLinger(0), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	err = c.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr()
	return metadata, time.Since(s.started), err
}

// ask asks for Metadata once, over a connection of its own.
func ask(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.RequestRetries(0), kgo.RetryTimeout(time.Second))
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := kadm.NewClient(c).BrokerMetadata(ctx)
	if err == nil && len(m.Brokers) == 0 {
		err = errors.New("no brokers yet")
	}
	return err
}
