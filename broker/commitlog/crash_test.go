package commitlog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// load is a scripted client of one log. It remembers what it tried, what was acknowledged and what a consumer may have
// seen, so that the log can be compared with it after a crash.
type load struct {
	fs  *vfs.Mem
	o   Options
	l   *Log
	rng *rand.Rand
	now time.Time

	tried    map[int64][][]byte // offset -> values that Append was asked to put there
	acked    int64              // below it everything was flushed
	startMin int64              // start offset that a deletion has acknowledged
	startMax int64              // and the highest one that was asked for
	endMax   int64              // nothing can stand at or above it
	counter  int
	seq      map[int64]int32 // next sequence of each producer
	open     map[int64]bool  // producers inside a transaction
	txns     map[int64]bool  // marker offset -> committed
}

func newLoad(seed uint64, fs *vfs.Mem) *load {
	w := &load{
		fs: fs, rng: rand.New(rand.NewPCG(seed, 1)), now: time.UnixMilli(1_700_000_000_000),
		tried: map[int64][][]byte{}, seq: map[int64]int32{}, open: map[int64]bool{}, txns: map[int64]bool{},
	}
	w.o = Options{SegmentBytes: 2500, IndexIntervalBytes: 300, Now: func() time.Time { return w.now }}
	return w
}

// batch is one to four records with values that say how often the load has appended.
func (w *load) batch(build func(*record.Builder)) (record.Batch, [][]byte) {
	var b record.Builder
	codec := record.None
	if w.rng.IntN(4) == 0 {
		codec = record.Zstd
	}
	b.Reset(codec)
	build(&b)
	n := 1 + w.rng.IntN(4)
	values := make([][]byte, n)
	for i := range values {
		w.counter++
		values[i] = fmt.Appendf(nil, "%d:%s", w.counter, bytes.Repeat([]byte{byte(w.counter)}, w.rng.IntN(300)))
		b.Add(w.now.UnixMilli(), nil, values[i])
	}
	return b.Build(), values
}

func (w *load) append(b record.Batch, values [][]byte) error {
	at := w.l.NextOffset()
	w.endMax = max(w.endMax, at+int64(len(values)))
	for i, v := range values {
		w.tried[at+int64(i)] = append(w.tried[at+int64(i)], v)
	}
	base, err := w.l.Append(b)
	if err == nil && base != at {
		return fmt.Errorf("append at %d, want %d", base, at)
	}
	return err
}

func (w *load) flush() error {
	flushed, err := w.l.Flush()
	if err == nil {
		w.acked = flushed
	}
	return err
}

func (w *load) reopen() error {
	if w.l != nil {
		if err := w.l.Close(); err != nil {
			return err
		}
	}
	l, err := Open(w.fs, "data/p-0", w.o)
	if err != nil {
		return err
	}
	w.l, w.acked = l, l.FlushedOffset()
	return nil
}

// step is one random operation.
func (w *load) step(deletions bool) error {
	w.now = w.now.Add(time.Second)
	switch k := w.rng.IntN(20); {
	case k < 7:
		return w.append(w.batch(func(*record.Builder) {}))
	case k < 11:
		return w.produce(1+int64(w.rng.IntN(3)), w.rng.IntN(2) == 0)
	case k < 12:
		return w.endTxn(1 + int64(w.rng.IntN(3)))
	case k < 17:
		return w.flush()
	case k < 18: // the process is killed, the page cache lives on
		w.l = nil
		return w.reopen()
	case k < 19:
		return w.reopen()
	case deletions && w.rng.IntN(2) == 0:
		return w.delete()
	case deletions && w.rng.IntN(3) == 0:
		return w.truncate()
	}
	return w.flush()
}

// produce appends a batch of a producer, in its transaction when it has one.
func (w *load) produce(id int64, txn bool) error {
	txn = txn || w.open[id]
	b, values := w.batch(func(b *record.Builder) { b.SetProducer(id, 0, w.seq[id], txn) })
	if dup, _, err := w.l.Producers().Check(b); dup || err != nil {
		return fmt.Errorf("check of a fresh batch: %t, %w", dup, err)
	}
	if err := w.append(b, values); err != nil {
		return err
	}
	w.seq[id] += int32(len(values))
	w.open[id] = txn
	return nil
}

func (w *load) endTxn(id int64) error {
	if !w.open[id] {
		return nil
	}
	commit := w.rng.IntN(2) == 0
	w.txns[w.l.NextOffset()] = commit
	err := w.append(record.EndTxnMarker(id, 0, commit, 0, w.now.UnixMilli()), [][]byte{nil})
	if err == nil {
		w.open[id] = false
	}
	return err
}

func (w *load) delete() error {
	if w.rng.IntN(2) == 0 {
		to := w.startMin + w.rng.Int64N(w.acked-w.startMin+1)
		w.startMax = max(w.startMax, to)
		if err := w.l.DeleteBefore(to); err != nil {
			return err
		}
		w.startMin = max(w.startMin, to)
		return nil
	}
	w.o.RetentionBytes = 6000
	w.l.SetOptions(w.o)
	w.startMax = w.acked // retention chooses
	if _, err := w.l.Retain(w.now); err != nil {
		return err
	}
	w.startMin = w.l.StartOffset()
	w.startMax = w.startMin
	return nil
}

func (w *load) truncate() error {
	start, next := w.l.StartOffset(), w.l.NextOffset()
	to := start + w.rng.Int64N(next-start+1)
	s, err := w.l.Read(to, 1, next)
	if err != nil {
		return err
	}
	if base := s.BaseOffset(); base >= 0 {
		to = base
	}
	s.Release()
	if to < start { // the start would move; the golden file shows it
		return nil
	}
	w.acked = min(w.acked, to)
	clear(w.open)
	if err := w.l.TruncateTo(to); err != nil {
		return err
	}
	w.acked, w.endMax = w.l.FlushedOffset(), to
	for offset := range w.tried {
		if offset >= to {
			delete(w.tried, offset)
		}
	}
	for _, p := range w.l.Producers().List() {
		w.seq[p.ID], w.open[p.ID] = p.LastSequence+1, p.TxnFirst >= 0
	}
	for id := range w.seq {
		if _, ok := w.l.Producers().Get(id); !ok {
			w.seq[id] = 0
		}
	}
	return nil
}

// run plays steps until one fails.
func (w *load) run(steps int, deletions bool) error {
	if err := w.reopen(); err != nil {
		return err
	}
	for range steps {
		if err := w.step(deletions); err != nil {
			return err
		}
	}
	return w.l.Close()
}

// verify opens what a crash left and compares it with what was promised.
func (w *load) verify(fs *vfs.Mem) error {
	l, err := Open(fs, "data/p-0", w.o)
	if err != nil {
		return err
	}
	if err := w.compare(l); err != nil {
		return err
	}
	// The log goes on from here as if nothing had happened, and survives a clean restart.
	next := l.NextOffset()
	if base, err := l.Append(testBatch("after", 2, 1)); err != nil || base != next {
		return fmt.Errorf("append after recovery: base %d, want %d: %w", base, next, err)
	}
	if _, err := l.Flush(); err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	if l, err = Open(fs, "data/p-0", w.o); err != nil {
		return err
	}
	if l.NextOffset() != next+2 {
		return fmt.Errorf("after a clean restart the log ends at %d, want %d", l.NextOffset(), next+2)
	}
	if err := l.Check(); err != nil {
		return err
	}
	return l.Close()
}

func (w *load) compare(l *Log) error {
	start, next := l.StartOffset(), l.NextOffset()
	if start < w.startMin || start > w.startMax {
		return fmt.Errorf("log starts at %d, want %d to %d", start, w.startMin, w.startMax)
	}
	if next < w.acked || next > w.endMax {
		return fmt.Errorf("log ends at %d, acknowledged were %d, appended %d", next, w.acked, w.endMax)
	}
	if l.FlushedOffset() != next {
		return fmt.Errorf("durable to %d after recovery, the end is %d", l.FlushedOffset(), next)
	}
	if err := l.Check(); err != nil {
		return err
	}
	scratch := &ProducerState{}
	var aborted []AbortedTxn
	want := start
	for want < next {
		s, err := l.Read(want, 1000, next)
		if err != nil {
			return err
		}
		err = s.Each(func(b record.Batch) error {
			if t := scratch.update(b, 0); t != nil {
				aborted = append(aborted, *t)
			}
			return w.compareBatch(b, start, &want)
		})
		s.Release()
		if err != nil {
			return err
		}
	}
	if want != next {
		return fmt.Errorf("records end at %d, the log says %d", want, next)
	}
	return compareProducers(l, scratch, aborted, start)
}

func (w *load) compareBatch(b record.Batch, start int64, want *int64) error {
	var r record.Reader
	var rec record.Record
	if err := r.Reset(b, 0); err != nil {
		return err
	}
	for r.Next(&rec) {
		if rec.Offset < start {
			continue
		}
		if rec.Offset != *want {
			return fmt.Errorf("offset %d, want %d", rec.Offset, *want)
		}
		if !b.Control() && !slices.ContainsFunc(w.tried[rec.Offset], func(v []byte) bool { return bytes.Equal(v, rec.Value) }) {
			return fmt.Errorf("offset %d holds %.20q, which nobody appended there", rec.Offset, rec.Value)
		}
		*want++
	}
	return r.Err()
}

// compareProducers checks invariant L6: the recovered state is that of the log's batches. Where the log's start was
// deleted, the recovered state may know more.
func compareProducers(l *Log, scratch *ProducerState, aborted []AbortedTxn, start int64) error {
	for _, want := range scratch.List() {
		got, ok := l.Producers().Get(want.ID)
		got.LastSeen = 0
		if start > 0 {
			got.TxnFirst, want.TxnFirst = 0, 0
			if want.LastSequence < 0 { // only its marker is left
				want.LastSequence, want.LastOffset = got.LastSequence, got.LastOffset
			}
		}
		if !ok || got != want {
			return fmt.Errorf("producer state %+v, want %+v", got, want)
		}
	}
	if start > 0 {
		return nil
	}
	if got := l.Producers().List(); len(got) != len(scratch.List()) {
		return fmt.Errorf("%d producers known, want %d", len(got), len(scratch.List()))
	}
	if got := l.AbortedTxns(0, l.NextOffset()); !slices.Equal(got, aborted) {
		return fmt.Errorf("aborted transactions %+v, want %+v", got, aborted)
	}
	if got, want := l.LastStableOffset(), min(scratch.firstOpen(), l.NextOffset()); got != want {
		return fmt.Errorf("last stable offset %d, want %d", got, want)
	}
	return nil
}

// Every record that Flush acknowledged, and so every record that a consumer may have read, is there after a crash at
// any operation of the file system, whatever became of the writes that were not synced; no record is there twice, none
// that nobody sent, and offsets have no holes. (Done-when 7, test T1.)
func TestAckedRecordsSurviveCrash(t *testing.T) {
	// WEIR_LONG=1 plays twenty longer loads each.
	seeds, steps := uint64(2), 60
	if os.Getenv("WEIR_LONG") != "" {
		seeds, steps = 20, 150
	}
	for _, deletions := range []bool{false, true} {
		for seed := uint64(1); seed <= seeds; seed++ {
			crashEverywhere(t, seed, steps, deletions)
		}
	}
}

func crashEverywhere(t *testing.T, seed uint64, steps int, deletions bool) {
	t.Helper()
	const images = 4
	whole := newLoad(seed, vfs.NewMem())
	if err := whole.run(steps, deletions); err != nil {
		t.Fatalf("seed %d: the load fails without a crash: %v", seed, err)
	}
	total := whole.fs.Ops()
	for n := range total {
		w := newLoad(seed, vfs.NewMem())
		w.fs.CrashAfter(n)
		if err := w.run(steps, deletions); err != nil && !errors.Is(err, vfs.ErrCrashed) {
			t.Fatalf("seed %d, deletions %t, crash at %d of %d: %v", seed, deletions, n, total, err)
		}
		for image := range images {
			var r *rand.Rand
			if image > 0 {
				r = rand.New(rand.NewPCG(seed, uint64(n*images+image)))
			}
			if err := w.verify(w.fs.CrashClone(r)); err != nil {
				t.Fatalf("seed %d, deletions %t, crash at %d of %d, image %d: %v", seed, deletions, n, total, image, err)
			}
		}
		if err := w.verify(w.fs.Clone()); err != nil {
			t.Fatalf("seed %d, deletions %t, kill at %d of %d: %v", seed, deletions, n, total, err)
		}
	}
}

// A crash during recovery, at any operation, changes nothing of what the first crash left to promise.
func TestRecoverySurvivesCrash(t *testing.T) {
	const steps, seed = 60, 7
	whole := newLoad(seed, vfs.NewMem())
	if err := whole.run(steps, true); err != nil {
		t.Fatal(err)
	}
	for n := 3; n < whole.fs.Ops(); n += 5 {
		w := newLoad(seed, vfs.NewMem())
		w.fs.CrashAfter(n)
		if err := w.run(steps, true); err != nil && !errors.Is(err, vfs.ErrCrashed) {
			t.Fatal(err)
		}
		image := w.fs.CrashClone(rand.New(rand.NewPCG(seed, uint64(n))))
		for k := 0; ; k++ {
			again := image.Clone()
			again.CrashAfter(k)
			l, err := Open(again, "data/p-0", w.o)
			if err == nil {
				l.closeFiles()
				break
			}
			if !errors.Is(err, vfs.ErrCrashed) {
				t.Fatalf("crash at %d, then at %d: %v", n, k, err)
			}
			if err := w.verify(again.CrashClone(rand.New(rand.NewPCG(uint64(k), uint64(n))))); err != nil {
				t.Fatalf("crash at %d, then at %d of recovery: %v", n, k, err)
			}
		}
	}
}

// A failed sync takes the log offline for good: nothing is acknowledged any more, reads go on, and after a restart
// everything acknowledged before is there. (Rule 2, STYLE's corruption kind.)
func TestFailedSyncTakesLogOffline(t *testing.T) {
	eio := errors.New("input/output error")
	for _, kind := range []vfs.OpKind{vfs.OpSync, vfs.OpSyncDir} {
		w := newLoad(1, vfs.NewMem())
		if err := w.reopen(); err != nil {
			t.Fatal(err)
		}
		step := func(want error) {
			t.Helper()
			if err := w.append(w.batch(func(*record.Builder) {})); !errors.Is(err, want) {
				t.Fatalf("append: %v, want %v", err, want)
			}
		}
		if kind == vfs.OpSync { // the first flush syncs the directory, so the second case fails that one
			step(nil)
			if err := w.flush(); err != nil {
				t.Fatal(err)
			}
		}
		acked := w.acked
		step(nil)
		failures := 0
		w.fs.SetHook(func(op vfs.Op) error {
			if op.Kind == kind && failures == 0 {
				failures++
				return eio
			}
			return nil
		})
		if err := w.flush(); !errors.Is(err, ErrOffline) || !errors.Is(err, eio) {
			t.Fatalf("flush: %v", err)
		}
		// The disk works again, and the log must not believe it: the pages that failed are marked clean now.
		if err := w.flush(); !errors.Is(err, ErrOffline) {
			t.Fatalf("second flush: %v", err)
		}
		step(ErrOffline)
		if got := w.l.FlushedOffset(); got != acked {
			t.Fatalf("durable to %d after the failed sync, want %d", got, acked)
		}
		if s, err := w.l.Read(0, 1, acked); err != nil || (acked > 0) != (s.Len() > 0) {
			t.Fatalf("read while offline: %d bytes, %v", s.Len(), err)
		} else {
			s.Release()
		}
		for seed := range uint64(20) {
			if err := w.verify(w.fs.CrashClone(rand.New(rand.NewPCG(seed, 0)))); err != nil {
				t.Fatalf("after %s failed: %v", kind, err)
			}
		}
	}
}

// A full disk refuses the append and leaves the log as it was; when there is room again it goes on. (Rule 11.)
func TestFullDiskRefusesAppend(t *testing.T) {
	enospc := errors.New("no space left on device")
	w := newLoad(2, vfs.NewMem())
	if err := w.reopen(); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		full := w.rng.IntN(3) == 0
		w.fs.SetHook(func(op vfs.Op) error {
			if !full {
				return nil
			}
			switch op.Kind {
			case vfs.OpCreate:
				return enospc
			case vfs.OpWrite:
				return &vfs.ShortWriteError{N: w.rng.IntN(200), Err: enospc}
			}
			return nil
		})
		next := w.l.NextOffset()
		err := w.append(w.batch(func(*record.Builder) {}))
		if full != errors.Is(err, enospc) || !full && err != nil {
			t.Fatalf("append %d with a full disk %t: %v", i, full, err)
		}
		if full {
			delete(w.tried, next)
			if w.l.NextOffset() != next {
				t.Fatalf("a refused append moved the end from %d to %d", next, w.l.NextOffset())
			}
		}
		if err := w.flush(); err != nil {
			t.Fatalf("flush with a full disk: %v", err)
		}
	}
	w.fs.SetHook(nil)
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(20) {
		if err := w.verify(w.fs.CrashClone(rand.New(rand.NewPCG(seed, 0)))); err != nil {
			t.Fatal(err)
		}
	}
}

// Retention makes room on a disk that is so full that not even a manifest can be written. (Rule 11.)
func TestRetentionWorksOnFullDisk(t *testing.T) {
	enospc := errors.New("no space left on device")
	fs := vfs.NewMem()
	l, err := Open(fs, "p", Options{SegmentBytes: 1000, IndexIntervalBytes: 100, RetentionBytes: 1500})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if _, err := l.Append(testBatch("x", 2, int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	full := true
	fs.SetHook(func(op vfs.Op) error {
		full = full && op.Kind != vfs.OpRemove
		if full && op.Kind == vfs.OpWrite {
			return enospc
		}
		return nil
	})
	if n, err := l.Retain(time.UnixMilli(0)); err != nil || n == 0 {
		t.Fatalf("deleted %d segments: %v", n, err)
	}
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	// And when there is no room even then, nothing changes.
	fs.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite {
			return enospc
		}
		return nil
	})
	start := l.StartOffset()
	if err := l.DeleteBefore(start + 10); !errors.Is(err, enospc) || l.StartOffset() != start {
		t.Fatalf("start %d, %v", l.StartOffset(), err)
	}
	fs.SetHook(nil)
	if err := errors.Join(l.Check(), l.Close()); err != nil {
		t.Fatal(err)
	}
}
