package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/weirhub/weir/broker/quota"
	"github.com/weirhub/weir/internal/vfs"
)

// limitsDump is everything that this file's tests set, as text.
func limitsDump(b *Broker) string {
	var out strings.Builder
	for _, e := range b.Quotas().Entries() {
		fmt.Fprintln(&out, "quota", e.Entity, e.Values)
	}
	for _, name := range b.Resources(16) {
		fmt.Fprintln(&out, "resource", name, b.Resource(16, name))
	}
	fmt.Fprintln(&out, "cluster", b.admin.meta.state.configs, "node", b.admin.meta.state.node)
	return out.String()
}

// Goal: quotas, configs of other resources and of the node are the same after a restart, whether it replays each change or
// a snapshot; what was removed stays removed.
func TestLimitsSurviveRestartAndSnapshot(t *testing.T) {
	ctx := context.Background()
	fs := vfs.NewMem()
	b := open(t, fs)
	anyone := quota.Part{Kind: quota.Default}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	set := func(to map[string]string) func(map[string]string) error {
		return func(c map[string]string) error {
			clear(c)
			maps.Copy(c, to)
			return nil
		}
	}
	must(b.AlterQuotas(ctx, []quota.Change{
		{Entity: quota.Entity{Client: quota.Name("a")}, Set: map[string]float64{quota.ProducerBytes: 1000, quota.RequestPercent: 12.5}},
		{Entity: quota.Entity{Client: anyone}, Set: map[string]float64{quota.ProducerBytes: 2000}},
		{Entity: quota.Entity{User: anyone, Client: quota.Name("")}, Set: map[string]float64{quota.ConsumerBytes: 1}},
		{Entity: quota.Entity{IP: quota.Name("::1")}, Set: map[string]float64{quota.ConnectionsRate: 3}},
	}))
	must(b.AlterQuotas(ctx, []quota.Change{
		{Entity: quota.Entity{Client: quota.Name("a")}, Remove: []string{quota.RequestPercent}},
		{Entity: quota.Entity{Client: anyone}, Remove: []string{quota.ProducerBytes}},
	}))
	must(b.AlterResource(ctx, 16, "kept", false, set(map[string]string{"metrics": "*"})))
	must(b.AlterResource(ctx, 16, "gone", false, set(map[string]string{"metrics": "*"})))
	must(b.AlterResource(ctx, 16, "gone", false, set(nil)))
	must(b.AlterResource(ctx, 16, "only tried", true, set(map[string]string{"metrics": "*"})))
	must(b.AlterBroker(ctx, WholeCluster, false, set(map[string]string{"log.retention.ms": "1", MaxConnections: "5"})))
	must(b.AlterBroker(ctx, ThisNode, false, set(map[string]string{"log.retention.ms": "2"})))
	want := limitsDump(b)
	for _, line := range []string{"producer_byte_rate:1000]", "kept", "node map[log.retention.ms:2]"} {
		if !strings.Contains(want, line) {
			t.Fatalf("no %q in:\n%s", line, want)
		}
	}
	if strings.Contains(want, "gone") || strings.Contains(want, "tried") || strings.Contains(want, "12.5") || strings.Contains(want, "2000") {
		t.Fatalf("something that was removed is there:\n%s", want)
	}
	must(b.Close())
	b = open(t, fs)
	if got := limitsDump(b); got != want {
		t.Errorf("after a restart:\n%s\nwant:\n%s", got, want)
	}
	b.admin.meta.sinceSnapshot = snapshotBytes // the next change makes one
	must(b.AlterResource(ctx, 16, "gone", false, set(nil)))
	if b.admin.meta.sinceSnapshot != 0 {
		t.Fatal("no snapshot was made")
	}
	must(b.Close())
	b = open(t, fs)
	if got := limitsDump(b); got != want {
		t.Errorf("after a snapshot:\n%s\nwant:\n%s", got, want)
	}
	must(b.Close())
}

// Goal: what a client can make the broker remember for ever is bounded.
func TestQuotasAreBounded(t *testing.T) {
	b := open(t, vfs.NewMem())
	var changes []quota.Change
	for i := range maxQuotas {
		changes = append(changes, quota.Change{Entity: quota.Entity{Client: quota.Name(fmt.Sprint(i))}, Set: map[string]float64{quota.ProducerBytes: 1}})
	}
	if err := b.AlterQuotas(context.Background(), changes); err != nil {
		t.Fatal(err)
	}
	more := []quota.Change{{Entity: quota.Entity{User: quota.Name("u")}, Set: map[string]float64{quota.ProducerBytes: 1}}}
	if err := b.AlterQuotas(context.Background(), more); !errors.Is(err, ErrInvalidRequest) {
		t.Fatalf("one more: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}
