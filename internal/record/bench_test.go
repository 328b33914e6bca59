package record

import (
	"bytes"
	"fmt"
	"testing"
)

func benchBatch(codec Codec) Batch {
	var b Builder
	b.Reset(codec)
	for i := range 1000 {
		b.Add(int64(i), fmt.Appendf(nil, "key-%d", i), fmt.Appendf(nil, `{"carrier":"UA","flight":%d,"origin":"EWR","dest":"IAH","dep_delay":%d}`, i, i%60))
	}
	return bytes.Clone(b.Build())
}

// Reader.Next allocates nothing per record, nor per batch once its buffer has grown.
func BenchmarkReaderNext(b *testing.B) {
	for codec := None; codec <= Zstd; codec++ {
		b.Run(codec.String(), func(b *testing.B) {
			batch := benchBatch(codec)
			var r Reader
			var rec Record
			b.SetBytes(int64(len(benchBatch(None))))
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Reset(batch, 0); err != nil {
					b.Fatal(err)
				}
				for r.Next(&rec) {
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
		})
	}
}

func BenchmarkBuilder(b *testing.B) {
	key, value := []byte("key-123"), bytes.Repeat([]byte("v"), 100)
	var build Builder
	b.ReportAllocs()
	for b.Loop() {
		build.Reset(None)
		for i := range 1000 {
			build.Add(int64(i), key, value)
		}
		build.Build()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
}
