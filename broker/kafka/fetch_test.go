package kafka

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

func addListOffset(req *kmsg.ListOffsetsRequest, topic string, timestamp int64) {
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp, p.CurrentLeaderEpoch = timestamp, -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	t.Partitions = append(t.Partitions, p)
	req.ReplicaID = -1
	req.Topics = append(req.Topics, t)
}

// Goal: a record larger than every limit of the fetch comes whole if it is the first, and only then: so a consumer with
// small buffers goes on, and an answer holds at most one batch that is too large.
func TestOversizeBatchComesFirstOrNotAtAll(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 2, map[string]*string{"max.message.bytes": kmsg.StringPtr("10485760")})
	big := strings.Repeat("x", 5<<20)
	r := n.dial()
	for p := range int32(2) {
		if code, _ := produceCode(r, "t", p, batch(big)); code != 0 {
			t.Fatalf("error %d", code)
		}
	}
	req := fetchReq("t", 0, 1, 0)
	req.Topics, req.MaxBytes = nil, 1000
	addFetch(req, "t", 0, 0, 1)
	addFetch(req, "t", 1, 0, 1)
	parts := ask[*kmsg.FetchResponse](r, req, 12).Topics[0].Partitions
	if v, err := values(parts[0].RecordBatches); err != nil || len(v) != 1 || v[0] != big {
		t.Errorf("partition 0: %d records, %v", len(v), err)
	}
	if len(parts[1].RecordBatches) != 0 || parts[1].ErrorCode != 0 || parts[1].HighWatermark != 1 {
		t.Errorf("partition 1: %d bytes, error %d", len(parts[1].RecordBatches), parts[1].ErrorCode)
	}

	n.createTopic("slow", 1, map[string]*string{"max.message.bytes": kmsg.StringPtr("10485760")})
	cl := n.client(kgo.DefaultProduceTopic("slow"), kgo.ProducerBatchMaxBytes(8<<20), kgo.ConsumeTopics("slow"), kgo.FetchMaxBytes(1024), kgo.FetchMaxPartitionBytes(1024))
	records := []*kgo.Record{{Value: []byte(big)}}
	for range 10 {
		records = append(records, &kgo.Record{Value: make([]byte, 1024)})
	}
	for _, rec := range records {
		if err := cl.ProduceSync(n.ctx(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for got := 0; got < len(records); {
		fetches := cl.PollFetches(n.ctx())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		got += fetches.NumRecords()
	}
}

// Goal: a long poll ends when the bytes it asked for are there, not with the first that come, and at its time limit with
// what there is.
func TestLongPollWaitsForMinBytes(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	poll, prod := n.dial(), n.dial()
	one := len(batch("x"))
	id := poll.send(fetchReq("t", 0, int32(2*one), 60_000), 12)
	for i := range 2 {
		if code, _ := produceCode(prod, "t", 0, batch("x")); code != 0 {
			t.Fatalf("produce %d: error %d", i, code)
		}
	}
	var resp kmsg.FetchResponse
	poll.recv(id, &resp, 12)
	if v, err := values(resp.Topics[0].Partitions[0].RecordBatches); err != nil || len(v) != 2 {
		t.Errorf("read %q, %v", v, err)
	}
	begin := time.Now()
	got := ask[*kmsg.FetchResponse](poll, fetchReq("t", 1, 1<<20, 50), 12).Topics[0].Partitions[0]
	if v, err := values(got.RecordBatches); err != nil || len(v) != 1 || time.Since(begin) < 50*time.Millisecond {
		t.Errorf("at the limit: %q, %v after %v", v, err, time.Since(begin))
	}
}

// Goal: a poll does not wait for min_bytes at the end of a segment when the next one has them.
func TestLongPollDoesNotStallAtASegmentsEnd(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, map[string]*string{"segment.bytes": kmsg.StringPtr("1048576")})
	r := n.dial()
	for range 4 { // two to a segment
		if code, _ := produceCode(r, "t", 0, batch(strings.Repeat("x", 500_000))); code != 0 {
			t.Fatalf("error %d", code)
		}
	}
	begin := time.Now()
	p := ask[*kmsg.FetchResponse](r, fetchReq("t", 1, 900_000, 15_000), 12).Topics[0].Partitions[0]
	if v, err := values(p.RecordBatches); err != nil || len(v) != 1 || time.Since(begin) > 10*time.Second {
		t.Errorf("%d records, %v, after %v", len(v), err, time.Since(begin))
	}
}

// Goal: a connection that sends nothing is closed after the idle limit, and one above the limit of connections at once.
func TestIdleConnectionIsClosed(t *testing.T) {
	n := newNode(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(n.ctx())
	served := make(chan error, 1)
	go func() {
		served <- NewServer(n.b, Options{IdleTimeout: 50 * time.Millisecond, MaxConnections: 1}).Serve(ctx, ln)
	}()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	n.addr = ln.Addr().String()
	first, second := n.dial(), n.dial()
	for name, r := range map[string]*raw{"idle": first, "one too many": second} {
		if b, err := readWire(r.nc); err != io.EOF {
			t.Errorf("%s: got %x, %v, want the end of the connection", name, b, err)
		}
	}
}

// Goal: read_committed answers list the aborted transactions of the bytes they carry, and not those that lie ahead.
func TestAbortedListCoversTheAnswerOnly(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	p, _ := n.b.Partition("t", 0)
	var last broker.Appended
	for i := range int64(10) {
		var b record.Builder
		b.Reset(record.None)
		b.SetProducer(100+i, 0, 0, true)
		b.Add(1, nil, []byte("aborted"))
		if _, err := p.Produce(b.Build(), false); err != nil {
			t.Fatal(err)
		}
		var err error
		if last, err = p.Produce(record.EndTxnMarker(100+i, 0, false, 0, 1), true); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Wait(n.ctx(), last); err != nil {
		t.Fatal(err)
	}
	req := fetchReq("t", 0, 1, 0)
	req.IsolationLevel = 1
	req.Topics[0].Partitions[0].FetchOffset, req.Topics[0].Partitions[0].PartitionMaxBytes = 4, 160
	got := ask[*kmsg.FetchResponse](n.dial(), req, 12).Topics[0].Partitions[0]
	// 160 bytes hold the third transaction's record (75 bytes) and its marker (78 bytes).
	if len(got.AbortedTransactions) != 1 || got.AbortedTransactions[0].ProducerID != 102 || got.AbortedTransactions[0].FirstOffset != 4 || got.LastStableOffset != 20 {
		t.Errorf("%d bytes, stable %d, aborted %+v", len(got.RecordBatches), got.LastStableOffset, got.AbortedTransactions)
	}
}

// Goal: errors are told per partition and at once; the offset at the end is no error, one beyond it and one below the
// start are.
func TestFetchErrors(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	r := n.dial()
	produceCode(r, "t", 0, batch("a", "b"))
	for name, c := range map[string]struct {
		topic     string
		partition int32
		offset    int64
		epoch     int32
		want      int16
	}{
		"end":               {"t", 0, 2, -1, 0},
		"beyond":            {"t", 0, 3, -1, kerr.OffsetOutOfRange.Code},
		"negative":          {"t", 0, -5, -1, kerr.OffsetOutOfRange.Code},
		"unknown partition": {"t", 9, 0, -1, kerr.UnknownTopicOrPartition.Code},
		"unknown topic":     {"nope", 0, 0, -1, kerr.UnknownTopicOrPartition.Code},
		"epoch":             {"t", 0, 0, 0, 0},
		"later epoch":       {"t", 0, 0, 1, kerr.UnknownLeaderEpoch.Code},
	} {
		req := fetchReq("t", 0, 1, 0)
		req.Topics = nil
		addFetch(req, c.topic, c.partition, c.offset, 1<<20)
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = c.epoch
		p := ask[*kmsg.FetchResponse](r, req, 12).Topics[0].Partitions[0]
		if p.ErrorCode != c.want {
			t.Errorf("%s: error %d, want %d", name, p.ErrorCode, c.want)
		}
	}
}

// Goal: from version 13 on topics go by id; an id that is not there is UNKNOWN_TOPIC_ID, also that of a topic created
// again under its name.
func TestFetchAndProduceByTopicID(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	old, _ := n.b.Topic("t")
	if err := n.b.DeleteTopic(n.ctx(), "t"); err != nil {
		t.Fatal(err)
	}
	n.createTopic("t", 1, nil)
	now, _ := n.b.Topic("t")
	r := n.dial()
	for name, c := range map[string]struct {
		id   [16]byte
		want int16
	}{"old": {old.ID(), kerr.UnknownTopicID.Code}, "new": {now.ID(), 0}} {
		req := produceReq("", 0, batch("x"))
		req.Topics[0].TopicID = c.id
		if p := ask[*kmsg.ProduceResponse](r, req, 13).Topics[0].Partitions[0]; p.ErrorCode != c.want {
			t.Errorf("%s: produce error %d, want %d", name, p.ErrorCode, c.want)
		}
		fetch := fetchReq("", 0, 1, 0)
		fetch.Topics[0].TopicID = c.id
		if p := ask[*kmsg.FetchResponse](r, fetch, 18).Topics[0].Partitions[0]; p.ErrorCode != c.want {
			t.Errorf("%s: fetch error %d, want %d", name, p.ErrorCode, c.want)
		}
	}
}

// Goal: the answer that is encoded here, without a copy, is byte for byte what kmsg encodes, in every version.
func TestFetchEncodingEqualsKmsg(t *testing.T) {
	resp := kmsg.NewPtrFetchResponse()
	resp.ThrottleMillis, resp.ErrorCode, resp.SessionID = 1, 2, 3
	for i := range 2 {
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = fmt.Sprintf("topic-%d", i), [16]byte{1, byte(i)}
		for j := range 3 {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.ErrorCode, p.HighWatermark, p.LastStableOffset, p.LogStartOffset = int32(j), int16(i), 10, 9, 1
			p.PreferredReadReplica = -1
			p.RecordBatches = bytes.Repeat([]byte{byte(j)}, 100*j)
			if j > 0 {
				p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
			}
			if j > 1 {
				p.AbortedTransactions = append(p.AbortedTransactions, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: 5, FirstOffset: 6})
			}
			topic.Partitions = append(topic.Partitions, p)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	for v := int16(4); v <= 18; v++ {
		resp.SetVersion(v)
		if got, want := appendFetch(nil, resp, nil), resp.AppendTo(nil); !bytes.Equal(got, want) {
			t.Errorf("v%d:\ngot  %x\nwant %x", v, got, want)
		}
	}
	n := newNode(t)
	n.createTopic("t", 1, nil)
	b := batch("from the log")
	produceCode(n.dial(), "t", 0, b)
	p, _ := n.b.Partition("t", 0)
	for v := int16(4); v <= 18; v++ {
		read, err := p.Read(0, 1<<20, false)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := read.Slice.Bytes(nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.SetVersion(v)
		resp.Topics[1].Partitions[1].RecordBatches = stored
		want := resp.AppendTo(nil)
		resp.Topics[1].Partitions[1].RecordBatches = nil
		got := appendFetch([]byte("before"), resp, []commitlog.Slice{read.Slice})
		read.Slice.Release()
		if !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Errorf("v%d with records from the log differs", v)
		}
	}
}

// Goal: a large answer, whose records go from the file to the socket, is the same bytes as a small one's, from the disk
// and from memory, while several clients read one segment at once and across segments.
func TestLargeAnswersStreamTheLog(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, fs := range map[string]vfs.FS{"memory": vfs.NewMem(), "disk": vfs.OS()} {
		t.Run(name, func(t *testing.T) {
			n := start(t, fs, broker.Options{})
			n.createTopic("t", 2, map[string]*string{"segment.bytes": kmsg.StringPtr("3000000")})
			r := n.dial()
			var want [2][]string
			for i := range 20 {
				v := strings.Repeat(string(rune('a'+i)), 400_000+i)
				if code, _ := produceCode(r, "t", int32(i%2), batch(v)); code != 0 {
					t.Fatalf("error %d", code)
				}
				want[i%2] = append(want[i%2], v)
			}
			var readers sync.WaitGroup
			for range 4 {
				readers.Go(func() {
					r := n.dial()
					var got [2][]string
					for len(got[0]) < 10 || len(got[1]) < 10 {
						req := fetchReq("t", 0, 1, 0)
						req.Topics = nil
						for p := range int32(2) {
							addFetch(req, "t", p, int64(len(got[p])), 20<<20)
						}
						for i, p := range ask[*kmsg.FetchResponse](r, req, 12).Topics[0].Partitions {
							v, err := values(p.RecordBatches)
							if err != nil || p.ErrorCode != 0 {
								t.Errorf("partition %d: error %d, %v", i, p.ErrorCode, err)
								return
							}
							got[i] = append(got[i], v...)
						}
					}
					if !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1]) {
						t.Error("read something else than was written")
					}
				})
			}
			readers.Wait()
		})
	}
}

// Goal: each way to ask for an offset has the answer of Kafka's own documentation.
func TestListOffsets(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	n.createTopic("empty", 1, nil)
	cl := n.client(kgo.DefaultProduceTopic("t"))
	base := time.UnixMilli(1_700_000_000_000)
	for _, ms := range []int{10, 30, 20, 40, 40, 5} {
		r := &kgo.Record{Value: []byte("v"), Timestamp: base.Add(time.Duration(ms) * time.Millisecond)}
		if err := cl.ProduceSync(n.ctx(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	p, _ := n.b.Partition("t", 0)
	if _, err := p.DeleteBefore(1); err != nil {
		t.Fatal(err)
	}
	at := func(ms int64) int64 { return base.UnixMilli() + ms }
	r := n.dial()
	for _, c := range []struct {
		topic        string
		spec         int64
		version      int16
		code         int16
		offset, time int64
	}{
		{"t", -1, 1, 0, 6, -1},
		{"t", -2, 1, 0, 1, -1},
		{"t", -3, 7, 0, 3, at(40)},
		{"t", -3, 6, kerr.UnsupportedVersion.Code, -1, -1},
		{"t", -4, 8, 0, 1, -1},
		{"t", -5, 9, 0, -1, -1},
		{"t", -6, 11, 0, 1, -1},
		{"t", -7, 11, kerr.UnsupportedVersion.Code, -1, -1},
		{"t", at(0), 4, 0, 1, at(30)},
		{"t", at(31), 4, 0, 3, at(40)},
		{"t", at(41), 4, 0, -1, -1},
		{"empty", -1, 4, 0, 0, -1},
		{"empty", -2, 4, 0, 0, -1},
		{"empty", -3, 7, 0, -1, -1},
		{"nope", -1, 4, kerr.UnknownTopicOrPartition.Code, -1, -1},
	} {
		req := kmsg.NewPtrListOffsetsRequest()
		addListOffset(req, c.topic, c.spec)
		got := ask[*kmsg.ListOffsetsResponse](r, req, c.version).Topics[0].Partitions[0]
		if got.ErrorCode != c.code || got.Offset != c.offset || got.Timestamp != c.time {
			t.Errorf("%s %d v%d: error %d offset %d time %d, want %d %d %d", c.topic, c.spec, c.version, got.ErrorCode, got.Offset, got.Timestamp, c.code, c.offset, c.time)
		}
	}
}

// Goal: the tests' own reading of records is sound: it sees what was built, in order.
func TestValuesReadsBatches(t *testing.T) {
	got, err := values(append(batch("a", "b"), batch("c")...))
	if err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("%q, %v", got, err)
	}
}
