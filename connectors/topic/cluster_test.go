package topic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
)

// brokers starts a fake Kafka for the test; with WEIR_TEST_KAFKA=host:port the tests run on that cluster instead.
func brokers(t *testing.T) []string {
	t.Helper()
	if addr := os.Getenv("WEIR_TEST_KAFKA"); addr != "" {
		return []string{addr}
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.DefaultNumPartitions(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

func dial(t *testing.T, brokers []string) *Client {
	t.Helper()
	c, err := Dial(brokers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// unique makes names that no other run on the same cluster has.
func unique(name string) string { return fmt.Sprintf("%s-%08x", name, rand.Uint32()) }

func newTopic(t *testing.T, c *Cluster, name string, partitions int) string {
	t.Helper()
	name = unique(name)
	if err := c.EnsureTopic(t.Context(), TopicSpec{Name: name, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	return name
}

// produce writes records with a client that is not ours, in a transaction that is committed or aborted.
func produce(t *testing.T, brokers []string, commit bool, records ...*kgo.Record) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.TransactionalID(unique("producer")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := c.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	end := kgo.TryAbort
	if commit {
		end = kgo.TryCommit
	}
	if err := c.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	settle(t, NewCluster(&Client{c}), records[0].Topic)
}

// settle waits until no transaction is open in a topic: a cluster writes its markers after it has answered EndTxn.
func settle(t *testing.T, c *Cluster, topic string) {
	t.Helper()
	n, err := c.Partitions(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	parts := make([]int32, n)
	for i := range parts {
		parts[i] = int32(i)
	}
	for {
		committed, err := c.ListOffsets(t.Context(), topic, parts, Latest, true)
		if err != nil {
			t.Fatal(err)
		}
		all, err := c.ListOffsets(t.Context(), topic, parts, Latest, false)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(committed, all) {
			return
		}
		if !pause(t.Context(), firstWait) {
			t.Fatal("a transaction stays open")
		}
	}
}

// consume reads all committed records of a topic with a client that is not ours.
func consume(t *testing.T, brokers []string, c *Cluster, topic string) []*kgo.Record {
	t.Helper()
	n, err := c.Partitions(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	parts := make([]int32, n)
	at := map[int32]kgo.Offset{}
	for i := range parts {
		parts[i] = int32(i)
		at[int32(i)] = kgo.NewOffset().AtStart()
	}
	ends, err := c.ListOffsets(t.Context(), topic, parts, Latest, true)
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var out []*kgo.Record
	seen := make([]int64, n)
	for slices.ContainsFunc(parts, func(p int32) bool { return seen[p] < ends[p] }) {
		f := cl.PollFetches(t.Context())
		if err := f.Err0(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			seen[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				out = append(out, r)
			}
		})
	}
	return out
}

var rawFields = []format.Field{
	{Name: "key", Type: arrow.BinaryTypes.Binary, Nullable: true, Source: format.FromKey},
	{Name: "value", Type: arrow.BinaryTypes.Binary, Nullable: true, Source: format.FromRawValue},
	{Name: "headers", Type: arrow.BinaryTypes.Binary, Source: format.FromHeaders},
	{Name: "header_count", Type: arrow.PrimitiveTypes.Int32, Source: format.FromHeaderCount},
	{Name: "timestamp", Type: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, Source: format.FromTimestamp},
}

func rawDecoder() (Decoder, error) { return format.NewDecoder("raw", rawFields, format.Options{}) }

// errDead is what a dead process hears.
var errDead = stream.Permanent(errors.New("this process is dead"))

// mortal is a Requester whose process dies at its nth request of a kind, before it reaches the cluster or after: from then
// on it hears nothing but errDead.
type mortal struct {
	Requester
	kind  string // "" never dies
	nth   int
	after bool
	mu    struct {
		sync.Mutex
		seen map[string]int
		died bool
	}
}

func (m *mortal) do(req kmsg.Request, send func() (kmsg.Response, error)) (kmsg.Response, error) {
	kind := kmsg.NameForKey(req.Key())
	m.mu.Lock()
	if m.mu.seen == nil {
		m.mu.seen = map[string]int{}
	}
	m.mu.seen[kind]++
	here := kind == m.kind && m.mu.seen[kind] == m.nth
	m.mu.died = m.mu.died || here && !m.after
	died := m.mu.died
	m.mu.Unlock()
	if died {
		return nil, errDead
	}
	resp, err := send()
	if here {
		m.mu.Lock()
		m.mu.died = true
		m.mu.Unlock()
		return nil, errDead
	}
	return resp, err
}

func (m *mortal) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return m.do(req, func() (kmsg.Response, error) { return m.Requester.Request(ctx, req) })
}

func (m *mortal) RequestTo(ctx context.Context, node int32, req kmsg.Request) (kmsg.Response, error) {
	return m.do(req, func() (kmsg.Response, error) { return m.Requester.RequestTo(ctx, node, req) })
}

func (m *mortal) requests() (seen map[string]int, died bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.mu.seen), m.mu.died
}
