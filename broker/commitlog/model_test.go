package commitlog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// model is the log as a plain list of batches.
type model struct {
	batches []record.Batch
	start   int64
}

func (m *model) next() int64 {
	if n := len(m.batches); n > 0 {
		return m.batches[n-1].LastOffset() + 1
	}
	return 0
}

func (m *model) read(offset int64, maxBytes int, below int64) (out []byte) {
	for _, b := range m.batches {
		if b.LastOffset() < offset || b.BaseOffset() >= below || below <= offset {
			continue
		}
		if len(out) > 0 && len(out)+len(b) > maxBytes {
			break
		}
		out = append(out, b...)
	}
	return out
}

func (m *model) records(below int64) (out []record.Record) {
	for _, b := range m.batches {
		var r record.Reader
		var rec record.Record
		if r.Reset(b, 0) != nil {
			continue
		}
		for r.Next(&rec) {
			if rec.Offset >= m.start && rec.Offset < below {
				out = append(out, rec)
			}
		}
	}
	return out
}

// Reads and searches by time give what a plain list of batches gives, over random logs, limits and segment sizes, with
// hot, stored and reloaded indexes.
func TestReadsAgreeWithModel(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 3))
		fs := vfs.NewMem()
		o := Options{SegmentBytes: int64(400 + rng.IntN(4000)), IndexIntervalBytes: 1 + rng.IntN(600)}
		l, err := Open(fs, "p", o)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{}
		for range 120 {
			m.append(t, l, rng)
			switch rng.IntN(12) {
			case 0, 1:
				if _, err := l.Flush(); err != nil {
					t.Fatal(err)
				}
			case 2:
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if l, err = Open(fs, "p", o); err != nil {
					t.Fatal(err)
				}
			case 3:
				m.delete(t, l, rng)
			}
			m.compare(t, l, rng)
		}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		l.closeFiles()
	}
}

func (m *model) append(t *testing.T, l *Log, rng *rand.Rand) {
	t.Helper()
	var b record.Builder
	b.Reset([]record.Codec{record.None, record.LZ4}[rng.IntN(2)])
	for range 1 + rng.IntN(5) {
		b.Add(rng.Int64N(1000), nil, bytes.Repeat([]byte("x"), rng.IntN(200)))
	}
	batch := b.Build()
	if _, err := l.Append(batch); err != nil {
		t.Fatal(err)
	}
	m.batches = append(m.batches, bytes.Clone(batch))
}

func (m *model) delete(t *testing.T, l *Log, rng *rand.Rand) {
	t.Helper()
	if _, err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	m.start += rng.Int64N(min(m.next()-m.start, 10) + 1)
	if err := l.DeleteBefore(m.start); err != nil {
		t.Fatal(err)
	}
}

func (m *model) compare(t *testing.T, l *Log, rng *rand.Rand) {
	t.Helper()
	next := m.next()
	offset := m.start + rng.Int64N(next-m.start+1)
	below := offset + rng.Int64N(next-offset+1)
	if rng.IntN(3) == 0 {
		below = math.MaxInt64
	}
	maxBytes := rng.IntN(3000)
	got := m.readAll(t, l, offset, maxBytes, below)
	want := m.read(offset, maxBytes, below)
	if len(got) > len(want) || !bytes.Equal(got, want[:len(got)]) || len(got) == 0 && len(want) > 0 {
		t.Fatalf("read at %d, %d bytes below %d: %d bytes, want %d", offset, maxBytes, below, len(got), len(want))
	}
	if len(got) < len(want) && !m.endsSegment(l, got) {
		t.Fatalf("read at %d, %d bytes below %d: %d bytes, want %d", offset, maxBytes, below, len(got), len(want))
	}
	records := m.records(below)
	ms := rng.Int64N(1100)
	at, ts, ok, err := l.OffsetForTime(ms, below)
	i := slices.IndexFunc(records, func(r record.Record) bool { return r.Timestamp >= ms })
	if err != nil || ok != (i >= 0) || ok && (at != records[i].Offset || ts != records[i].Timestamp) {
		t.Fatalf("time %d below %d: offset %d time %d %t, %v; want index %d of %d", ms, below, at, ts, ok, err, i, len(records))
	}
	at, ts, err = l.MaxTimestamp(below)
	wantAt, wantTime := int64(-1), int64(-1)
	if len(records) > 0 {
		r := slices.MaxFunc(records, func(a, b record.Record) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
		wantAt, wantTime = r.Offset, r.Timestamp
	}
	if err != nil || at != wantAt || ts != wantTime {
		t.Fatalf("largest time below %d from %d: offset %d time %d, %v; want %d, %d", below, m.start, at, ts, err, wantAt, wantTime)
	}
}

func (m *model) readAll(t *testing.T, l *Log, offset int64, maxBytes int, below int64) []byte {
	t.Helper()
	s, err := l.Read(offset, maxBytes, below)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	got, err := s.Bytes(nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// endsSegment reports whether the bytes end where a segment does: a slice never crosses two.
func (m *model) endsSegment(l *Log, b []byte) bool {
	var last record.Batch
	for len(b) > 0 {
		last, b, _ = record.Split(b)
	}
	return slices.ContainsFunc(l.Segments(), func(s SegmentInfo) bool { return s.NextOffset == last.LastOffset()+1 })
}

// Appends, flushes, reads, retention and option changes at once keep every promise: readers below the durable offset
// see dense offsets, a slice taken before its segment is deleted stays readable, and the log checks out. On the
// operating system's files, where a closed descriptor would show.
func TestConcurrentUse(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	o := Options{SegmentBytes: 20_000, IndexIntervalBytes: 500, RetentionBytes: 60_000}
	l, err := Open(vfs.OS(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	const appenders, batches = 4, 300
	var wg, helpers sync.WaitGroup
	done := make(chan struct{})
	for a := range appenders {
		wg.Go(func() {
			for i := range batches {
				if _, err := l.Append(testBatch(fmt.Sprint(a, "-", i), 1+i%3, int64(i))); err != nil {
					t.Error(err)
					return
				}
				if flushed, err := l.Flush(); err != nil || flushed > l.FlushedOffset() {
					t.Errorf("flushed %d, %v", flushed, err)
				}
			}
		})
	}
	for range 2 {
		helpers.Go(func() { concurrentReader(t, l, done) })
	}
	helpers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := l.Retain(time.Now()); err != nil {
				t.Error(err)
			}
			l.SetOptions(o)
			l.OffsetForTime(100, math.MaxInt64)
		}
	})
	wg.Wait()
	close(done)
	helpers.Wait()
	if want := int64(appenders * batches * 2); l.FlushedOffset() != want {
		t.Errorf("durable to %d, want %d", l.FlushedOffset(), want)
	}
	if err := errors.Join(l.Check(), l.Close()); err != nil {
		t.Error(err)
	}
}

func concurrentReader(t *testing.T, l *Log, done chan struct{}) {
	offset := int64(0)
	for {
		below := l.FlushedOffset()
		s, err := l.Read(offset, 4000, below)
		var out *OffsetOutOfRangeError
		switch {
		case errors.As(err, &out):
			offset = out.Start
			continue
		case err != nil:
			t.Error(err)
			return
		}
		err = s.Each(func(b record.Batch) error {
			if err := b.Validate(); err != nil {
				return err
			}
			if b.LastOffset() < offset || b.BaseOffset() > offset || b.BaseOffset() >= below {
				return fmt.Errorf("batch %d-%d at offset %d", b.BaseOffset(), b.LastOffset(), offset)
			}
			offset = b.LastOffset() + 1
			return nil
		})
		s.Release()
		if err != nil {
			t.Error(err)
			return
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// A slice outlives the deletion of its segment (the file handle is counted), and the handle is given back after it.
func TestSliceOutlivesDeletedSegment(t *testing.T) {
	for _, fs := range []vfs.FS{vfs.NewMem(), vfs.OS()} {
		dir := filepath.ToSlash(t.TempDir())
		l, err := Open(fs, dir, Options{SegmentBytes: 100})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			if _, err := l.Append(testBatch(fmt.Sprint(i), 1, int64(i))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		s, err := l.Read(0, 1, 6)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.DeleteBefore(5); err != nil {
			t.Fatal(err)
		}
		file, pos, n, ok := s.File()
		b := make([]byte, n)
		if _, err := file.ReadAt(b, pos); err != nil || !ok || record.Batch(b).Validate() != nil {
			t.Fatalf("read of a deleted segment: %v", err)
		}
		s.Release()
		s.Release() // a second one does nothing
		if _, err := file.ReadAt(b, pos); err == nil {
			t.Error("the file is still open after the last release")
		}
		if _, err := l.Read(0, 1, 6); err == nil {
			t.Error("deleted offset 0 can be read")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Many logs are cheap: an empty one has no file, and one that was opened again and is idle holds no descriptor.
func TestIdleLogsHoldNoFiles(t *testing.T) {
	fs := vfs.NewMem()
	l, err := Open(fs, "p", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if names, _ := fs.List("p"); len(names) != 0 {
		t.Errorf("an empty log has the files %v", names)
	}
	if _, err := l.Append(testBatch("x", 1, 1)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(fs, "p", Options{}); err != nil {
		t.Fatal(err)
	}
	if s := l.mu.segments[0]; s.file != nil || s.idx != nil || l.hint != nil {
		t.Error("a log that was just opened holds files")
	}
	if _, err := l.Append(testBatch("y", 1, 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Retain(time.Now().Add(idleAfter + time.Second)); err != nil {
		t.Fatal(err)
	}
	if s := l.mu.segments[0]; s.file != nil || l.hint != nil {
		t.Error("a log without appends for a while holds files")
	}
	if s, err := l.Read(1, 1, 2); err != nil || s.BaseOffset() != 1 {
		t.Errorf("read of an idle log: %v", err)
	} else {
		s.Release()
	}
	if base, err := l.Append(testBatch("z", 1, 3)); err != nil || base != 2 {
		t.Errorf("append to an idle log: %d, %v", base, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// Sequence numbers wrap from 2^31-1 to 0, and only the last five batches are known as duplicates. (KIP-98)
func TestProducerSequences(t *testing.T) {
	l, err := Open(vfs.NewMem(), "p", Options{})
	if err != nil {
		t.Fatal(err)
	}
	send := func(seq int32, n int) (bool, int64, error) {
		var b record.Builder
		b.Reset(record.None)
		b.SetProducer(1, 0, seq, false)
		for range n {
			b.Add(0, nil, nil)
		}
		batch := b.Build()
		dup, base, err := l.Producers().Check(batch)
		if err != nil || dup {
			return dup, base, err
		}
		base, err = l.Append(batch)
		return false, base, err
	}
	// Nothing is known of the producer, so it may begin anywhere (retention may have taken its past).
	seqs := []int32{math.MaxInt32 - 1, 0, 2, 4, 6, 8} // two records each: the first batch ends at 2^31-1
	for i, seq := range seqs {
		if dup, base, err := send(seq, 2); dup || base != int64(2*i) || err != nil {
			t.Fatalf("sequence %d: %t, %d, %v", seq, dup, base, err)
		}
	}
	for i, seq := range seqs[1:] {
		if dup, base, err := send(seq, 2); !dup || base != int64(2*(i+1)) || err != nil {
			t.Errorf("sequence %d again: %t, %d, %v", seq, dup, base, err)
		}
	}
	for _, seq := range []int32{seqs[0], 9, 11} { // six batches ago; inside the last; a gap
		if _, _, err := send(seq, 2); !errors.Is(err, ErrOutOfOrderSequence) {
			t.Errorf("sequence %d: %v", seq, err)
		}
	}
	if _, _, err := send(8, 1); !errors.Is(err, ErrOutOfOrderSequence) {
		t.Errorf("a part of the last batch: %v", err)
	}
}

// Damaged batches do not take a log down (K12): one that was stored with a payload that nobody can read (the CRC is
// right) is served as it is, its neighbours are, and a restart does not mind; a CRC of 0 is as good as any other.
func TestUnreadablePayloadIsStoredAndSkipped(t *testing.T) {
	fs := vfs.NewMem()
	l, err := Open(fs, "p", Options{IndexIntervalBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	var bad record.Builder
	bad.Reset(record.LZ4)
	bad.Add(50, nil, bytes.Repeat([]byte("cut "), 100))
	b := bad.Build()
	b = append(b[:record.HeaderBytes:record.HeaderBytes], b[record.HeaderBytes:len(b)-10]...)
	b[11] = byte(len(b) - record.LengthPrefixBytes)
	b.StampAppendTime(50) // computes the CRC anew
	var zero record.Builder
	zero.Reset(record.None)
	zero.Add(1, nil, []byte("\x88\xa7\x82\x45\x00\x00\x00\x00")) // solved for, so that the CRC is 0
	if zero.Build().CRC() != 0 {
		t.Fatalf("CRC %08x, want 0", zero.Build().CRC())
	}
	for _, x := range []record.Batch{testBatch("before", 2, 10), b, testBatch("after", 2, 100), zero.Build()} {
		x.SetBaseOffset(-77)
		x.SetLeaderEpoch(12345)
		if _, err := l.Append(x); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(fs, "p", Options{}); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	want := int64(0)
	s, err := l.Read(0, 10_000, 6)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Each(func(b record.Batch) error {
		if b.BaseOffset() != want || b.LeaderEpoch() != 0 || b.Validate() != nil {
			return fmt.Errorf("batch at %d, epoch %d", b.BaseOffset(), b.LeaderEpoch())
		}
		want = b.LastOffset() + 1
		return nil
	})
	if err != nil || want != 6 {
		t.Fatalf("read to %d: %v", want, err)
	}
	s.Release()
	if at, _, ok, err := l.OffsetForTime(60, 5); err != nil || !ok || at != 3 {
		t.Errorf("time 60 is at %d, %t, %v", at, ok, err)
	}
	if at, ts, ok, err := l.OffsetForTime(20, 5); err != nil || !ok || at != 2 || ts != 50 {
		t.Errorf("time 20 is at %d, %d, %t, %v", at, ts, ok, err)
	}
	if err := Dump(io.Discard, fs, "p", true); err != nil {
		t.Error(err)
	}
}
