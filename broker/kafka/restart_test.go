package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/vfs"
)

// crash cuts the power and starts another node at the same address from what the disk holds.
func (n *node) crash(r *rand.Rand) *node {
	n.t.Helper()
	mem := n.fs.(*vfs.Mem)
	mem.CrashAfter(0)
	disk := mem.CrashClone(r)
	_ = n.halt() // its disk is gone
	return startAt(n.t, disk, broker.Options{}, n.addr)
}

// Consumers that live on over a power cut keep their generation, lose no record, and see none twice that they had
// committed.
func TestGroupLivesOnOverPowerCut(t *testing.T) {
	const records = 3000
	n := newNode(t)
	n.createTopic("t", 4, nil)
	n.produceNumbered("t", records/2)
	member := func() *kgo.Client {
		return n.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"), kgo.DisableAutoCommit(), kgo.HeartbeatInterval(100*time.Millisecond),
			kgo.FetchMaxPartitionBytes(2000), kgo.FetchMaxWait(100*time.Millisecond), kgo.MaxConcurrentFetches(1))
	}
	a, b := member(), member()
	got := newSeen()
	n.consume(got, records/2, a, b)
	_, generation := a.GroupMetadata()
	// Everything polled is committed, so that whatever comes twice afterwards was lost by the broker.
	for _, cl := range []*kgo.Client{a, b} {
		if err := cl.CommitUncommittedOffsets(n.ctx()); err != nil {
			t.Fatal(err)
		}
	}
	n = n.crash(rand.New(rand.NewPCG(1, 2)))
	n.produceRange("t", records/2, records)
	n.consume(got, records, a, b)
	if _, after := a.GroupMetadata(); after != generation {
		t.Errorf("generation %d after the power cut, %d before", after, generation)
	}
	got.mu.Lock()
	defer got.mu.Unlock()
	for v, times := range got.mu.times {
		if times != 1 {
			t.Fatalf("record %s came %d times", v, times)
		}
	}
}

// Consume, transform, produce over power cuts: each input record comes out exactly once.
func TestExactlyOnceOverPowerCuts(t *testing.T) {
	const records = 6000
	for name, opts := range protocols() {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.createTopic("in", 4, nil)
			n.createTopic("out", 3, nil)
			n.produceNumbered("in", records)
			addr := n.addr
			ctx, cancel := context.WithCancel(n.ctx())
			defer cancel()
			var wait sync.WaitGroup
			for _, id := range []string{"a", "b"} {
				wait.Go(func() {
					for ctx.Err() == nil {
						copyUntilError(ctx, t, addr, id, opts)
					}
				})
			}
			for i := range 3 {
				n.untilCommitted("g", "in", int64(records*(i+1)/5))
				n = n.crash(rand.New(rand.NewPCG(3, uint64(i))))
			}
			n.untilCommitted("g", "in", records)
			cancel()
			wait.Wait()
			got := n.readAll("out", kgo.ReadCommitted())
			for i := range records {
				if times := got[fmt.Sprint(i)]; times != 1 {
					t.Fatalf("record %d came out %d times", i, times)
				}
			}
		})
	}
}

// copyUntilError is a worker that begins anew after each error, as a process that is restarted does.
func copyUntilError(ctx context.Context, t *testing.T, addr, id string, opts []kgo.Opt) {
	s, err := kgo.NewGroupTransactSession(append(opts, kgo.SeedBrokers(addr), kgo.TransactionalID(id), kgo.ConsumerGroup("g"),
		kgo.ConsumeTopics("in"), kgo.DefaultProduceTopic("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxPartitionBytes(2000), kgo.HeartbeatInterval(100*time.Millisecond),
		kgo.SessionTimeout(time.Second), kgo.FetchMaxWait(100*time.Millisecond), kgo.RetryTimeout(2*time.Second),
		kgo.RecordDeliveryTimeout(5*time.Second))...)
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	for ctx.Err() == nil {
		fs := s.PollFetches(ctx)
		if fs.NumRecords() == 0 {
			continue
		}
		if err := s.Begin(); err != nil {
			return
		}
		fs.EachRecord(func(r *kgo.Record) { s.Produce(ctx, &kgo.Record{Value: r.Value}, nil) })
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		_, err := s.End(end, kgo.TryCommit)
		stop()
		if err != nil {
			return
		}
	}
}
