package commitlog

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// Slice is a range of whole batches of one segment. It stays readable until Release, also when retention deletes the
// segment meanwhile. The zero value is empty.
type Slice struct {
	file *fileRef
	pos  int64
	n    int
	base int64
}

// Len is the number of bytes.
func (s *Slice) Len() int { return s.n }

// BaseOffset is the base offset of the first batch; -1 of an empty slice.
func (s *Slice) BaseOffset() int64 {
	if s.n == 0 {
		return -1
	}
	return s.base
}

// File is where the bytes lie, for sendfile with an explicit offset; ok is false for an empty slice.
func (s *Slice) File() (f vfs.File, pos int64, n int, ok bool) {
	if s.n == 0 {
		return nil, 0, 0, false
	}
	return s.file.f, s.pos, s.n, true
}

// Bytes reads the batches into buf, or into a fresh buffer where buf is too small.
func (s *Slice) Bytes(buf []byte) ([]byte, error) {
	if s.n == 0 {
		return buf[:0], nil
	}
	b, err := readBatch(s.file.f, s.pos, s.n, buf)
	return b, err
}

// Each calls f for each batch. The batches are views of one buffer that nobody reuses: f may keep them.
func (s *Slice) Each(f func(record.Batch) error) error {
	b, err := s.Bytes(nil)
	if err != nil {
		return err
	}
	for len(b) > 0 {
		var first record.Batch
		if first, b, err = record.Split(b); err != nil {
			return err
		}
		if err := f(first); err != nil {
			return err
		}
	}
	return nil
}

// Release gives the file back; the slice is empty afterwards.
func (s *Slice) Release() {
	s.file.release()
	*s = Slice{}
}

// maxCold is how many closed segments of one log keep their file and index open: one for a consumer that reads from the
// start and one for another that is elsewhere; more would only add up over thousands of partitions.
const maxCold = 2

// view is what a reader needs of a segment, copied under mu. Free it.
type view struct {
	meta
	idx  index
	file *fileRef
}

func (v *view) free() { v.file.release() }

// view picks a segment under mu and makes sure that its file is open and its index in memory. ok is false when pick
// gives nil.
func (l *Log) view(pick func() *segment) (v view, ok bool, err error) {
	for {
		l.mu.Lock()
		if l.mu.closed {
			l.mu.Unlock()
			return view{}, false, ErrClosed
		}
		s := pick()
		if s == nil {
			l.mu.Unlock()
			return view{}, false, nil
		}
		if s.file != nil && s.idx != nil {
			l.touch(s)
			v = view{meta: s.meta, idx: *s.idx, file: s.file.retain()}
			l.mu.Unlock()
			return v, true, nil
		}
		l.mu.Unlock()
		if err := l.loadSegment(s); err != nil {
			return view{}, false, err
		}
	}
}

// loadSegment opens the file of a segment and loads its index without holding mu.
func (l *Log) loadSegment(s *segment) error {
	l.load.Lock()
	defer l.load.Unlock()
	l.mu.Lock()
	m, interval := s.meta, l.mu.o.IndexIntervalBytes
	// A segment that compaction has replaced is not looked at: its name leads to the new file.
	done := s.file != nil && s.idx != nil || !slices.Contains(l.mu.segments, s)
	l.mu.Unlock()
	if done {
		return nil
	}
	f, err := l.fs.OpenReadWrite(l.path(m.base, suffixLog))
	var idx *index
	if err == nil {
		if idx, err = l.loadIndex(m, f, interval); err != nil {
			f.Close()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := l.mu.closed || !slices.Contains(l.mu.segments, s)
	if err != nil {
		if gone && errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile: the caller picks again
		}
		return err
	}
	if gone || s.file != nil && s.idx != nil {
		return f.Close()
	}
	if s.file == nil {
		s.file = newFileRef(f)
	} else {
		f.Close()
	}
	if s.idx == nil {
		s.idx = idx
	}
	return nil
}

// loadIndex reads the index files, or builds the index anew from the batch headers when they are not what was written.
func (l *Log) loadIndex(m meta, f vfs.File, interval int) (*index, error) {
	offsets, err := readFile(l.fs, l.path(m.base, suffixIndex))
	if err == nil && checksum(offsets) == m.sums.offsets {
		times, err := readFile(l.fs, l.path(m.base, suffixTime))
		if err == nil && checksum(times) == m.sums.times {
			if idx, err := decodeIndex(offsets, times, m.size); err == nil {
				return idx, nil
			}
		}
	}
	s := newSegment(m.base)
	h := scanHeaders(f, m.size)
	defer h.free()
	for s.size < m.size {
		b, err := h.at(s.size)
		if err != nil {
			return nil, &CorruptError{File: fileName(m.base, suffixLog), Pos: s.size, Offset: s.next, Cause: err}
		}
		s.add(b, interval)
	}
	return s.idx, nil
}

// touch notes that a closed segment is in use. The caller holds mu.
func (l *Log) touch(s *segment) {
	if !s.sealed {
		return
	}
	if n := len(l.mu.cold); n > 0 && l.mu.cold[n-1] == s {
		return
	}
	l.mu.cold = slices.DeleteFunc(l.mu.cold, func(o *segment) bool { return o == s })
	l.mu.cold = append(l.mu.cold, s)
	l.trimCold()
}

// trimCold closes the closed segments that were not used for longest. The caller holds mu.
func (l *Log) trimCold() {
	for i := 0; i < len(l.mu.cold) && len(l.mu.cold) > maxCold; {
		s := l.mu.cold[i]
		if !s.stored || s == l.mu.cold[len(l.mu.cold)-1] {
			i++
			continue
		}
		s.file.release()
		s.file, s.idx = nil, nil
		l.mu.cold = slices.Delete(l.mu.cold, i, i+1)
	}
}

// holding is the segment that holds the offset, or the first after it. The caller holds mu.
func (l *Log) holding(offset int64) *segment {
	i, _ := slices.BinarySearchFunc(l.mu.segments, offset, func(s *segment, o int64) int {
		if s.next <= o {
			return -1
		}
		return 1
	})
	if i == len(l.mu.segments) {
		return nil
	}
	return l.mu.segments[i]
}

// Read gives whole batches from the one that holds offset on, none whose base offset is below or more, and at most
// maxBytes of them, but the first in any case. The slice is empty at the end of the log. Release it.
func (l *Log) Read(offset int64, maxBytes int, below int64) (Slice, error) {
	l.mu.Lock()
	start, next := l.mu.start, l.mu.next
	l.mu.Unlock()
	if offset < start || offset > next {
		return Slice{}, &OffsetOutOfRangeError{Offset: offset, Start: start, End: next}
	}
	if offset == next || offset >= below {
		return Slice{}, nil
	}
	v, ok, err := l.view(func() *segment { return l.holding(offset) })
	if err != nil {
		return Slice{}, fmt.Errorf("read %s: %w", l.dir, err)
	}
	if !ok {
		return Slice{}, nil
	}
	s, err := v.slice(offset, maxBytes, below)
	if err != nil {
		v.free()
		return Slice{}, fmt.Errorf("read %s: %w", l.dir, v.corrupt(err))
	}
	if s.n == 0 {
		v.free()
	}
	return s, nil
}

func (v *view) corrupt(err error) error {
	if errors.Is(err, record.ErrCorrupt) {
		return &CorruptError{File: fileName(v.base, suffixLog), Offset: v.base, Cause: err}
	}
	return err
}

func (v *view) slice(offset int64, maxBytes int, below int64) (Slice, error) {
	h := scanHeaders(v.file.f, v.size)
	defer h.free()
	pos := v.idx.position(offset - v.base)
	b, err := h.at(pos)
	for err == nil && b.LastOffset() < offset {
		pos += int64(b.Size())
		if pos >= v.size {
			return Slice{}, nil
		}
		b, err = h.at(pos)
	}
	if err != nil || b.BaseOffset() >= below {
		return Slice{}, err
	}
	out := Slice{file: v.file, pos: pos, base: b.BaseOffset()}
	end, limit := pos+int64(b.Size()), pos+min(int64(maxBytes), v.size)
	if below >= v.next && v.size <= limit {
		out.n = int(v.size - pos)
		return out, nil
	}
	end = max(end, v.idx.last(limit, below-v.base))
	for end < v.size {
		if b, err = h.at(end); err != nil {
			return Slice{}, err
		}
		if b.BaseOffset() >= below || end+int64(b.Size()) > limit {
			break
		}
		end += int64(b.Size())
	}
	out.n = int(end - pos)
	return out, nil
}
