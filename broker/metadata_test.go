package broker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weirhub/weir/internal/vfs"
)

// Goal: at whatever operation the machine dies while topics are created, grown, altered and deleted, the next start sees
// each change whole or not at all, in order, and every change that was acknowledged.
func TestMetadataSurvivesACrashAtEveryOperation(t *testing.T) {
	ctx := context.Background()
	str := func(s string) *string { return &s }
	steps := []func(*Broker) error{
		func(b *Broker) error { _, err := b.CreateTopic(ctx, TopicSpec{Name: "a", Partitions: 2}); return err },
		func(b *Broker) error {
			_, err := b.CreateTopic(ctx, TopicSpec{Name: "b", Partitions: 1, Configs: map[string]*string{"retention.ms": str("5")}})
			return err
		},
		func(b *Broker) error { return b.GrowTopic(ctx, "a", 4, false) },
		func(b *Broker) error { return b.DeleteTopic(ctx, "b") },
		func(b *Broker) error {
			return b.AlterTopic(ctx, "a", false, func(c map[string]string) error { c["segment.ms"] = "9"; return nil })
		},
		func(b *Broker) error { _, err := b.EnsureInternal(ctx, "__x", 1, nil); return err },
		func(b *Broker) error { _, err := b.CreateTopic(ctx, TopicSpec{Name: "b", Partitions: 3}); return err },
		func(b *Broker) error { return b.DeleteTopic(ctx, "a") },
	}
	// The ids differ from run to run, so states are compared without them.
	shape := func(b *Broker) string {
		var out []string
		for _, t := range b.Topics() {
			out = append(out, fmt.Sprintf("%s/%d/%d", t.Name(), len(t.Partitions()), len(t.Configs())))
		}
		return strings.Join(out, " ")
	}
	fs := vfs.NewMem()
	b := open(t, fs)
	states := []string{shape(b)}
	for _, step := range steps {
		if err := step(b); err != nil {
			t.Fatal(err)
		}
		states = append(states, shape(b))
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= fs.Ops(); n++ {
		crashing := vfs.NewMem()
		crashing.CrashAfter(n)
		acked, began := 0, 0
		if b, err := Open(crashing, "a/b/data", Options{}); err == nil {
			for began < len(steps) {
				began++
				if steps[began-1](b) != nil {
					break
				}
				acked = began
			}
			_ = b.Close()
		}
		for seed := range uint64(3) {
			var r *rand.Rand
			if seed > 0 {
				r = rand.New(rand.NewPCG(seed, uint64(n)))
			}
			after := open(t, crashing.CrashClone(r))
			got := shape(after)
			if got != states[acked] && got != states[began] {
				t.Errorf("crash after operation %d, seed %d: %q, want %q or %q", n, seed, got, states[acked], states[began])
			}
			for _, topic := range after.Topics() {
				for _, p := range topic.Partitions() {
					if err := p.Err(); err != nil {
						t.Errorf("crash after operation %d: %s-%d: %v", n, topic.Name(), p.Index(), err)
					}
				}
			}
			if err := after.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// Goal: the metadata log does not grow with the number of changes: it is snapshotted, and its old part goes.
func TestMetadataLogIsCompacted(t *testing.T) {
	fs := vfs.NewMem()
	b := open(t, fs)
	create(t, b, "t", 1, nil)
	long := strings.Repeat("1:1,", 4000)
	for i := range 1000 { // about 16 MB of changes
		err := b.AlterTopic(context.Background(), "t", false, func(c map[string]string) error {
			c["leader.replication.throttled.replicas"] = long + fmt.Sprint(i)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if size := b.admin.meta.log.Size(); size > 2*snapshotBytes {
		t.Errorf("the log holds %d bytes", size)
	}
	want := dump(b)
	for name, fs := range map[string]vfs.FS{"power cut": fs.CrashClone(nil), "kill": fs.Clone()} {
		again := open(t, fs)
		if got := dump(again); got != want {
			t.Errorf("after the %s the state differs", name)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// Goal: producer ids are never given out twice, over restarts and crashes.
func TestProducerIDsAreUnique(t *testing.T) {
	fs := vfs.NewMem()
	seen := map[int64]bool{}
	for range 3 {
		b := open(t, fs)
		for range pidBlock + 5 {
			id, err := b.NextProducerID()
			if err != nil || seen[id] {
				t.Fatalf("id %d: seen %v, %v", id, seen[id], err)
			}
			seen[id] = true
		}
		fs = fs.CrashClone(nil)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
