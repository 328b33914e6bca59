package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// BenchmarkCopyJSON is the path of a record from a topic through the decoder, a keyed exchange and the encoder into another
// topic, in transactions, on the broker in this process. One operation is one record.
func BenchmarkCopyJSON(b *testing.B) {
	n := start(b, vfs.NewVolatile(), false)
	write(b, n.server, "in", 6, b.N)
	if err := topic.NewCluster(n.server).EnsureTopic(b.Context(), topic.TopicSpec{Name: "out", Partitions: 6}); err != nil {
		b.Fatal(err)
	}
	spec := copyJSON(n.server, fmt.Sprintf("copy-%d", b.N), "in", "out", true)
	spec.CheckpointEvery = 500 * time.Millisecond
	b.ReportAllocs()
	b.ResetTimer()
	if err := stream.Run(b.Context(), spec); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
