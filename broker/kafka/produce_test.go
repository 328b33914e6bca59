package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// reseal computes the CRC anew after a test has damaged what lies under it.
func reseal(b record.Batch) record.Batch {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func produceCode(r *raw, topic string, partition int32, b record.Batch) (int16, int64) {
	p := ask[*kmsg.ProduceResponse](r, produceReq(topic, partition, b), 9).Topics[0].Partitions[0]
	return p.ErrorCode, p.BaseOffset
}

// read gives the values of partition 0 from an offset on.
func read(r *raw, topic string, offset int64) []string {
	r.t.Helper()
	p := ask[*kmsg.FetchResponse](r, fetchReq(topic, offset, 1, 0), 12).Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		r.t.Fatalf("fetch: error %d", p.ErrorCode)
	}
	v, err := values(p.RecordBatches)
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// Goal: in one request a sound batch is stored, a damaged one is CORRUPT_MESSAGE and leaves its log alone, and one whose
// header promises more records than it holds is INVALID_RECORD.
func TestDamagedBatchesAreRefusedAlone(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 3, nil)
	r := n.dial()
	flipped := batch("x", "y")
	flipped[len(flipped)-3] ^= 1
	short := batch("a", "b", "c")
	binary.BigEndian.PutUint32(short[23:], 4) // last offset delta
	binary.BigEndian.PutUint32(short[57:], 5) // count
	resp := ask[*kmsg.ProduceResponse](r, produceReq("t", 0, batch("sound"), flipped, reseal(short)), 9)
	want := []int16{0, kerr.CorruptMessage.Code, kerr.InvalidRecord.Code}
	for i, p := range resp.Topics[0].Partitions {
		if p.ErrorCode != want[i] {
			t.Errorf("partition %d: error %d, want %d", i, p.ErrorCode, want[i])
		}
		part, _ := n.b.Partition("t", int32(i))
		end := map[bool]int64{true: 1, false: 0}[want[i] == 0]
		if part.HighWatermark() != end {
			t.Errorf("partition %d: high watermark %d, want %d", i, part.HighWatermark(), end)
		}
	}
	if p := resp.Topics[0].Partitions[2]; len(p.ErrorRecords) != 1 || p.ErrorRecords[0].RelativeOffset != 3 {
		t.Errorf("records at fault: %+v, want index 3", p.ErrorRecords)
	}
}

// Goal: base offset and leader epoch lie outside of the CRC and are the log's to stamp; magic 1, control batches, two
// batches in one and none at all are refused.
func TestOddBatches(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	r := n.dial()
	odd := batch("odd")
	odd.SetBaseOffset(1 << 40)
	odd.SetLeaderEpoch(77)
	if code, base := produceCode(r, "t", 0, odd); code != 0 || base != 0 {
		t.Errorf("odd offsets: error %d, base %d", code, base)
	}
	control := batch("control")
	control[22] |= record.AttrControl
	old := batch("old")
	old[16] = 1
	for name, c := range map[string]struct {
		b    record.Batch
		want int16
	}{
		"magic 1":      {old, kerr.UnsupportedForMessageFormat.Code},
		"control":      {reseal(control), kerr.InvalidRecord.Code},
		"two batches":  {append(batch("a"), batch("b")...), kerr.InvalidRecord.Code},
		"none":         {record.Batch{}, kerr.InvalidRecord.Code},
		"cut":          {batch("abc")[:70], kerr.CorruptMessage.Code},
		"no timestamp": {batch("ok"), 0},
	} {
		if code, _ := produceCode(r, "t", 0, c.b); code != c.want {
			t.Errorf("%s: error %d, want %d", name, code, c.want)
		}
	}
	if got := read(r, "t", 0); !slices.Equal(got, []string{"odd", "ok"}) {
		t.Errorf("the log holds %q", got)
	}
}

// Goal: a batch whose CRC is 0 is as good as any other, also after a restart.
func TestZeroCRCIsSound(t *testing.T) {
	fs := vfs.NewMem()
	n := start(t, fs, broker.Options{})
	n.createTopic("t", 1, nil)
	b := batch("0000 vary the first four bytes")
	at := bytes.Index(b, []byte("0000"))
	zeroCRC(b, at)
	reseal(b)
	if b.CRC() != 0 {
		t.Fatalf("the CRC is %08x", b.CRC())
	}
	if code, _ := produceCode(n.dial(), "t", 0, b); code != 0 {
		t.Fatalf("error %d", code)
	}
	n.stop()
	n = start(t, fs, broker.Options{})
	if got := read(n.dial(), "t", 0); len(got) != 1 {
		t.Fatalf("the log holds %q", got)
	}
}

// zeroCRC sets the four bytes at pos so that the CRC of b[21:] is 0: the CRC is affine in them, so 32 probes give the
// columns of a linear system over bits.
func zeroCRC(b record.Batch, pos int) {
	crc := func(v uint32) uint32 {
		binary.BigEndian.PutUint32(b[pos:], v)
		return crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli))
	}
	base := crc(0)
	var cols, from [32]uint32
	for i := range 32 {
		cols[i], from[i] = crc(1<<i)^base, 1<<i
	}
	want, v := base, uint32(0)
	for bit := range 32 { // Gauss: one column with this bit, taken out of all others
		for i := bit; i < 32; i++ {
			if cols[i]>>bit&1 == 1 {
				cols[bit], cols[i], from[bit], from[i] = cols[i], cols[bit], from[i], from[bit]
				break
			}
		}
		for i := range 32 {
			if i != bit && cols[i]>>bit&1 == 1 {
				cols[i] ^= cols[bit]
				from[i] ^= from[bit]
			}
		}
	}
	for bit := range 32 {
		if want>>bit&1 == 1 {
			v ^= from[bit]
		}
	}
	crc(v)
}

// Goal: a compressed payload that cannot be read is stored as it came, harms nobody, and readers find the batch intact by
// its CRC. (Nothing is decompressed on produce.)
func TestCutCompressedPayloadHarmsNobody(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	r := n.dial()
	var b record.Builder
	b.Reset(record.LZ4)
	b.Add(1, nil, bytes.Repeat([]byte("lz4 "), 1000))
	cut := slices.Clone(b.Build())
	cut = cut[:len(cut)-20]
	binary.BigEndian.PutUint32(cut[8:], uint32(len(cut)-12))
	if code, _ := produceCode(r, "t", 0, reseal(cut)); code != 0 {
		t.Fatalf("error %d", code)
	}
	if code, base := produceCode(r, "t", 0, batch("after")); code != 0 || base != 1 {
		t.Fatalf("error %d, base %d", code, base)
	}
	p := ask[*kmsg.FetchResponse](r, fetchReq("t", 0, 1, 0), 12).Topics[0].Partitions[0]
	first, rest, err := record.Split(p.RecordBatches)
	if err != nil || first.Validate() != nil {
		t.Fatal(err, first.Validate())
	}
	var reader record.Reader
	if err := reader.Reset(first, 0); !errors.Is(err, record.ErrCorrupt) {
		t.Errorf("reading the cut batch: %v, want ErrCorrupt", err)
	}
	if v, err := values(rest); err != nil || !slices.Equal(v, []string{"after"}) {
		t.Errorf("after it: %q, %v", v, err)
	}
	offsets := kmsg.NewPtrListOffsetsRequest()
	addListOffset(offsets, "t", 5)
	if p := ask[*kmsg.ListOffsetsResponse](r, offsets, 7).Topics[0].Partitions[0]; p.ErrorCode != 0 {
		t.Errorf("find a time: error %d", p.ErrorCode)
	}
}

// Goal: null and empty keys, values and header values come back as they were sent; headers keep order, duplicates, bytes
// that are no UTF-8, and number.
func TestNullAndEmptyStayApart(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	many := make([]kgo.RecordHeader, 10_000)
	for i := range many {
		many[i] = kgo.RecordHeader{Key: "h", Value: []byte{byte(i)}}
	}
	in := []*kgo.Record{
		{Key: nil, Value: []byte("v")},
		{Key: []byte{}, Value: []byte("v")},
		{Key: []byte("k"), Value: nil},
		{Key: []byte("k"), Value: []byte{}},
		{Headers: []kgo.RecordHeader{{Key: "h", Value: nil}}},
		{Headers: []kgo.RecordHeader{{Key: "h", Value: []byte{}}}},
		{Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h", Value: []byte("2")}, {Key: "h", Value: []byte("1")}}},
		{Headers: []kgo.RecordHeader{{Key: "\xff\xfe", Value: []byte{0xff}}, {Key: "", Value: []byte("no name")}}},
		{Headers: many},
	}
	cl := n.client(kgo.DefaultProduceTopic("t"), kgo.ConsumeTopics("t"))
	if err := cl.ProduceSync(n.ctx(), in...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	same := func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
	for i := 0; i < len(in); {
		fetches := cl.PollFetches(n.ctx())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			ok := same(r.Key, in[i].Key) && same(r.Value, in[i].Value) && slices.EqualFunc(r.Headers, in[i].Headers,
				func(a, b kgo.RecordHeader) bool { return a.Key == b.Key && same(a.Value, b.Value) })
			if !ok {
				t.Errorf("record %d came back different", i)
			}
			i++
		})
	}
}

// Goal: max.message.bytes, the timestamp type and bounds, and the need for keys in compacted topics are enforced.
func TestTopicConfigsGuardProduce(t *testing.T) {
	n := newNode(t)
	str := kmsg.StringPtr
	n.createTopic("small", 1, map[string]*string{"max.message.bytes": str("100")})
	n.createTopic("stamped", 1, map[string]*string{"message.timestamp.type": str("LogAppendTime")})
	n.createTopic("past", 1, map[string]*string{"message.timestamp.before.max.ms": str("1000")})
	n.createTopic("compact", 1, map[string]*string{"cleanup.policy": str("compact")})
	r := n.dial()
	future := record.Builder{}
	future.Reset(record.None)
	future.Add(4_000_000_000_000, nil, nil)
	for name, c := range map[string]struct {
		topic string
		b     record.Batch
		want  int16
	}{
		"too large": {"small", batch(strings.Repeat("x", 100)), kerr.MessageTooLarge.Code},
		"fits":      {"small", batch("x"), 0},
		"too old":   {"past", batch("x"), kerr.InvalidTimestamp.Code},
		"too young": {"small", slices.Clone(future.Build()), kerr.InvalidTimestamp.Code},
		"any time":  {"stamped", slices.Clone(future.Build()), 0},
		"no key":    {"compact", batch("x"), kerr.InvalidRecord.Code},
	} {
		if code, _ := produceCode(r, c.topic, 0, c.b); code != c.want {
			t.Errorf("%s: error %d, want %d", name, code, c.want)
		}
	}
	for _, codec := range []record.Codec{record.None, record.Zstd} {
		var b record.Builder
		b.Reset(codec)
		b.Add(1, []byte("k"), []byte("v"))
		b.Add(1, nil, []byte("v"))
		p := ask[*kmsg.ProduceResponse](r, produceReq("compact", 0, b.Build()), 9).Topics[0].Partitions[0]
		if p.ErrorCode != kerr.InvalidRecord.Code || len(p.ErrorRecords) != 1 || p.ErrorRecords[0].RelativeOffset != 1 {
			t.Errorf("%v: error %d, records %+v", codec, p.ErrorCode, p.ErrorRecords)
		}
		b.Reset(codec)
		b.Add(1, []byte{}, []byte("v"))
		b.Add(1, []byte("k"), nil)
		if code, _ := produceCode(r, "compact", 0, b.Build()); code != 0 {
			t.Errorf("%v: an empty key and a null value: error %d", codec, code)
		}
	}
}

// Goal: acks=0 is never answered and still stored in order; acks=1 and acks=-1 are.
func TestAcks(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	r := n.dial()
	silent := produceReq("t", 0, batch("silent"))
	silent.Acks = 0
	r.send(silent, 9)
	one := produceReq("t", 0, batch("one"))
	one.Acks = 1
	if p := ask[*kmsg.ProduceResponse](r, one, 9).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.BaseOffset != 1 {
		t.Errorf("acks=1: %+v", p)
	}
	bad := produceReq("t", 0, batch("bad"))
	bad.Acks = 2
	if p := ask[*kmsg.ProduceResponse](r, bad, 9).Topics[0].Partitions[0]; p.ErrorCode != kerr.InvalidRequiredAcks.Code {
		t.Errorf("acks=2: %+v", p)
	}
	if _, base := produceCode(r, "t", 0, batch("all")); base != 2 {
		t.Errorf("acks=-1: base %d", base)
	}
	if got := read(r, "t", 0); !slices.Equal(got, []string{"silent", "one", "all"}) {
		t.Errorf("the log holds %q", got)
	}
}

// Goal: requests of this process take the same way as those of the network, without a socket.
func TestRequestInProcess(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	resp, err := n.s.Request(n.ctx(), produceReq("t", 0, batch("a", "b")))
	if err != nil {
		t.Fatal(err)
	}
	if p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.BaseOffset != 0 {
		t.Fatalf("%+v", p)
	}
	resp, err = n.s.RequestTo(n.ctx(), n.b.NodeID(), fetchReq("t", 1, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := values(resp.(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches); err != nil || !slices.Equal(v, []string{"a", "b"}) {
		t.Errorf("read %q, %v", v, err)
	}
	if _, err := n.s.RequestTo(n.ctx(), 7, fetchReq("t", 0, 1, 0)); err == nil {
		t.Error("node 7 answered")
	}
	ctx, cancel := context.WithCancel(n.ctx())
	cancel()
	if _, err := n.s.Request(ctx, fetchReq("t", 0, 1, 0)); err == nil {
		t.Error("a cancelled request was answered")
	}
}

// Goal: a frame of very many empty batches closes its connection before it makes an answer many times its size.
func TestProduceToTooManyPartitionsClosesTheConnection(t *testing.T) {
	n := newNode(t)
	r := n.dial()
	r.send(produceReq("t", 0, make([]record.Batch, maxProducePartitions+1)...), 9)
	if b, err := readWire(r.nc); err == nil {
		t.Errorf("answered with %d bytes", len(b))
	}
	ask[*kmsg.MetadataResponse](n.dial(), kmsg.NewPtrMetadataRequest(), 12)
}
