package parquet

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// clickBatches makes n rows of 14 columns as the JSON decoder hands them over: an id of its own for each row, 2 million
// different pages, and texts of few values; a column that is half NULL and one that is three quarters.
func clickBatches(n int) []arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		field("event_id", arrow.BinaryTypes.String), field("ts", &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}),
		field("user_id", arrow.PrimitiveTypes.Int64), field("type", arrow.BinaryTypes.String), field("url", arrow.BinaryTypes.String),
		field("referrer", arrow.BinaryTypes.String), field("amount", arrow.PrimitiveTypes.Float64), field("country", arrow.BinaryTypes.String),
		field("city", arrow.BinaryTypes.String), field("lat", arrow.PrimitiveTypes.Float64), field("lon", arrow.PrimitiveTypes.Float64),
		field("os", arrow.BinaryTypes.String), field("duration_ms", arrow.PrimitiveTypes.Int32), field("mobile", arrow.FixedWidthTypes.Boolean),
	}, nil)
	r := rand.New(rand.NewPCG(1, 7))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	text := func(c int, v string) { b.Field(c).(*array.StringBuilder).Append(v) }
	double := func(c int, v float64) { b.Field(c).(*array.Float64Builder).Append(v) }
	pick := func(v ...string) string { return v[r.IntN(len(v))] }
	var out []arrow.RecordBatch
	for i := range n {
		text(0, fmt.Sprintf("%08x-%08x", i, r.Uint32()))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(1_768_000_000_000 + 35*i - r.IntN(120_000)))
		b.Field(2).(*array.Int64Builder).Append(int64(r.IntN(1_000_000)))
		text(3, pick("page_view", "click", "add_to_cart", "purchase", "search", "scroll"))
		text(4, fmt.Sprintf("/p/%d?v=%d", r.IntN(20_000), r.IntN(100)))
		if r.IntN(2) == 0 {
			b.Field(5).AppendNull()
		} else {
			text(5, pick("https://search.example/", "https://news.example/a", "https://mail.example/"))
		}
		if r.IntN(4) == 0 {
			double(6, float64(r.IntN(100_000))/100)
		} else {
			b.Field(6).AppendNull()
		}
		text(7, pick("DE", "US", "FR", "BR", "IN", "JP", "GB", "PL", "ES", "NG"))
		text(8, pick("Berlin", "New York", "Paris", "Sao Paulo", "Mumbai", "Tokyo", "London", "Warsaw", "Madrid", "Lagos"))
		double(9, float64(r.IntN(180_000)-90_000)/1000)
		double(10, float64(r.IntN(360_000)-180_000)/1000)
		text(11, pick("ios", "android", "windows", "macos", "linux"))
		b.Field(12).(*array.Int32Builder).Append(int32(r.IntN(60_000)))
		b.Field(13).(*array.BooleanBuilder).Append(r.IntN(2) == 0)
		if (i+1)%8192 == 0 || i == n-1 {
			out = append(out, b.NewRecordBatch())
		}
	}
	return out
}

// discard is a file system whose new files keep nothing.
type discard struct {
	vfs.FS
	written int64
}

func (d *discard) Create(string) (vfs.File, error) { return &discarded{d: d}, nil }

type discarded struct{ d *discard }

func (f *discarded) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }
func (f *discarded) WriteAt(p []byte, _ int64) (int, error) {
	f.d.written += int64(len(p))
	return len(p), nil
}
func (f *discarded) Close() error         { return nil }
func (f *discarded) Size() (int64, error) { return 0, nil }
func (f *discarded) Truncate(int64) error { return nil }
func (f *discarded) Sync() error          { return nil }
func (f *discarded) Fd() (uintptr, bool)  { return 0, false }

// BenchmarkWrite is the sink's own time, in rows per CPU second, garbage collection included; with and without folders. Each
// iteration is a checkpoint.
func BenchmarkWrite(b *testing.B) {
	const rows = 200_000
	in := clickBatches(rows)
	ctx := context.Background()
	for _, c := range []struct {
		compression string
		by          []string
	}{{"zstd", nil}, {"snappy", nil}, {"none", nil}, {"zstd", []string{"country"}}} {
		b.Run(fmt.Sprintf("%s/by=%v", c.compression, c.by), func(b *testing.B) {
			b.ReportAllocs()
			fs := &discard{FS: vfs.NewMem()}
			s := NewSink(Options{FS: fs, Dir: "/t", Name: "p", Compression: c.compression, PartitionBy: c.by}, stream.Task{Of: 1}, "n", nil)
			if err := s.Open(ctx); err != nil {
				b.Fatal(err)
			}
			start := cpu(b)
			for b.Loop() {
				fs.written = 0
				for _, rec := range in {
					if err := s.Write(ctx, stream.Batch{Rec: rec}); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := s.Prepare(ctx, 1, true); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*rows)/(cpu(b)-start).Seconds(), "rows/cpu-s")
			b.ReportMetric(float64(fs.written)/rows, "bytes/row")
		})
	}
}

func cpu(b *testing.B) time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}
