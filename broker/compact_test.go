package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// keyed is a batch of one record of some size.
func keyed(key string, n int) record.Batch {
	var b record.Builder
	b.Reset(record.None)
	b.Add(time.Now().UnixMilli(), []byte(key), []byte(strings.Repeat("x", n)))
	return slices.Clone(b.Build())
}

// fill overwrites one key until three segments of a mebibyte are full.
func fill(t *testing.T, p *Partition) {
	t.Helper()
	for range 8 {
		at, err := p.Produce(keyed("k", 500_000), false)
		if err == nil {
			err = p.Wait(context.Background(), at)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Goal: a running broker compacts the topics whose policy says so, by their settings, and no others; a change of the
// policy is enough.
func TestRunCompacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, vfs.NewMem())
		configs := func(policy string) map[string]string {
			return map[string]string{"cleanup.policy": policy, "segment.bytes": "1048576", "min.compaction.lag.ms": "3600000"}
		}
		compacted := create(t, b, "compacted", 1, configs("compact")).Partitions()[0]
		kept := create(t, b, "kept", 1, configs("delete")).Partitions()[0]
		stop := run(t, b)
		defer stop()
		fill(t, compacted)
		fill(t, kept)
		full := kept.Size()
		time.Sleep(59 * time.Minute)
		if compacted.Size() != full {
			t.Errorf("%d bytes before the lag is over, want %d", compacted.Size(), full)
		}
		time.Sleep(2 * time.Minute)
		// Six records are sealed; the newest of them stays, and two in the last segment.
		if got := compacted.Size(); got > 3*500_000+1000 || kept.Size() != full {
			t.Errorf("%d bytes after compaction, %d in the topic without", got, kept.Size())
		}
		err := b.AlterTopic(context.Background(), "kept", false, func(c map[string]string) error { c["cleanup.policy"] = "compact"; return nil })
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := kept.Size(); got > 3*500_000+1000 {
			t.Errorf("%d bytes after the switch to compaction", got)
		}
	})
}

// Goal: a damaged batch stops the compaction of its partition and of no other, is not tried again and again, and takes
// nothing offline.
func TestDamageStopsOneCompaction(t *testing.T) {
	fs := vfs.NewMem()
	b := open(t, fs)
	topic := create(t, b, "t", 2, map[string]string{"cleanup.policy": "compact", "segment.bytes": "1048576"})
	stop := run(t, b)
	defer stop()
	bad, good := topic.Partitions()[0], topic.Partitions()[1]
	fill(t, bad)
	fill(t, good)
	f, err := fs.OpenReadWrite(b.topicDir(topic.meta()) + fmt.Sprintf("/0/%020d.log", 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), 1000); err != nil {
		t.Fatal(err)
	}
	full := bad.Size()
	b.Compact(context.Background())
	if bad.Size() != full || good.Size() >= full {
		t.Errorf("the damaged partition has %d bytes, the other %d, both had %d", bad.Size(), good.Size(), full)
	}
	if due := b.due(); len(due) > 0 {
		t.Errorf("%d partitions are due again", len(due))
	}
	fill(t, bad)
	if err := bad.Err(); err != nil {
		t.Error(err)
	}
}
