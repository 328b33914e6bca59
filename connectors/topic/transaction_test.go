package topic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/weirhub/weir/stream"
)

// copyTopic is a pipeline that copies a topic, keys, values, headers and times, and calls value "bad" a bad record.
func copyTopic(c *Cluster, name, from, to string, every time.Duration) (stream.Spec, *Transaction) {
	x := NewTransaction(c, TransactionOptions{Pipeline: name, Sources: []string{from}})
	source := &stream.Node{ID: "source", Name: "TopicSource", Source: func(t stream.Task) (stream.Source, error) {
		return NewSource(c, SourceOptions{Topic: from, Start: Earliest, Bounded: true, NewDecoder: rawDecoder}, t)
	}}
	check := &stream.Node{ID: "check", Name: "Check", Inputs: []*stream.Node{source}, Operator: func(stream.Task) (stream.Operator, error) { return refuse{}, nil }}
	sink := &stream.Node{ID: "sink", Name: "TopicSink", Inputs: []*stream.Node{check}, Sink: func(t stream.Task) (stream.Sink, error) {
		column := func(i int) func() (EncodeRow, error) { return func() (EncodeRow, error) { return BytesColumn(i), nil } }
		return NewSink(x, SinkOptions{Topic: to, NewKey: column(0), NewValue: column(1), Headers: 2, HeaderCount: 3, Timestamp: 4}, t)
	}}
	return stream.Spec{
		Name: name, Root: sink, Parallelism: 2, CheckpointEvery: every, Committer: x, DeadLetter: x.DeadLetter,
		Restart: stream.RestartPolicy{Backoff: time.Millisecond},
	}, x
}

// refuse passes rows on and gives up those whose value is "bad".
type refuse struct{}

func (refuse) Process(_ int, in stream.Batch, out stream.Emitter) error {
	var keep []int32
	for i := range in.Rows() {
		if v := in.Rec.Column(1).ValueStr(i); v != "YmFk" { // "bad" in base64
			keep = append(keep, int32(i))
			continue
		}
		if err := out.DeadLetter(stream.BadRecord{Topic: "flights", Partition: 0, Offset: 7, Value: []byte("bad"), Reason: "it is bad"}); err != nil {
			return err
		}
	}
	b := stream.Take(in, keep)
	defer b.Rec.Release()
	return out.Emit(b)
}
func (refuse) Advance(stream.Watermark, stream.Emitter) error { return nil }
func (refuse) Snapshot(w *stream.StateWriter) error {
	w.Put("nothing/1", stream.NoGroup, []byte("x"))
	return nil
}
func (refuse) Restore(*stream.StateReader) error { return nil }
func (refuse) Close() error                      { return nil }

func fill(t *testing.T, addrs []string, name string, n int) []string {
	t.Helper()
	var rs []*kgo.Record
	var want []string
	for i := range n {
		r := &kgo.Record{
			Topic: name, Partition: int32(i % 3), Key: fmt.Appendf(nil, "k%d", i%5), Value: fmt.Appendf(nil, "v%d", i),
			Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i)), Headers: []kgo.RecordHeader{{Key: "h", Value: nil}, {Key: "h", Value: []byte{}}},
		}
		rs = append(rs, r)
		want = append(want, spell(r))
	}
	produce(t, addrs, true, rs...)
	slices.Sort(want)
	return want
}

func spell(r *kgo.Record) string {
	var h strings.Builder
	for _, x := range r.Headers {
		fmt.Fprintf(&h, " %s=%q/%v", x.Key, x.Value, x.Value == nil)
	}
	return fmt.Sprintf("%s:%s@%d%s", r.Key, r.Value, r.Timestamp.UnixMilli(), h.String())
}

func spellAll(rs []*kgo.Record) []string {
	var out []string
	for _, r := range rs {
		out = append(out, spell(r))
	}
	slices.Sort(out)
	return out
}

// A pipeline whose process dies at any request, before or after the cluster has seen it, and is started again, writes
// each record once: the steps are batches written, checkpoint's record written, offsets added, transaction ended.
func TestProcessMayDieAtAnyRequest(t *testing.T) {
	existing := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, existing) }) // after the brokers and the client have closed
	addrs := brokers(t)
	client := dial(t, addrs)
	c := NewCluster(client)
	in := newTopic(t, c, "in", 3)
	want := fill(t, addrs, in, 60)
	produce(t, addrs, true, &kgo.Record{Topic: in, Value: []byte("bad")})

	run := func(kind string, nth int, after bool) map[string]int {
		out := newTopic(t, c, "out", 2)
		name := unique("copy")
		m := &mortal{Requester: client, kind: kind, nth: nth, after: after}
		where := fmt.Sprintf("death at %s %d, after %v", kind, nth, after)
		spec, x := copyTopic(NewCluster(m), name, in, out, 5*time.Millisecond)
		x.o.DeadLetterTopic = out + ".dlq"
		err := stream.Run(t.Context(), spec)
		seen, died := m.requests()
		if !died && err != nil || died && !errors.Is(err, errDead) {
			t.Fatalf("%s: %v", where, err)
		}
		if died {
			spec, x = copyTopic(NewCluster(client), name, in, out, 5*time.Millisecond)
			x.o.DeadLetterTopic = out + ".dlq"
			if err := stream.Run(t.Context(), spec); err != nil {
				t.Fatalf("%s: second start: %v", where, err)
			}
		}
		if got := spellAll(consume(t, addrs, c, out)); !slices.Equal(got, want) {
			t.Errorf("%s: %d records came out, want %d", where, len(got), len(want))
		}
		if bad := consume(t, addrs, c, out+".dlq"); len(bad) != 1 {
			t.Errorf("%s: %d dead letters, want 1", where, len(bad))
		}
		return seen
	}
	seen := run("", 0, false)
	for _, kind := range []string{"InitProducerID", "AddPartitionsToTxn", "Produce", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"} {
		if seen[kind] == 0 {
			t.Errorf("no %s among the requests %v", kind, seen)
		}
	}
	delete(seen, "Fetch") // reads change nothing
	for kind, n := range seen {
		for nth := 1; nth <= n; nth++ {
			run(kind, nth, false)
			run(kind, nth, true)
		}
	}
}

// Run again, a pipeline that has finished writes nothing twice, and reads only what is new.
func TestSecondRunReadsOnlyWhatIsNew(t *testing.T) {
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	in, out, name := newTopic(t, c, "in", 3), newTopic(t, c, "out", 1), unique("again")
	var want []string
	for range 3 {
		want = append(want, fill(t, addrs, in, 10)...)
		spec, _ := copyTopic(c, name, in, out, time.Hour)
		if err := stream.Run(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	if got := spellAll(consume(t, addrs, c, out)); !slices.Equal(got, want) {
		t.Errorf("%d records came out, want %d", len(got), len(want))
	}
}

// The consumed offsets can be seen under the pipeline's group, at the end of each partition.
func TestGroupShowsPositions(t *testing.T) {
	addrs := brokers(t)
	client := dial(t, addrs)
	c := NewCluster(client)
	in, out, name := newTopic(t, c, "in", 3), newTopic(t, c, "out", 1), unique("lag")
	fill(t, addrs, in, 9)
	spec, x := copyTopic(c, name, in, out, time.Hour)
	if err := stream.Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = x.Group()
	req.Groups = append(req.Groups, g)
	resp, err := request[*kmsg.OffsetFetchResponse](t.Context(), c, req)
	if err != nil {
		t.Fatal(err)
	}
	ends, err := c.ListOffsets(t.Context(), in, []int32{0, 1, 2}, Latest, true)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, group := range resp.Groups {
		for _, topic := range group.Topics {
			for _, p := range topic.Partitions {
				n++
				if p.Offset != ends[p.Partition] {
					t.Errorf("partition %d is committed at %d, its end is %d", p.Partition, p.Offset, ends[p.Partition])
				}
			}
		}
	}
	if n != 3 {
		t.Errorf("%d partitions are committed, want 3", n)
	}
}

// Whoever starts a pipeline last has it: the process before can commit no more and says why.
func TestSecondProcessFencesTheFirst(t *testing.T) {
	c := NewCluster(dial(t, brokers(t)))
	out, name := newTopic(t, c, "out", 1), unique("fenced")
	first, second := NewTransaction(c, TransactionOptions{Pipeline: name}), NewTransaction(c, TransactionOptions{Pipeline: name})
	for _, x := range []*Transaction{first, second} {
		if _, err := x.Restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		if x == first {
			if err := x.Add(t.Context(), out, 0, Record{Value: []byte("from the first")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := first.Commit(t.Context(), &stream.Checkpoint{ID: 1})
	if !errors.Is(err, ErrFenced) || !stream.IsPermanent(err) {
		t.Errorf("the first process commits: %v", err)
	}
	if err := second.Commit(t.Context(), &stream.Checkpoint{ID: 1}); err != nil {
		t.Errorf("the second process commits: %v", err)
	}
}

// A checkpoint is found without the group's offsets too, behind another pipeline's open transaction, and an aborted
// later one does not count.
func TestCheckpointIsFoundInTheTopicAlone(t *testing.T) {
	ctx := t.Context()
	client := dial(t, brokers(t))
	c := NewCluster(client)
	name := unique("lookup")
	other := NewTransaction(c, TransactionOptions{Pipeline: unique("other")})
	if _, err := other.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	if err := other.Add(ctx, CheckpointTopic, 0, Record{Key: []byte("other"), Value: []byte("open")}); err != nil {
		t.Fatal(err)
	}
	if err := other.flush(ctx); err != nil {
		t.Fatal(err)
	}
	x := NewTransaction(c, TransactionOptions{Pipeline: name})
	if cp, err := x.Restore(ctx); cp != nil || err != nil {
		t.Fatalf("a new pipeline has the checkpoint %v, %v", cp, err)
	}
	for id := stream.CheckpointID(1); id <= 3; id++ {
		if err := x.Commit(ctx, &stream.Checkpoint{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	aborted := &stream.Checkpoint{ID: 4}
	value, _ := aborted.Encode()
	if err := x.Add(ctx, CheckpointTopic, 0, Record{Key: []byte(name), Value: value}); err != nil {
		t.Fatal(err)
	}
	if err := x.flush(ctx); err != nil {
		t.Fatal(err)
	}
	for _, hint := range []string{"with", "without"} {
		if hint == "without" {
			del := kmsg.NewPtrDeleteGroupsRequest()
			del.Groups = []string{x.Group()}
			if _, err := client.Request(ctx, del); err != nil {
				t.Fatal(err)
			}
		}
		cp, err := NewTransaction(c, TransactionOptions{Pipeline: name}).Restore(ctx)
		if err != nil || cp == nil || cp.ID != 3 {
			t.Errorf("%s the group's offsets: checkpoint %+v, %v; want number 3", hint, cp, err)
		}
	}
}

// A dead letter keeps the record and says why and where from.
func TestDeadLetterSaysWhyAndWhereFrom(t *testing.T) {
	ctx := t.Context()
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	x := NewTransaction(c, TransactionOptions{Pipeline: unique("p"), DeadLetterTopic: unique("t.dlq")})
	if _, err := x.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	h := headerList{}
	h.add("trace", "1")
	err := x.DeadLetter(ctx, stream.BadRecord{
		Topic: "flights", Partition: 3, Offset: 17, Timestamp: 1_700_000_000_000, Key: []byte("UA"), Value: []byte("{"),
		Headers: h.bytes, HeaderCount: 1, Reason: "not JSON", Attempts: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Commit(ctx, &stream.Checkpoint{ID: 1, Last: true}); err != nil {
		t.Fatal(err)
	}
	got := consume(t, addrs, c, x.o.DeadLetterTopic)
	if len(got) != 1 {
		t.Fatalf("%d dead letters", len(got))
	}
	want := `UA:{@1700000000000 trace="1"/false x-weir-error="not JSON"/false x-weir-source-topic="flights"/false` +
		` x-weir-source-partition="3"/false x-weir-source-offset="17"/false x-weir-pipeline="` + x.o.Pipeline + `"/false x-weir-attempts="2"/false`
	if s := spell(got[0]); s != want {
		t.Errorf("dead letter\n%s\nwant\n%s", s, want)
	}
	for name, want := range map[string]string{"data/flights 2013.csv": "flights_2013.csv.dlq", `C:\in\a.csv`: "a.csv.dlq"} {
		y := NewTransaction(c, TransactionOptions{Pipeline: "p"})
		if got := y.DeadLetterTopic(stream.BadRecord{Topic: name, Partition: -1}); got != want {
			t.Errorf("dead letters of %s go to %s, want %s", name, got, want)
		}
	}
}

// A batch of output larger than the sealing limit is split, and order within a partition holds over many batches.
func TestLargeOutputKeepsOrder(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	out := newTopic(t, c, "large", 2)
	x := NewTransaction(c, TransactionOptions{Pipeline: unique("large")})
	if _, err := x.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 64<<10)
	for i := range 600 { // 38 MiB, above maxQueuedBytes
		if err := x.Add(ctx, out, int32(i%2), Record{Key: fmt.Appendf(nil, "%06d", i), Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Commit(ctx, &stream.Checkpoint{ID: 1, Last: true}); err != nil {
		t.Fatal(err)
	}
	last := map[int32]string{}
	got := consume(t, addrs, c, out)
	for _, r := range got {
		if string(r.Key) <= last[r.Partition] {
			t.Fatalf("partition %d: %s comes after %s", r.Partition, r.Key, last[r.Partition])
		}
		last[r.Partition] = string(r.Key)
	}
	if len(got) != 600 {
		t.Errorf("%d records, want 600", len(got))
	}
}
