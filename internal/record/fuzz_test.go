package record

import (
	"bytes"
	"testing"
)

// No bytes make Split, Validate or the Reader panic, and a batch that is read whole can be built again and read alike.
func FuzzReader(f *testing.F) {
	for codec := None; codec <= Zstd; codec++ {
		f.Add([]byte(buildSamples(codec)), false)
		f.Add([]byte(buildSamples(codec)), true)
	}
	f.Add([]byte(EndTxnMarker(1, 2, false, 3, 4)), true)
	f.Fuzz(func(t *testing.T, data []byte, seal bool) {
		b, _, err := Split(data)
		if err != nil {
			return
		}
		b = bytes.Clone(b)
		if seal { // reach the records behind the CRC
			b.sealCRC()
		}
		if b.Validate() != nil {
			return
		}
		const limit = 1 << 20
		var r Reader
		if r.Reset(b, limit) != nil {
			return
		}
		var build Builder
		build.Reset(None)
		var rec Record
		total := 0
		for r.Next(&rec) {
			err := rec.EachHeader(func(h Header) error { total += len(h.Key) + len(h.Value); return nil })
			total += len(rec.Key) + len(rec.Value)
			if err == nil {
				build.AddRaw(rec.Timestamp, rec.Key, rec.Value, rec.Headers, rec.HeaderCount)
			}
		}
		if total > limit+len(data) {
			t.Fatalf("%d bytes of records from %d", total, len(data))
		}
		if err := build.Build().Validate(); err != nil {
			t.Fatal(err)
		}
	})
}

// Every codec gives back what it was given, and takes any bytes without a panic or more than the limit.
func FuzzCodecs(f *testing.F) {
	f.Add([]byte("hello"), uint8(1))
	for codec := Gzip; codec <= Zstd; codec++ {
		f.Add(Compress(nil, bytes.Repeat([]byte("abc"), 1000), codec), uint8(codec))
	}
	f.Add(append(bytes.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0), uint8(Snappy))
	f.Fuzz(func(t *testing.T, data []byte, c uint8) {
		codec := Codec(c % 5)
		back, err := Decompress(nil, Compress(nil, data, codec), codec, len(data)+1)
		if err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%s: %d of %d bytes came back: %v", codec, len(back), len(data), err)
		}
		const limit = 1 << 16
		if out, err := Decompress(nil, data, codec, limit); err == nil && len(out) > limit {
			t.Fatalf("%s: %d bytes", codec, len(out))
		}
	})
}
