package commitlog

import (
	"errors"
	"fmt"
	"slices"
)

// Flush makes durable what was appended before the call began and returns the offset below which everything is. Appends
// and reads go on meanwhile; a second Flush waits for the first and has often nothing left to do. When a sync fails
// nobody knows what is on the disk: the log goes offline and every later Append and Flush answers ErrOffline.
func (l *Log) Flush() (flushed int64, err error) {
	l.mu.Lock()
	want, err := l.mu.next, l.usable()
	l.mu.Unlock()
	if err != nil {
		return l.FlushedOffset(), fmt.Errorf("flush %s: %w", l.dir, err)
	}
	l.slow.Lock()
	defer l.slow.Unlock()
	if flushed, err = l.flush(want); err != nil {
		return flushed, fmt.Errorf("flush %s: %w", l.dir, err)
	}
	l.storeSealed()
	return flushed, nil
}

// flush syncs what stands below want, and what more there is by now. The caller holds slow.
func (l *Log) flush(want int64) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil || l.mu.flushed >= want {
		return l.mu.flushed, err
	}
	end, newFiles := l.mu.next, l.mu.newFiles
	var files []*fileRef
	for i := len(l.mu.segments) - 1; i >= 0; i-- {
		s := l.mu.segments[i]
		if s.stored {
			break // those before it are stored as well
		}
		if s.dirty {
			files = append(files, s.file.retain())
			s.dirty = false // an append from here on sets it again
		}
	}
	l.mu.newFiles = false
	l.mu.Unlock()

	var err error
	for i := len(files) - 1; i >= 0; i-- { // oldest first: a crash between two of them leaves no gap
		if err == nil {
			err = files[i].f.Sync()
		}
		files[i].release()
	}
	if err == nil && newFiles {
		err = l.fs.SyncDir(l.dir)
	}
	if err == nil {
		l.writeHint(end)
	}

	l.mu.Lock()
	if err != nil {
		return l.mu.flushed, l.fail(err)
	}
	l.mu.flushed = end
	l.producers.flushedTo(end)
	return end, nil
}

// writeHint notes the durable offset without a sync. It may fail: recovery then takes the manifest's.
func (l *Log) writeHint(durable int64) {
	if l.hint == nil {
		f, err := l.openHint()
		if err != nil {
			return
		}
		l.hint = f
	}
	if _, err := l.hint.WriteAt(encodeHint(durable), 0); err != nil {
		l.hint.Close()
		l.hint = nil
	}
}

// storeSealed writes the indexes and the producer snapshot of segments that are sealed and synced, and lists them in
// the manifest. All of it can be rebuilt from the segments: an error (a full disk) fails no append, and the next flush
// tries again. The caller holds slow.
func (l *Log) storeSealed() {
	l.mu.Lock()
	var todo []*segment
	for i := len(l.mu.segments) - 1; i >= 0 && !l.mu.segments[i].stored; i-- {
		if s := l.mu.segments[i]; s.sealed && s.next <= l.mu.flushed && !s.dirty {
			todo = append(todo, s)
		}
	}
	l.mu.Unlock()
	slices.Reverse(todo)
	if len(todo) == 0 {
		return
	}
	err := l.store(todo)
	l.mu.Lock()
	l.mu.sealErr = err
	l.mu.Unlock()
}

func (l *Log) store(todo []*segment) error {
	for _, s := range todo { // sealed: nothing but this changes them
		sums, err := l.writeIndexes(s)
		if err == nil && s.snapshot != nil {
			err = replaceFile(l.fs, l.path(s.next, suffixSnapshot), s.snapshot)
		}
		if err != nil {
			return fmt.Errorf("store indexes of segment %d: %w", s.base, err)
		}
		l.mu.Lock()
		s.sums, s.snapshot, s.stored = sums, nil, true
		l.mu.Unlock()
	}
	if err := l.writeManifest(false); err != nil {
		l.mu.Lock()
		for _, s := range todo {
			s.stored = false
		}
		l.mu.Unlock()
		return err
	}
	l.mu.Lock()
	l.trimCold()
	l.mu.Unlock()
	return l.removeSnapshots()
}

// writeIndexes writes the index files of a segment that no append can reach. Only the transaction index is synced: the
// others are rebuilt from one segment, that one from all.
func (l *Log) writeIndexes(s *segment) (sums, error) {
	l.mu.Lock()
	idx, aborted := s.idx, s.aborted
	l.mu.Unlock()
	offsets, times := idx.encode()
	txns := encodeTxns(aborted)
	out := sums{offsets: checksum(offsets), times: checksum(times), txns: checksum(txns)}
	err := replaceCache(l.fs, l.path(s.base, suffixIndex), offsets)
	if err == nil {
		err = replaceCache(l.fs, l.path(s.base, suffixTime), times)
	}
	if err == nil && len(txns) > 0 {
		err = replaceFile(l.fs, l.path(s.base, suffixTxn), txns)
	}
	return out, err
}

// writeManifest replaces the manifest by what is known now and syncs the directory. The caller holds slow.
func (l *Log) writeManifest(clean bool) error {
	l.mu.Lock()
	m := l.manifest(clean)
	l.mu.Unlock()
	if err := replaceFile(l.fs, l.file(manifestName), m.encode()); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	l.mu.Lock()
	l.mu.swapping = false
	l.mu.Unlock()
	return nil
}

// manifest is what is known now. The caller holds mu.
func (l *Log) manifest(clean bool) *manifest {
	m := &manifest{
		clean: clean, first: l.mu.next, start: l.mu.start, durable: l.mu.flushed,
		cleaned: l.mu.cleaned, sparse: l.mu.sparse,
	}
	if len(l.mu.segments) > 0 {
		m.first = l.mu.segments[0].base
	}
	for _, s := range l.mu.segments {
		if !s.stored && !clean {
			break
		}
		m.segments = append(m.segments, s.meta)
	}
	return m
}

// Close flushes, stores the indexes of the last segment and writes the clean mark, which spares the next Open a scan
// and proves nothing. A log that is offline only gives back its files.
func (l *Log) Close() error {
	l.interrupt()
	defer l.compacting.Unlock()
	l.slow.Lock()
	defer l.slow.Unlock()
	l.mu.Lock()
	if l.mu.closed {
		l.mu.Unlock()
		return nil
	}
	want := l.mu.next
	l.mu.Unlock()
	_, err := l.flush(want)
	l.mu.Lock()
	if err == nil && l.mu.next != want { // appends that raced with Close
		want = l.mu.next
		l.mu.Unlock()
		_, err = l.flush(want)
		l.mu.Lock()
	}
	l.mu.closed = true
	l.mu.Unlock()
	if err == nil {
		l.storeSealed()
		err = l.storeLast()
	}
	l.closeFiles()
	if err != nil {
		return fmt.Errorf("close %s: %w", l.dir, err)
	}
	return nil
}

// storeLast writes the clean mark and what belongs to it, if anything was appended since the last one.
func (l *Log) storeLast() error {
	l.mu.Lock()
	s, next, flushed, sealErr := l.last(), l.mu.next, l.mu.flushed, l.mu.sealErr
	l.mu.Unlock()
	switch {
	case s == nil || !s.sealed && s.idx == nil: // nothing was appended since Open
		return nil
	case sealErr != nil:
		return sealErr
	case flushed != next:
		return errors.New("appended while closing")
	}
	if !s.sealed {
		sums, err := l.writeIndexes(s)
		if err != nil {
			return fmt.Errorf("store indexes of segment %d: %w", s.base, err)
		}
		l.mu.Lock()
		s.sums = sums
		l.mu.Unlock()
	}
	if err := replaceCache(l.fs, l.path(next, suffixSnapshot), l.producers.encode(next)); err != nil {
		return fmt.Errorf("store producer snapshot: %w", err)
	}
	if err := l.writeManifest(true); err != nil {
		return err
	}
	return l.removeSnapshots()
}
