package commitlog

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// verifyBytes is read at once by recovery and Check: large enough for the disk, small enough for many logs at once.
const verifyBytes = 256 << 10

// crcPos is where the bytes that a batch's CRC covers begin: at the attributes.
const crcPos = 21

// verifier reads a file of batches from front to back and checks every CRC, in fixed memory whatever a length says.
type verifier struct {
	f      vfs.File
	size   int64
	sparse int64  // a batch that begins below it may leave offsets out before it
	buf    []byte // window of the file
	pos    int64  // file position of buf
	head   [record.HeaderBytes]byte
}

func newVerifier(f vfs.File, size, sparse int64) *verifier {
	return &verifier{f: f, size: size, sparse: sparse, buf: make([]byte, 0, min(size, verifyBytes))}
}

// window gives the file's bytes from pos on, at least n of them or what the file has.
func (v *verifier) window(pos int64, n int) ([]byte, error) {
	if have := v.pos + int64(len(v.buf)) - pos; pos < v.pos || have < int64(n) {
		m, err := v.f.ReadAt(v.buf[:cap(v.buf)], pos)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		v.buf, v.pos = v.buf[:m], pos
	}
	return v.buf[pos-v.pos:], nil
}

// next checks the batch at pos, which must begin at offset base (or behind it where compaction was), and gives its header, valid until the next call. A
// batch that makes no sense is record.ErrCorrupt; another error is the file's.
func (v *verifier) next(pos, base int64) (record.Batch, error) {
	w, err := v.window(pos, record.HeaderBytes)
	if err != nil {
		return nil, err
	}
	if len(w) < record.HeaderBytes {
		return nil, fmt.Errorf("%w: %d bytes are less than a header", record.ErrCorrupt, len(w))
	}
	copy(v.head[:], w)
	b := record.Batch(v.head[:])
	n := int64(b.Size())
	switch {
	case n < record.HeaderBytes || n > v.size-pos:
		return nil, fmt.Errorf("%w: length %d with %d bytes left", record.ErrCorrupt, n, v.size-pos)
	case b.Magic() != 2:
		return nil, fmt.Errorf("%w: magic %d, want 2", record.ErrCorrupt, b.Magic())
	case b.BaseOffset() < base || b.BaseOffset() > base && b.BaseOffset() >= v.sparse:
		return nil, fmt.Errorf("%w: base offset %d, want %d", record.ErrCorrupt, b.BaseOffset(), base)
	}
	crc := uint32(0)
	for p, end := pos+crcPos, pos+n; p < end; {
		w, err := v.window(p, 1)
		if err != nil {
			return nil, err
		}
		if len(w) == 0 {
			return nil, fmt.Errorf("%w: the file ends inside the batch", record.ErrCorrupt)
		}
		w = w[:min(int64(len(w)), end-p)]
		crc = crc32.Update(crc, castagnoli, w)
		p += int64(len(w))
	}
	if crc != b.CRC() {
		return nil, fmt.Errorf("%w: CRC-32C is %08x, header says %08x", record.ErrCorrupt, crc, b.CRC())
	}
	if b.LastOffsetDelta() < 0 {
		return nil, fmt.Errorf("%w: last offset delta %d", record.ErrCorrupt, b.LastOffsetDelta())
	}
	return b, nil
}
