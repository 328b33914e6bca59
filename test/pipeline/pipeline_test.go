package pipeline

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// A pipeline on the broker in this process writes each record once, called directly and over a socket.
func TestPipelineCopiesEachRecordOnce(t *testing.T) {
	for _, how := range []string{"called", "over a socket"} {
		t.Run(how, func(t *testing.T) {
			n := start(t, vfs.NewMem(), how != "called")
			var r topic.Requester = n.server
			if n.addr != "" {
				client, err := topic.Dial([]string{n.addr})
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				r = client
			}
			write(t, r, "in", 3, 5000)
			if err := topic.NewCluster(r).EnsureTopic(t.Context(), topic.TopicSpec{Name: "out", Partitions: 2}); err != nil {
				t.Fatal(err)
			}
			if err := stream.Run(t.Context(), copyJSON(r, "copy", "in", "out", true)); err != nil {
				t.Fatal(err)
			}
			want, got := values(t, r, "in"), values(t, r, "out")
			if len(want) != 5000 || !slices.Equal(got, want) {
				t.Errorf("%d values came out of %d", len(got), len(want))
			}
		})
	}
}

// The power is cut at each request of a pipeline, before the broker has seen it and after it has answered. What the disk
// may hold then is opened by a new process, which runs the pipeline again: each record is in the output once.
func TestPowerMayBeCutAtAnyRequest(t *testing.T) {
	base := vfs.NewMem()
	n := start(t, base, false)
	write(t, n.server, "in", 3, 300)
	if err := topic.NewCluster(n.server).EnsureTopic(t.Context(), topic.TopicSpec{Name: "out", Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	want := values(t, n.server, "in")
	n.stop()

	run := func(at int) (requests int) {
		fs := base.Clone()
		var disk *vfs.Mem
		n := start(t, fs, false)
		c := &cut{Requester: n.server, n: at, at: func() { disk = fs.CrashClone(rand.New(rand.NewPCG(7, uint64(at)))) }}
		err := stream.Run(t.Context(), copyJSON(c, "copy", "in", "out", true))
		n.stop()
		requests, what := c.requests()
		if what == "" {
			if err != nil {
				t.Fatal(err)
			}
			return requests
		}
		if !errors.Is(err, errCut) {
			t.Fatalf("cut at %d (%s): the pipeline ended with %v", at, what, err)
		}
		n = start(t, disk, false)
		defer n.stop()
		if err := stream.Run(t.Context(), copyJSON(n.server, "copy", "in", "out", true)); err != nil {
			t.Fatalf("cut at %d (%s): second start: %v", at, what, err)
		}
		if got := values(t, n.server, "in"); !slices.Equal(got, want) {
			t.Errorf("cut at %d (%s): %d of %d input records are left", at, what, len(got), len(want))
		}
		if got := values(t, n.server, "out"); !slices.Equal(got, want) {
			t.Errorf("cut at %d (%s): %d records came out, want %d", at, what, len(got), len(want))
		}
		return requests
	}
	requests := run(0)
	for at := 1; at <= requests; at++ {
		run(at)
	}
	t.Logf("the power was cut at %d places", requests)
}
