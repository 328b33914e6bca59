package pipeline

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// sums adds up n by k and puts the sums out at the end. Its state is padded, so that it needs files.
type sums struct{ of map[string]int64 }

var sumSchema = arrow.NewSchema([]arrow.Field{
	{Name: "k", Type: arrow.BinaryTypes.String}, {Name: "sum", Type: arrow.BinaryTypes.String},
}, nil)

const padding = 16 << 10 // per key: seven keys are more than a checkpoint's record takes

func (s *sums) Process(_ int, in stream.Batch, _ stream.Emitter) error {
	k, n := in.Rec.Column(0).(*array.String), in.Rec.Column(1).(*array.Int64)
	for i := range in.Rows() {
		s.of[k.Value(i)] += n.Value(i)
	}
	return nil
}

func (s *sums) Advance(wm stream.Watermark, out stream.Emitter) error {
	if wm < stream.MaxWatermark || len(s.of) == 0 {
		return nil
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, sumSchema)
	defer b.Release()
	for _, k := range slices.Sorted(maps.Keys(s.of)) {
		b.Field(0).(*array.StringBuilder).Append(k)
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("%s=%d", k, s.of[k]))
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	clear(s.of)
	return out.Emit(stream.Batch{Rec: rec})
}

func (s *sums) Snapshot(w *stream.StateWriter) error {
	groups := map[int][]byte{}
	for k, sum := range s.of {
		g := groupOf(k)
		b := binary.AppendVarint(groups[g], sum)
		b = append(binary.AppendUvarint(b, uint64(len(k))), k...)
		groups[g] = append(b, bytes.Repeat([]byte{'.'}, padding)...)
	}
	for g, b := range groups {
		w.Put("sums/1", g, b)
	}
	return nil
}

func (s *sums) Restore(r *stream.StateReader) error {
	for _, b := range r.Section("sums/1") {
		for len(b) > 0 {
			sum, n := binary.Varint(b)
			size, m := binary.Uvarint(b[n:])
			key := b[n+m : n+m+int(size)]
			s.of[string(key)] = sum
			b = b[n+m+int(size)+padding:]
		}
	}
	return nil
}

func (s *sums) Close() error { return nil }

func groupOf(k string) int {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.Append(k)
	a := b.NewArray()
	defer a.Release()
	var h [1]uint64
	stream.HashKeys([]arrow.Array{a}, 1, h[:])
	return stream.KeyGroup(h[0])
}

// sumJSON is copyJSON with sums by key in between, whose state files lie on fs beside the broker's log.
func sumJSON(r topic.Requester, fs vfs.FS, parallelism int) stream.Spec {
	spec := copyJSON(r, "sum", "in", "out", true)
	sink := spec.Root
	source := sink.Inputs[0]
	op := &stream.Node{ID: "sum", Name: "Sum", Inputs: []*stream.Node{source}, Keys: sink.Keys, Operator: func(stream.Task) (stream.Operator, error) {
		return &sums{of: map[string]int64{}}, nil
	}}
	spec.Root = topicSink(spec.Committer.(*topic.Transaction), "out", 0, 1)
	spec.Root.Inputs = []*stream.Node{op}
	spec.Parallelism, spec.StateFS, spec.StateDir = parallelism, fs, "state"
	return spec
}

// The power is cut at each request while sums are kept in state files on the same disk as the log: after a restart, with
// another parallelism too, every sum is exact and comes out once.
func TestStateAndLogSurvivePowerCutsTogether(t *testing.T) {
	base := vfs.NewMem()
	n := start(t, base, false)
	write(t, n.server, "in", 3, 700)
	if err := topic.NewCluster(n.server).EnsureTopic(t.Context(), topic.TopicSpec{Name: "out", Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	n.stop()
	want := make([]string, 7)
	for k := range 7 {
		sum := 0
		for i := k; i < 700; i += 7 {
			sum += i
		}
		want[k] = fmt.Sprintf("k%d=%d", k, sum)
	}
	withFiles := 0
	run := func(at int) (requests int) {
		fs := base.Clone()
		var disk *vfs.Mem
		n := start(t, fs, false)
		c := &cut{Requester: n.server, n: at, at: func() { disk = fs.CrashClone(rand.New(rand.NewPCG(11, uint64(at)))) }}
		err := stream.Run(t.Context(), slow(sumJSON(c, fs, 2)))
		n.stop()
		requests, what := c.requests()
		if what != "" {
			if !errors.Is(err, errCut) {
				t.Fatalf("cut at %d (%s): the pipeline ended with %v", at, what, err)
			}
			if names, _ := disk.List("state"); len(names) > 0 {
				withFiles++
			}
			fs, n = disk, start(t, disk, false)
			err = stream.Run(t.Context(), sumJSON(n.server, fs, 1+at%3))
		} else {
			n = start(t, fs, false)
		}
		defer n.stop()
		if err != nil {
			t.Fatalf("cut at %d (%s): %v", at, what, err)
		}
		if got := values(t, n.server, "out"); !slices.Equal(got, want) {
			t.Errorf("cut at %d (%s): %v came out, want %v", at, what, got, want)
		}
		return requests
	}
	requests := run(0)
	for at := 1; at <= requests; at++ {
		run(at)
	}
	if withFiles < requests/4 {
		t.Errorf("of %d cuts only %d fell while there were state files", requests, withFiles)
	}
	t.Logf("the power was cut at %d places, at %d of them with state files", requests, withFiles)
}
