package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/vfs"
)

// Goal: a compacted topic of a client (K15). A record without a key is refused with its batch and not sent again; the
// empty key is a key, the empty value a value; a tombstone and what it deleted are gone after two passes. A consumer from
// the start is led over the holes.
func TestCompactedTopic(t *testing.T) {
	n := start(t, vfs.NewMem(), broker.Options{CompactEvery: 5 * time.Millisecond})
	n.createTopic("t", 1, eager("compact"))
	cl := n.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	ctx := n.ctx()
	began := time.Now()
	err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("poison")}, &kgo.Record{Topic: "t", Key: []byte("x"), Value: []byte("beside it")}).FirstErr()
	if !errors.Is(err, kerr.InvalidRecord) || time.Since(began) > 5*time.Second {
		t.Errorf("a record without a key: %v after %v", err, time.Since(began))
	}
	for _, r := range [][2][]byte{
		{[]byte(""), []byte("empty")},
		{[]byte("a"), []byte("1")},
		{[]byte("a"), nil},
		{[]byte("b"), []byte("1")},
		{[]byte("b"), []byte("")},
		{[]byte("c"), []byte("1")},
	} {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Key: r[0], Value: r[1]}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	n.settles("t", map[string]int{`""="empty"`: 1, `"b"=""`: 1, `"c"="1"`: 1})
}

// Goal: a topic that was switched to compaction when it held records without keys is compacted: they go.
func TestTopicSwitchedToCompaction(t *testing.T) {
	n := start(t, vfs.NewMem(), broker.Options{CompactEvery: 5 * time.Millisecond})
	n.createTopic("t", 1, eager("delete"))
	cl := n.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for _, r := range []*kgo.Record{
		{Value: []byte("no key")}, {Key: []byte("a"), Value: []byte("1")}, {Value: []byte("nor here")}, {Key: []byte("a"), Value: []byte("2")},
	} {
		r.Topic = "t"
		if err := cl.ProduceSync(n.ctx(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if got := n.everything("t"); len(got) != 4 {
		t.Fatalf("before the switch: %v", got)
	}
	err := n.b.AlterTopic(n.ctx(), "t", false, func(c map[string]string) error { c["cleanup.policy"] = "compact,delete"; return nil })
	if err != nil {
		t.Fatal(err)
	}
	n.settles("t", map[string]int{`"a"="2"`: 1})
}

// eager are the configs of a topic that is compacted as soon as anything can be: segments end after a millisecond.
func eager(policy string) map[string]*string {
	return map[string]*string{
		"cleanup.policy": &policy, "segment.ms": kmsg.StringPtr("1"), "min.cleanable.dirty.ratio": kmsg.StringPtr("0"),
		"delete.retention.ms": kmsg.StringPtr("100"),
	}
}

// settles produces one key again and again, so that segments end and there is something to do, until the topic holds the
// wanted records beside it.
func (n *node) settles(topic string, want map[string]int) {
	n.t.Helper()
	cl := n.client()
	got := map[string]int{}
	for i := 0; n.ctx().Err() == nil && i < 2000; i++ {
		if err := cl.ProduceSync(n.ctx(), &kgo.Record{Topic: topic, Key: []byte("filler"), Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			n.t.Fatal(err)
		}
		if got = n.everything(topic); maps.Equal(got, want) {
			return
		}
	}
	n.t.Errorf("the topic holds %v, want %v", got, want)
}

// everything counts the records of a topic's only partition but the filler, read from the start.
func (n *node) everything(topic string) map[string]int {
	n.t.Helper()
	ends, err := n.admin().ListEndOffsets(n.ctx(), topic)
	if err != nil {
		n.t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	cl := n.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer cl.Close()
	ctx, cancel := context.WithTimeout(n.ctx(), 10*time.Second)
	defer cancel()
	out, last := map[string]int{}, int64(-1)
	for last < end.Offset-1 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			n.t.Fatalf("at %d of %d: %v", last, end.Offset, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset <= last {
				n.t.Fatalf("offset %d after %d", r.Offset, last)
			}
			last = r.Offset
			value := "null"
			if r.Value != nil {
				value = fmt.Sprintf("%q", r.Value)
			}
			key := "null"
			if r.Key != nil {
				key = fmt.Sprintf("%q", r.Key)
			}
			if key != `"filler"` {
				out[key+"="+value]++
			}
		})
	}
	return out
}
