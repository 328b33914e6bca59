package commitlog

import (
	"errors"
	"fmt"

	"github.com/weirhub/weir/internal/record"
)

// Check reads the whole log and reports everything that breaks an invariant, joined. Appends made meanwhile are not
// looked at.
func (l *Log) Check() error {
	l.slow.Lock() // no deletion under our feet
	defer l.slow.Unlock()
	l.mu.Lock()
	if l.mu.closed {
		l.mu.Unlock()
		return fmt.Errorf("check %s: %w", l.dir, ErrClosed)
	}
	segments := append([]*segment(nil), l.mu.segments...)
	start, next, flushed, sparse := l.mu.start, l.mu.next, l.mu.flushed, l.mu.sparse
	errs := []error{l.mu.offline, l.mu.sealErr}
	l.mu.Unlock()

	if flushed > next || start > flushed {
		errs = append(errs, fmt.Errorf("start %d, durable to %d and next %d are out of order", start, flushed, next))
	}
	if len(segments) == 0 && start != next {
		errs = append(errs, fmt.Errorf("no segment holds offsets %d to %d", start, next))
	}
	for i, s := range segments {
		if i > 0 && s.base != segments[i-1].next {
			errs = append(errs, fmt.Errorf("segment %d follows one that ends at %d", s.base, segments[i-1].next))
		}
		if i < len(segments)-1 && !s.sealed {
			errs = append(errs, fmt.Errorf("segment %d takes appends and is not the last", s.base))
		}
		errs = append(errs, l.checkSegment(s, sparse))
	}
	if len(segments) > 0 && (segments[0].base > start || segments[0].next < start) {
		errs = append(errs, fmt.Errorf("the first segment holds %d to %d, the log starts at %d", segments[0].base, segments[0].next, start))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("check %s: %w", l.dir, err)
	}
	return nil
}

// checkSegment reads one segment and compares its index with the batches.
func (l *Log) checkSegment(s *segment, sparse int64) error {
	v, ok, err := l.view(func() *segment { return s })
	if err != nil || !ok {
		return err
	}
	defer v.free()
	size, err := v.file.f.Size()
	if err != nil {
		return err
	}
	if size < v.size {
		return fmt.Errorf("segment %d: the file has %d bytes, want %d", v.base, size, v.size)
	}
	want := newSegment(v.base)
	at := map[int64]int64{} // position -> last offset of the batch there
	ver := newVerifier(v.file.f, v.size, sparse)
	for want.size < v.size {
		b, err := ver.next(want.size, want.next)
		if errors.Is(err, record.ErrCorrupt) {
			return &CorruptError{File: fileName(v.base, suffixLog), Pos: want.size, Offset: want.next, Cause: err}
		}
		if err != nil {
			return err
		}
		at[want.size] = b.LastOffset()
		want.add(b, int(v.size)+1) // no index entries
	}
	if want.next != v.next || want.maxTime != v.maxTime || want.maxAt != v.maxAt {
		return fmt.Errorf("segment %d: ends at %d with largest time %d at %d, expected %d, %d, %d",
			v.base, want.next, want.maxTime, want.maxAt, v.next, v.maxTime, v.maxAt)
	}
	for i, e := range v.idx.offsets {
		if last, ok := at[int64(e.pos)]; !ok || last != v.base+int64(e.rel) {
			return fmt.Errorf("segment %d: index entry %d says that byte %d ends with offset %d", v.base, i, e.pos, v.base+int64(e.rel))
		}
	}
	return nil
}
