package commitlog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// entry is one record as it was sent: a value, or a tombstone.
type entry struct {
	key, value string
	tombstone  bool
	id         int64 // of the transaction's producer, -1 outside of one
}

// table is a scripted client of one compacted log: it remembers all that it sent by offset, so that the log can be
// folded into a map and compared with the map of all that was sent.
type table struct {
	fs  *vfs.Mem
	o   Options
	l   *Log
	rng *rand.Rand
	now time.Time

	sent    map[int64]entry
	markers map[int64]bool // offset -> committed
	ids     map[int64]int64
	seq     map[int64]int32
	open    map[int64]bool
	acked   int64
	start   int64 // the lowest that the log may start at, and
	startTo int64 // the highest
	count   int
}

func newTable(seed uint64, fs *vfs.Mem) *table {
	w := &table{
		fs: fs, rng: rand.New(rand.NewPCG(seed, 9)), now: time.UnixMilli(1_700_000_000_000), sent: map[int64]entry{},
		markers: map[int64]bool{}, ids: map[int64]int64{}, seq: map[int64]int32{}, open: map[int64]bool{},
	}
	w.o = Options{
		SegmentBytes: 900, IndexIntervalBytes: 200, Compact: true, CompactKeys: 8 + w.rng.IntN(40),
		DeleteRetention: time.Duration(w.rng.IntN(20)) * time.Second, Now: func() time.Time { return w.now },
	}
	return w
}

func (w *table) reopen() (err error) {
	w.l, err = Open(w.fs, "data/p-0", w.o)
	if err == nil {
		w.acked = w.l.FlushedOffset()
	}
	return err
}

func (w *table) step() error {
	w.now = w.now.Add(time.Second)
	switch k := w.rng.IntN(20); {
	case k < 10:
		return w.append(int64(w.rng.IntN(4)))
	case k < 12:
		return w.endTxn(1 + int64(w.rng.IntN(3)))
	case k < 15:
		return w.flush()
	case k < 18:
		_, err := w.l.Compact(context.Background(), w.now, math.MaxInt64)
		return err
	case k < 19 && w.rng.IntN(2) == 0: // the process is killed, the page cache lives on
		return w.reopen()
	case k < 19:
		if err := w.l.Close(); err != nil {
			return err
		}
		return w.reopen()
	case w.rng.IntN(4) == 0:
		w.startTo = w.start + w.rng.Int64N(w.acked-w.start+1)/2
		if err := w.l.DeleteBefore(w.startTo); err != nil {
			return err
		}
		w.start = w.startTo
	}
	return w.flush()
}

func (w *table) flush() error {
	flushed, err := w.l.Flush()
	if err == nil {
		w.acked = flushed
	}
	return err
}

// append sends a batch, of a producer unless id is 0, in its transaction perhaps. Few keys are sent often, a few now
// and then, some records have none.
func (w *table) append(id int64) error {
	var b record.Builder
	b.Reset([]record.Codec{record.None, record.None, record.LZ4, record.Gzip}[w.rng.IntN(4)])
	txn := id > 0 && (w.open[id] || w.rng.IntN(2) == 0)
	if id > 0 {
		b.SetProducer(id, 0, w.seq[id], txn)
	}
	at := w.l.NextOffset()
	n := 1 + w.rng.IntN(4)
	for i := range n {
		w.count++
		e := entry{key: fmt.Sprint("k", w.rng.IntN(8)), value: fmt.Sprint("v", w.count), id: -1}
		if w.rng.IntN(6) == 0 {
			e.key = fmt.Sprint("rare", w.rng.IntN(60))
		}
		if txn {
			e.id = id
		}
		key, value := []byte(e.key), []byte(e.value)
		switch w.rng.IntN(12) {
		case 0, 1:
			e.tombstone, value = true, nil
		case 2:
			key, e.key = nil, ""
		}
		w.sent[at+int64(i)] = e
		if id > 0 {
			w.ids[at+int64(i)] = id
		}
		b.Add(w.now.UnixMilli(), key, value)
	}
	if _, err := w.l.Append(b.Build()); err != nil {
		return err
	}
	if id > 0 {
		w.seq[id] += int32(n)
		w.open[id] = txn
	}
	return nil
}

func (w *table) endTxn(id int64) error {
	if !w.open[id] {
		return nil
	}
	at, commit := w.l.NextOffset(), w.rng.IntN(2) == 0
	w.markers[at], w.ids[at] = commit, id
	_, err := w.l.Append(record.EndTxnMarker(id, 0, commit, 0, w.now.UnixMilli()))
	if err == nil {
		w.open[id] = false
	}
	return err
}

func (w *table) run(steps int) error {
	if err := w.reopen(); err != nil {
		return err
	}
	for range steps {
		if err := w.step(); err != nil {
			return err
		}
	}
	return w.l.Close()
}

// fold is the map that a read_committed consumer ends up with when nothing was ever compacted.
func (w *table) fold(start, stable, next int64) map[string]string {
	out := map[string]string{}
	for offset := start; offset < stable; offset++ {
		e, ok := w.sent[offset]
		if !ok || e.key == "" || e.id >= 0 && !w.committed(e.id, offset, next) {
			continue
		}
		if out[e.key] = e.value; e.tombstone {
			delete(out, e.key)
		}
	}
	return out
}

// committed tells how the transaction that has a record at the offset ended.
func (w *table) committed(id, offset, next int64) bool {
	for ; offset < next; offset++ {
		if commit, ok := w.markers[offset]; ok && w.ids[offset] == id {
			return commit
		}
	}
	return false
}

// consume folds the log as a read_committed consumer does, and checks on the way that offsets ascend and that each
// record is what was sent there. times counts how often each key stands below the offset that compaction has come to.
func (w *table) consume(l *Log, stable int64) (out map[string]string, times map[string]int, err error) {
	out, times = map[string]string{}, map[string]int{}
	l.mu.Lock()
	cleaned := l.mu.cleaned
	l.mu.Unlock()
	offset := l.StartOffset()
	for offset < stable {
		s, err := l.Read(offset, 700, stable)
		if err != nil {
			return nil, nil, err
		}
		if s.Len() == 0 {
			return nil, nil, fmt.Errorf("nothing at %d, the end is %d", offset, stable)
		}
		err = s.Each(func(b record.Batch) error {
			if err := b.Validate(); err != nil {
				return err
			}
			if b.LastOffset() < offset {
				return fmt.Errorf("batch %d-%d at offset %d", b.BaseOffset(), b.LastOffset(), offset)
			}
			at := max(offset, b.BaseOffset())
			offset = b.LastOffset() + 1
			return w.apply(l, b, at, cleaned, out, times)
		})
		s.Release()
		if err != nil {
			return nil, nil, err
		}
	}
	return out, times, nil
}

func (w *table) apply(l *Log, b record.Batch, from, cleaned int64, out map[string]string, times map[string]int) error {
	if b.Control() {
		return nil
	}
	aborted := b.Transactional() && slices.ContainsFunc(l.AbortedTxns(b.BaseOffset(), b.LastOffset()+1), func(t AbortedTxn) bool {
		return t.ProducerID == b.ProducerID() && t.FirstOffset <= b.BaseOffset()
	})
	var r record.Reader
	var rec record.Record
	if err := r.Reset(b, 0); err != nil {
		return err
	}
	last := int64(-1)
	for r.Next(&rec) {
		e, ok := w.sent[rec.Offset]
		if !ok || e.key != string(rec.Key) || !e.tombstone && e.value != string(rec.Value) || e.tombstone != (rec.Value == nil) || rec.Offset <= last {
			return fmt.Errorf("offset %d holds %q=%q, sent was %+v", rec.Offset, rec.Key, rec.Value, e)
		}
		last = rec.Offset
		if rec.Offset < cleaned {
			times[e.key]++
		}
		if aborted || rec.Offset < from || rec.Key == nil {
			continue
		}
		if out[e.key] = e.value; e.tombstone {
			delete(out, e.key)
		}
	}
	return r.Err()
}

// verify opens what a crash left and compares the map that consumers fold with the map of all that was sent, before and
// after another compaction.
func (w *table) verify(fs *vfs.Mem) error {
	l, err := Open(fs, "data/p-0", w.o)
	if err != nil {
		return err
	}
	start, next := l.StartOffset(), l.NextOffset()
	if next < w.acked || start < w.start || start > max(w.start, w.startTo) {
		return fmt.Errorf("log holds %d to %d, acknowledged were %d to %d", start, next, w.start, w.acked)
	}
	w.lost(next)
	for round := range 3 {
		if err := errors.Join(w.compare(l, round > 0), onlySegments(l)); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		if _, err := l.Append(testBatch("roll", 1, 1)); err != nil {
			return err
		}
		if _, err := l.Flush(); err != nil {
			return err
		}
		if _, err := l.Compact(context.Background(), w.now.Add(time.Duration(round)*time.Hour), math.MaxInt64); err != nil {
			return err
		}
		if round == 1 {
			if err := l.Close(); err != nil {
				return err
			}
			if l, err = Open(fs, "data/p-0", w.o); err != nil {
				return err
			}
		}
		w.rolled(l)
	}
	return l.Close()
}

// lost forgets what a crash took.
func (w *table) lost(next int64) {
	maps.DeleteFunc(w.sent, func(offset int64, _ entry) bool { return offset >= next })
	maps.DeleteFunc(w.ids, func(offset, _ int64) bool { return offset >= next })
	maps.DeleteFunc(w.markers, func(offset int64, _ bool) bool { return offset >= next })
}

// rolled notes what verify itself appended.
func (w *table) rolled(l *Log) { w.sent[l.NextOffset()-1] = entry{value: "roll-0", id: -1} }

func (w *table) compare(l *Log, compacted bool) error {
	if err := l.Check(); err != nil {
		return err
	}
	stable := l.LastStableOffset()
	got, times, err := w.consume(l, stable)
	if err != nil {
		return err
	}
	if want := w.fold(l.StartOffset(), stable, l.NextOffset()); !maps.Equal(got, want) {
		return fmt.Errorf("the log folds to %v, want %v", got, want)
	}
	for key, n := range times {
		if compacted && (n > 1 || key == "") {
			return fmt.Errorf("key %q stands %d times below the cleaned offset", key, n)
		}
	}
	for _, p := range l.Producers().List() {
		if want := w.lastOf(p.ID, l.NextOffset()); p.LastOffset != want {
			return fmt.Errorf("producer %d was last at %d, want %d", p.ID, p.LastOffset, want)
		}
	}
	return rebuild(l)
}

// rebuild computes the state of producers from the log alone, as recovery does without a snapshot: the newest sequences
// and the open transactions must come out.
func rebuild(l *Log) error {
	if l.StartOffset() > 0 {
		return nil
	}
	scratch := &ProducerState{}
	for offset := int64(0); offset < l.NextOffset(); {
		s, err := l.Read(offset, 1000, l.NextOffset())
		if err != nil {
			return err
		}
		err = s.Each(func(b record.Batch) error {
			scratch.update(b, 0)
			offset = b.LastOffset() + 1
			return nil
		})
		s.Release()
		if err != nil {
			return err
		}
	}
	got, want := scratch.List(), l.Producers().List()
	for i := range want {
		want[i].LastSeen = 0
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the log gives producers %+v, known are %+v", got, want)
	}
	return nil
}

// onlySegments checks that no file is left that belongs to no segment.
func onlySegments(l *Log) error {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		base, ok := parseName(name, suffixLog)
		if ok && !slices.ContainsFunc(l.Segments(), func(s SegmentInfo) bool { return s.BaseOffset == base }) || strings.HasSuffix(name, suffixClean) {
			return fmt.Errorf("file %s is left over", name)
		}
	}
	return nil
}

// lastOf is the last offset of a producer's records below next.
func (w *table) lastOf(id, next int64) int64 {
	for offset := next - 1; offset >= 0; offset-- {
		if _, marker := w.markers[offset]; !marker && w.ids[offset] == id {
			return offset
		}
	}
	return -1
}

// Whatever is appended, deleted, aborted, compacted, closed and killed in whatever order: a consumer that reads from the
// start folds the log into the same map as if nothing had ever been compacted, no record turns up that was not sent at
// its offset, and below the cleaned offset each key stands once.
func TestCompactionKeepsTheNewest(t *testing.T) {
	for seed := range uint64(60) {
		w := newTable(seed, vfs.NewMem())
		if err := w.run(150); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := w.verify(w.fs.Clone()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// The same after a crash at any operation of the file system, whatever became of the writes that were not synced.
func TestCompactionSurvivesCrash(t *testing.T) {
	// WEIR_LONG=1 plays more and longer loads.
	seeds, steps := uint64(2), 70
	if os.Getenv("WEIR_LONG") != "" {
		seeds, steps = 10, 150
	}
	for seed := range seeds {
		whole := newTable(seed, vfs.NewMem())
		if err := whole.run(steps); err != nil {
			t.Fatal(err)
		}
		total := whole.fs.Ops()
		for n := range total {
			for image := range 4 {
				w := newTable(seed, vfs.NewMem())
				w.fs.CrashAfter(n)
				if err := w.run(steps); err != nil && !errors.Is(err, vfs.ErrCrashed) {
					t.Fatalf("seed %d, crash at %d of %d: %v", seed, n, total, err)
				}
				fs := w.fs.Clone()
				if image > 0 {
					fs = w.fs.CrashClone(rand.New(rand.NewPCG(seed, uint64(n*4+image))))
				}
				if err := w.verify(fs); err != nil {
					t.Fatalf("seed %d, crash at %d of %d, image %d: %v", seed, n, total, image, err)
				}
			}
		}
	}
}
