package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/kafka"
	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a broker of this process on a file system that outlives it.
type node struct {
	server *kafka.Server
	addr   string // "" without a listener
	stop   func()
}

func start(t testing.TB, fs vfs.FS, listen bool) *node {
	t.Helper()
	if !listen {
		return startOn(t, fs, nil)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, fs, ln)
}

// startOn starts a broker that serves ln, or nobody but this process when it is nil.
func startOn(t testing.TB, fs vfs.FS, ln net.Listener) *node {
	t.Helper()
	b, err := broker.Open(fs, "data", broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{server: kafka.NewServer(b, kafka.Options{})}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	run := func(what string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	run("broker", b.Run)
	run("server", n.server.Run)
	if ln != nil {
		n.addr = ln.Addr().String()
		run("listener", func(ctx context.Context) error { return n.server.Serve(ctx, ln) })
	}
	n.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		if err := b.Close(); err != nil {
			t.Errorf("close broker: %v", err)
		}
	})
	t.Cleanup(n.stop)
	return n
}

var errCut = stream.Permanent(errors.New("the power is cut"))

// cut is a Requester in a process whose power fails at its n-th request that writes, before the broker has seen it (odd n) or
// after it has answered (even n). at is called at that moment; then nothing is answered any more.
type cut struct {
	topic.Requester
	n  int
	at func()
	mu struct {
		sync.Mutex
		seen int
		dead bool
		what string
	}
}

func (c *cut) request(req kmsg.Request, send func() (kmsg.Response, error)) (kmsg.Response, error) {
	_, reads := req.(*kmsg.FetchRequest)
	c.mu.Lock()
	if !reads && !c.mu.dead {
		c.mu.seen += 2
	}
	before, after := !reads && c.mu.seen-1 == c.n, !reads && c.mu.seen == c.n
	if before {
		c.die(req)
	}
	dead := c.mu.dead
	c.mu.Unlock()
	if dead {
		return nil, errCut
	}
	resp, err := send()
	if after {
		c.mu.Lock()
		c.die(req)
		c.mu.Unlock()
		return nil, errCut
	}
	return resp, err
}

// die is called with mu held.
func (c *cut) die(req kmsg.Request) {
	if !c.mu.dead {
		c.mu.dead, c.mu.what = true, kmsg.NameForKey(req.Key())
		c.at()
	}
}

func (c *cut) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return c.request(req, func() (kmsg.Response, error) { return c.Requester.Request(ctx, req) })
}

func (c *cut) RequestTo(ctx context.Context, n int32, req kmsg.Request) (kmsg.Response, error) {
	return c.request(req, func() (kmsg.Response, error) { return c.Requester.RequestTo(ctx, n, req) })
}

func (c *cut) requests() (n int, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.seen, c.mu.what
}

// write puts JSON records {"k":"k0","n":0} into partitions in turn, in one transaction.
func write(t testing.TB, r topic.Requester, name string, partitions, n int) {
	t.Helper()
	ctx := t.Context()
	c := topic.NewCluster(r)
	if err := c.EnsureTopic(ctx, topic.TopicSpec{Name: name, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	x := topic.NewTransaction(c, topic.TransactionOptions{Pipeline: "writer-of-" + name})
	if _, err := x.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		v := fmt.Appendf(nil, `{"k":"k%d","n":%d}`, i%7, i)
		if err := x.Add(ctx, name, int32(i%partitions), topic.Record{Timestamp: int64(i + 1), Value: v}); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Commit(ctx, &stream.Checkpoint{ID: 1, Last: true}); err != nil {
		t.Fatal(err)
	}
}

var jsonFields = []format.Field{
	{Name: "k", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "value", Type: arrow.BinaryTypes.Binary, Nullable: true, Source: format.FromRawValue},
}

// copyJSON reads a topic's JSON, moves rows to the task of their key, and writes the original values, keyed by k.
func copyJSON(r topic.Requester, name, from, to string, bounded bool) stream.Spec {
	c := topic.NewCluster(r)
	x := topic.NewTransaction(c, topic.TransactionOptions{Pipeline: name, Sources: []string{from}})
	source := &stream.Node{ID: "source", Name: "TopicSource", Parallelism: 2, Source: func(t stream.Task) (stream.Source, error) {
		return topic.NewSource(c, topic.SourceOptions{
			Topic: from, Start: topic.Earliest, Bounded: bounded,
			NewDecoder: func() (topic.Decoder, error) { return format.NewDecoder("json", jsonFields, format.Options{}) },
		}, t)
	}}
	sink := topicSink(x, to, 0, 2)
	sink.Inputs, sink.Keys = []*stream.Node{source}, [][]int{{0}}
	return stream.Spec{
		Name: name, Root: sink, Parallelism: 2, CheckpointEvery: 3 * time.Millisecond, Committer: x, DeadLetter: x.DeadLetter,
		Restart: stream.RestartPolicy{Backoff: time.Millisecond},
	}
}

// topicSink writes two columns of text or bytes as keys and values.
func topicSink(x *topic.Transaction, to string, key, value int) *stream.Node {
	column := func(i int) func() (topic.EncodeRow, error) {
		return func() (topic.EncodeRow, error) { return topic.BytesColumn(i), nil }
	}
	return &stream.Node{ID: "sink", Name: "TopicSink", Sink: func(t stream.Task) (stream.Sink, error) {
		return topic.NewSink(x, topic.SinkOptions{
			Topic: to, NewKey: column(key), NewValue: column(value), Timestamp: topic.NoColumn, Headers: topic.NoColumn, HeaderCount: topic.NoColumn,
		}, t)
	}}
}

// slow makes the pipeline's source pause between batches, so that checkpoints fall between them.
func slow(s stream.Spec) stream.Spec {
	n := s.Root
	for n.Source == nil {
		n = n.Inputs[0]
	}
	inner := n.Source
	n.Source = func(t stream.Task) (stream.Source, error) {
		src, err := inner(t)
		return slowSource{src.(*topic.Source)}, err
	}
	return s
}

type slowSource struct{ *topic.Source }

func (s slowSource) Read(ctx context.Context) (stream.Batch, error) {
	select {
	case <-ctx.Done():
		return stream.Batch{}, ctx.Err()
	case <-time.After(4 * time.Millisecond):
		return s.Source.Read(ctx)
	}
}

// values are the committed values of a topic, sorted.
func values(t testing.TB, r topic.Requester, name string) []string {
	t.Helper()
	fields := []format.Field{{Name: "value", Type: arrow.BinaryTypes.String, Nullable: true, Source: format.FromRawValue}}
	s, err := topic.NewSource(topic.NewCluster(r), topic.SourceOptions{
		Topic: name, Start: topic.Earliest, Bounded: true,
		NewDecoder: func() (topic.Decoder, error) { return format.NewDecoder("raw", fields, format.Options{}) },
	}, stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Open(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var out []string
	for {
		b, err := s.Read(t.Context())
		if err != nil {
			break
		}
		for i := range b.Rows() {
			out = append(out, b.Rec.Column(0).ValueStr(i))
		}
		if b.Rec != nil {
			b.Rec.Release()
		}
	}
	slices.Sort(out)
	return out
}
