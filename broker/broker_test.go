package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, fs vfs.FS) *Broker {
	t.Helper()
	b, err := Open(fs, "a/b/data", Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs a broker until the returned function is called, which also closes it.
func run(t testing.TB, b *Broker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := errors.Join(<-done, b.Close()); err != nil {
			t.Error(err)
		}
	}
}

func create(t testing.TB, b *Broker, name string, partitions int32, configs map[string]string) *Topic {
	t.Helper()
	in := map[string]*string{}
	for k, v := range configs {
		in[k] = &v
	}
	topic, err := b.CreateTopic(context.Background(), TopicSpec{Name: name, Partitions: partitions, Configs: in})
	if err != nil {
		t.Fatal(err)
	}
	return topic
}

func value(v string) record.Batch {
	var b record.Builder
	b.Reset(record.None)
	b.Add(1, nil, []byte(v))
	return slices.Clone(b.Build())
}

// dump is the metadata in words.
func dump(b *Broker) string {
	var s strings.Builder
	fmt.Fprintln(&s, b.ClusterID())
	for _, t := range b.Topics() {
		fmt.Fprintf(&s, "%s %s %d internal=%v", t.Name(), t.ID(), len(t.Partitions()), t.Internal())
		for _, k := range slices.Sorted(maps.Keys(t.Configs())) {
			fmt.Fprintf(&s, " %s=%s", k, t.Configs()[k])
		}
		fmt.Fprintln(&s)
	}
	return s.String()
}

// Goal: a second process on the same directory is refused; after the first closes it is not.
func TestDirectoryIsLocked(t *testing.T) {
	fs := vfs.NewMem()
	b := open(t, fs)
	if _, err := Open(fs, "a/b/data", Options{}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second open: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, fs).Close(); err != nil {
		t.Fatal(err)
	}
}

// Goal: one fsync serves every producer that waits: while a sync is held up, 50 producers append, and one more sync
// serves them all. Producers of another partition do not wait behind it.
func TestGroupCommit(t *testing.T) {
	fs := vfs.NewMem()
	b := open(t, fs)
	topic := create(t, b, "t", 2, nil)
	dir := b.topicDir(topic.meta()) + "/0/"
	var mu sync.Mutex
	syncs, held, release := 0, make(chan struct{}), make(chan struct{})
	slow := &slowSyncs{FS: fs, dir: dir, before: func() {
		mu.Lock()
		syncs++
		first := syncs == 1
		mu.Unlock()
		if first {
			close(held)
			<-release
		}
	}}
	// The log keeps the file system it was opened with, so the broker is opened anew on the slow one.
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, slow)
	defer run(t, b)()
	topic, _ = b.Topic("t")
	p, other := topic.Partitions()[0], topic.Partitions()[1]

	appended, acks := make(chan bool, 51), make(chan error, 51)
	produce := func() {
		at, err := p.Produce(value("x"), false)
		appended <- err == nil
		if err != nil {
			acks <- err
			return
		}
		acks <- p.Wait(context.Background(), at)
	}
	go produce()
	<-held
	for range 50 {
		go produce()
	}
	for range 51 {
		<-appended // no append waits for the sync
	}
	if p.HighWatermark() != 0 {
		t.Errorf("high watermark %d before any sync is done", p.HighWatermark())
	}
	at, err := other.Produce(value("y"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(context.Background(), at); err != nil {
		t.Fatal(err)
	}
	close(release)
	for range 51 {
		if err := <-acks; err != nil {
			t.Error(err)
		}
	}
	if syncs != 2 {
		t.Errorf("%d syncs for 51 producers, want 2", syncs)
	}
}

// slowSyncs calls before ahead of each sync of a segment in dir.
type slowSyncs struct {
	vfs.FS
	dir    string
	before func()
}

func (s *slowSyncs) Create(name string) (vfs.File, error) { return s.wrap(s.FS.Create(name))(name) }
func (s *slowSyncs) OpenReadWrite(name string) (vfs.File, error) {
	return s.wrap(s.FS.OpenReadWrite(name))(name)
}

func (s *slowSyncs) wrap(f vfs.File, err error) func(string) (vfs.File, error) {
	return func(name string) (vfs.File, error) {
		if err != nil || !strings.HasPrefix(name, s.dir) || !strings.HasSuffix(name, ".log") {
			return f, err
		}
		return &slowFile{File: f, before: s.before}, nil
	}
}

type slowFile struct {
	vfs.File
	before func()
}

func (f *slowFile) Sync() error {
	f.before()
	return f.File.Sync()
}

// Goal: with durability os a record is visible and acknowledged without any sync; a kill keeps it, and syncs come by
// themselves.
func TestDurabilityOS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.NewMem()
		b := open(t, fs)
		p := create(t, b, "t", 1, map[string]string{"durability": "os"}).Partitions()[0]
		stop := run(t, b)
		at, err := p.Produce(value("x"), false)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(context.Background(), at); err != nil || p.HighWatermark() != 1 || p.LastStableOffset() != 1 {
			t.Errorf("wait: %v, high watermark %d", err, p.HighWatermark())
		}
		if p.log.FlushedOffset() != 0 {
			t.Error("it was synced")
		}
		time.Sleep(lazySyncEvery + time.Second)
		synctest.Wait()
		if p.log.FlushedOffset() != 1 {
			t.Error("it was not synced later")
		}
		stop()
	})
}

// Goal: a watcher is woken when the partitions it watches have gained the bytes it needs, not before; growth between the
// read and the watch counts.
func TestWatcherIsWokenWhenSatisfied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, vfs.NewMem())
		parts := create(t, b, "t", 2, nil).Partitions()
		stop := run(t, b)
		defer stop()
		add := func(p *Partition, v string) int64 {
			batch := value(v)
			at, err := p.Produce(batch, false)
			if err == nil {
				err = p.Wait(context.Background(), at)
			}
			if err != nil {
				t.Fatal(err)
			}
			return int64(len(batch))
		}
		size := add(parts[0], "x")
		done := func(w *Waiter) bool {
			synctest.Wait()
			select {
			case <-w.Done():
				return true
			default:
				return false
			}
		}
		w := NewWaiter(3 * size)
		parts[0].Watch(w, 1, false)
		parts[1].Watch(w, 0, true)
		for i := range 3 {
			if done(w) {
				t.Fatalf("woken after %d of 3 batches", i)
			}
			add(parts[i%2], "x")
		}
		if !done(w) {
			t.Error("not woken by the third batch")
		}
		for _, p := range parts {
			p.Unwatch(w)
			if len(p.mu.watches) != 0 {
				t.Error("it is still watched")
			}
		}
		late := NewWaiter(1)
		parts[0].Watch(late, 1, false) // its high watermark is 3 by now
		if !done(late) {
			t.Error("growth before the watch did not count")
		}
		parts[0].Unwatch(late)
	})
}

// Goal: a transaction's end wakes a read_committed watcher although it brings few bytes, and its records stay hidden
// until the marker is durable.
func TestTransactionEndWakesCommittedReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, vfs.NewMem())
		p := create(t, b, "t", 1, nil).Partitions()[0]
		stop := run(t, b)
		defer stop()
		var builder record.Builder
		builder.Reset(record.None)
		builder.SetProducer(7, 0, 0, true)
		builder.Add(1, nil, []byte("in a transaction"))
		at, err := p.Produce(builder.Build(), false)
		if err == nil {
			err = p.Wait(context.Background(), at)
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.HighWatermark() != 1 || p.LastStableOffset() != 0 {
			t.Errorf("high watermark %d, stable %d, want 1, 0", p.HighWatermark(), p.LastStableOffset())
		}
		w := NewWaiter(1 << 20)
		p.Watch(w, 0, true)
		defer p.Unwatch(w)
		if _, err := p.Produce(record.EndTxnMarker(7, 0, false, 0, 1), true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r, err := p.Read(0, 1<<20, true)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Slice.Release()
		if r.LastStable != 2 || len(r.Aborted) != 1 || r.Aborted[0].ProducerID != 7 {
			t.Errorf("stable %d, aborted %+v", r.LastStable, r.Aborted)
		}
	})
}

// Goal: names, ranges and values are checked as Kafka checks them.
func TestConfigKeys(t *testing.T) {
	keys := TopicConfigs()
	if !slices.IsSortedFunc(keys, func(a, b ConfigKey) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the table is not sorted by name")
	}
	brokerNames := map[string]bool{}
	for _, k := range keys {
		if k.Doc == "" || k.Type == 0 {
			t.Errorf("%s: no doc or type", k.Name)
		}
		if k.Default != "" || k.Type != TypeList {
			if err := k.Check(k.Default); err != nil {
				t.Errorf("%s: its own default: %v", k.Name, err)
			}
		}
		if k.Broker != "" && brokerNames[k.Broker] {
			t.Errorf("%s: %s is named twice", k.Name, k.Broker)
		}
		brokerNames[k.Broker] = true
	}
	for name, bad := range map[string]string{
		"retention.ms": "-2", "segment.bytes": "13", "cleanup.policy": "delete,burn", "preallocate": "yes",
		"min.cleanable.dirty.ratio": "1.5", "durability": "maybe", "max.message.bytes": "2147483648",
	} {
		k, ok := TopicConfigKey(name)
		if !ok || !errors.Is(k.Check(bad), ErrInvalidConfig) {
			t.Errorf("%s=%s was accepted", name, bad)
		}
	}
}

// Goal: retention by time and by size drops whole old segments, and configs that change take effect on open logs.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, vfs.NewMem())
		p := create(t, b, "t", 1, map[string]string{"segment.bytes": "1048576", "message.timestamp.type": "LogAppendTime"}).Partitions()[0]
		stop := run(t, b)
		defer stop()
		for range 5 {
			at, err := p.Produce(value(strings.Repeat("x", 900_000)), false)
			if err == nil {
				err = p.Wait(context.Background(), at)
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		set := func(name, value string) {
			err := b.AlterTopic(context.Background(), "t", false, func(c map[string]string) error { c[name] = value; return nil })
			if err != nil {
				t.Fatal(err)
			}
			b.Retain()
		}
		first := func() int64 { at, _ := p.StartOffset(); return at.Offset }
		b.Retain()
		if first() != 0 {
			t.Errorf("start %d before anything is due", first())
		}
		set("retention.ms", fmt.Sprint(4*time.Hour.Milliseconds()-1))
		if first() != 2 {
			t.Errorf("start %d, want 2: the first two are 5 h and 4 h old", first())
		}
		set("retention.bytes", "1000000")
		if first() != 3 {
			t.Errorf("start %d, want 3", first())
		}
		set("cleanup.policy", "compact")
		time.Sleep(100 * time.Hour)
		b.Retain()
		if first() != 3 {
			t.Errorf("start %d: a topic that is only compacted lost records by age", first())
		}
	})
}
