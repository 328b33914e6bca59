package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/weirhub/weir/broker"
)

// protocols are the two forms of transactions: version 2, where each end raises the epoch, and what clients before
// Kafka 4 speak.
func protocols() map[string][]kgo.Opt {
	return map[string][]kgo.Opt{"v2": nil, "v0": {kgo.MaxVersions(kversion.V3_5_0())}}
}

// readAll reads a topic to its end and gives the values by how often they came.
func (n *node) readAll(topic string, isolation kgo.IsolationLevel) map[string]int {
	n.t.Helper()
	out := map[string]int{}
	adm := n.admin()
	ends, err := adm.ListEndOffsets(n.ctx(), topic)
	if isolation == kgo.ReadCommitted() {
		ends, err = adm.ListCommittedOffsets(n.ctx(), topic)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	cl := n.client(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond))
	ctx := n.ctx()
	for behind := true; behind; {
		behind = false
		for _, e := range ends.Offsets()[topic] {
			if e.At > 0 {
				behind = true
			}
		}
		if !behind {
			break
		}
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			n.t.Fatalf("read %s: the end was not reached: %v", topic, ends)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				out[string(r.Value)]++
			}
			if e := ends[topic][r.Partition]; e.Offset <= r.Offset+1 {
				e.Offset = 0
				ends[topic][r.Partition] = e
			}
		})
	}
	return out
}

// Readers of committed records see what was committed and nothing of what was aborted; others see all.
func TestAbortedRecordsAreNotSeen(t *testing.T) {
	for name, opts := range protocols() {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.createTopic("t", 3, nil)
			cl := n.client(append(opts, kgo.TransactionalID("tx"), kgo.DefaultProduceTopic("t"))...)
			for i := range 20 {
				if err := cl.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				for j := range 50 {
					if err := cl.ProduceSync(n.ctx(), kgo.StringRecord(fmt.Sprintf("%d-%d", i, j))).FirstErr(); err != nil {
						t.Fatal(err)
					}
				}
				if err := cl.EndTransaction(n.ctx(), kgo.TransactionEndTry(i%3 != 0)); err != nil {
					t.Fatal(err)
				}
			}
			// Version 2 raises the epoch with each of the 20 ends, what came before it never does.
			d, err := n.admin().DescribeTransactions(n.ctx(), "tx")
			if e := d["tx"].ProducerEpoch; err != nil || (e == 20) != (name == "v2") {
				t.Fatalf("epoch %d, error %v", e, err)
			}
			committed, all := n.readAll("t", kgo.ReadCommitted()), n.readAll("t", kgo.ReadUncommitted())
			if len(all) != 20*50 || len(committed) != 13*50 {
				t.Fatalf("%d records, %d of them committed; want 1000 and 650", len(all), len(committed))
			}
			for v, times := range committed {
				if i, _ := strconv.Atoi(v[:len(v)-len(v[indexDash(v):])]); i%3 == 0 || times != 1 {
					t.Fatalf("record %s was seen %d times", v, times)
				}
			}
		})
	}
}

func indexDash(s string) int {
	for i := range s {
		if s[i] == '-' {
			return i
		}
	}
	return len(s)
}

// A second producer with the same transactional id ends what the first has open, and the first learns that it is fenced.
func TestSecondProducerFencesTheFirst(t *testing.T) {
	for name, opts := range protocols() {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.createTopic("t", 1, nil)
			producer := func() *kgo.Client {
				cl := n.client(append(opts, kgo.TransactionalID("tx"), kgo.DefaultProduceTopic("t"))...)
				if err := cl.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				return cl
			}
			first := producer()
			if err := first.ProduceSync(n.ctx(), kgo.StringRecord("first")).FirstErr(); err != nil {
				t.Fatal(err)
			}
			second := producer()
			if err := second.ProduceSync(n.ctx(), kgo.StringRecord("second")).FirstErr(); err != nil {
				t.Fatal(err)
			}
			err := first.ProduceSync(n.ctx(), kgo.StringRecord("zombie")).FirstErr()
			if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
				t.Fatalf("the first producer's record: %v, want it fenced", err)
			}
			if err := second.EndTransaction(n.ctx(), kgo.TryCommit); err != nil {
				t.Fatal(err)
			}
			if got := n.readAll("t", kgo.ReadCommitted()); len(got) != 1 || got["second"] != 1 {
				t.Fatalf("committed: %v, want only the second's", got)
			}
		})
	}
}

// Consume, transform, produce in two workers that are replaced while they work, over a restart of the broker: each
// input record comes out exactly once.
func TestConsumeTransformProduceIsExactlyOnce(t *testing.T) {
	const records = 10_000
	for name, opts := range protocols() {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.createTopic("in", 4, nil)
			n.createTopic("out", 3, nil)
			n.produceNumbered("in", records)
			ctx, cancel := context.WithCancel(n.ctx())
			defer cancel()
			work := func(ctx context.Context, id string) {
				s, err := kgo.NewGroupTransactSession(append(opts, kgo.SeedBrokers(n.addr), kgo.TransactionalID(id), kgo.ConsumerGroup("g"),
					kgo.ConsumeTopics("in"), kgo.DefaultProduceTopic("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
					kgo.FetchMaxPartitionBytes(4000), kgo.HeartbeatInterval(100*time.Millisecond),
					kgo.SessionTimeout(2*time.Second), kgo.FetchMaxWait(100*time.Millisecond))...)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				transform(ctx, n, s)
			}
			var wait sync.WaitGroup
			short, stopShort := context.WithCancel(ctx)
			wait.Go(func() { work(ctx, "a") })
			wait.Go(func() { work(short, "b") })
			n.untilCommitted("g", "in", records/4)
			stopShort()
			wait.Go(func() { work(ctx, "c") })
			n.untilCommitted("g", "in", records)
			cancel()
			wait.Wait()
			got := n.readAll("out", kgo.ReadCommitted())
			for i := range records {
				if times := got[fmt.Sprint(i)]; times != 1 {
					t.Fatalf("record %d came out %d times", i, times)
				}
			}
			n.stop()
			n = start(t, n.fs, broker.Options{})
			if again := n.readAll("out", kgo.ReadCommitted()); len(again) != records {
				t.Fatalf("%d records after a restart, want %d", len(again), records)
			}
		})
	}
}

// transform copies records until ctx ends.
func transform(ctx context.Context, n *node, s *kgo.GroupTransactSession) {
	for ctx.Err() == nil {
		fs := s.PollFetches(ctx)
		if fs.NumRecords() == 0 {
			continue
		}
		if err := s.Begin(); err != nil {
			n.t.Errorf("begin: %v", err)
			return
		}
		fs.EachRecord(func(r *kgo.Record) { s.Produce(n.ctx(), &kgo.Record{Value: r.Value}, nil) })
		if _, err := s.End(n.ctx(), kgo.TryCommit); err != nil {
			n.t.Errorf("end: %v", err)
			return
		}
	}
}

// untilCommitted waits until the group has committed so many records of a topic.
func (n *node) untilCommitted(group, topic string, records int64) {
	n.t.Helper()
	adm, ctx := n.admin(), n.ctx()
	for {
		var sum int64
		got, err := adm.FetchOffsetsForTopics(ctx, group, topic)
		if err != nil {
			n.t.Fatal(err)
		}
		for _, p := range got[topic] {
			sum += max(p.At, 0)
		}
		if sum >= records {
			return
		}
		n.pause(10 * time.Millisecond)
	}
}

// A transaction that was open when the broker stopped goes on after its restart: the producer may still commit it.
func TestOpenTransactionOutlivesRestart(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 2, nil)
	tx := n.openTxn("tx")
	tx.produce("t", 0, "a")
	tx.produce("t", 1, "b")
	tx.commitOffset("g", "t", 7)
	n.stop()
	n = start(t, n.fs, broker.Options{})
	tx.n = n
	if got := n.readAll("t", kgo.ReadCommitted()); len(got) != 0 {
		t.Fatalf("committed while the transaction is open: %v", got)
	}
	if p := n.fetchOffset("g", "t", true); p.ErrorCode != kerr.UnstableOffsetCommit.Code {
		t.Fatalf("stable offset while the transaction is open: %+v, want UNSTABLE_OFFSET_COMMIT", p)
	}
	if p := n.fetchOffset("g", "t", false); p.Offset != -1 {
		t.Fatalf("offset while the transaction is open: %+v, want none", p)
	}
	if code := tx.end(true); code != 0 {
		t.Fatalf("end: code %d", code)
	}
	if got := n.readAll("t", kgo.ReadCommitted()); len(got) != 2 {
		t.Fatalf("committed: %v, want a and b", got)
	}
	if p := n.fetchOffset("g", "t", true); p.Offset != 7 || p.ErrorCode != 0 {
		t.Fatalf("offset: %+v, want 7", p)
	}
}

func (n *node) fetchOffset(group, topic string, stable bool) kmsg.OffsetFetchResponseGroupTopicPartition {
	n.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: topic, Partitions: []int32{0}}}
	req.Groups, req.RequireStable = append(req.Groups, g), stable
	resp, err := n.s.Request(n.ctx(), req)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp.(*kmsg.OffsetFetchResponse).Groups[0].Topics[0].Partitions[0]
}
