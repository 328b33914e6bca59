package clients

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// wire is one connection on which requests are written as bytes.
type wire struct {
	t  testing.TB
	nc net.Conn
}

func dial(t testing.TB, hub *hubtest.Hub) *wire {
	t.Helper()
	nc, err := net.Dial("tcp", hub.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &wire{t, nc}
}

func (w *wire) write(b []byte) {
	w.t.Helper()
	if _, err := w.nc.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

// frame reads one answer without its length.
func (w *wire) frame() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(w.nc, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(w.nc, b)
	return b, err
}

// ask sends a request in a version and reads its answer.
func (w *wire) ask(req kmsg.Request, version int16) kmsg.Response {
	w.t.Helper()
	req.SetVersion(version)
	w.write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("x")).AppendRequest(nil, req, 9))
	b, err := w.frame()
	if err != nil {
		w.t.Fatal(err)
	}
	resp := req.ResponseKind()
	resp.SetVersion(version)
	b = b[4:]
	if resp.IsFlexible() && resp.Key() != kmsg.ApiVersions.Int16() {
		b = b[1:] // no tags in the answer's header
	}
	if err := resp.ReadFrom(b); err != nil {
		w.t.Fatal(err)
	}
	return resp
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A client that is newer than the broker gets an answer that it can read, in version 0's form, and goes on on the same
// connection; an odd software name is INVALID_REQUEST; an unknown version of another API ends its own connection only.
func TestNewerClientIsAnswered(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", "memory")
	w, bystander := dial(t, hub), dial(t, hub)
	// Length 19, key 18, version 99, correlation 7, client id "x", no tags, software "a" "1.0", no tags.
	w.write(unhex(t, "00000013 0012 0063 00000007 0001 78 00 02 61 04 312e30 00"))
	b, err := w.frame()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, unhex(t, "00000007 0023")) {
		t.Fatalf("the answer begins with %x, want correlation id 7 and error 35", b[:min(6, len(b))])
	}
	keys := int(binary.BigEndian.Uint32(b[6:]))
	if len(b) != 10+6*keys || !bytes.Contains(b[10:], unhex(t, "0012 0000")) {
		t.Fatalf("the answer is not version 0 with key 18: %x", b)
	}

	odd := kmsg.NewPtrApiVersionsRequest()
	odd.ClientSoftwareVersion = "1.0"
	if code := w.ask(odd, 3).(*kmsg.ApiVersionsResponse).ErrorCode; code != kerr.InvalidRequest.Code {
		t.Errorf("empty software name: error %d, want 42", code)
	}
	odd.ClientSoftwareName = "a"
	if code := w.ask(odd, 3).(*kmsg.ApiVersionsResponse).ErrorCode; code != 0 {
		t.Errorf("the retry in version 3: error %d", code)
	}

	w.write(unhex(t, "0000000e 0003 0063 00000001 0001 78 00 00 00 00")) // Metadata, version 99
	if b, err := w.frame(); !errors.Is(err, io.EOF) {
		t.Errorf("Metadata v99: answered %x, %v, want the end of the connection", b, err)
	}
	bystander.ask(kmsg.NewPtrMetadataRequest(), 12)
}

// sealed builds a batch and lets damage change it under a new CRC.
func sealed(codec record.Codec, damage func(record.Batch) record.Batch, values ...string) record.Batch {
	var b record.Builder
	b.Reset(codec)
	for _, v := range values {
		b.Add(1_700_000_000_000, []byte("k"), []byte(v))
	}
	out := slices.Clone(b.Build())
	if damage != nil {
		out = damage(out)
		binary.BigEndian.PutUint32(out[8:], uint32(len(out)-12))
		binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[21:], crc32.MakeTable(crc32.Castagnoli)))
	}
	return out
}

// produce sends a batch for each partition in one request and gives the answers' codes.
func (w *wire) produce(topic string, batches ...record.Batch) (codes []int16) {
	w.t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	for i, b := range batches {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = int32(i), b
		rt.Partitions = append(rt.Partitions, p)
	}
	req.Topics = append(req.Topics, rt)
	for _, p := range w.ask(req, 9).(*kmsg.ProduceResponse).Topics[0].Partitions {
		codes = append(codes, p.ErrorCode)
	}
	return codes
}

// Damaged batches are refused each for itself and leave their log as it was; a compressed payload that is cut, which is
// stored unread, is reported by `weir consume` at its offset and does not end it; what lies outside the CRC is stamped.
func TestDamagedBatchesHarmNobody(t *testing.T) {
	peers.Slow(t)
	data := t.TempDir()
	hub := hubtest.Up(t, "--data", data)
	topic(t, hub, "d", 3)
	w := dial(t, hub)
	flipped := sealed(record.None, nil, "flipped")
	flipped[len(flipped)-3] ^= 1
	promises := sealed(record.None, func(b record.Batch) record.Batch {
		binary.BigEndian.PutUint32(b[23:], 4) // last offset delta
		binary.BigEndian.PutUint32(b[57:], 5) // records
		return b
	}, "one", "two", "three")
	if got, want := w.produce("d", sealed(record.None, nil, "sound"), flipped, promises), []int16{0, kerr.CorruptMessage.Code, kerr.InvalidRecord.Code}; !slices.Equal(got, want) {
		t.Errorf("sound, flipped, five promised and three held: codes %v, want %v", got, want)
	}
	magic := sealed(record.None, nil, "old")
	magic[16] = 1
	if got := w.produce("d", magic); got[0] == 0 {
		t.Error("a batch of magic 1 is stored")
	}
	stamped := sealed(record.None, nil, "stamped")
	stamped.SetBaseOffset(1 << 50)
	stamped.SetLeaderEpoch(12345)
	cut := sealed(record.LZ4, func(b record.Batch) record.Batch { return b[:len(b)-9] }, strings.Repeat("cut ", 500))
	for _, b := range []record.Batch{stamped, cut, zeroCRC(t), sealed(record.None, nil, "last")} {
		if got := w.produce("d", b); got[0] != 0 {
			t.Fatalf("code %d", got[0])
		}
	}

	hub.Kill()
	hub = hubtest.UpAt(t, hub.Ports, "--data", data)
	out, errOut, code := hubtest.Run(t, "", "consume", "d", "--server", hub.HTTP)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 4 || lines[0] != "sound" || lines[1] != "stamped" || lines[3] != "last" {
		t.Errorf("weir consume: exit %d, lines %q", code, lines)
	}
	if !strings.Contains(errOut, "d-0 offset 2") {
		t.Errorf("the cut batch is not told by its place: %q", errOut)
	}
	offsets := []int64{}
	cl := client(t, hub, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"d": {0: kgo.NewOffset().At(3)}}))
	for c := ctx(t); len(offsets) < 2; {
		fetches := cl.PollFetches(c)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { offsets = append(offsets, r.Offset) })
	}
	if !slices.Equal(offsets, []int64{3, 4}) {
		t.Errorf("franz-go reads on at offsets %v, want 3 and 4", offsets)
	}
}

// zeroCRC is a sound batch whose CRC is 0. Appending a CRC to its own data gives a constant residue, so four free bytes at
// the end of what it covers reach every value: the CRC's register is run backwards from the value wanted.
func zeroCRC(t *testing.T) record.Batch {
	t.Helper()
	const free = 4
	b := sealed(record.None, nil, "0000")
	at := len(b) - 1 - free // the value's four bytes; behind them only the count of headers, 0
	if string(b[at:len(b)-1]) != "0000" {
		t.Fatalf("the value does not stand at %d: %q", at, b[at:])
	}
	table := crc32.MakeTable(crc32.Castagnoli)
	highest := map[byte]byte{} // of a table entry: its index
	for i, e := range table {
		highest[byte(e>>24)] = byte(i)
	}
	// Backwards over the header count and the four bytes: the register behind all is the CRC 0, inverted.
	want := ^uint32(0)
	back := func(reg uint32, in byte) uint32 {
		i := highest[byte(reg>>24)]
		return (reg^table[i])<<8 | uint32(i^in)
	}
	want = back(want, b[len(b)-1])
	for range free {
		want = back(want, 0)
	}
	reg := ^crc32.Checksum(b[21:at], table)
	binary.LittleEndian.PutUint32(b[at:], want^reg)
	binary.BigEndian.PutUint32(b[17:], 0)
	if got := crc32.Checksum(b[21:], table); got != 0 {
		t.Fatalf("the CRC is %08x, not 0", got)
	}
	return b
}

// The first batch of the first partition that has one comes whole although it is larger than both limits of the fetch,
// and then nothing else: at most one such batch is in an answer.
func TestOversizeBatchComesAlone(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	topic(t, hub, "big", 2, "max.message.bytes=10485760")
	w := dial(t, hub)
	big := sealed(record.None, nil, strings.Repeat("x", 5<<20))
	if codes := w.produce("big", big, big); !slices.Equal(codes, []int16{0, 0}) {
		t.Fatalf("codes %v", codes)
	}
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxBytes, req.MinBytes, req.SessionEpoch = -1, 1000, 1, -1
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic = "big"
	for i := range int32(2) {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.PartitionMaxBytes, p.CurrentLeaderEpoch = i, 1, -1
		rt.Partitions = append(rt.Partitions, p)
	}
	req.Topics = append(req.Topics, rt)
	parts := w.ask(req, 12).(*kmsg.FetchResponse).Topics[0].Partitions
	if first := record.Batch(parts[0].RecordBatches); len(first) != len(big) || first.Validate() != nil {
		t.Errorf("partition 0: %d bytes, want the batch of %d whole", len(first), len(big))
	}
	if len(parts) > 1 && len(parts[1].RecordBatches) > 0 {
		t.Errorf("partition 1: %d bytes, want none", len(parts[1].RecordBatches))
	}
}
