package format

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/internal/record"
)

// peakAllocator knows the most that was allocated at a time.
type peakAllocator struct {
	memory.Allocator
	now, peak int
}

func (p *peakAllocator) Allocate(n int) []byte {
	p.now += n
	p.peak = max(p.peak, p.now)
	return p.Allocator.Allocate(n)
}

func (p *peakAllocator) Reallocate(n int, b []byte) []byte {
	p.now += n - len(b)
	p.peak = max(p.peak, p.now)
	return p.Allocator.Reallocate(n, b)
}

func (p *peakAllocator) Free(b []byte) {
	p.now -= len(b)
	p.Allocator.Free(b)
}

var offsetFields = []Field{null("a", typBigint), {Name: "offset", Type: typBigint, Source: FromOffset}}

// manyRecords is a small batch of many records, base offset 100.
func manyRecords(n int) record.Batch {
	return bytes.Clone(batchOf(record.Zstd, func(b *record.Builder) {
		for range n {
			b.Add(1, nil, []byte("{}"))
		}
	}))
}

// TestLargeBatchIsDecodedInParts: columns take what the rows asked for take, however many records a batch expands to; each
// record is decoded once, in order; and the batch is decompressed once: its bytes are not looked at again.
func TestLargeBatchIsDecodedInParts(t *testing.T) {
	const records, part = 200_000, 1000
	mem := &peakAllocator{Allocator: memory.NewGoAllocator()}
	d, err := NewDecoder("json", offsetFields, Options{Mem: mem})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	batch := manyRecords(records)
	if err := d.Start(batch, "t", 0, 0); err != nil {
		t.Fatal(err)
	}
	clear(batch)
	want := int64(100)
	for more := true; more; {
		var next int64
		if next, more, err = d.Decode(part, math.MaxInt); err != nil {
			t.Fatal(err)
		}
		rec, _ := d.Take()
		if rec == nil || rec.NumRows() != part {
			t.Fatalf("a part that is not %d rows, at %d", part, want)
		}
		for _, offset := range rec.Column(1).(*array.Int64).Int64Values() {
			if offset != want {
				t.Fatalf("offset %d, want %d", offset, want)
			}
			want++
		}
		if next != want {
			t.Fatalf("to go on at %d, want %d", next, want)
		}
		rec.Release()
	}
	if want != 100+records {
		t.Errorf("%d records, want %d", want-100, records)
	}
	// Two columns of 8 bytes and a bit for 1024 rows, and while they grow the old ones beside them: 50 kB at most.
	if mem.peak > 50_000 {
		t.Errorf("%d bytes of columns at a time", mem.peak)
	}
}

// TestGoingOnWithinABatchAllocatesNothing: the parts of a batch cost no more than one whole.
func TestGoingOnWithinABatchAllocatesNothing(t *testing.T) {
	const part, runs = 500, 20
	d, err := NewDecoder("json", offsetFields, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(manyRecords(part*(runs+2)), "t", 0, 0); err != nil {
		t.Fatal(err)
	}
	one := func() {
		d.Reset()
		if _, more, err := d.Decode(part, math.MaxInt); err != nil || !more || d.Rows() != part {
			t.Fatal(d.Rows(), more, err)
		}
	}
	one()
	if n := testing.AllocsPerRun(runs-1, one); n > 0 {
		t.Errorf("%v allocations to go on", n)
	}
}

// TestDecodingGoesOnAtAnyOffset: a decoder that starts where another one stopped gives exactly the rest: rows, bad records
// and nulls that give neither.
func TestDecodingGoesOnAtAnyOffset(t *testing.T) {
	batch := bytes.Clone(batchOf(record.LZ4, func(b *record.Builder) {
		for i := range 30 {
			switch i % 4 {
			case 1:
				b.Add(1, nil, []byte(`{"a":"x"}`))
			case 2:
				b.Add(1, nil, nil)
			default:
				b.Add(1, nil, fmt.Appendf(nil, `{"a":%d}`, i))
			}
		}
	}))
	// read decodes in parts of n, at most max of them.
	read := func(from int64, n, parts int) (got []string, next int64) {
		d, err := NewDecoder("json", offsetFields, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Start(batch, "t", 0, from); err != nil {
			t.Fatal(err)
		}
		for more := true; more && parts != 0; parts-- {
			if next, more, err = d.Decode(n, math.MaxInt); err != nil {
				t.Fatal(err)
			}
			rec, bad := d.Take()
			if rec != nil {
				got = append(got, rows(rec)...)
				rec.Release()
			}
			for _, b := range bad {
				got = append(got, fmt.Sprint("bad ", b.Offset))
			}
		}
		return got, next
	}
	whole, end := read(0, 1, -1)
	if len(whole) != 23 || end != 130 { // 30 records without the 7 nulls
		t.Fatalf("%d rows and bad records up to %d: %v", len(whole), end, whole)
	}
	for parts := range 23 {
		head, next := read(0, 1, parts)
		tail, _ := read(next, 1, -1)
		same(t, append(head, tail...), whole...)
	}
}

// TestBytesOfAPartAreBounded: large values end a part before its rows do.
func TestBytesOfAPartAreBounded(t *testing.T) {
	value := make([]byte, 1<<20)
	d, err := NewDecoder("raw", []Field{null("v", typBytes)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(batchOf(record.Zstd, func(b *record.Builder) {
		for range 10 {
			b.Add(1, nil, value)
		}
	}), "t", 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{4, 4, 2} {
		if _, more, err := d.Decode(8192, 4<<20); err != nil || d.Rows() != want || more != (want == 4) {
			t.Errorf("%d rows, more %v, %v; want %d", d.Rows(), more, err, want)
		}
		rec, _ := d.Take()
		rec.Release()
	}
}

// TestBytesOfBadRecordsAreTaken: what bad records took is gone after a Take, also when there are no rows beside them;
// otherwise a caller that stops at a number of bytes would stop for good.
func TestBytesOfBadRecordsAreTaken(t *testing.T) {
	d, err := NewDecoder("json", offsetFields, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.DecodeRecord(&record.Record{Value: []byte("{")}, "t", 0); err != nil || d.Bytes() == 0 || d.Len() != 1 {
		t.Fatal(d.Bytes(), d.Len(), err)
	}
	if rec, bad := d.Take(); rec != nil || len(bad) != 1 || d.Bytes() != 0 || d.Len() != 0 {
		t.Errorf("rows %v, %d bad records, %d bytes left", rec, len(bad), d.Bytes())
	}
}

// TestRecordsOutOfOrderAreABrokenBatch: where offsets do not ascend within their batch, a position would not say what
// comes after it.
func TestRecordsOutOfOrderAreABrokenBatch(t *testing.T) {
	for delta, want := range map[byte]string{
		0:     "a record at offset 100 after one at 100",
		2 * 9: "a record at offset 109 after one at 100", // a zigzag varint
	} {
		batch := batchOf(record.None, func(b *record.Builder) {
			b.Add(1, nil, []byte("{}"))
			b.Add(1, nil, []byte("{}"))
		})
		second := batch[record.HeaderBytes+1+int(batch[record.HeaderBytes])/2:]
		second[3] = delta // after length, attributes and time
		d, err := NewDecoder("json", offsetFields, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Start(batch, "t", 0, 0); err != nil {
			t.Fatal(err)
		}
		next, more, err := d.Decode(math.MaxInt, math.MaxInt)
		if !errors.Is(err, record.ErrInvalid) || err.Error() != "invalid record batch: "+want || next != 101 || more || d.Rows() != 1 {
			t.Errorf("%d rows, next %d, more %v, %v", d.Rows(), next, more, err)
		}
	}
}
