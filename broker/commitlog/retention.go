package commitlog

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Retain deletes the oldest segments that are past the limits of age or size and forgets producers that were not seen
// for long. Only durable records are deleted, and only whole segments; the last one goes too when all of it is too old.
// A log without appends for a while gives back its file handles until the next use.
func (l *Log) Retain(now time.Time) (deleted int, err error) {
	gone, err := l.retain(now)
	if err == nil {
		err = l.removeGone(gone)
	}
	if err != nil {
		return 0, fmt.Errorf("retain %s: %w", l.dir, err)
	}
	return len(gone), nil
}

func (l *Log) retain(now time.Time) (gone []*segment, err error) {
	l.slow.Lock()
	defer l.slow.Unlock()
	l.mu.Lock()
	if err := l.usable(); err != nil {
		l.mu.Unlock()
		return nil, err
	}
	l.releaseIdle(now)
	n := l.expired(now)
	expiry := l.mu.o.ProducerExpiry
	to := l.mu.start
	if n > 0 {
		to = max(to, l.mu.segments[n-1].next)
	}
	l.mu.Unlock()
	l.producers.expire(now.Add(-expiry).UnixMilli())
	if n == 0 {
		return nil, nil
	}
	return l.deleteBefore(to)
}

// idleAfter is when a log that takes no appends closes the files it writes: longer than any batching by producers, so
// that a slow topic does not open and close them all the time.
const idleAfter = 10 * time.Minute

// releaseIdle closes what only appends and flushes need. The caller holds slow and mu.
func (l *Log) releaseIdle(now time.Time) {
	s := l.last()
	if s == nil || s.sealed || s.dirty || s.file == nil || now.UnixMilli()-s.appended < idleAfter.Milliseconds() {
		return
	}
	s.file.release()
	s.file = nil
	if l.hint != nil {
		l.hint.Close() // nothing in it needs to be synced
		l.hint = nil
	}
}

// expired is how many segments from the front are past a limit. The caller holds mu.
func (l *Log) expired(now time.Time) (n int) {
	size := l.size()
	for i, s := range l.mu.segments {
		if s.next > l.mu.flushed || s.size == 0 {
			break
		}
		last := i == len(l.mu.segments)-1
		tooBig := l.mu.o.RetentionBytes > 0 && size-s.size >= l.mu.o.RetentionBytes && !last
		if !tooBig && !s.tooOld(now, l.mu.o.Retention) {
			break
		}
		size -= s.size
		n++
	}
	return n
}

// tooOld goes by the youngest record; a segment whose records have no timestamps by when it was written.
func (s *segment) tooOld(now time.Time, retention time.Duration) bool {
	if retention <= 0 {
		return false
	}
	youngest := s.maxTime
	if youngest < 0 {
		youngest = s.appended
	}
	return youngest < now.Add(-retention).UnixMilli()
}

// DeleteBefore moves the log's start up to the offset, which must be durable, and deletes the segments below it. An
// offset at or below the start changes nothing.
func (l *Log) DeleteBefore(offset int64) error {
	gone, err := l.moveStart(offset)
	if err == nil {
		err = l.removeGone(gone)
	}
	if err != nil {
		return fmt.Errorf("delete records of %s: %w", l.dir, err)
	}
	return nil
}

func (l *Log) moveStart(offset int64) (gone []*segment, err error) {
	l.slow.Lock()
	defer l.slow.Unlock()
	l.mu.Lock()
	err = l.usable()
	if err == nil && offset > l.mu.flushed {
		err = &OffsetOutOfRangeError{Offset: offset, Start: l.mu.start, End: l.mu.flushed}
	}
	done := offset <= l.mu.start
	l.mu.Unlock()
	if err != nil || done {
		return nil, err
	}
	return l.deleteBefore(offset)
}

// deleteBefore makes the new start durable and gives the segments whose files are to be removed after that: a crash in
// between leaves files that the next Open removes. The other order could lose the start of a log whose files are gone.
// The caller holds slow.
func (l *Log) deleteBefore(offset int64) (gone []*segment, err error) {
	l.mu.Lock()
	oldStart, old := l.mu.start, l.mu.segments
	for len(l.mu.segments) > 0 && l.mu.segments[0].next <= offset && l.mu.segments[0].size > 0 {
		gone = append(gone, l.mu.segments[0])
		l.mu.segments = l.mu.segments[1:]
	}
	l.mu.start = offset
	l.mu.Unlock()
	err = l.writeManifest(false)
	if err != nil {
		// On a full disk deletion must still work. The indexes of what is about to go are caches and give room at once.
		for _, s := range gone {
			err = errors.Join(err, l.fs.Remove(l.path(s.base, suffixIndex)), l.fs.Remove(l.path(s.base, suffixTime)))
		}
		if again := l.writeManifest(false); again == nil {
			err = nil
		}
	}
	if err != nil {
		l.mu.Lock()
		// The list may have grown meanwhile; what stands behind the segments taken off is the same.
		l.mu.start, l.mu.segments = oldStart, append(old[:len(gone):len(gone)], l.mu.segments...)
		l.mu.Unlock()
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range gone {
		s.file.release()
		s.file = nil
		l.mu.cold = slices.DeleteFunc(l.mu.cold, func(o *segment) bool { return o == s })
	}
	return gone, nil
}

// removeGone deletes the files of segments below the log's start. It needs no lock, and holds none because deleting a
// large file can take the file system long enough for a flush to notice. No sync of the directory is needed: a name
// that comes back is below the first segment of the manifest, and the next Open removes it.
func (l *Log) removeGone(gone []*segment) error {
	bases := make([]int64, len(gone))
	for i, s := range gone {
		bases[i] = s.base
	}
	return l.removeSegments(bases)
}

// TruncateTo removes the batches that hold the offset or lie above it. Slices of removed batches become unreadable. When
// the log's start lies inside a batch that goes, it moves down to where the log then ends.
func (l *Log) TruncateTo(offset int64) error {
	l.interrupt()
	defer l.compacting.Unlock()
	l.slow.Lock()
	defer l.slow.Unlock()
	l.load.Lock()
	defer l.load.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return fmt.Errorf("truncate %s: %w", l.dir, err)
	}
	if offset < l.mu.start {
		return fmt.Errorf("truncate %s: %w", l.dir, &OffsetOutOfRangeError{Offset: offset, Start: l.mu.start, End: l.mu.next})
	}
	if offset >= l.mu.next {
		return nil
	}
	if err := l.truncate(offset); err != nil {
		return fmt.Errorf("truncate %s: %w", l.dir, l.fail(err))
	}
	return nil
}

// truncate lowers the durable offset on the disk first, so that recovery never takes the shorter log for a damaged one,
// then cuts, then recovers from what is there. The caller holds all locks.
func (l *Log) truncate(offset int64) error {
	s := l.holding(offset)
	at, pos, err := l.cutPoint(s, offset)
	if err != nil {
		return err
	}
	if l.hint != nil {
		l.hint.Close()
		l.hint = nil
	}
	if err := writeFile(l.fs, l.file(hintName), encodeHint(min(l.mu.flushed, at))); err != nil {
		return err
	}
	m := manifest{
		first: l.mu.segments[0].base, start: min(l.mu.start, at), durable: min(l.mu.flushed, at),
		cleaned: min(l.mu.cleaned, at), sparse: min(l.mu.sparse, at),
	}
	var later []int64
	for _, o := range l.mu.segments {
		if o.stored && o.base < s.base {
			m.segments = append(m.segments, o.meta)
		}
		if o.base > s.base {
			later = append(later, o.base)
		}
		o.file.release()
		o.file = nil
	}
	if err := replaceFile(l.fs, l.file(manifestName), m.encode()); err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return err
	}
	cut := &segment{meta: meta{base: s.base, size: pos}}
	if err := l.cutTail(cut, s.size, later); err != nil {
		return err
	}
	if err := l.removeSnapshotsAbove(at); err != nil {
		return err
	}
	l.mu.segments, l.mu.cold, l.mu.newFiles, l.mu.swapping = nil, nil, false, false
	names, err := l.fs.List(l.dir)
	if err != nil {
		return err
	}
	if err := l.recover(names); err != nil {
		return err
	}
	return l.syncTail() // also when recovery found nothing odd: the cut itself must be durable
}

// cutPoint is where the batch that holds the offset begins, or the first behind it: its byte, and the offset at which
// the batch before it ends.
func (l *Log) cutPoint(s *segment, offset int64) (at, pos int64, err error) {
	f, err := l.fs.Open(l.path(s.base, suffixLog))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	h := scanHeaders(f, s.size)
	defer h.free()
	for at = s.base; ; {
		b, err := h.at(pos)
		if err != nil {
			return 0, 0, err
		}
		if b.LastOffset() >= offset {
			return at, pos, nil
		}
		pos, at = pos+int64(b.Size()), b.LastOffset()+1
	}
}

func (l *Log) removeSnapshotsAbove(offset int64) error {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return err
	}
	for _, o := range basesOf(names, suffixSnapshot) {
		if o > offset {
			if err := l.fs.Remove(l.path(o, suffixSnapshot)); err != nil {
				return err
			}
		}
	}
	return nil
}
