package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// followJSON is copyJSON without an end.
func followJSON(r topic.Requester, name, from, to string) stream.Spec {
	s := copyJSON(r, name, from, to, false)
	s.CheckpointEvery = 20 * time.Millisecond
	return s
}

// feed writes n records in small transactions while the pipeline runs, some of them in ones that are aborted by the next
// writer. It gives the number of records that are committed.
func feed(t *testing.T, r topic.Requester, name string, n int) int {
	ctx := t.Context()
	c := topic.NewCluster(r)
	committed := 0
	for i := 0; i < n; {
		x := topic.NewTransaction(c, topic.TransactionOptions{Pipeline: "feed"}) // aborts what the one before left open
		if _, err := x.Restore(ctx); err != nil {
			t.Error(err)
			return committed
		}
		for id := stream.CheckpointID(1); id <= 4 && i < n; id++ {
			size := 1 + rand.IntN(40)
			for j := range size {
				v := fmt.Appendf(nil, `{"k":"k%d","n":%d}`, j%7, i+j)
				if err := x.Add(ctx, name, int32(j%3), topic.Record{Timestamp: int64(i + j + 1), Value: v}); err != nil {
					t.Error(err)
					return committed
				}
			}
			i += size
			if id == 4 {
				break // never committed
			}
			if err := x.Commit(ctx, &stream.Checkpoint{ID: id}); err != nil {
				t.Error(err)
				return committed
			}
			committed += size
		}
	}
	return committed
}

// waitFor polls until the topic holds n committed records, or has had half a minute for it.
func waitFor(t *testing.T, r topic.Requester, name string, n int) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		if len(values(t, r, name)) >= n || time.Now().After(deadline) {
			return
		}
		time.Sleep(10 * time.Millisecond) //nolint:forbidigo // polls a broker as a client does
	}
}

// A pipeline that follows its input is stopped and started again while records come, some in transactions that are
// aborted: what it wrote in the end is what was committed, each record once.
func TestFollowingPipelineMayStopAndStart(t *testing.T) {
	n := start(t, vfs.NewMem(), false)
	c := topic.NewCluster(n.server)
	for name, parts := range map[string]int{"in": 3, "out": 2} {
		if err := c.EnsureTopic(t.Context(), topic.TopicSpec{Name: name, Partitions: parts}); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	committed := 0
	fed := make(chan struct{})
	wg.Go(func() { defer close(fed); committed = feed(t, n.server, "in", 40_000) })
	starts := 0
	for more := true; more; starts++ {
		select {
		case <-fed:
			more = false
		default:
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(5+rand.IntN(60))*time.Millisecond)
		if err := stream.Run(ctx, followJSON(n.server, "follow", "in", "out")); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		if err := stream.Run(ctx, followJSON(n.server, "follow", "in", "out")); err != nil {
			t.Error(err)
		}
	})
	waitFor(t, n.server, "out", committed)
	cancel()
	wg.Wait()
	got := values(t, n.server, "out")
	want := values(t, n.server, "in")
	t.Logf("%d records came in over %d starts", committed, starts)
	if len(want) != committed || !slices.Equal(got, want) {
		t.Errorf("%d records are committed in the input, the writer says %d, %d came out over %d starts", len(want), committed, len(got), starts)
	}
}

// The broker goes away and comes back while a pipeline runs over a socket: the pipeline goes on by itself, and each record
// is in the output once.
func TestBrokerMayRestartUnderAPipeline(t *testing.T) {
	fs := vfs.NewMem()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	n := startOn(t, fs, ln)
	write(t, n.server, "in", 3, 100)
	if err := topic.NewCluster(n.server).EnsureTopic(t.Context(), topic.TopicSpec{Name: "out", Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	client, err := topic.Dial([]string{addr})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := stream.Run(ctx, followJSON(client, "follow", "in", "out")); err != nil {
			t.Errorf("pipeline: %v", err)
		}
	})
	total := 100
	for range 3 {
		waitFor(t, n.server, "out", total)
		n.stop()
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		n = startOn(t, fs, ln)
		write(t, n.server, "in", 3, 100)
		total += 100
	}
	waitFor(t, n.server, "out", total)
	cancel()
	wg.Wait()
	want, got := values(t, n.server, "in"), values(t, n.server, "out")
	if len(want) != total || !slices.Equal(got, want) {
		t.Errorf("%d records came out of %d", len(got), len(want))
	}
}
