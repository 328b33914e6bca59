package commitlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// Whatever lies in a log's directory, Open, Check, Dump and Repair do not panic; Repair makes a log that Open refused
// as corrupt open again; and what opens passes Check.
func FuzzOpen(f *testing.F) {
	fs := vfs.NewMem()
	l, err := Open(fs, "p", Options{SegmentBytes: 200})
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		if _, err := l.Append(testBatch("seed", 1+i, int64(i))); err != nil {
			f.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	read := func(name string) []byte {
		b, err := readFile(fs, "p/"+name)
		if err != nil || b == nil {
			f.Fatal(name, err)
		}
		return b
	}
	log, manifest, snapshot := read(fileName(0, suffixLog)), read(manifestName), read(fileName(6, suffixSnapshot))
	f.Add(log, []byte{}, []byte{}, []byte{}, []byte{}, false)
	f.Add(log, manifest, snapshot, read(fileName(0, suffixIndex)), encodeHint(3), true)
	f.Add(log[:100], manifest, snapshot, []byte{1}, encodeHint(1), false)
	f.Fuzz(func(t *testing.T, log, manifest, snapshot, index, hint []byte, seal bool) {
		if seal {
			manifest, snapshot = bytes.Clone(manifest), bytes.Clone(snapshot)
			sealFiles(manifest, snapshot)
		}
		fs := vfs.NewMem()
		if err := fs.MkdirAll("p"); err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{
			fileName(0, suffixLog): log, manifestName: manifest, fileName(1, suffixSnapshot): snapshot, fileName(0, suffixIndex): index, hintName: hint,
		} {
			if len(data) == 0 {
				continue
			}
			if err := writeFile(fs, "p/"+name, data); err != nil {
				t.Fatal(err)
			}
		}
		if err := Dump(&bytes.Buffer{}, fs, "p", true); err != nil {
			t.Fatal(err)
		}
		l, err := Open(fs, "p", Options{})
		var corrupt *CorruptError
		if errors.As(err, &corrupt) {
			if _, err = Repair(fs, "p"); err == nil {
				l, err = Open(fs, "p", Options{})
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		next := l.NextOffset()
		if base, err := l.Append(testBatch("more", 1, 1)); err != nil || base != next {
			t.Fatal(base, err)
		}
		if err := errors.Join(l.Check(), l.Close()); err != nil {
			t.Fatal(err)
		}
	})
}

// sealFiles makes the checksums right, to reach what lies behind them.
func sealFiles(manifest, snapshot []byte) {
	if len(manifest) >= manifestHeaderBytes {
		m := append([]byte(nil), manifest...)
		binary.BigEndian.PutUint32(manifest[8:], crc32.Update(checksum(m[:8]), castagnoli, m[12:]))
	}
	if len(snapshot) >= snapshotHeaderBytes {
		binary.BigEndian.PutUint32(snapshot[8:], checksum(snapshot[12:]))
	}
}

// Decoders of the small files take any bytes, and give back what they wrote.
func FuzzDecoders(f *testing.F) {
	state := &ProducerState{}
	var b record.Builder
	b.Reset(record.None)
	b.SetProducer(5, 1, 0, true)
	b.Add(0, nil, nil)
	state.update(b.Build(), 9)
	f.Add(state.encode(7), int64(1000))
	f.Add((&manifest{first: 1, start: 2, durable: 3, segments: []meta{{base: 1, next: 4, size: 100}}}).encode(), int64(5))
	f.Add(encodeTxns([]AbortedTxn{{1, 2, 3, 4}, {2, 3, 5, 6}}), int64(5))
	f.Add(bytes.Repeat([]byte{0, 0, 0, 1}, 6), int64(100))
	f.Add(encodeHint(99), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, n int64) {
		if s, err := decodeSnapshot(data, n); err == nil && !bytes.Equal(s.encode(n), data) {
			// Ids may stand in any order; a second round is stable.
			if again, err := decodeSnapshot(s.encode(n), n); err != nil || !bytes.Equal(again.encode(n), s.encode(n)) {
				t.Fatal("snapshot does not come back", err)
			}
		}
		if m, err := decodeManifest(data); err == nil {
			if again, err := decodeManifest(m.encode()); err != nil || len(again.segments) != len(m.segments) {
				t.Fatal("manifest does not come back", err)
			}
		}
		if txns, err := decodeTxns(data); err == nil && !bytes.Equal(encodeTxns(txns), data) {
			t.Fatal("transaction index does not come back")
		}
		cut := len(data) / 2
		if x, err := decodeIndex(data[:cut], data[cut:], n); err == nil {
			offsets, times := x.encode()
			if !bytes.Equal(offsets, data[:cut]) || !bytes.Equal(times, data[cut:]) {
				t.Fatal("index does not come back")
			}
			x.position(n)
			x.last(n, n)
			x.timePosition(n)
		}
		decodeHint(data)
	})
}
