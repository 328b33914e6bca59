package commitlog

import (
	"fmt"
	"testing"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// testBatch is a batch of n records; record i has the value "prefix-i" and the timestamp ms+i.
func testBatch(prefix string, n int, ms int64) record.Batch {
	var b record.Builder
	b.Reset(record.None)
	for i := range n {
		b.Add(ms+int64(i), nil, fmt.Appendf(nil, "%s-%d", prefix, i))
	}
	return b.Build()
}

// What was appended is read back, from any offset, before and after a close.
func TestAppendedRecordsAreRead(t *testing.T) {
	fs := vfs.NewMem()
	l, err := Open(fs, "p", Options{SegmentBytes: 400})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		base, err := l.Append(testBatch(fmt.Sprint("b", i), 3, int64(1000*i)))
		if err != nil || base != int64(3*i) {
			t.Fatalf("append %d: base %d, %v", i, base, err)
		}
	}
	if flushed, err := l.Flush(); err != nil || flushed != 30 {
		t.Fatalf("flush: %d, %v", flushed, err)
	}
	for round := range 2 {
		for offset := range int64(30) {
			s, err := l.Read(offset, 1, 30)
			if err != nil {
				t.Fatal(err)
			}
			if want := offset / 3 * 3; s.BaseOffset() != want {
				t.Fatalf("round %d: read at %d begins at %d, want %d", round, offset, s.BaseOffset(), want)
			}
			s.Release()
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l, err = Open(fs, "p", Options{SegmentBytes: 400}); err != nil {
			t.Fatal(err)
		}
		if l.NextOffset() != 30 || l.FlushedOffset() != 30 {
			t.Fatalf("reopened at %d, durable to %d", l.NextOffset(), l.FlushedOffset())
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
