package record

import (
	"bytes"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
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
	comp := compressors[c]
	var buf bytes.Buffer
	out, _ := comp.Compress(&buf, src)
	return append(dst, out...)
}

var compressors = func() (out [5]kgo.Compressor) {
	for c, codec := range map[Codec]kgo.CompressionCodec{
		Gzip: kgo.GzipCompression(), Snappy: kgo.SnappyCompression(), LZ4: kgo.Lz4Compression(), Zstd: kgo.ZstdCompression(),
	} {
		comp, err := kgo.DefaultCompressor(codec)
		if err != nil {
			panic("BUG: compressor: " + err.Error())
		}
		out[c] = comp
	}
	return out
}()

// Decompress appends the decompressed src to dst and fails once the result would exceed maxBytes
// (DefaultMaxDecompressed when 0).
func Decompress(dst, src []byte, c Codec, maxBytes int) ([]byte, error) {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxDecompressed
	}
	out, err := decompressor.Decompress(src, kgo.CompressionCodecType(c))
	if err != nil {
		return dst, err
	}
	if len(out) > maxBytes {
		return dst, fmt.Errorf("decompressed batch exceeds %d bytes", maxBytes)
	}
	return append(dst, out...), nil
}

var decompressor = kgo.DefaultDecompressor()
