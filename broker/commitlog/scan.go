package commitlog

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// scanBytes is read at once while looking for a batch: two index intervals, so that a search costs one or two reads.
const scanBytes = 8 << 10

var scanBuffers = sync.Pool{New: func() any { b := make([]byte, scanBytes); return &b }}

// headers walks the batch headers of a file range without reading the batches. Use it, then free it.
type headers struct {
	f   vfs.File
	end int64 // where the file's batches end
	buf *[]byte
	pos int64 // file position of buf
	n   int   // bytes in buf
}

func scanHeaders(f vfs.File, end int64) headers {
	return headers{f: f, end: end, buf: scanBuffers.Get().(*[]byte), pos: -1}
}

func (h *headers) free() { scanBuffers.Put(h.buf) }

// at gives the header of the batch at pos, valid until the next call. Only the header's bytes are there.
func (h *headers) at(pos int64) (record.Batch, error) {
	if h.pos < 0 || pos < h.pos || pos+record.HeaderBytes > h.pos+int64(h.n) {
		n, err := h.f.ReadAt((*h.buf)[:min(int64(len(*h.buf)), max(h.end-pos, 0))], pos)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		h.pos, h.n = pos, n
	}
	if pos+record.HeaderBytes > h.pos+int64(h.n) {
		return nil, fmt.Errorf("%w: %d bytes left are less than a header", record.ErrCorrupt, h.end-pos)
	}
	b := record.Batch((*h.buf)[pos-h.pos:][:record.HeaderBytes])
	if n := int64(b.Size()); n < record.HeaderBytes || n > h.end-pos || b.Magic() != 2 {
		return nil, fmt.Errorf("%w: length %d, magic %d with %d bytes left", record.ErrCorrupt, n, b.Magic(), h.end-pos)
	}
	return b, nil
}

// readBatch reads the whole batch at pos into buf, grown as needed.
func readBatch(f vfs.File, pos int64, n int, buf []byte) (record.Batch, error) {
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if m, err := f.ReadAt(buf, pos); m < n {
		return nil, fmt.Errorf("read batch at byte %d: %w", pos, noEOF(err))
	}
	return record.Batch(buf), nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
