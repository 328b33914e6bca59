package pipeline

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// A topic that is deleted and made anew between two runs of a pipeline is read from its start: the pipeline's positions
// count records that are gone, and keeping them would pass over as many new ones without a word. The dead-letter topic has
// the word, once for each partition.
func TestTopicMadeAnewIsReadFromItsStart(t *testing.T) {
	n := start(t, vfs.NewVolatile(), false)
	r, ctx := n.server, t.Context()
	c := topic.NewCluster(r)
	if err := c.EnsureTopic(ctx, topic.TopicSpec{Name: "to", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	write(t, r, "from", 2, 20)
	if err := stream.Run(ctx, copyJSON(r, "copy", "from", "to", true)); err != nil {
		t.Fatal(err)
	}
	if got := len(values(t, r, "to")); got != 20 {
		t.Fatalf("%d records were copied, want 20", got)
	}
	del := kmsg.NewPtrDeleteTopicsRequest()
	name := kmsg.NewDeleteTopicsRequestTopic()
	name.Topic = kmsg.StringPtr("from")
	del.Topics, del.TopicNames, del.TimeoutMillis = append(del.Topics, name), []string{"from"}, 1000
	if _, err := r.Request(ctx, del); err != nil {
		t.Fatal(err)
	}
	for _, rows := range []int{30, 0} { // the second run finds nothing new
		if rows > 0 {
			write(t, r, "from", 2, rows)
		}
		if err := stream.Run(ctx, copyJSON(r, "copy", "from", "to", true)); err != nil {
			t.Fatal(err)
		}
		if got := len(values(t, r, "to")); got != 50 {
			t.Errorf("%d records are there, want 20 of the first topic and 30 of the second", got)
		}
		if got := len(values(t, r, "from.dlq")); got != 2 {
			t.Errorf("%d dead letters, want one for each of 2 partitions", got)
		}
	}
}
