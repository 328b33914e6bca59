package topic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

// A source gives exactly the records of committed transactions, however aborted ones and markers lie between them, and
// goes on at any position without losing or doubling one.
func TestSourceReadsCommittedRecordsOnce(t *testing.T) {
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	name := newTopic(t, c, "in", 3)
	var want []string
	for txn := range 6 {
		var rs []*kgo.Record
		for i := range 20 {
			r := &kgo.Record{Topic: name, Partition: int32(i % 2), Value: fmt.Appendf(nil, "%d-%d", txn, i)}
			rs = append(rs, r)
			if txn%3 != 1 {
				want = append(want, string(r.Value))
			}
		}
		produce(t, addrs, txn%3 != 1, rs...)
	}
	open := func(task stream.Task) (stream.Source, error) {
		return NewSource(c, SourceOptions{Topic: name, Start: Earliest, Bounded: true, NewDecoder: rawDecoder}, task)
	}
	rows := streamtest.CheckSource(t, open)
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
}

// The end of a bounded source is the one noted when it opens; it does not wait for more, also on empty partitions.
func TestBoundedSourceEndsWhereItWasOpened(t *testing.T) {
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	name := newTopic(t, c, "bounded", 2)
	produce(t, addrs, true, &kgo.Record{Topic: name, Value: []byte("a")})
	s, err := NewSource(c, SourceOptions{Topic: name, Start: Earliest, Bounded: true, NewDecoder: rawDecoder}, stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	produce(t, addrs, true, &kgo.Record{Topic: name, Value: []byte("later")}, &kgo.Record{Topic: name, Partition: 1, Value: []byte("later")})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	rows, ended := 0, map[string]bool{}
	for {
		b, err := s.Read(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows += b.Rows()
		ended[b.Pos.Split] = ended[b.Pos.Split] || b.End
		if b.Rec != nil {
			b.Rec.Release()
		}
	}
	if rows != 1 || !ended[name+"-0"] || !ended[name+"-1"] {
		t.Errorf("%d rows, ended %v; want 1 and both partitions ended", rows, ended)
	}
}

// A start by time begins at the first record of that time, and its position is told before the first record comes.
func TestStartByTimeIsAPositionAtOnce(t *testing.T) {
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	name := newTopic(t, c, "timed", 1)
	base := time.Now().Truncate(time.Millisecond)
	for i := range 10 {
		produce(t, addrs, true, &kgo.Record{Topic: name, Timestamp: base.Add(time.Duration(i) * time.Second), Value: fmt.Appendf(nil, "%d", i)})
	}
	s, err := NewSource(c, SourceOptions{Topic: name, Start: base.Add(7 * time.Second).UnixMilli(), NewDecoder: rawDecoder}, stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Open(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var first []stream.Batch
	for len(first) < 2 {
		b, err := s.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first = append(first, b)
	}
	if first[0].Rec != nil || first[0].Pos.Offset < 13 || first[0].Pos.Offset > 14 {
		t.Errorf("first batch has %d rows at %+v, want none at the offset of the eighth record, 14", first[0].Rows(), first[0].Pos)
	}
	if got := streamtest.Changelog(first[1]); len(got) == 0 || !slices.ContainsFunc(got, func(r streamtest.Row) bool { return r.Text[:10] == "[(null) Nw" }) {
		t.Errorf("the first rows are %v, want value 7 (Nw==)", got)
	}
	first[1].Rec.Release()
}

// A partition that is added while a pipeline is down is read from its first record, though new pipelines start at the end;
// one that is added while a source follows its topic is found.
func TestAddedPartitionsAreReadFromTheirStart(t *testing.T) {
	addrs := brokers(t)
	client := dial(t, addrs)
	c := NewCluster(client)
	name := newTopic(t, c, "grows", 1)
	grow := func(n int32) {
		req := kmsg.NewPtrCreatePartitionsRequest()
		rt := kmsg.NewCreatePartitionsRequestTopic()
		rt.Topic, rt.Count = name, n
		req.Topics, req.TimeoutMillis = append(req.Topics, rt), 5000
		if _, err := client.Request(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		c.forget(name)
		if err := c.retry(t.Context(), "wait", func() error {
			if got, err := c.Partitions(t.Context(), name); err != nil || got != int(n) {
				return fmt.Errorf("%d partitions, %w", got, err)
			}
			return nil
		}, name); err != nil {
			t.Fatal(err)
		}
	}
	grow(2)
	if _, err := c.Produce(t.Context(), name, 1, batchAt(0, "new")); err != nil {
		t.Fatal(err)
	}
	s, err := NewSource(c, SourceOptions{Topic: name, Start: Latest, NewDecoder: rawDecoder}, stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Open(t.Context(), []stream.Position{{Split: name + "-0", Offset: 0}}); err != nil {
		t.Fatal(err)
	}
	readRows := func(want int) {
		t.Helper()
		for rows := 0; rows < want; {
			b, err := s.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			rows += b.Rows()
			if b.Rec != nil {
				b.Rec.Release()
			}
		}
	}
	readRows(1)
	grow(3)
	if _, err := c.Produce(t.Context(), name, 2, batchAt(0, "newer", "newest")); err != nil {
		t.Fatal(err)
	}
	s.counted = time.Now().Add(-newPartitionsEvery)
	readRows(2)
}
