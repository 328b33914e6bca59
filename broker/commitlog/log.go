package commitlog

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// Log is the log of one partition. All methods are safe for concurrent use.
type Log struct {
	fs        vfs.FS
	dir       string
	producers ProducerState

	// compacting is held by one Compact, truncation or Close at a time, and taken before slow. Whoever waits for a
	// Compact counts in hurry, which makes it give up.
	compacting sync.Mutex
	hurry      atomic.Int32

	// slow is held by one Flush, retention, truncation or Close at a time. It is taken before mu, never while mu is
	// held; appends and reads do not need it, so no fsync ever stands in their way.
	slow sync.Mutex
	hint vfs.File // guarded by slow; nil until the first flush

	// load is held while a closed segment's file and index are read, so that two readers do not do it twice. It is taken
	// before mu.
	load sync.Mutex

	mu struct {
		sync.Mutex
		o        Options
		segments []*segment // ascending; the last takes appends unless it is sealed
		start    int64
		next     int64
		flushed  int64
		newFiles bool  // a segment was created since the directory was last synced
		offline  error // why, once it is
		sealErr  error // why the last attempt to store a sealed segment's indexes failed; data is not affected
		closed   bool
		cleaned  int64      // no key is twice below it
		sparse   int64      // below it offsets may be missing
		swapping bool       // the manifest on the disk says so, though the swap is done
		cold     []*segment // segments other than the last whose files are open, longest unused first
	}
}

// Open opens or creates the log in dir and recovers it; it starts nothing. What the last sync did not cover is cut off
// where it stops making sense; damage to what a sync did cover is a *CorruptError, and the log does not open.
func Open(fsys vfs.FS, dir string, o Options) (*Log, error) {
	l := &Log{fs: fsys, dir: dir}
	l.mu.o = o.withDefaults()
	names, err := fsys.List(dir)
	if err == nil && len(names) == 0 || errors.Is(err, fs.ErrNotExist) {
		err = vfs.MkdirDurable(fsys, dir)
	}
	if err == nil {
		err = l.recover(names)
	}
	if err != nil {
		l.closeFiles()
		return nil, fmt.Errorf("open log %s: %w", dir, err)
	}
	return l, nil
}

// Append stamps the base offset and leader epoch 0 into b, which passed record.Batch.Validate, and writes it. It does
// not sync: the batch can be lost in a crash until Flush returns an offset above it. A batch that does not fit on the
// disk leaves the log as it was.
//
// Data path 4/7.
func (l *Log) Append(b record.Batch) (base int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return -1, fmt.Errorf("append to %s: %w", l.dir, err)
	}
	if len(b) < record.HeaderBytes || b.Size() != len(b) || b.LastOffsetDelta() < 0 {
		return -1, fmt.Errorf("append to %s: %w: %d bytes", l.dir, record.ErrInvalid, len(b))
	}
	if len(b) > l.mu.o.MaxBatchBytes {
		return -1, fmt.Errorf("append to %s: %w: %d bytes, at most %d", l.dir, ErrTooLarge, len(b), l.mu.o.MaxBatchBytes)
	}
	base = l.mu.next
	b.SetBaseOffset(base)
	b.SetLeaderEpoch(0)
	now := l.mu.o.Now().UnixMilli()
	s, err := l.room(b, now)
	if err == nil {
		err = l.write(s, b)
	}
	if err != nil {
		return -1, fmt.Errorf("append to %s: %w", l.dir, err)
	}
	if s.size == 0 {
		s.created = now
	}
	s.appended, s.dirty = now, true
	s.add(b, l.mu.o.IndexIntervalBytes)
	l.mu.next = s.next
	if aborted := l.producers.update(b, now); aborted != nil {
		s.aborted = append(s.aborted, *aborted)
	}
	return base, nil
}

// write puts the batch at the segment's end. A failed write is taken back, so that no half batch stays where a later
// one could leave its rest behind; when that fails too, nothing more is known of the file.
func (l *Log) write(s *segment, b record.Batch) error {
	_, err := s.file.f.WriteAt(b, s.size)
	if err == nil {
		return nil
	}
	s.dirty = true // the next sync must cover the truncation: a crash could bring the half batch back
	if terr := s.file.f.Truncate(s.size); terr != nil {
		return l.fail(errors.Join(err, terr))
	}
	return err
}

// room gives the segment that takes the batch, a new one when the last is full or too old.
func (l *Log) room(b record.Batch, now int64) (*segment, error) {
	s := l.last()
	if s != nil && !s.sealed {
		if err := l.warm(s); err != nil {
			return nil, err
		}
	}
	full := s != nil && s.size > 0 && (!s.takes(len(b), b.LastOffset(), l.mu.o.SegmentBytes) ||
		now-s.created >= l.mu.o.SegmentAge.Milliseconds())
	if s == nil || s.sealed || full {
		f, err := l.fs.Create(l.path(l.mu.next, suffixLog))
		if err != nil {
			return nil, err
		}
		if full {
			l.seal(s)
		}
		s = newSegment(l.mu.next)
		s.file = newFileRef(f)
		l.mu.segments = append(l.mu.segments, s)
		l.mu.newFiles = true
	}
	return s, nil
}

// warm opens the file and loads the index of the last segment before its first append since Open.
func (l *Log) warm(s *segment) error {
	if s.file == nil {
		f, err := l.fs.OpenReadWrite(l.path(s.base, suffixLog))
		if err != nil {
			return err
		}
		s.file = newFileRef(f)
	}
	if s.idx == nil {
		idx, err := l.loadIndex(s.meta, s.file.f, l.mu.o.IndexIntervalBytes)
		if err != nil {
			return err
		}
		s.idx = idx
	}
	return nil
}

// seal ends a segment; the next flush syncs it and stores its indexes.
func (l *Log) seal(s *segment) {
	s.sealed = true
	if s.idx != nil && s.maxAt >= 0 {
		s.idx.addTime(s.maxTime, int32(s.maxAt-s.base))
	}
	s.snapshot = l.producers.encode(s.next)
	l.mu.cold = append(l.mu.cold, s)
}

func (l *Log) last() *segment {
	if n := len(l.mu.segments); n > 0 {
		return l.mu.segments[n-1]
	}
	return nil
}

func (l *Log) usable() error {
	if l.mu.closed {
		return ErrClosed
	}
	return l.mu.offline
}

// fail takes the log offline for good. The caller holds mu.
func (l *Log) fail(cause error) error {
	if l.mu.offline == nil {
		l.mu.offline = fmt.Errorf("%w: %w", ErrOffline, cause)
	}
	return l.mu.offline
}

// Err is nil, or why the log is offline.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.offline
}

// StartOffset is the first offset that can be read.
func (l *Log) StartOffset() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.start
}

// NextOffset is the offset that the next record gets.
func (l *Log) NextOffset() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.next
}

// FlushedOffset is the offset below which everything survives a crash.
func (l *Log) FlushedOffset() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.flushed
}

// LastStableOffset is the offset below which every transaction has ended and is durable: where a read_committed
// consumer stops.
func (l *Log) LastStableOffset() int64 { return l.producers.StableBelow(l.FlushedOffset()) }

// Producers is the state of idempotent and transactional producers.
func (l *Log) Producers() *ProducerState { return &l.producers }

// SetOptions changes the settings of an open log.
func (l *Log) SetOptions(o Options) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.o = o.withDefaults()
}

// SegmentInfo is one segment as Segments shows it.
type SegmentInfo struct {
	BaseOffset, NextOffset int64
	Bytes                  int64
	MaxTimestamp           int64 // ms, -1 when there is none
	Sealed                 bool
}

// Segments lists the segments in order.
func (l *Log) Segments() []SegmentInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]SegmentInfo, len(l.mu.segments))
	for i, s := range l.mu.segments {
		out[i] = SegmentInfo{BaseOffset: s.base, NextOffset: s.next, Bytes: s.size, MaxTimestamp: s.maxTime, Sealed: s.sealed}
	}
	return out
}

// Size is the number of bytes in all segments, without indexes.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size()
}

func (l *Log) size() (n int64) {
	for _, s := range l.mu.segments {
		n += s.size
	}
	return n
}

func (l *Log) closeFiles() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.mu.segments {
		s.file.release()
		s.file = nil
	}
	l.mu.cold = nil
	if l.hint != nil {
		l.hint.Close()
		l.hint = nil
	}
}
