package pipeline

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// A pipeline whose checkpoints are further apart than its transaction may last commits in time all the same: its output
// is seen long before the next checkpoint in turn, and no transaction is aborted.
func TestLongCadenceDoesNotOutlastTheTransaction(t *testing.T) {
	n := start(t, vfs.NewVolatile(), false)
	r, ctx := n.server, t.Context()
	c := topic.NewCluster(r)
	for _, name := range []string{"from", "to"} {
		if err := c.EnsureTopic(ctx, topic.TopicSpec{Name: name, Partitions: 1}); err != nil {
			t.Fatal(err)
		}
	}
	// More than one batch of output: the transaction opens before any checkpoint.
	const rows = 64
	x := topic.NewTransaction(c, topic.TransactionOptions{Pipeline: "writer"})
	if _, err := x.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		v := fmt.Appendf(nil, `{"k":"k","n":%d,"pad":%q}`, i, strings.Repeat("x", 32<<10))
		if err := x.Add(ctx, "from", 0, topic.Record{Timestamp: int64(i + 1), Value: v}); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Commit(ctx, &stream.Checkpoint{ID: 1, Last: true}); err != nil {
		t.Fatal(err)
	}

	spec := copyJSON(r, "copy", "from", "to", false)
	x = topic.NewTransaction(c, topic.TransactionOptions{Pipeline: "copy", Sources: []string{"from"}, Timeout: 2 * time.Second})
	sink := topicSink(x, "to", 0, 2)
	sink.Inputs, sink.Keys = spec.Root.Inputs, spec.Root.Keys
	spec.Root, spec.Committer, spec.DeadLetter = sink, x, x.DeadLetter
	spec.CheckpointEvery, spec.Metrics = time.Hour, &stream.Metrics{}
	runCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(runCtx, spec) }()
	waitFor(t, r, "to", rows)
	if n := len(values(t, r, "to")); n != rows {
		t.Errorf("%d records are committed, want %d", n, rows)
	}
	if n := spec.Metrics.Snapshot().Restarts; n != 0 {
		t.Errorf("the pipeline started again %d times", n)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
