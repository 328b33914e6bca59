package topic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

// shelf is a Requester over one partition whose batches the test has laid out: damaged, with holes, cut short.
type shelf struct {
	batches    []record.Batch
	start, end int64
	maxBytes   int // of an answer, wherever it falls
	failures   []error
}

func (s *shelf) RequestTo(ctx context.Context, _ int32, req kmsg.Request) (kmsg.Response, error) {
	return s.Request(ctx, req)
}

func (s *shelf) Request(_ context.Context, req kmsg.Request) (kmsg.Response, error) {
	switch req := req.(type) {
	case *kmsg.MetadataRequest:
		resp := kmsg.NewPtrMetadataResponse()
		t := kmsg.NewMetadataResponseTopic()
		t.Topic = req.Topics[0].Topic
		t.Partitions = append(t.Partitions, kmsg.NewMetadataResponseTopicPartition())
		resp.Topics = append(resp.Topics, t)
		return resp, nil
	case *kmsg.ListOffsetsRequest:
		resp := kmsg.NewPtrListOffsetsResponse()
		t, p := kmsg.NewListOffsetsResponseTopic(), kmsg.NewListOffsetsResponseTopicPartition()
		if p.Offset = s.end; req.Topics[0].Partitions[0].Timestamp == Earliest {
			p.Offset = s.start
		}
		t.Partitions = append(t.Partitions, p)
		resp.Topics = append(resp.Topics, t)
		return resp, nil
	case *kmsg.FetchRequest:
		return s.fetch(req.Topics[0].Partitions[0].FetchOffset)
	}
	return nil, fmt.Errorf("unexpected %T", req)
}

func (s *shelf) fetch(offset int64) (kmsg.Response, error) {
	if len(s.failures) > 0 {
		err := s.failures[0]
		s.failures = s.failures[1:]
		if ke := (*kerr.Error)(nil); !errors.As(err, &ke) {
			return nil, err
		}
		return s.answer(err.(*kerr.Error).Code, nil), nil
	}
	if offset < s.start || offset > s.end {
		return s.answer(kerr.OffsetOutOfRange.Code, nil), nil
	}
	var data []byte
	for _, b := range s.batches {
		if b.LastOffset() >= offset {
			data = append(data, b...)
		}
	}
	if s.maxBytes > 0 {
		data = data[:min(len(data), s.maxBytes)]
	}
	return s.answer(0, data), nil
}

func (s *shelf) answer(code int16, data []byte) kmsg.Response {
	resp := kmsg.NewPtrFetchResponse()
	t, p := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
	p.ErrorCode, p.RecordBatches, p.HighWatermark, p.LastStableOffset, p.LogStartOffset = code, data, s.end, s.end, s.start
	t.Partitions = append(t.Partitions, p)
	resp.Topics = append(resp.Topics, t)
	return resp
}

func batchAt(base int64, values ...string) record.Batch {
	var b record.Builder
	b.Reset(record.None)
	for _, v := range values {
		b.Add(1, nil, []byte(v))
	}
	out := slices.Clone(b.Build())
	out.SetBaseOffset(base)
	return out
}

// readAll reads a bounded source over the shelf to its end, from a position.
func readAll(t *testing.T, s *shelf, from int64) (rows int, bad []stream.BadRecord, last int64, err error) {
	t.Helper()
	src, err := NewSource(NewCluster(s), SourceOptions{Topic: "t", Start: Earliest, Bounded: true, NewDecoder: rawDecoder}, stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var at []stream.Position
	if from >= 0 {
		at = []stream.Position{{Split: "t-0", Offset: from}}
	}
	if err := src.Open(t.Context(), at); err != nil {
		return 0, nil, 0, err
	}
	for {
		b, err := src.Read(t.Context())
		if errors.Is(err, io.EOF) {
			return rows, bad, last, nil
		}
		if err != nil {
			return rows, bad, last, err
		}
		rows += b.Rows()
		bad = append(bad, b.Bad...)
		last = b.Pos.Offset
		if b.Rec != nil {
			b.Rec.Release()
		}
	}
}

var stringSchema = arrow.NewSchema([]arrow.Field{
	{Name: "k", Type: arrow.BinaryTypes.String}, {Name: "v", Type: arrow.BinaryTypes.String},
}, nil)

// What cannot be read is reported with its offset and passed over; everything else is read once.
func TestDamagedAndMissingRecordsAreReported(t *testing.T) {
	broken := batchAt(2, "c", "d")
	broken[len(broken)-1] ^= 1
	short := batchAt(2, "c", "d")
	short[60] = 5 // five records are promised, the sum is right
	short.StampAppendTime(1)
	for _, c := range []struct {
		name  string
		shelf *shelf
		from  int64
		rows  int
		bad   string
	}{
		{"a flipped byte", &shelf{batches: []record.Batch{batchAt(0, "a", "b"), broken, batchAt(4, "e")}, end: 5}, -1, 3, "2: corrupt record batch"},
		{"a wrong count", &shelf{batches: []record.Batch{batchAt(0, "a", "b"), short, batchAt(4, "e")}, end: 5}, -1, 3, "2: invalid record batch"},
		{"a position within a batch", &shelf{batches: []record.Batch{batchAt(0, "a", "b", "c"), batchAt(3, "d")}, end: 4}, 2, 2, ""},
		{"answers cut anywhere", &shelf{batches: []record.Batch{batchAt(0, "a"), batchAt(1, "b"), batchAt(2, "c")}, end: 3, maxBytes: 100}, -1, 3, ""},
		{"a hole at the end", &shelf{batches: []record.Batch{batchAt(0, "a")}, end: 9}, -1, 1, ""},
		{"only a hole", &shelf{start: 3, end: 9}, -1, 0, ""},
		{"retention was faster", &shelf{batches: []record.Batch{batchAt(6, "g")}, start: 6, end: 7}, 2, 1, "2: records 2 to 5 were deleted by retention"},
		{"a leader that moves and a connection that breaks", &shelf{
			batches: []record.Batch{batchAt(0, "a")}, end: 1, failures: []error{kerr.NotLeaderForPartition, errors.New("broken pipe"), kerr.UnknownTopicOrPartition},
		}, -1, 1, ""},
	} {
		rows, bad, last, err := readAll(t, c.shelf, c.from)
		if err != nil || rows != c.rows || last != c.shelf.end {
			t.Errorf("%s: %d rows up to %d, %v; want %d up to %d", c.name, rows, last, err, c.rows, c.shelf.end)
		}
		got := ""
		if len(bad) > 0 {
			got = fmt.Sprintf("%d: %s", bad[0].Offset, bad[0].Reason)
		}
		if len(bad) > 1 || !strings.HasPrefix(got, c.bad) || (c.bad == "") != (got == "") {
			t.Errorf("%s: %d bad records, %q; want %q", c.name, len(bad), got, c.bad)
		}
	}
}

// A position beyond the end means another topic under the same name: going on would lose its records silently.
func TestPositionBeyondTheEndIsRefused(t *testing.T) {
	s := &shelf{batches: []record.Batch{batchAt(0, "a")}, end: 1}
	src, err := NewSource(NewCluster(s), SourceOptions{Topic: "t", Start: Earliest, NewDecoder: rawDecoder}, stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if err := src.Open(t.Context(), []stream.Position{{Split: "t-0", Offset: 7}}); err != nil {
		t.Fatal(err)
	}
	_, err = src.Read(t.Context())
	if !stream.IsPermanent(err) || !strings.Contains(err.Error(), "t-0: position 7 lies beyond the end of the log, 1") {
		t.Errorf("error %v", err)
	}
}

// Null and empty keys, values and headers come out as they went in.
func TestNullAndEmptyStayApart(t *testing.T) {
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	in, out := newTopic(t, c, "nulls", 1), newTopic(t, c, "out", 1)
	var records []*kgo.Record
	var want []string
	for _, key := range [][]byte{nil, {}, []byte("k")} {
		for _, value := range [][]byte{nil, {}, []byte("v")} {
			r := &kgo.Record{Topic: in, Key: key, Value: value}
			records = append(records, r)
			want = append(want, fmt.Sprintf("%q %v %q %v", key, key == nil, value, value == nil))
		}
	}
	produce(t, addrs, true, records...)
	spec, _ := copyTopic(c, unique("nulls"), in, out, 0)
	if err := stream.Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range consume(t, addrs, c, out) {
		got = append(got, fmt.Sprintf("%q %v %q %v", r.Key, r.Key == nil, r.Value, r.Value == nil))
	}
	if !slices.Equal(got, want) {
		t.Errorf("records\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// An upsert sink writes the last state of a key, deletes as nulls; a plain one refuses changes by name.
func TestChangesNeedAnUpsertTopic(t *testing.T) {
	addrs := brokers(t)
	c := NewCluster(dial(t, addrs))
	out := newTopic(t, c, "upsert", 1)
	rec := func(t *testing.T) stream.Batch {
		b := streamtest.Rows(t, stringSchema, `[{"k":"a","v":"1"},{"k":"a","v":"1"},{"k":"a","v":"2"},{"k":"a","v":"2"}]`)
		b.Ops = stream.Changes{stream.Insert, stream.UpdateBefore, stream.UpdateAfter, stream.Delete}
		return b
	}
	column := func(i int) func() (EncodeRow, error) { return func() (EncodeRow, error) { return BytesColumn(i), nil } }
	x := NewTransaction(c, TransactionOptions{Pipeline: unique("upsert")})
	if _, err := x.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, upsert := range []bool{false, true} {
		s, err := NewSink(x, SinkOptions{Topic: out, NewKey: column(0), NewValue: column(1), Timestamp: NoColumn, Headers: NoColumn, HeaderCount: NoColumn, Upsert: upsert}, stream.Task{Of: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		b := rec(t)
		if upsert {
			if err := s.Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		} else if err := s.Write(t.Context(), stream.Batch{Rec: b.Rec, Ops: b.Ops[1:]}); !stream.IsPermanent(err) || !strings.Contains(err.Error(), out) {
			t.Errorf("an append-only topic takes changes: %v", err)
		}
	}
	if err := x.Commit(t.Context(), &stream.Checkpoint{ID: 1, Last: true}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range consume(t, addrs, c, out) {
		got = append(got, fmt.Sprintf("%s=%s/%v", r.Key, r.Value, r.Value == nil))
	}
	if want := []string{"a=1/false", "a=2/false", "a=/true"}; !slices.Equal(got, want) {
		t.Errorf("records %v, want %v", got, want)
	}
}
