package topic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
	"github.com/weirhub/weir/stream/streamtest"
)

// packed is a zstd batch of n records.
func packed(base int64, n int, value func(i int) []byte) record.Batch {
	var b record.Builder
	b.Reset(record.Zstd)
	for i := range n {
		b.Add(1, nil, value(i))
	}
	out := slices.Clone(b.Build())
	out.SetBaseOffset(base)
	return out
}

// peakAllocator knows the most that was allocated at a time.
type peakAllocator struct {
	memory.Allocator
	now, peak int
}

func (p *peakAllocator) Allocate(n int) []byte {
	p.now += n
	p.peak = max(p.peak, p.now)
	return p.Allocator.Allocate(n)
}

func (p *peakAllocator) Free(b []byte) {
	p.now -= len(b)
	p.Allocator.Free(b)
}

// Columns take what their rows are allowed to take, however many records, or bytes, a small batch of the log expands to.
func TestSmallBatchDoesNotBecomeALargeOne(t *testing.T) {
	large := make([]byte, 1<<20)
	for _, c := range []struct {
		name    string
		batches []record.Batch
		rows    int
		peak    int
	}{
		// 26 bytes for a row; a batch that is given, the next one, and its old columns while it grows.
		{"many records", []record.Batch{packed(0, 1_200_000, func(int) []byte { return []byte("{}") })}, 1_200_000, 1 << 20},
		{"no values", []record.Batch{packed(0, 1_200_000, func(int) []byte { return nil })}, 1_200_000, 1 << 20},
		// 16 MiB and a value, in room that has doubled, beside the half of it.
		{"large values", []record.Batch{
			packed(0, 40, func(int) []byte { return large }), packed(40, 40, func(int) []byte { return large }),
		}, 80, 56 << 20},
	} {
		size := 0
		for _, b := range c.batches {
			size += len(b)
		}
		if size > 1<<20 {
			t.Fatalf("%s: %d bytes are not small", c.name, size)
		}
		mem := &peakAllocator{Allocator: memory.NewGoAllocator()}
		s := &shelf{batches: c.batches, end: c.batches[len(c.batches)-1].LastOffset() + 1}
		src, err := NewSource(NewCluster(s), SourceOptions{Topic: "t", Start: Earliest, Bounded: true, NewDecoder: func() (Decoder, error) {
			return format.NewDecoder("raw", rawFields, format.Options{Mem: mem})
		}}, stream.Task{Of: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := src.Open(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		rows := 0
		for {
			b, err := src.Read(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || b.Rows() > maxBatchRows || len(b.Bad) > 0 {
				t.Fatalf("%s: a batch of %d rows, %d bad records, %v", c.name, b.Rows(), len(b.Bad), err)
			}
			if rows += b.Rows(); b.Pos.Offset != int64(rows) {
				t.Fatalf("%s: position %d after %d rows", c.name, b.Pos.Offset, rows)
			}
			if b.Rec != nil {
				b.Rec.Release()
			}
		}
		_ = src.Close()
		if rows != c.rows || mem.peak > c.peak || mem.now != 0 {
			t.Errorf("%s: %d rows, want %d; columns of %d bytes at a time, want at most %d; %d bytes left", c.name, rows, c.rows, mem.peak, c.peak, mem.now)
		}
	}
}

// A source goes on exactly within a batch of the log, wherever a pipeline stopped, also when partitions take turns.
func TestPositionsWithinABatchResumeExactly(t *testing.T) {
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	name := newTopic(t, c, "large", 2)
	want := 0
	for _, b := range []struct {
		partition int32
		records   int
	}{{0, 3}, {0, 20_000}, {1, 9000}, {0, 2}, {1, 5}, {1, maxBatchRows}, {1, 1}} {
		batch := packed(0, b.records, func(i int) []byte { return fmt.Appendf(nil, "%d-%d", b.partition, want+i) })
		if _, err := c.Produce(t.Context(), name, b.partition, batch); err != nil {
			t.Fatal(err)
		}
		want += b.records
	}
	within := 0
	rows := streamtest.CheckSource(t, func(task stream.Task) (stream.Source, error) {
		s, err := NewSource(c, SourceOptions{Topic: name, Start: Earliest, Bounded: true, NewDecoder: rawDecoder}, task)
		return sizedSource{s, t, &within}, err
	})
	distinct := map[string]bool{}
	for _, r := range rows {
		distinct[r.Text] = true
	}
	if len(rows) != want || len(distinct) != want || within == 0 {
		t.Errorf("%d rows, %d of them distinct, want %d; %d positions within a batch", len(rows), len(distinct), want, within)
	}
}

// sizedSource checks the size of each batch and counts those that end within a batch of the log.
type sizedSource struct {
	*Source
	t      *testing.T
	within *int
}

func (s sizedSource) Read(ctx context.Context) (stream.Batch, error) {
	b, err := s.Source.Read(ctx)
	if b.Rows() > maxBatchRows {
		s.t.Errorf("a batch of %d rows", b.Rows())
	}
	if s.Source.within != nil {
		*s.within++
	}
	return b, err
}

// Batches of the usual size are not cut: partitions take turns at their ends, and a restart decodes none of them twice.
func TestUsualBatchesStayWhole(t *testing.T) {
	s := &shelf{end: 20_000}
	for i := range 20 {
		s.batches = append(s.batches, packed(int64(1000*i), 1000, func(int) []byte { return nil }))
	}
	src, err := NewSource(NewCluster(s), SourceOptions{Topic: "t", Start: Earliest, Bounded: true, NewDecoder: rawDecoder}, stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if err := src.Open(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var got []int
	for {
		b, err := src.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.Rec != nil { // the first batch tells the start
			got = append(got, b.Rows())
			b.Rec.Release()
		}
	}
	if !slices.Equal(got, []int{8000, 8000, 4000}) {
		t.Errorf("batches of %v rows", got)
	}
}

// What is broken in the middle of a large batch is reported once, where it begins, and the rows before it stand; a
// pipeline that stopped between them and it reports the same.
func TestBreakWithinALargeBatchIsReportedThere(t *testing.T) {
	var b record.Builder
	b.Reset(record.None)
	for range 10_000 {
		b.Add(1, nil, []byte("v"))
	}
	batch := slices.Clone(b.Build())
	// Offset deltas from 8192 on take 3 bytes, their records 10: record 9000 begins 1000 of them before the end. Its length
	// becomes -1.
	batch[len(batch)-1000*10] = 1
	batch.StampAppendTime(1) // the sum is right
	s := &shelf{batches: []record.Batch{batch, packed(10_000, 1, func(int) []byte { return nil })}, end: 10_001}
	for _, from := range []int64{-1, maxBatchRows} {
		rows, bad, last, err := readAll(t, s, from)
		if want := 9001 - int(max(0, from)); rows != want || last != 10_001 || err != nil {
			t.Errorf("from %d: %d rows up to %d, %v; want %d", from, rows, last, err, want)
		}
		if len(bad) != 1 || bad[0].Offset != 9000 || !strings.HasPrefix(bad[0].Reason, "invalid record batch: record 9000 of 10000") {
			t.Errorf("from %d: bad records %+v", from, bad)
		}
	}
}

// A pipeline whose operator fails while it works through a large batch counts each record once in its output.
func TestPipelineFailsWithinALargeBatch(t *testing.T) {
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	in, out := newTopic(t, c, "large", 1), newTopic(t, c, "out", 1)
	const records = 60_000
	if _, err := c.Produce(t.Context(), in, 0, packed(0, records, func(i int) []byte { return fmt.Appendf(nil, "%d", i) })); err != nil {
		t.Fatal(err)
	}
	spec, _ := copyTopic(c, unique("large"), in, out, time.Millisecond)
	var batches, largest atomic.Int64
	spec.Root.Inputs[0].Operator = func(stream.Task) (stream.Operator, error) { return &failing{batches: &batches, largest: &largest}, nil }
	if err := stream.Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range consume(t, addrs, c, out) {
		seen[string(r.Value)]++
	}
	twice := 0
	for _, n := range seen {
		if n != 1 {
			twice++
		}
	}
	if len(seen) != records || twice > 0 || largest.Load() > maxBatchRows {
		t.Errorf("%d records of %d, %d more than once; largest batch %d rows", len(seen), records, twice, largest.Load())
	}
}

// failing passes rows on, counts batches over all attempts, and fails at the third and the sixth.
type failing struct {
	refuse
	batches, largest *atomic.Int64
}

func (f *failing) Process(_ int, in stream.Batch, out stream.Emitter) error {
	f.largest.Store(max(f.largest.Load(), int64(in.Rows())))
	if n := f.batches.Add(1); n == 3 || n == 6 {
		return errors.New("the operator fails")
	}
	return out.Emit(stream.Batch{Rec: in.Rec, Ops: in.Ops})
}
