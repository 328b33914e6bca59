package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sample records: every kind of null, empty and filled key, value and header (K07), with timestamps that go back.
type sample struct {
	ts         int64
	key, value []byte
	headers    []Header
}

func samples() []sample {
	return []sample{
		{1_700_000_000_000, nil, []byte("v"), nil},
		{1_700_000_000_005, []byte{}, []byte{}, []Header{{Key: []byte("h")}, {Key: []byte("h"), Value: []byte{}}}},
		{1_699_999_999_999, []byte("k"), nil, []Header{{Key: []byte{0xff, 0xfe}, Value: []byte("1")}, {Key: []byte("h"), Value: []byte("2")}, {Key: []byte{}, Value: []byte("1")}}},
		{1_700_000_100_000, []byte("k"), bytes.Repeat([]byte("long "), 60), nil},
	}
}

func buildSamples(codec Codec) Batch {
	var b Builder
	b.Reset(codec)
	b.SetProducer(77, 3, 41, true)
	for _, s := range samples() {
		b.Add(s.ts, s.key, s.value, s.headers...)
	}
	return bytes.Clone(b.Build())
}

func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

// checkSamples reads a batch with our Reader and compares it with samples().
func checkSamples(t *testing.T, b Batch, base int64) {
	t.Helper()
	if err := b.Validate(); err != nil {
		t.Fatal(err)
	}
	var r Reader
	if err := r.Reset(b, 0); err != nil {
		t.Fatal(err)
	}
	var rec Record
	n := 0
	for ; r.Next(&rec); n++ {
		want := samples()[n]
		if rec.Offset != base+int64(n) || rec.Timestamp != want.ts || !same(rec.Key, want.key) || !same(rec.Value, want.value) {
			t.Fatalf("record %d is %d %d %q %.20q", n, rec.Offset, rec.Timestamp, rec.Key, rec.Value)
		}
		var got []Header
		if err := rec.EachHeader(func(h Header) error { got = append(got, h); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want.headers) {
			t.Fatalf("record %d has %d headers, want %d", n, len(got), len(want.headers))
		}
		for i, h := range want.headers {
			if !same(got[i].Key, h.Key) || !same(got[i].Value, h.Value) {
				t.Fatalf("record %d header %d is %q=%q, want %q=%q", n, i, got[i].Key, got[i].Value, h.Key, h.Value)
			}
		}
	}
	if err := r.Err(); err != nil || n != len(samples()) {
		t.Fatalf("%d records: %v", n, err)
	}
}

// kmsgBatch builds the same batch with franz-go's codec of the protocol: an independent encoding.
func kmsgBatch(t *testing.T, codec Codec) Batch {
	t.Helper()
	var records []byte
	first := samples()[0].ts
	var maxTime int64
	for i, s := range samples() {
		r := kmsg.Record{TimestampDelta64: s.ts - first, OffsetDelta: int32(i), Key: s.key, Value: s.value}
		maxTime = max(maxTime, s.ts)
		for _, h := range s.headers {
			r.Headers = append(r.Headers, kmsg.Header{Key: string(h.Key), Value: h.Value})
		}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // the length of a zero is one byte
		records = r.AppendTo(records)
	}
	attributes := int16(codec) | AttrTransactional
	if codec != None {
		comp, err := kgo.DefaultCompressor(map[Codec]kgo.CompressionCodec{
			Gzip: kgo.GzipCompression(), Snappy: kgo.SnappyCompression(), LZ4: kgo.Lz4Compression(), Zstd: kgo.ZstdCompression(),
		}[codec])
		if err != nil {
			t.Fatal(err)
		}
		records, _ = comp.Compress(new(bytes.Buffer), records)
	}
	k := kmsg.RecordBatch{
		FirstOffset: 0, Length: int32(49 + len(records)), PartitionLeaderEpoch: -1, Magic: 2, Attributes: attributes,
		LastOffsetDelta: int32(len(samples()) - 1), FirstTimestamp: first, MaxTimestamp: maxTime,
		ProducerID: 77, ProducerEpoch: 3, FirstSequence: 41, NumRecords: int32(len(samples())), Records: records,
	}
	b := Batch(k.AppendTo(nil))
	b.sealCRC()
	return b
}

// Our batches are byte for byte what franz-go's encoder of the protocol makes of the same records.
func TestBatchEqualsFranzGo(t *testing.T) {
	got, want := buildSamples(None), kmsgBatch(t, None)
	if !bytes.Equal(got, want) {
		t.Fatalf("got\n%x\nwant\n%x", got[:80], want[:80])
	}
}

// Batches of franz-go are read by us and ours by franz-go's decoder, in every codec.
func TestBatchesCrossRead(t *testing.T) {
	for codec := None; codec <= Zstd; codec++ {
		t.Run(codec.String(), func(t *testing.T) {
			theirs := kmsgBatch(t, codec)
			theirs.SetBaseOffset(1000)
			checkSamples(t, theirs, 1000)

			ours := buildSamples(codec)
			checkSamples(t, ours, 0)
			var k kmsg.RecordBatch
			if err := k.ReadFrom(ours); err != nil {
				t.Fatal(err)
			}
			raw, err := kgo.DefaultDecompressor().Decompress(k.Records, kgo.CompressionCodecType(codec))
			if err != nil {
				t.Fatal(err)
			}
			if want := buildSamples(None).RawRecords(); !bytes.Equal(raw, want) {
				t.Fatalf("franz-go decompresses %d bytes, want %d", len(raw), len(want))
			}
		})
	}
}

// The marker's bytes are those of Kafka's control batch schema.
func TestEndTxnMarkerIsAControlBatch(t *testing.T) {
	b := EndTxnMarker(9, 2, true, 5, 1234)
	if err := b.Validate(); err != nil {
		t.Fatal(err)
	}
	var r Reader
	var rec Record
	if err := r.Reset(b, 0); err != nil || !r.Next(&rec) {
		t.Fatal(err)
	}
	var key kmsg.ControlRecordKey
	var value kmsg.EndTxnMarker
	if err := errors.Join(key.ReadFrom(rec.Key), value.ReadFrom(rec.Value)); err != nil {
		t.Fatal(err)
	}
	if !b.Control() || !b.Transactional() || b.ProducerID() != 9 || b.ProducerEpoch() != 2 || b.BaseSequence() != -1 ||
		key.Type != kmsg.ControlRecordKeyTypeCommit || value.CoordinatorEpoch != 5 {
		t.Fatalf("marker %+v %+v", key, value)
	}
}

// Damage is found without decompressing: one flipped bit anywhere after the leader epoch, a wrong magic, a count that
// is too large. What lies outside the CRC may hold anything, and a CRC of 0 is as good as any other (K12).
func TestValidateFindsDamage(t *testing.T) {
	for i := range len(buildSamples(None)) {
		b := buildSamples(None)
		b[i] ^= 1
		err := b.Validate()
		outside := i < posLength || i >= posLeaderEpoch && i < posMagic
		if outside != (err == nil) {
			t.Fatalf("bit flip in byte %d: %v", i, err)
		}
		if i == posMagic && !errors.Is(err, ErrMagic) {
			t.Fatalf("magic: %v", err)
		}
	}
	var b Builder
	b.Reset(None)
	b.Add(1, nil, make([]byte, 8))
	zero := b.Build()
	forgeCRC(zero[len(zero)-9:], zero)
	zero.sealCRC()
	if zero.CRC() != 0 {
		t.Fatalf("CRC %08x, want 0", zero.CRC())
	}
	if err := zero.Validate(); err != nil {
		t.Fatal(err)
	}
	more := buildSamples(None)
	binary.BigEndian.PutUint32(more[posCount:], 5)
	more.sealCRC()
	if err := more.Validate(); !errors.Is(err, ErrInvalid) {
		t.Fatalf("5 records with last offset delta 3: %v", err)
	}
}

// forgeCRC sets the first four bytes of the value at the batch's end so that its CRC is 0: CRC is linear, so each bit's
// effect is found alone and the system of 32 equations solved.
func forgeCRC(value []byte, b Batch) {
	word := func(v uint32) uint32 { binary.BigEndian.PutUint32(value, v); return b.computeCRC() }
	base := word(0)
	var rows [32]struct{ effect, bits uint32 }
	for i := range rows {
		rows[i].effect, rows[i].bits = word(1<<i)^base, 1<<i
	}
	want, answer := base, uint32(0)
	for bit := range 32 {
		for i := bit; i < 32; i++ {
			if rows[i].effect>>bit&1 == 1 {
				rows[bit], rows[i] = rows[i], rows[bit]
				break
			}
		}
		for i := range rows {
			if i != bit && rows[i].effect>>bit&1 == 1 {
				rows[i].effect ^= rows[bit].effect
				rows[i].bits ^= rows[bit].bits
			}
		}
	}
	for bit := range 32 {
		if want>>bit&1 == 1 {
			answer ^= rows[bit].bits
		}
	}
	word(answer)
}

// A batch whose records are fewer than its header says, or whose payload is cut, passes Validate when its CRC is right;
// the Reader reports it and does not crash (K12).
func TestReaderReportsBadPayload(t *testing.T) {
	var rec Record
	short := buildSamples(None)
	binary.BigEndian.PutUint32(short[posCount:], 6)
	binary.BigEndian.PutUint32(short[posLastDelta:], 5)
	short.sealCRC()
	if err := short.Validate(); err != nil {
		t.Fatal(err)
	}
	var r Reader
	if err := r.Reset(short, 0); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r.Next(&rec) {
		n++
	}
	if n != 4 || !errors.Is(r.Err(), ErrInvalid) {
		t.Fatalf("%d records, %v", n, r.Err())
	}
	for codec := Gzip; codec <= Zstd; codec++ {
		b := buildSamples(codec)
		b = b[:len(b)-len(b.RawRecords())/3]
		binary.BigEndian.PutUint32(b[posLength:], uint32(len(b)-LengthPrefixBytes))
		b.sealCRC()
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
		err := r.Reset(b, 0)
		for r.Next(&rec) {
			n++
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%s payload cut short: %v", codec, err)
		}
	}
	checkReaderReuse(t, &r)
}

func checkReaderReuse(t *testing.T, r *Reader) {
	t.Helper()
	var rec Record
	if err := r.Reset(buildSamples(Zstd), 0); err != nil || !r.Next(&rec) || string(rec.Value) != "v" {
		t.Fatalf("a sound batch after damaged ones: %v %q", err, rec.Value)
	}
}

// A small payload that expands without end is refused at the limit, in every codec, also when frames follow each other.
func TestDecompressionBombIsRefused(t *testing.T) {
	const limit = 1 << 20
	zeros := make([]byte, 32<<20)
	for codec := Gzip; codec <= Zstd; codec++ {
		bomb := Compress(nil, zeros, codec)
		for _, src := range [][]byte{bomb, bytes.Repeat(Compress(nil, zeros[:limit*3/4], codec), 2)} {
			if codec == Snappy && len(src) != len(bomb) {
				continue // raw blocks do not follow each other
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			out, err := Decompress(nil, src, codec, limit)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrTooLarge) || len(out) != 0 {
				t.Fatalf("%s: %d bytes, %v", codec, len(out), err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 8*limit {
				t.Fatalf("%s: %d bytes allocated to find that out", codec, n)
			}
		}
		// What fits exactly is not refused.
		out, err := Decompress(nil, Compress(nil, zeros[:limit], codec), codec, limit)
		if err != nil || len(out) != limit {
			t.Fatalf("%s at the limit: %d bytes, %v", codec, len(out), err)
		}
	}
}

// Java's snappy framing is read: the blocks of a stream, several of them, and their limit counts for all together.
func TestXerialSnappyIsRead(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 10_000)
	framed := append(bytes.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1)
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 32<<10)
		block := Compress(nil, rest[:n], Snappy)
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(block)))
		framed, rest = append(framed, block...), rest[n:]
	}
	out, err := Decompress([]byte("before"), framed, Snappy, 0)
	if err != nil || string(out) != "before"+string(data) {
		t.Fatalf("%d bytes, %v", len(out), err)
	}
	if _, err := Decompress(nil, framed, Snappy, len(data)-1); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("one byte over the limit: %v", err)
	}
	for cut := 1; cut < len(framed); cut += 997 {
		if out, err := Decompress(nil, framed[:cut], Snappy, 0); err == nil && len(out) == len(data) {
			t.Fatalf("cut at %d of %d goes unnoticed", cut, len(framed))
		}
	}
}

// The partition of a key is the Java client's: murmur2 of its own unit test, and franz-go's port of the partitioner.
func TestPartitionForKeyIsKafkas(t *testing.T) {
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
	kafka := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	for i := range 1000 {
		key := fmt.Appendf(nil, "key-%d", i*i)
		if got, want := PartitionForKey(key, 7), kafka.Partition(&kgo.Record{Key: key}, 7); int(got) != want {
			t.Errorf("partition of %q is %d, want %d", key, got, want)
		}
	}
}

// Sequence numbers wrap to 0 after the largest int32.
func TestSequenceNumbersWrap(t *testing.T) {
	var b Builder
	b.Reset(None)
	b.SetProducer(1, 0, 1<<31-2, false)
	for range 4 {
		b.Add(0, nil, nil)
	}
	if first, last := b.Build().Sequences(); first != 1<<31-2 || last != 1 {
		t.Fatalf("sequences %d to %d", first, last)
	}
}

// Reading a batch allocates nothing, whatever its codec, once the Reader's buffer has grown.
func TestReaderDoesNotAllocate(t *testing.T) {
	for codec := None; codec <= Zstd; codec++ {
		b := benchBatch(codec)
		var r Reader
		var rec Record
		allocs := testing.AllocsPerRun(50, func() {
			if err := r.Reset(b, 0); err != nil {
				t.Fatal(err)
			}
			for r.Next(&rec) {
			}
		})
		if allocs > 50 { // a pool may lose its codec (the race detector makes it); nothing may be allocated per record
			t.Errorf("%s: %.0f allocations for a batch of 1000 records", codec, allocs)
		}
	}
}
