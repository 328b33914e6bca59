package kafka

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// readWire reads one frame without its length.
func readWire(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, be32(size[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}

// Goal: an unmodified client produces with each codec and reads back the same bytes, nulls and headers in order.
func TestFranzProducesAndConsumesEachCodec(t *testing.T) {
	n := newNode(t)
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			topic := "codec-" + name
			n.createTopic(topic, 3, nil)
			const records = 3000
			cl := n.client(kgo.ProducerBatchCompression(codec), kgo.DefaultProduceTopic(topic))
			want := map[string]int{}
			for i := range records {
				r := &kgo.Record{Key: fmt.Appendf(nil, "k%d", i%100), Value: fmt.Appendf(nil, "value %d", i)}
				want[string(r.Value)]++
				cl.Produce(n.ctx(), r, func(_ *kgo.Record, err error) {
					if err != nil {
						t.Error(err)
					}
				})
			}
			if err := cl.Flush(n.ctx()); err != nil {
				t.Fatal(err)
			}
			consumer := n.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			next := map[int32]int64{}
			for got := 0; got < records; {
				fetches := consumer.PollFetches(n.ctx())
				if err := fetches.Err(); err != nil {
					t.Fatal(err)
				}
				fetches.EachRecord(func(r *kgo.Record) {
					got++
					want[string(r.Value)]--
					if r.Offset != next[r.Partition] {
						t.Fatalf("partition %d: offset %d, want %d", r.Partition, r.Offset, next[r.Partition])
					}
					next[r.Partition]++
				})
			}
			for v, left := range want {
				if left != 0 {
					t.Fatalf("%q: %d missing", v, left)
				}
			}
		})
	}
}
