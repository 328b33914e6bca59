package stream_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/stream"
)

// repeats gives one batch n times.
type repeats struct {
	batch stream.Batch
	n     int64
}

func (s *repeats) Open(context.Context, []stream.Position) error { return nil }
func (s *repeats) Close() error                                  { return nil }
func (s *repeats) Read(context.Context) (stream.Batch, error) {
	if s.n == 0 {
		return stream.Batch{}, io.EOF
	}
	s.n--
	b := s.batch
	b.Rec.Retain()
	b.Pos = stream.Position{Split: "r", Offset: -s.n}
	return b, nil
}

// swallow is a sink that counts.
type swallow struct{ rows int }

func (s *swallow) Open(context.Context) error { return nil }
func (s *swallow) Close() error               { return nil }
func (s *swallow) Write(_ context.Context, b stream.Batch) error {
	s.rows += b.Rows()
	return nil
}

func (s *swallow) Prepare(context.Context, stream.CheckpointID, bool) (stream.Pending, error) {
	return nil, nil
}
func (s *swallow) Commit(context.Context, stream.Pending) error { return nil }

// BenchmarkPipeline is the engine's own cost: a source that costs nothing, operators that pass rows on, a sink that counts;
// in one chain, and over a keyed exchange to two tasks.
func BenchmarkPipeline(b *testing.B) {
	for _, rows := range []int{1, 1024} {
		for _, keyed := range []bool{false, true} {
			name := fmt.Sprintf("rows=%d/chain", rows)
			if keyed {
				name = fmt.Sprintf("rows=%d/exchange", rows)
			}
			b.Run(name, func(b *testing.B) { benchmarkPipeline(b, rows, keyed) })
		}
	}
}

func benchmarkPipeline(b *testing.B, rows int, keyed bool) {
	build := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := range rows {
		build.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("key-%d", i%100))
		build.Field(1).(*array.Int64Builder).Append(int64(i))
	}
	rec := build.NewRecordBatch()
	defer rec.Release()
	node := &stream.Node{ID: "in", Name: "Repeat", Parallelism: 1, Source: func(stream.Task) (stream.Source, error) {
		return &repeats{batch: stream.Batch{Rec: rec}, n: int64(b.N)}, nil
	}}
	for i := range 3 {
		node = &stream.Node{ID: fmt.Sprint(i), Name: "Pass", Inputs: []*stream.Node{node}, Operator: func(stream.Task) (stream.Operator, error) { return union{}, nil }}
	}
	sink := &stream.Node{ID: "out", Name: "Swallow", Inputs: []*stream.Node{node}, Sink: func(stream.Task) (stream.Sink, error) { return &swallow{}, nil }}
	if keyed {
		sink.Keys = [][]int{{0}}
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := stream.Run(context.Background(), stream.Spec{Name: "bench", Root: sink, Parallelism: 2, CheckpointEvery: time.Second}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)*float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
