package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// sliceWriter appends what is written to it.
type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// mustNot is for writers that can fail only when their destination does, and ours is memory.
func mustNot(err error) {
	if err != nil {
		panic("BUG: compress into memory: " + err.Error())
	}
}

// readAll appends what r has to dst, at most maxBytes.
func readAll(dst []byte, r io.Reader, sizeHint, maxBytes int) ([]byte, error) {
	start := len(dst)
	dst = slices.Grow(dst, min(max(sizeHint, 512), maxBytes)+1)
	for idle := 0; idle < maxEmptyReads; {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, 1)
		}
		// One byte more than the limit tells an end from an excess.
		room := dst[len(dst):min(cap(dst), start+maxBytes+1)]
		n, err := r.Read(room)
		dst = dst[:len(dst)+n]
		if n == 0 {
			idle++
		}
		if len(dst)-start > maxBytes {
			return dst, ErrTooLarge
		}
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, io.ErrNoProgress
}

// maxEmptyReads ends a decoder that neither yields nor fails: bufio's number.
const maxEmptyReads = 100

// typicalRatio is the first guess at how far a payload expands; it only saves growing.
const typicalRatio = 4

var gzipWriters = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compressGzip(dst, src []byte) []byte {
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	out := sliceWriter{dst}
	w.Reset(&out)
	_, err := w.Write(src)
	mustNot(err)
	mustNot(w.Close())
	return out.b
}

// gzipReader is a decoder with the reader of its input, pooled together.
type gzipReader struct {
	src bytes.Reader
	r   gzip.Reader
}

var gzipReaders = sync.Pool{New: func() any { return new(gzipReader) }}

func decompressGzip(dst, src []byte, maxBytes int) ([]byte, error) {
	r := gzipReaders.Get().(*gzipReader)
	defer gzipReaders.Put(r)
	r.src.Reset(src)
	defer r.src.Reset(nil)
	if err := r.r.Reset(&r.src); err != nil {
		return dst, noEOF(err)
	}
	return readAll(dst, &r.r, typicalRatio*len(src), maxBytes)
}

// noEOF: an input that ends too early is damaged, not empty.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// compressSnappy writes one raw block, as librdkafka and franz-go do; every client reads it.
func compressSnappy(dst, src []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(src)))
	out := s2.EncodeSnappy(dst[n:cap(dst)], src)
	return dst[:n+len(out)]
}

// xerialMagic begins the framing of snappy-java, which Java clients write: magic, version int32, compatible version
// int32, then blocks, each with its length as int32.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeaderBytes = 16

func decompressSnappy(dst, src []byte, maxBytes int) ([]byte, error) {
	if !bytes.HasPrefix(src, xerialMagic) {
		return decodeSnappyBlock(dst, src, maxBytes)
	}
	if len(src) < xerialHeaderBytes {
		return dst, io.ErrUnexpectedEOF
	}
	start := len(dst)
	for src = src[xerialHeaderBytes:]; len(src) > 0; {
		if len(src) < 4 {
			return dst, io.ErrUnexpectedEOF
		}
		n := binary.BigEndian.Uint32(src)
		if int64(n) > int64(len(src)-4) {
			return dst, io.ErrUnexpectedEOF
		}
		var err error
		if dst, err = decodeSnappyBlock(dst, src[4:4+n], maxBytes-(len(dst)-start)); err != nil {
			return dst, err
		}
		src = src[4+n:]
	}
	return dst, nil
}

func decodeSnappyBlock(dst, block []byte, maxBytes int) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return dst, err
	}
	if n > maxBytes {
		return dst, ErrTooLarge
	}
	at := len(dst)
	dst = slices.Grow(dst, n)
	out, err := s2.Decode(dst[at:at+n], block)
	if err != nil {
		return dst, err
	}
	return dst[:at+len(out)], nil
}

// lz4Writers use blocks of 64 KiB: the library's default of 4 MiB is allocated per writer and helps only batches that
// large.
var lz4Writers = sync.Pool{New: func() any {
	w := lz4.NewWriter(nil)
	mustNot(w.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ConcurrencyOption(1)))
	return w
}}

func compressLZ4(dst, src []byte) []byte {
	w := lz4Writers.Get().(*lz4.Writer)
	defer lz4Writers.Put(w)
	out := sliceWriter{dst}
	w.Reset(&out)
	_, err := w.Write(src)
	mustNot(err)
	mustNot(w.Close())
	return out.b
}

type lz4Reader struct {
	src bytes.Reader
	r   *lz4.Reader
}

var lz4Readers = sync.Pool{New: func() any {
	r := &lz4Reader{}
	r.r = lz4.NewReader(&r.src)
	return r
}}

func decompressLZ4(dst, src []byte, maxBytes int) ([]byte, error) {
	r := lz4Readers.Get().(*lz4Reader)
	defer lz4Readers.Put(r)
	r.src.Reset(src)
	defer r.src.Reset(nil)
	r.r.Reset(&r.src)
	dst, err := readAll(dst, r.r, typicalRatio*len(src), maxBytes)
	return dst, err
}

// zstdWindow bounds an encoder's memory. A batch is seldom larger, and Kafka's own level 3 has a window of 2 MiB only
// for input of that size.
const zstdWindow = 256 << 10

var zstdEncoders = sync.Pool{New: func() any {
	w, err := zstd.NewWriter(nil, zstd.WithWindowSize(zstdWindow), zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true),
		zstd.WithLowerEncoderMem(true))
	mustNot(err)
	return w
}}

func compressZstd(dst, src []byte) []byte {
	w := zstdEncoders.Get().(*zstd.Encoder)
	defer zstdEncoders.Put(w)
	return w.EncodeAll(src, dst)
}

// A decoder of concurrency 1 starts no goroutine, so the pool may drop it without closing it.
type zstdDecoder struct {
	src bytes.Reader
	r   *zstd.Decoder
}

var zstdDecoders = sync.Pool{New: func() any {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(DefaultMaxDecompressed))
	if err != nil {
		panic("BUG: zstd decoder: " + err.Error())
	}
	return &zstdDecoder{r: r}
}}

func decompressZstd(dst, src []byte, maxBytes int) ([]byte, error) {
	d := zstdDecoders.Get().(*zstdDecoder)
	defer zstdDecoders.Put(d)
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return dst, noEOF(err)
	}
	if h.HasFCS && h.FrameContentSize > uint64(maxBytes) {
		return dst, ErrTooLarge
	}
	if h.HasFCS && h.FirstBlock.OK && len(dst) == 0 {
		// The size is known and within the limit; several frames are within the decoder's own limit.
		out, err := d.r.DecodeAll(src, dst)
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) || err == nil && len(out) > maxBytes {
			err = ErrTooLarge
		}
		return out, err
	}
	d.src.Reset(src)
	defer d.src.Reset(nil)
	if err := d.r.Reset(&d.src); err != nil {
		return dst, noEOF(err)
	}
	out, err := readAll(dst, d.r, typicalRatio*len(src), maxBytes)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = ErrTooLarge
	}
	return out, err
}
