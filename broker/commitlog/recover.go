package commitlog

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

func (l *Log) file(name string) string { return path.Join(l.dir, name) }

// recover loads the log from its directory, which holds the names. It reads the segments that the manifest does not list (the last one, as a
// rule) with every CRC, or none after a clean close, and the rest of the log not at all.
//
// durable is the offset below which everything was synced for sure. The first batch that makes no sense ends the log
// when it stands at or above durable: it is what a crash left of unsynced writes, and so is everything behind it. Below
// durable it is damage.
func (l *Log) recover(names []string) error {
	bases := basesOf(names, suffixLog)
	m, err := l.readManifest(bases)
	if err != nil {
		return err
	}
	if names, err = l.finishSwap(m, names); err != nil {
		return err
	}
	if hint, ok := l.readHint(); ok {
		m.durable = max(m.durable, hint)
	}
	if bases, err = l.removeLeftovers(names, m); err != nil {
		return err
	}
	l.mu.start, l.mu.cleaned, l.mu.sparse, l.mu.swapping = m.start, m.cleaned, m.sparse, m.swapping
	sealed, tail, err := l.splitTail(m, bases)
	if err != nil {
		return err
	}
	for _, s := range sealed {
		l.mu.segments = append(l.mu.segments, &segment{meta: s, sealed: true, stored: true})
	}
	snapshots := basesOf(names, suffixSnapshot)
	if l.openClean(m, tail, snapshots) {
		return nil
	}
	if err := l.recoverTail(m, tail); err != nil {
		return err
	}
	return l.recoverProducers(snapshots)
}

func basesOf(names []string, suffix string) []int64 {
	var out []int64
	for _, name := range names {
		if base, ok := parseName(name, suffix); ok {
			out = append(out, base)
		}
	}
	return out // names come sorted, and 20 digits sort as numbers
}

// readManifest gives the manifest, or one that lists nothing, so that every segment is read, when there is none. A
// damaged one is not what a crash leaves, so the segments before the last count as durable then: better a log that asks
// for Repair than one that takes damage for a torn tail.
func (l *Log) readManifest(bases []int64) (*manifest, error) {
	b, err := readFile(l.fs, l.file(manifestName))
	if err != nil {
		return nil, err
	}
	if b != nil {
		if m, err := decodeManifest(b); err == nil {
			return m, nil
		}
	}
	m := &manifest{}
	if len(bases) > 0 {
		// What was compacted is unknown. All but the last segment may have been, and no crash leaves a good batch right
		// behind another with offsets missing in between.
		m.sparse = bases[len(bases)-1]
	}
	if b == nil {
		m.missing = true // nothing was ever deleted: the log begins at 0
		return m, nil
	}
	if len(bases) > 0 {
		m.first, m.start, m.durable = bases[0], bases[0], bases[len(bases)-1]
	}
	return m, nil
}

func (l *Log) readHint() (int64, bool) {
	b, err := readFile(l.fs, l.file(hintName))
	if err != nil {
		return 0, false
	}
	return decodeHint(b)
}

func (l *Log) openHint() (vfs.File, error) {
	f, err := l.fs.OpenReadWrite(l.file(hintName))
	if errors.Is(err, fs.ErrNotExist) {
		return l.fs.Create(l.file(hintName))
	}
	return f, err
}

// removeLeftovers deletes what interrupted work left: temporary files, compacted segments that the manifest never
// named, and segments that are not kept. It gives the bases of those that are.
func (l *Log) removeLeftovers(names []string, m *manifest) ([]int64, error) {
	var kept []int64
	for _, name := range names {
		leftover := strings.HasSuffix(name, suffixTemp) || strings.HasSuffix(name, suffixClean)
		for _, suffix := range segmentSuffixes {
			base, ok := parseName(name, suffix)
			if ok && m.gone(base) {
				leftover = true
			} else if ok && suffix == suffixLog {
				kept = append(kept, base)
			}
		}
		if leftover {
			if err := l.fs.Remove(l.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return kept, nil
}

// gone tells whether a segment file is what a deletion left below the first kept one, or a compaction inside the
// segment that it was merged into.
func (m *manifest) gone(base int64) bool {
	if base < m.first || base >= m.sparse {
		return base < m.first
	}
	i, found := slices.BinarySearchFunc(m.segments, base, func(s meta, base int64) int { return cmp.Compare(s.base, base) })
	return !found && i > 0 && base < m.segments[i-1].next
}

// splitTail checks that the segments of the manifest are there and tells which files have to be read.
func (l *Log) splitTail(m *manifest, bases []int64) (sealed []meta, tail []int64, err error) {
	sealed = m.segments
	if m.clean && len(sealed) > 0 { // the last one took appends
		sealed = sealed[:len(sealed)-1]
	}
	end := m.first
	for _, s := range sealed {
		name := fileName(s.base, suffixLog)
		info, err := l.fs.Stat(l.file(name))
		if err != nil {
			return nil, nil, &CorruptError{File: name, Offset: s.base, Cause: err}
		}
		if info.Size != s.size {
			return nil, nil, &CorruptError{
				File: name, Offset: s.base, Pos: min(info.Size, s.size),
				Cause: fmt.Errorf("it has %d bytes, the manifest says %d", info.Size, s.size),
			}
		}
		end = s.next
	}
	l.mu.next = end
	for _, base := range bases {
		switch {
		case base >= end:
			tail = append(tail, base)
		case !slices.ContainsFunc(sealed, func(s meta) bool { return s.base == base }):
			return nil, nil, &CorruptError{File: fileName(base, suffixLog), Offset: base, Cause: errors.New("it overlaps another segment")}
		}
	}
	return sealed, tail, nil
}

// openClean takes the last segment as the clean mark describes it, if its file has just that size, nothing came after
// it and the producer snapshot is good. Appends only add bytes, so an equal size means that nothing was written since,
// or that a crash took it all back.
func (l *Log) openClean(m *manifest, tail, snapshots []int64) bool {
	if !m.clean || len(m.segments) == 0 || len(tail) != 1 {
		return false
	}
	last := m.segments[len(m.segments)-1]
	info, err := l.fs.Stat(l.path(last.base, suffixLog))
	if err != nil || tail[0] != last.base || info.Size != last.size || m.durable != last.next || !slices.Contains(snapshots, last.next) {
		return false
	}
	state, err := l.readSnapshot(last.next)
	if err != nil {
		return false
	}
	segments := append(slices.Clone(l.mu.segments), &segment{meta: last})
	for _, s := range segments {
		if s.aborted, err = l.readTxns(s.meta); err != nil {
			return false
		}
	}
	l.producers.replace(state)
	l.mu.segments = segments
	l.mu.next, l.mu.flushed = last.next, last.next
	return true
}

// recoverTail reads the segments that the manifest does not vouch for and cuts off what a crash left of unsynced writes.
func (l *Log) recoverTail(m *manifest, tail []int64) error {
	changed := false
	for i, base := range tail {
		if base != l.mu.next {
			if l.mu.next < m.durable {
				return &CorruptError{File: fileName(base, suffixLog), Offset: l.mu.next, Cause: errors.New("the segment before it is missing or short")}
			}
			changed = true
			drop := l.removeSegments
			if m.missing {
				drop = l.setAside
			}
			if err := drop(tail[i:]); err != nil {
				return err
			}
			break
		}
		s, size, bad, err := l.scanSegment(base)
		if err != nil {
			return err
		}
		l.mu.segments = append(l.mu.segments, s)
		l.mu.next = s.next
		if bad == nil {
			continue
		}
		if s.next < m.durable {
			return &CorruptError{File: fileName(base, suffixLog), Pos: s.size, Offset: s.next, Cause: bad}
		}
		changed = true
		if err := l.cutTail(s, size, tail[i+1:]); err != nil {
			return err
		}
		break
	}
	if l.mu.next < max(m.durable, m.start) {
		return &CorruptError{File: path.Base(l.dir), Offset: l.mu.next, Cause: fmt.Errorf("the log was durable up to offset %d", max(m.durable, m.start))}
	}
	for i, s := range l.mu.segments {
		if i < len(l.mu.segments)-1 && !s.sealed {
			s.sealed = true
			if s.maxAt >= 0 {
				s.idx.addTime(s.maxTime, int32(s.maxAt-s.base))
			}
		}
	}
	if changed || l.mu.next > m.durable {
		if err := l.syncTail(); err != nil {
			return err
		}
	}
	l.mu.flushed = l.mu.next
	return nil
}

// cutTail removes everything from the segment's end on. Later segments go first: were the file cut first and the
// process killed, they would follow a gap, which the next recovery removes all the same.
func (l *Log) cutTail(s *segment, size int64, later []int64) error {
	if err := l.removeSegments(later); err != nil {
		return err
	}
	if size == s.size {
		return nil
	}
	f, err := l.fs.OpenReadWrite(l.path(s.base, suffixLog))
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(s.size), f.Close())
}

// setAside moves segments that follow a gap out of the way of a log without a manifest. A crash before the first flush
// can leave them, and so can somebody who lost the manifest: they are not ours to delete.
func (l *Log) setAside(bases []int64) error {
	if err := l.fs.MkdirAll(l.file(quarantineDir)); err != nil {
		return err
	}
	for _, base := range slices.Backward(bases) {
		name := fileName(base, suffixLog)
		if err := l.fs.Rename(l.file(name), path.Join(l.file(quarantineDir), name)); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) removeSegments(bases []int64) error {
	for _, base := range slices.Backward(bases) {
		for _, suffix := range segmentSuffixes {
			if err := l.fs.Remove(l.path(base, suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// syncTail makes durable what recovery found: after a killed process it may still be in the page cache only, and
// consumers are about to read it.
func (l *Log) syncTail() error {
	for _, s := range l.mu.segments {
		if s.stored {
			continue
		}
		f, err := l.fs.OpenReadWrite(l.path(s.base, suffixLog))
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			return err
		}
	}
	return l.fs.SyncDir(l.dir)
}

// scanSegment reads a segment with all CRCs and builds its indexes. bad is why it ends before its file does.
func (l *Log) scanSegment(base int64) (s *segment, size int64, bad, err error) {
	f, err := l.fs.Open(l.path(base, suffixLog))
	if err != nil {
		return nil, 0, nil, err
	}
	defer f.Close()
	if size, err = f.Size(); err != nil {
		return nil, 0, nil, err
	}
	s = newSegment(base)
	now := l.mu.o.Now().UnixMilli()
	s.created, s.appended = now, now
	v := newVerifier(f, size, l.mu.sparse)
	for s.size < size {
		b, err := v.next(s.size, s.next)
		if err != nil && !errors.Is(err, record.ErrCorrupt) {
			return nil, 0, nil, err
		}
		if err != nil {
			return s, size, err, nil
		}
		s.add(b, l.mu.o.IndexIntervalBytes)
	}
	return s, size, nil, nil
}
