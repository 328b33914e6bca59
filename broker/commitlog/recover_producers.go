package commitlog

import (
	"fmt"
	"slices"
)

// recoverProducers loads the newest good snapshot and replays the rest of the log; all of it when a transaction index
// is missing or damaged.
func (l *Log) recoverProducers(snapshots []int64) error {
	if n := len(snapshots); n > 0 && snapshots[n-1] > l.mu.next {
		// An interrupted TruncateTo left it. Once the log has grown past it again it would pass for a good one.
		if err := l.removeSnapshotsAbove(l.mu.next); err != nil {
			return err
		}
		if err := l.fs.SyncDir(l.dir); err != nil {
			return err
		}
	}
	from, whole := int64(0), false
	for _, s := range l.mu.segments {
		if !s.stored {
			continue
		}
		var err error
		if s.aborted, err = l.readTxns(s.meta); err != nil {
			whole = true
		}
	}
	// The aborted transactions of a segment whose transaction index is not stored come from its batches as well, so the
	// replay begins at its base or before.
	limit := l.mu.next
	for _, s := range slices.Backward(l.mu.segments) {
		if s.stored {
			break
		}
		limit = s.base
	}
	state := &ProducerState{}
	for _, offset := range slices.Backward(snapshots) {
		if whole || offset > limit {
			continue
		}
		if s, err := l.readSnapshot(offset); err == nil {
			state, from = s, offset
			break
		}
	}
	l.producers.replace(state)
	for _, s := range l.mu.segments {
		if s.next <= from {
			continue
		}
		if whole {
			s.aborted = nil
		}
		if err := l.replay(s, from, whole || !s.stored); err != nil {
			return err
		}
		if whole && s.stored {
			l.restoreTxns(s)
		}
	}
	l.producers.flushedTo(l.mu.next)
	return nil
}

// restoreTxns writes a rebuilt transaction index. It may fail: the next Open rebuilds it again.
func (l *Log) restoreTxns(s *segment) {
	b := encodeTxns(s.aborted)
	s.sums.txns = checksum(b)
	if len(b) > 0 && replaceFile(l.fs, l.path(s.base, suffixTxn), b) != nil {
		s.sums.txns = 0
	}
}

// replay feeds the producer state with the segment's batches from the offset on.
func (l *Log) replay(s *segment, from int64, collect bool) error {
	f, err := l.fs.Open(l.path(s.base, suffixLog))
	if err != nil {
		return err
	}
	defer f.Close()
	h := scanHeaders(f, s.size)
	defer h.free()
	for pos := int64(0); pos < s.size; {
		b, err := h.at(pos)
		if err != nil {
			return &CorruptError{File: fileName(s.base, suffixLog), Pos: pos, Offset: s.base, Cause: err}
		}
		n := b.Size()
		if b.BaseOffset() >= from && b.ProducerID() >= 0 {
			if b.Control() {
				if b, err = readBatch(f, pos, n, nil); err != nil {
					return err
				}
			}
			if aborted := l.producers.update(b, s.appended); aborted != nil && collect {
				s.aborted = append(s.aborted, *aborted)
			}
		}
		pos += int64(n)
	}
	return nil
}

func (l *Log) readSnapshot(offset int64) (*ProducerState, error) {
	b, err := readFile(l.fs, l.path(offset, suffixSnapshot))
	if err != nil {
		return nil, err
	}
	return decodeSnapshot(b, offset)
}

func (l *Log) readTxns(s meta) ([]AbortedTxn, error) {
	if s.sums.txns == 0 {
		return nil, nil
	}
	b, err := readFile(l.fs, l.path(s.base, suffixTxn))
	if err != nil {
		return nil, err
	}
	if got := checksum(b); got != s.sums.txns {
		return nil, fmt.Errorf("transaction index of segment %d: CRC-32C is %08x, want %08x", s.base, got, s.sums.txns)
	}
	return decodeTxns(b)
}

// removeSnapshots keeps the newest two, the second for the case that the first is damaged, and the newest that recovery
// can use after a crash: one at or below the base of the last segment.
func (l *Log) removeSnapshots() error {
	names, err := l.fs.List(l.dir)
	if err != nil {
		return err
	}
	l.mu.Lock()
	base := l.mu.next
	if s := l.last(); s != nil {
		base = s.base
	}
	l.mu.Unlock()
	offsets := basesOf(names, suffixSnapshot)
	usable := len(offsets) - 1
	for usable > 0 && offsets[usable] > base {
		usable--
	}
	for i, offset := range offsets {
		if i == usable || i >= len(offsets)-keptSnapshots {
			continue
		}
		if err := l.fs.Remove(l.path(offset, suffixSnapshot)); err != nil {
			return err
		}
	}
	return nil
}

const keptSnapshots = 2
