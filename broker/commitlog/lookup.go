package commitlog

import (
	"fmt"

	"github.com/weirhub/weir/internal/record"
)

// OffsetForTime is the first record below the offset below whose timestamp is ms or more; ok is false when there is
// none. It looks inside batches. (ListOffsets with a timestamp.)
func (l *Log) OffsetForTime(ms, below int64) (offset, timestamp int64, ok bool, err error) {
	start := l.StartOffset()
	for from := start; from < below; {
		v, found, err := l.view(func() *segment {
			for s := l.holding(from); s != nil; s = l.holding(s.next) {
				if s.maxTime >= ms {
					return s
				}
			}
			return nil
		})
		if err != nil {
			return 0, 0, false, fmt.Errorf("find time in %s: %w", l.dir, err)
		}
		if !found {
			return 0, 0, false, nil
		}
		offset, timestamp, err = v.findTime(ms, start, below)
		from = v.next
		v.free()
		if err != nil {
			return 0, 0, false, fmt.Errorf("find time in %s: %w", l.dir, v.corrupt(err))
		}
		if offset >= 0 {
			return offset, timestamp, true, nil
		}
	}
	return 0, 0, false, nil
}

// findTime is the first record of the segment from start on and below below with the timestamp, offset -1 when there
// is none.
func (v *view) findTime(ms, start, below int64) (offset, timestamp int64, err error) {
	h := scanHeaders(v.file.f, v.size)
	defer h.free()
	for pos := v.idx.timePosition(ms); pos < v.size; {
		b, err := h.at(pos)
		if err != nil {
			return -1, -1, err
		}
		if b.BaseOffset() >= below {
			break
		}
		n := b.Size()
		if b.MaxTimestamp() >= ms && b.LastOffset() >= start {
			offset, timestamp, err := v.inBatch(pos, n, func(r *record.Record) bool { return r.Timestamp >= ms && r.Offset >= start })
			if err != nil {
				return -1, -1, err
			}
			if offset >= 0 && offset < below {
				return offset, timestamp, nil
			}
		}
		pos += int64(n)
	}
	return -1, -1, nil
}

// inBatch is the first record of the batch that is wanted. The records of a batch that cannot be decoded are unknown
// (nothing is decompressed when it is produced): its header must do.
func (v *view) inBatch(pos int64, n int, want func(*record.Record) bool) (offset, timestamp int64, err error) {
	b, err := readBatch(v.file.f, pos, n, nil)
	if err != nil {
		return -1, -1, err
	}
	var r record.Reader
	var rec record.Record
	if err := r.Reset(b, 0); err != nil {
		return b.BaseOffset(), b.MaxTimestamp(), nil //nolint:nilerr // see above
	}
	for r.Next(&rec) {
		if want(&rec) {
			return rec.Offset, rec.Timestamp, nil
		}
	}
	if r.Err() != nil {
		return b.BaseOffset(), b.MaxTimestamp(), nil
	}
	return -1, -1, nil
}

// MaxTimestamp is the record below the offset below with the largest timestamp, the first of them; both are -1 when
// there is none. (ListOffsets -3.)
func (l *Log) MaxTimestamp(below int64) (offset, timestamp int64, err error) {
	l.mu.Lock()
	start := l.mu.start
	var best *segment
	for _, s := range l.mu.segments {
		if s.base < below && s.next > start && s.maxTime >= 0 && (best == nil || s.maxTime > best.maxTime) {
			best = s
		}
	}
	whole := best != nil && best.maxAt < below && best.base >= start
	l.mu.Unlock()
	if best == nil {
		return -1, -1, nil
	}
	if whole {
		return l.firstAt(best, start, below)
	}
	// The largest timestamp may lie outside of the range: read the headers of what is inside.
	offset, timestamp = -1, -1
	for from := start; from < below; {
		v, ok, err := l.view(func() *segment { return l.holding(from) })
		if err != nil || !ok {
			return offset, timestamp, err
		}
		o, t, err := v.maxTimestamp(start, below)
		from = v.next
		v.free()
		if err != nil {
			return -1, -1, fmt.Errorf("find largest time in %s: %w", l.dir, v.corrupt(err))
		}
		if o >= 0 && t > timestamp {
			offset, timestamp = o, t
		}
	}
	return offset, timestamp, nil
}

func (l *Log) firstAt(s *segment, start, below int64) (offset, timestamp int64, err error) {
	v, ok, err := l.view(func() *segment { return l.holding(s.base) })
	if err != nil || !ok {
		return -1, -1, err
	}
	defer v.free()
	offset, timestamp, err = v.findTime(v.maxTime, start, below)
	if err != nil {
		return -1, -1, fmt.Errorf("find largest time in %s: %w", l.dir, v.corrupt(err))
	}
	return offset, timestamp, nil
}

// maxTimestamp reads the headers of the range, and the records of the batches that lie in it only in part.
func (v *view) maxTimestamp(start, below int64) (offset, timestamp int64, err error) {
	h := scanHeaders(v.file.f, v.size)
	defer h.free()
	offset, timestamp = -1, -1
	bestPos, bestSize := int64(-1), 0
	for pos := v.idx.position(max(start-v.base, 0)); pos < v.size; {
		b, err := h.at(pos)
		if err != nil {
			return -1, -1, err
		}
		if b.BaseOffset() >= below {
			break
		}
		n := b.Size()
		switch {
		case b.LastOffset() < start || b.MaxTimestamp() <= timestamp:
		case b.BaseOffset() >= start && b.LastOffset() < below:
			offset, timestamp, bestPos, bestSize = b.BaseOffset(), b.MaxTimestamp(), pos, n
		default:
			_, _, err = v.inBatch(pos, n, func(r *record.Record) bool {
				if r.Offset >= start && r.Offset < below && r.Timestamp > timestamp {
					offset, timestamp, bestPos = r.Offset, r.Timestamp, -1
				}
				return false
			})
			if err != nil {
				return -1, -1, err
			}
		}
		pos += int64(n)
	}
	if bestPos < 0 {
		return offset, timestamp, nil
	}
	return v.inBatch(bestPos, bestSize, func(r *record.Record) bool { return r.Timestamp >= timestamp })
}

// AbortedTxns lists the aborted transactions that reach into the offsets from inclusive to to exclusive: what a
// read_committed consumer needs to leave out their records.
func (l *Log) AbortedTxns(from, to int64) []AbortedTxn {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []AbortedTxn
	for s := l.holding(from); s != nil; s = l.holding(s.next) {
		for _, t := range s.aborted {
			if t.LastOffset >= from && t.FirstOffset < to {
				out = append(out, t)
			}
			if t.StableOffset >= to {
				return out
			}
		}
	}
	return out
}
