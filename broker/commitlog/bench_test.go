package commitlog

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// benchBatch is a batch of about n bytes in records of 1 KiB.
func benchBatch(n int) record.Batch {
	var b record.Builder
	b.Reset(record.None)
	for range max(n/1024, 1) {
		b.Add(1_700_000_000_000, nil, make([]byte, min(n, 1024)))
	}
	return bytes.Clone(b.Build())
}

func openBench(b *testing.B) *Log {
	b.Helper()
	l, err := Open(vfs.OS(), filepath.ToSlash(b.TempDir()), Options{RetentionBytes: 1 << 30, SegmentBytes: 256 << 20})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

// Append without a sync: what acks=1 costs. A flush and a retention pass now and then keep the disk from filling.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1 << 10, 16 << 10, 1 << 20} {
		b.Run(fmt.Sprint(n>>10, "KiB"), func(b *testing.B) {
			l, batch := openBench(b), benchBatch(n)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			written := 0
			for b.Loop() {
				if _, err := l.Append(batch); err != nil {
					b.Fatal(err)
				}
				if written += len(batch); written > 512<<20 {
					b.StopTimer()
					written = 0
					l.Flush()
					l.Retain(l.mu.o.Now())
					b.StartTimer()
				}
			}
		})
	}
}

// Append and sync: what acks=all costs one producer that waits for each batch.
func BenchmarkAppendFlush(b *testing.B) {
	for _, n := range []int{1 << 10, 16 << 10, 256 << 10} {
		b.Run(fmt.Sprint(n>>10, "KiB"), func(b *testing.B) {
			l, batch := openBench(b), benchBatch(n)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Append(batch); err != nil {
					b.Fatal(err)
				}
				if _, err := l.Flush(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Read at the tail and at random places: finding the range, and reading 1 MiB of it.
func BenchmarkRead(b *testing.B) {
	l, batch := openBench(b), benchBatch(16<<10)
	for range 8 << 10 {
		if _, err := l.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
	end, err := l.Flush()
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for name, at := range map[string]func() int64{
		"tail":   func() int64 { return end - 1 },
		"random": func() int64 { return rng.Int64N(end) },
	} {
		b.Run("find-"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := l.Read(at(), 1<<20, end)
				if err != nil {
					b.Fatal(err)
				}
				s.Release()
			}
		})
	}
	b.Run("bytes", func(b *testing.B) {
		buf := make([]byte, 0, 2<<20)
		b.ReportAllocs()
		n := int64(0)
		for b.Loop() {
			s, err := l.Read(rng.Int64N(end), 1<<20, end)
			if err != nil {
				b.Fatal(err)
			}
			if buf, err = s.Bytes(buf); err != nil {
				b.Fatal(err)
			}
			n += int64(s.Len())
			s.Release()
		}
		b.ReportMetric(float64(n)/1e6/b.Elapsed().Seconds(), "MB/s")
	})
}

// Opening after a crash reads the last segment with all CRCs.
func BenchmarkRecover(b *testing.B) {
	fs, dir := vfs.OS(), filepath.ToSlash(b.TempDir())
	l, err := Open(fs, dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	batch := benchBatch(16 << 10)
	for range 4 << 10 {
		if _, err := l.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := l.Flush(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(l.Size())
	for b.Loop() {
		again, err := Open(fs, dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		again.closeFiles()
	}
}

// BenchmarkCompact is one pass over 64 MB of batches of 50 records of 200 bytes, in which each of 10,000 keys stands about
// thirty times.
func BenchmarkCompact(b *testing.B) {
	for _, codec := range []record.Codec{record.None, record.LZ4} {
		b.Run(codec.String(), func(b *testing.B) {
			value := bytes.Repeat([]byte("value "), 30)
			var size int64
			for b.Loop() {
				b.StopTimer()
				l, err := Open(vfs.OS(), b.TempDir(), Options{SegmentBytes: 1 << 20, Compact: true})
				if err != nil {
					b.Fatal(err)
				}
				rng := rand.New(rand.NewPCG(1, 1))
				for range 6400 {
					var build record.Builder
					build.Reset(codec)
					for range 50 {
						build.Add(1, fmt.Appendf(nil, "key-%d", rng.IntN(10_000)), value)
					}
					if _, err := l.Append(build.Build()); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := l.Flush(); err != nil {
					b.Fatal(err)
				}
				size = l.Dirt(time.Now(), math.MaxInt64).DirtyBytes
				b.StartTimer()
				if _, err := l.Compact(b.Context(), time.Now(), math.MaxInt64); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.SetBytes(size)
			b.ReportMetric(6400*50*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
