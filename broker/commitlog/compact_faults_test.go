package commitlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// keyedBatch has one record.
func keyedBatch(codec record.Codec, key, value string) record.Batch {
	var b record.Builder
	b.Reset(codec)
	b.Add(1, []byte(key), []byte(value))
	return b.Build()
}

// foldAll reads the whole log into a map, up to where it ends by then: the newest record of a key may be one that did not
// exist when reading began.
func foldAll(l *Log) (map[string]string, error) {
	out := map[string]string{}
	for offset := l.StartOffset(); offset < l.FlushedOffset(); {
		s, err := l.Read(offset, 20_000, l.FlushedOffset())
		var gone *OffsetOutOfRangeError
		if errors.As(err, &gone) {
			offset = gone.Start
			continue
		}
		if err != nil {
			return nil, err
		}
		err = s.Each(func(b record.Batch) error {
			if err := b.Validate(); err != nil {
				return err
			}
			if b.LastOffset() < offset {
				return fmt.Errorf("batch %d-%d at offset %d", b.BaseOffset(), b.LastOffset(), offset)
			}
			offset = b.LastOffset() + 1
			var r record.Reader
			var rec record.Record
			if r.Reset(b, 0) != nil {
				return nil
			}
			for r.Next(&rec) {
				out[string(rec.Key)] = string(rec.Value)
			}
			return nil
		})
		s.Release()
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Readers that start while compaction runs, on the operating system's files, with appends, flushes and retention at the
// same time: each sees for every key a value at least as new as what was durable when it began.
func TestReadersDuringCompaction(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	l, err := Open(vfs.OS(), dir, Options{SegmentBytes: 8000, IndexIntervalBytes: 300, Compact: true})
	if err != nil {
		t.Fatal(err)
	}
	const keys, rounds = 40, 60
	var round struct {
		sync.Mutex
		durable int
	}
	done := make(chan struct{})
	var helpers sync.WaitGroup
	background := func(f func() error) {
		helpers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := f(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	compacted := Compacted{}
	background(func() error {
		c, err := l.Compact(t.Context(), time.Now(), math.MaxInt64)
		compacted.Bytes += c.Bytes
		return err
	})
	background(func() error { _, err := l.Retain(time.Now()); return err })
	for range 2 {
		background(func() error {
			round.Lock()
			atLeast := round.durable
			round.Unlock()
			got, err := foldAll(l)
			for key, value := range got {
				var n int
				if _, err := fmt.Sscanf(value, "%d-", &n); err != nil || n < atLeast {
					return fmt.Errorf("key %s has the value %s, round %d was durable", key, value, atLeast)
				}
			}
			if atLeast > 0 && len(got) != keys {
				return errors.Join(err, fmt.Errorf("%d keys, want %d", len(got), keys))
			}
			return err
		})
	}
	for n := 1; n <= rounds; n++ {
		for k := range keys {
			if _, err := l.Append(keyedBatch(record.Codec(k%5), fmt.Sprint("k", k), fmt.Sprintf("%d-%s", n, bytes.Repeat([]byte("x"), k)))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		round.Lock()
		round.durable = n
		round.Unlock()
	}
	close(done)
	helpers.Wait()
	if _, err := l.Compact(t.Context(), time.Now(), math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	if compacted.Bytes == 0 || l.Size() > 30_000 {
		t.Errorf("compaction took %d bytes meanwhile and left %d", compacted.Bytes, l.Size())
	}
	if err := errors.Join(l.Check(), l.Close()); err != nil {
		t.Error(err)
	}
}

// A slice taken before a compaction reads the records that it was taken for, and its file is given back after it.
func TestSliceOutlivesCompaction(t *testing.T) {
	for _, fs := range []vfs.FS{vfs.NewMem(), vfs.OS()} {
		l := overwritten(t, fs, filepath.ToSlash(t.TempDir()))
		s, err := l.Read(0, 1000, 6)
		if err != nil {
			t.Fatal(err)
		}
		before, err := s.Bytes(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Compact(t.Context(), time.Now(), math.MaxInt64); err != nil {
			t.Fatal(err)
		}
		after, err := s.Bytes(nil)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("the slice changed: %v", err)
		}
		file, _, _, _ := s.File()
		s.Release()
		if _, err := file.ReadAt(after, 0); err == nil {
			t.Error("the old file is still open after the last release")
		}
		if s, err = l.Read(0, 1000, 6); err != nil || s.BaseOffset() == 0 {
			t.Errorf("offset 0 leads to %d, %v", s.BaseOffset(), err)
		}
		s.Release()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// overwritten is a log of segments of two records, in which key a stands six times.
func overwritten(t *testing.T, fs vfs.FS, dir string) *Log {
	t.Helper()
	l, err := Open(fs, dir, Options{SegmentBytes: 150, IndexIntervalBytes: 1, Compact: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		if _, err := l.Append(keyedBatch(record.None, "a", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	return l
}

// Whatever call of the file system fails during a compaction, no record is lost: the log goes on as it was, or it goes
// offline and the next Open finds everything. When there is room again, the compaction succeeds.
func TestFailedCompactionLosesNothing(t *testing.T) {
	enospc := errors.New("no space left on device")
	run := func(n int, forever bool) (calls int) {
		w := newTable(3, vfs.NewMem())
		if err := w.reopen(); err != nil {
			t.Fatal(err)
		}
		for i := range 60 {
			if err := errors.Join(w.append(int64(w.rng.IntN(3))), w.endTxn(int64(1+i%3)), w.flush()); err != nil {
				t.Fatal(err)
			}
		}
		w.fs.SetHook(func(op vfs.Op) error {
			if op.Kind == vfs.OpRead {
				return nil
			}
			calls++
			full := forever && calls >= n && (op.Kind == vfs.OpWrite || op.Kind == vfs.OpCreate)
			if full || calls == n && !forever {
				return enospc
			}
			return nil
		})
		_, err := w.l.Compact(t.Context(), w.now, math.MaxInt64)
		made := calls
		w.fs.SetHook(nil)
		if n > 0 && calls >= n && err != nil && !errors.Is(err, enospc) {
			t.Fatalf("call %d fails: %v", n, err)
		}
		if forever && w.l.Err() != nil {
			t.Fatalf("a full disk from call %d on takes the log offline: %v", n, w.l.Err())
		}
		if w.l.Err() == nil {
			if err := w.compare(w.l, false); err != nil {
				t.Fatalf("after call %d failed: %v", n, err)
			}
			if _, err := w.l.Compact(t.Context(), w.now, math.MaxInt64); err != nil {
				t.Fatalf("after call %d failed, again: %v", n, err)
			}
		}
		for image := range uint64(2) {
			if err := w.verify(w.fs.CrashClone(rand.New(rand.NewPCG(image, uint64(n))))); err != nil {
				t.Fatalf("after call %d failed, image %d: %v", n, image, err)
			}
			w.lost(w.l.NextOffset())
		}
		return made
	}
	total := run(0, false)
	if total < 30 {
		t.Fatalf("only %d calls", total)
	}
	for n := range total {
		run(n+1, n%4 == 0)
	}
}

// A batch whose CRC is wrong stops a compaction before its segment is replaced: to write it anew would hide the damage.
// One that is as it was sent but cannot be decompressed is kept as it is, and so is all around it.
func TestCompactionMeetsBadBatches(t *testing.T) {
	fs := vfs.NewMem()
	l := overwritten(t, fs, "p")
	f, err := fs.OpenReadWrite("p/" + fileName(0, suffixLog))
	if err != nil {
		t.Fatal(err)
	}
	var old [1]byte
	if _, err := f.ReadAt(old[:], 100); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{old[0] ^ 1}, 100); err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	if _, err := l.Compact(t.Context(), time.Now(), math.MaxInt64); !errors.As(err, &corrupt) {
		t.Errorf("compaction of a damaged segment: %v", err)
	}
	if _, err := f.WriteAt(old[:], 100); err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(keyedBatch(record.Zstd, "a", "unreadable"))
	bad[record.HeaderBytes] ^= 0xff
	record.Batch(bad).StampAppendTime(5) // computes the CRC anew
	for _, b := range []record.Batch{bad, keyedBatch(record.None, "a", "7"), keyedBatch(record.None, "a", "8"), keyedBatch(record.None, "a", "9")} {
		if _, err := l.Append(b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Compact(t.Context(), time.Now(), math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	s, err := l.Read(6, 1, 10)
	if err != nil || s.BaseOffset() != 6 {
		t.Fatalf("the unreadable batch at 6: %d, %v", s.BaseOffset(), err)
	}
	s.Release()
	if got, err := foldAll(l); err != nil || !maps.Equal(got, map[string]string{"a": "9"}) {
		t.Errorf("folds to %v, %v", got, err)
	}
	if err := errors.Join(l.Check(), l.Close()); err != nil {
		t.Fatal(err)
	}
}

// Close and TruncateTo do not wait for a long pass, and leave no half segment; a cancelled one says so.
func TestCompactionGivesUp(t *testing.T) {
	fs := vfs.NewMem()
	l := overwritten(t, fs, "p")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Compact(ctx, time.Now(), math.MaxInt64); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	var waiter sync.WaitGroup
	once := sync.OnceFunc(func() {
		waiter.Go(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		for l.hurry.Load() == 0 { // the hook runs inside the pass: wait until Close stands at its door
			runtime.Gosched()
		}
	})
	fs.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpCreate {
			once()
		}
		return nil
	})
	c, err := l.Compact(t.Context(), time.Now(), math.MaxInt64)
	waiter.Wait()
	fs.SetHook(nil)
	if err != nil || c.Bytes != 0 {
		t.Errorf("compacted %+v, %v", c, err)
	}
	if _, err := fs.Stat("p/" + fileName(0, suffixLog+suffixClean)); err == nil {
		t.Error("half a segment is left over")
	}
	if _, err := l.Compact(t.Context(), time.Now(), math.MaxInt64); !errors.Is(err, ErrClosed) {
		t.Errorf("compaction of a closed log: %v", err)
	}
}
