package record

import (
	"errors"
	"fmt"
)

// Codec is the compression of a batch, by Kafka's number.
type Codec int8

// The codecs of Kafka's protocol.
const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

// DefaultMaxDecompressed bounds what one batch may expand to: 64 times Kafka's default max.message.bytes, far above any
// honest batch and small enough that a bomb cannot take the process down.
const DefaultMaxDecompressed = 64 << 20

// ErrTooLarge is the error of Decompress for a payload that expands beyond its limit.
var ErrTooLarge = errors.New("decompressed batch is too large")

var codecNames = [...]string{"none", "gzip", "snappy", "lz4", "zstd"}

func (c Codec) String() string {
	if c < 0 || int(c) >= len(codecNames) {
		return fmt.Sprintf("codec(%d)", int8(c))
	}
	return codecNames[c]
}

// ParseCodec reads a codec's name as Kafka's configs spell it.
func ParseCodec(s string) (Codec, error) {
	for i, n := range codecNames {
		if n == s {
			return Codec(i), nil
		}
	}
	return None, fmt.Errorf("unknown codec %q: use none, gzip, snappy, lz4 or zstd", s)
}

// Compress appends the compressed src to dst.
func Compress(dst, src []byte, c Codec) []byte {
	switch c {
	case None:
		return append(dst, src...)
	case Gzip:
		return compressGzip(dst, src)
	case Snappy:
		return compressSnappy(dst, src)
	case LZ4:
		return compressLZ4(dst, src)
	case Zstd:
		return compressZstd(dst, src)
	}
	panic("BUG: compress with " + c.String())
}

// Decompress appends the decompressed src to dst. It fails with ErrTooLarge once the result would exceed maxBytes
// (DefaultMaxDecompressed when 0 or above that), and holds no more memory than that limit meanwhile.
func Decompress(dst, src []byte, c Codec, maxBytes int) ([]byte, error) {
	if maxBytes <= 0 || maxBytes > DefaultMaxDecompressed {
		maxBytes = DefaultMaxDecompressed
	}
	n := len(dst)
	var err error
	switch c {
	case None:
		if len(src) > maxBytes {
			return dst, ErrTooLarge
		}
		return append(dst, src...), nil
	case Gzip:
		dst, err = decompressGzip(dst, src, maxBytes)
	case Snappy:
		dst, err = decompressSnappy(dst, src, maxBytes)
	case LZ4:
		dst, err = decompressLZ4(dst, src, maxBytes)
	case Zstd:
		dst, err = decompressZstd(dst, src, maxBytes)
	default:
		return dst, fmt.Errorf("unknown codec %d", int8(c))
	}
	if err != nil {
		return dst[:n], fmt.Errorf("%s: %w", c, err)
	}
	return dst, nil
}
