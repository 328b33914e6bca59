package hub_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/hub"
)

// patience bounds every wait of these tests, far above what a loaded machine needs.
const patience = 60 * time.Second

// dir is a directory with a weir.yaml and what it names.
type dir struct {
	t    *testing.T
	path string
}

// newDir writes files, given as name, text, name, text.
func newDir(t *testing.T, files ...string) dir {
	t.Helper()
	d := dir{t, t.TempDir()}
	for i := 0; i < len(files); i += 2 {
		d.write(files[i], files[i+1])
	}
	return d
}

func (d dir) write(name, text string) {
	d.t.Helper()
	p := filepath.Join(d.path, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// load reads weir.yaml, which has no mistakes of grammar.
func (d dir) load() *config.File {
	d.t.Helper()
	f, err := config.Load(filepath.Join(d.path, "weir.yaml"), os.LookupEnv)
	if err != nil {
		d.t.Fatal(err)
	}
	return f
}

// running is a hub in this process on free ports.
type running struct {
	*hub.Hub
	t    *testing.T
	stop context.CancelFunc
	done chan error
	out  *lines
	log  *lines
}

// lines gathers text that several goroutines write.
type lines struct {
	mu struct {
		sync.Mutex
		text strings.Builder
	}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.text.String()
}

// options are those of a hub on free ports that keeps nothing.
func options(f *config.File) hub.Options {
	return hub.Options{
		File: f, Version: "test", Data: hub.MemoryData, Kafka: "127.0.0.1:0", AWS: "127.0.0.1:0", HTTP: "127.0.0.1:0",
	}
}

// openHubs counts the hubs that are open in this process.
var openHubs atomic.Int32

// open opens a hub; the test ends it, or its end does.
func open(t *testing.T, o hub.Options) *running {
	t.Helper()
	// Registered first, so it looks when all is closed; while another hub of the test is open, it is the one to look.
	openHubs.Add(1)
	t.Cleanup(func() {
		if openHubs.Add(-1) == 0 {
			noLeaks(t)
		}
	})
	r := &running{t: t, out: &lines{}, log: &lines{}}
	o.Out = r.out
	o.Log = func(line string) { _, _ = r.log.Write([]byte(line + "\n")) }
	h, err := hub.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	r.Hub = h
	t.Cleanup(func() {
		if r.stop != nil {
			r.end()
		}
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

func noLeaks(t *testing.T) {
	t.Helper()
	if err := goleak.Find(goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop")); err != nil {
		t.Errorf("after the hub was closed: %v", err)
	}
}

// up starts the hub and waits until it is ready.
func (r *running) up() *running {
	r.t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	r.stop, r.done = stop, make(chan error, 1)
	go func() { r.done <- r.Run(ctx) }()
	eventually(r.t, "the hub is ready", r.Ready)
	return r
}

// end asks the hub to end and gives Run's error.
func (r *running) end() error {
	r.stop()
	return r.wait()
}

func (r *running) wait() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		r.done <- err
		return err
	case <-time.After(patience):
		r.t.Fatalf("Run has not ended within %s\n%+v\n%s", patience, r.Status().Parts, r.log)
		return nil
	}
}

// runToEnd runs a bounded hub to its end.
func runToEnd(t *testing.T, o hub.Options) *running {
	t.Helper()
	o.Bounded = true
	r := open(t, o)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r.stop, r.done = stop, make(chan error, 1)
	go func() { r.done <- r.Run(ctx) }()
	if err := r.wait(); err != nil {
		t.Fatalf("Run: %v\n%s", err, r.log)
	}
	return r
}

// sound fails the test when a part failed.
func (r *running) sound() *running {
	r.t.Helper()
	if p := r.Problems(); len(p) > 0 {
		r.t.Fatal(p.Render() + r.log.String())
	}
	return r
}

// part is the status of one part.
func (r *running) part(kind, name string) admin.Part {
	r.t.Helper()
	for _, p := range r.Status().Parts {
		if p.Kind == kind && p.Name == name {
			return p
		}
	}
	r.t.Fatalf("no %s %s", kind, name)
	return admin.Part{}
}

func (r *running) client(opts ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.Hub.Hub().Kafka...)}, opts...)...)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// produce writes one record for each value, without keys.
func (r *running) produce(topic string, values ...string) {
	r.t.Helper()
	c := r.client(kgo.AllowAutoTopicCreation())
	defer c.Close()
	for _, v := range values {
		if err := c.ProduceSync(r.t.Context(), &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			r.t.Fatal(err)
		}
	}
}

// records reads the first n committed records of a topic, and sees that there are no more.
func (r *running) records(topic string, n int) []*kgo.Record {
	r.t.Helper()
	c := r.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer c.Close()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	ends, err := kadm.NewClient(c).ListCommittedOffsets(ctx, topic)
	if err != nil {
		r.t.Fatal(err)
	}
	var all int64
	ends.Each(func(o kadm.ListedOffset) { all += o.Offset })
	var out []*kgo.Record
	for len(out) < n {
		f := c.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			r.t.Fatalf("%s has %d records after %s (its log ends at %d), want %d\n%s", topic, len(out), patience, all, n, r.log)
		}
		out = append(out, f.Records()...)
	}
	if len(out) > n {
		r.t.Fatalf("%s has %d records, want %d", topic, len(out), n)
	}
	return out
}

// values are the sorted values of records.
func values(records []*kgo.Record) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = string(r.Value)
	}
	slices.Sort(out)
	return out
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// groups are the consumer groups of the hub's cluster.
func (r *running) groups() []string {
	r.t.Helper()
	c := r.client()
	defer c.Close()
	g, err := kadm.NewClient(c).ListGroups(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return g.Groups()
}
