package kafka

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/group"
	"github.com/weirhub/weir/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a broker with a listener in this process, on a file system that outlives it.
type node struct {
	t    testing.TB
	fs   vfs.FS
	b    *broker.Broker
	s    *Server
	addr string
	halt func() error // stops it; the second time it does nothing
	stop func()       // halts it, which must go well
}

// start opens a broker on fs and serves it until the test ends or stop is called.
func start(t testing.TB, fs vfs.FS, o broker.Options) *node {
	t.Helper()
	return startAt(t, fs, o, "127.0.0.1:0")
}

// startAt is start at an address that clients know.
func startAt(t testing.TB, fs vfs.FS, o broker.Options, addr string) *node {
	t.Helper()
	b, err := broker.Open(fs, "data", o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, fs: fs, b: b, s: NewServer(b, Options{Groups: group.Options{MinSession: 100 * time.Millisecond}}), addr: ln.Addr().String()}
	ctx, cancel := context.WithCancel(context.Background())
	serveCtx, stopServing := context.WithCancel(ctx)
	ran, served, coordinated := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() { ran <- b.Run(ctx) }()
	go func() { coordinated <- n.s.Run(ctx) }()
	go func() { served <- n.s.Serve(serveCtx, ln) }()
	stopped := false
	n.halt = func() error {
		if stopped {
			return nil
		}
		stopped = true
		stopServing()
		err := <-served
		cancel()
		return errors.Join(err, <-coordinated, <-ran, b.Close())
	}
	n.stop = func() {
		if err := n.halt(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(n.stop)
	return n
}

func newNode(t testing.TB) *node { return start(t, vfs.NewMem(), broker.Options{}) }

func (n *node) client(opts ...kgo.Opt) *kgo.Client {
	n.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(n.addr), kgo.RetryTimeout(10 * time.Second)}, opts...)...)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(cl.Close)
	return cl
}

func (n *node) admin() *kadm.Client { return kadm.NewClient(n.client()) }

func (n *node) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	n.t.Cleanup(cancel)
	return ctx
}

func (n *node) createTopic(name string, partitions int32, configs map[string]*string) {
	n.t.Helper()
	if _, err := n.b.CreateTopic(n.ctx(), broker.TopicSpec{Name: name, Partitions: partitions, Configs: configs}); err != nil {
		n.t.Fatal(err)
	}
}

// raw is one connection on which the test writes requests of the versions it wants.
type raw struct {
	t    testing.TB
	nc   net.Conn
	next int32
}

func (n *node) dial() *raw {
	n.t.Helper()
	nc, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return &raw{t: n.t, nc: nc}
}

// send writes a request; recv reads the next answer into the kind of the request.
func (r *raw) send(req kmsg.Request, version int16) int32 {
	r.t.Helper()
	req.SetVersion(version)
	r.next++
	if _, err := r.nc.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("raw")).AppendRequest(nil, req, r.next)); err != nil {
		r.t.Fatal(err)
	}
	return r.next
}

func (r *raw) recv(correlation int32, resp kmsg.Response, version int16) {
	r.t.Helper()
	b := r.recvBytes()
	if got := int32(be32(b)); got != correlation {
		r.t.Fatalf("answer has correlation id %d, want %d", got, correlation)
	}
	resp.SetVersion(version)
	b = b[4:]
	if resp.IsFlexible() && resp.Key() != keyAPIVersions {
		b = b[1:]
	}
	if err := resp.ReadFrom(b); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) recvBytes() []byte {
	r.t.Helper()
	b, err := readWire(r.nc)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// ask sends and receives.
func ask[T kmsg.Response](r *raw, req kmsg.Request, version int16) T {
	r.t.Helper()
	id := r.send(req, version)
	resp := req.ResponseKind()
	r.recv(id, resp, version)
	return resp.(T)
}
