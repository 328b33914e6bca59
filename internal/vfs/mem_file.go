package vfs

import (
	"errors"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
)

// pageBytes is the unit in which a file's bytes are kept: growing a segment never copies more than one page, and a
// small file pays for what it holds, because the first page grows like any slice.
const pageBytes = 64 << 10

// memFile is an open file; several may share one memData.
type memFile struct {
	fs       *Mem
	name     string
	data     *memData
	writable bool
	closed   atomic.Bool
}

func (f *memFile) check(kind OpKind, write bool) error {
	if f.closed.Load() {
		return fs.ErrClosed
	}
	if write && !f.writable {
		return fs.ErrPermission
	}
	return f.fs.faults.before(kind, f.name)
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.check(OpRead, false); err != nil {
		return 0, pathError("read", f.name, err)
	}
	if off < 0 {
		return 0, pathError("read", f.name, fs.ErrInvalid)
	}
	return f.data.readAt(b, off)
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.moment.RLock()
	defer f.fs.moment.RUnlock()
	err := f.check(OpWrite, true)
	if off < 0 {
		err = fs.ErrInvalid
	}
	var short *ShortWriteError
	if errors.As(err, &short) {
		n := min(short.N, len(b))
		f.data.writeAt(b[:n], off)
		return n, pathError("write", f.name, err)
	}
	if err != nil {
		return 0, pathError("write", f.name, err)
	}
	f.data.writeAt(b, off)
	return len(b), nil
}

func (f *memFile) Close() error {
	if f.closed.Swap(true) {
		return pathError("close", f.name, fs.ErrClosed)
	}
	return nil
}

func (f *memFile) Size() (int64, error) {
	if err := f.check(OpRead, false); err != nil {
		return 0, pathError("size", f.name, err)
	}
	return f.data.size(), nil
}

func (f *memFile) Truncate(size int64) error {
	f.fs.moment.RLock()
	defer f.fs.moment.RUnlock()
	if err := f.check(OpTruncate, true); err != nil {
		return pathError("truncate", f.name, err)
	}
	if size < 0 {
		return pathError("truncate", f.name, fs.ErrInvalid)
	}
	f.data.truncate(size)
	return nil
}

func (f *memFile) Sync() error {
	f.fs.moment.RLock()
	defer f.fs.moment.RUnlock()
	if err := f.check(OpSync, false); err != nil {
		return pathError("sync", f.name, err)
	}
	f.data.sync()
	return nil
}

func (f *memFile) Fd() (uintptr, bool) { return 0, false }

// memData is a file's content: what is written, what is synced, and the changes between the two.
type memData struct {
	crashable bool
	mu        struct {
		sync.RWMutex
		bytes   pages
		synced  pages
		pending []change // oldest first; only when crashable
	}
}

// change is one write or (data nil) one truncation that no Sync covered.
type change struct {
	pos  int64
	data []byte
}

func (d *memData) size() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.mu.bytes.size
}

func (d *memData) readAt(b []byte, off int64) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.mu.bytes.readAt(b, off)
}

func (d *memData) writeAt(b []byte, off int64) {
	if len(b) == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.bytes.writeAt(b, off)
	if d.crashable {
		d.mu.pending = append(d.mu.pending, change{pos: off, data: append([]byte(nil), b...)})
	}
}

func (d *memData) truncate(size int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.bytes.truncate(size)
	if d.crashable {
		d.mu.pending = append(d.mu.pending, change{pos: size})
	}
}

// sync replays the changes onto the synced copy, which costs as much as the writes did and leaves the two apart.
func (d *memData) sync() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.mu.pending {
		d.mu.synced.apply(c)
	}
	d.mu.pending = nil
}

// pages is a growing byte array. Every page but the last has pageBytes.
type pages struct {
	list [][]byte
	size int64
}

func (p *pages) apply(c change) {
	if c.data == nil {
		p.truncate(c.pos)
		return
	}
	p.writeAt(c.data, c.pos)
}

func (p *pages) readAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) && off < p.size {
		c := copy(b[n:], p.list[off/pageBytes][off%pageBytes:])
		n, off = n+c, off+int64(c)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (p *pages) writeAt(b []byte, off int64) {
	p.grow(off)
	if off == p.size {
		p.append(b)
		return
	}
	for len(b) > 0 && off < p.size {
		c := copy(p.list[off/pageBytes][off%pageBytes:], b)
		b, off = b[c:], off+int64(c)
	}
	p.append(b)
}

func (p *pages) append(b []byte) {
	for len(b) > 0 {
		if p.size%pageBytes == 0 {
			var page []byte
			if p.size > 0 { // no longer a small file
				page = make([]byte, 0, pageBytes)
			}
			p.list = append(p.list, page)
		}
		last := len(p.list) - 1
		n := min(len(b), pageBytes-len(p.list[last]))
		p.list[last] = append(p.list[last], b[:n]...)
		b, p.size = b[n:], p.size+int64(n)
	}
}

// grow fills with zeros up to size, as a file with a hole reads.
func (p *pages) grow(size int64) {
	var zeros [4096]byte
	for p.size < size {
		p.append(zeros[:min(size-p.size, int64(len(zeros)))])
	}
}

func (p *pages) truncate(size int64) {
	if size >= p.size {
		p.grow(size)
		return
	}
	p.list = p.list[:(size+pageBytes-1)/pageBytes]
	if rest := size % pageBytes; rest != 0 {
		last := len(p.list) - 1
		p.list[last] = append([]byte(nil), p.list[last][:rest]...)
	}
	p.size = size
}

func (p *pages) clone() pages {
	out := pages{size: p.size, list: make([][]byte, len(p.list))}
	for i, page := range p.list {
		out.list[i] = append([]byte(nil), page...)
	}
	return out
}
