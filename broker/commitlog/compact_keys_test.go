package commitlog

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/weirhub/weir/internal/vfs"
)

// The map of keys answers as a Go map does while it grows, and takes what its limit allows: a first batch of any size.
func TestKeyMapAgreesWithMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	m, want := newKeyMap(5000), map[string]int64{}
	if !m.takes(1 << 30) {
		t.Error("an empty map refuses a batch")
	}
	for offset := range int64(20_000) {
		key := fmt.Sprint("key", rng.IntN(4900))
		m.put([]byte(key), offset)
		want[key] = offset
	}
	for i := range 5000 {
		key := fmt.Sprint("key", i)
		last, ok := want[key]
		if !ok {
			last = -1
		}
		if got := m.last([]byte(key)); got != last {
			t.Fatalf("%s stands at %d, want %d", key, got, last)
		}
	}
	if m.n != len(want) || !m.takes(5000-m.n) || m.takes(5001-m.n) {
		t.Errorf("%d keys, want %d; room for the rest is %t, for one more %t", m.n, len(want), m.takes(5000-m.n), m.takes(5001-m.n))
	}
}

// A log with a manifest of version 1, written by hand from its drawing, opens as it was, without a hole anywhere.
func TestManifestOfVersion1(t *testing.T) {
	fs := vfs.NewMem()
	l := overwritten(t, fs, "p")
	size := l.Segments()[0].Bytes
	l.closeFiles()
	b := []byte("WLOG\x00\x01\x00\x00\x00\x00\x00\x00")
	for _, v := range []int64{0, 0, 6} { // first, start, durable
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	b = binary.BigEndian.AppendUint32(b, 1)
	for _, v := range []int64{0, 2, size, 1, 0, 7, 7} { // base, next, size, maxTime, maxAt, created, appended
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	b = append(b, make([]byte, 12)...)
	binary.BigEndian.PutUint32(b[8:], checksum(append(append([]byte{}, b[:8]...), b[12:]...)))
	if err := writeFile(fs, "p/"+manifestName, b); err != nil {
		t.Fatal(err)
	}
	l, err := Open(fs, "p", Options{SegmentBytes: 150})
	if err != nil {
		t.Fatal(err)
	}
	if l.NextOffset() != 6 || l.mu.cleaned != 0 || l.mu.sparse != 0 || l.mu.swapping || !l.mu.segments[0].stored || l.mu.segments[1].stored {
		t.Errorf("next %d, cleaned %d, sparse %d", l.NextOffset(), l.mu.cleaned, l.mu.sparse)
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
