package commitlog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

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
