package kafka

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A request on the wire (https://kafka.apache.org/protocol#protocol_messages):
//
//	length          int32   bytes after this field
//	api key         int16
//	api version     int16
//	correlation id  int32
//	client id       nullable string, int16 length
//	tagged fields   only when the request's version is flexible
//	body
type header struct {
	key, version int16
	correlation  int32
	clientID     string
}

var errFrame = errors.New("bad frame")

// minFrameBytes is key, version, correlation id and the length of the client id.
const minFrameBytes = 10

// chunkBytes is what is allocated for a frame before its bytes arrive; it then doubles with what has come.
const chunkBytes = 256 << 10

// readLength reads a frame's length and looks at its API key to know the limit that holds and what the frame weighs
// against the budget.
func readLength(r *bufio.Reader, maxProduce int) (n int, weight int64, err error) {
	// Read, not Peek: a clean end between two frames is io.EOF, one inside is io.ErrUnexpectedEOF.
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return 0, 0, err
	}
	n = int(int32(binary.BigEndian.Uint32(size[:])))
	if n < minFrameBytes {
		return 0, 0, fmt.Errorf("%w: length %d is less than a header", errFrame, n)
	}
	key, err := r.Peek(2)
	if err != nil {
		return 0, 0, err
	}
	limit, weight := maxPlainFrameBytes, int64(n)*plainWeight
	if binary.BigEndian.Uint16(key) == keyProduce {
		limit, weight = maxProduce, int64(n)
	}
	if n > limit {
		return 0, 0, fmt.Errorf("%w: length %d exceeds %d", errFrame, n, limit)
	}
	return n, weight, nil
}

// readBody fills buf, which it may replace, with n bytes, growing it only as they arrive.
func readBody(r io.Reader, buf []byte, n int) ([]byte, error) {
	buf = buf[:0]
	for len(buf) < n {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(n, max(chunkBytes, 2*len(buf))))
			copy(grown, buf)
			buf = grown
		}
		start, end := len(buf), min(n, cap(buf))
		if _, err := io.ReadFull(r, buf[start:end]); err != nil {
			return buf, err
		}
		buf = buf[:end]
	}
	return buf, nil
}

// parseHeader splits a frame into its header and what follows the client id.
func parseHeader(frame []byte) (header, []byte, error) {
	if len(frame) < minFrameBytes {
		return header{}, nil, fmt.Errorf("%w: %d bytes are less than a header", errFrame, len(frame))
	}
	h := header{
		key:         int16(binary.BigEndian.Uint16(frame)),
		version:     int16(binary.BigEndian.Uint16(frame[2:])),
		correlation: int32(binary.BigEndian.Uint32(frame[4:])),
	}
	n := int(int16(binary.BigEndian.Uint16(frame[8:])))
	rest := frame[minFrameBytes:]
	if n < 0 {
		return h, rest, nil
	}
	if n > len(rest) {
		return h, nil, fmt.Errorf("%w: client id of %d bytes with %d at hand", errFrame, n, len(rest))
	}
	h.clientID = string(rest[:n])
	return h, rest[n:], nil
}

// maxTags is Kafka's own limit of tagged fields in one place.
const maxTags = 10_000

// skipTags cuts the tagged fields off a flexible header.
func skipTags(b []byte) ([]byte, error) {
	count, b, err := uvarint(b)
	if err != nil {
		return nil, err
	}
	if count > maxTags {
		return nil, fmt.Errorf("%w: %d tagged fields", errFrame, count)
	}
	for range count {
		var size uint64
		if _, b, err = uvarint(b); err != nil {
			return nil, err
		}
		if size, b, err = uvarint(b); err != nil {
			return nil, err
		}
		if size > uint64(len(b)) {
			return nil, fmt.Errorf("%w: tagged field of %d bytes with %d at hand", errFrame, size, len(b))
		}
		b = b[size:]
	}
	return b, nil
}

func uvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, fmt.Errorf("%w: bad varint", errFrame)
	}
	return v, b[n:], nil
}

// decode reads the body into a request of its kind.
func decode(h header, body []byte) (kmsg.Request, error) {
	req := kmsg.RequestForKey(h.key)
	if req == nil {
		return nil, fmt.Errorf("%w: unknown api key %d", errFrame, h.key)
	}
	req.SetVersion(h.version)
	if req.IsFlexible() {
		var err error
		if body, err = skipTags(body); err != nil {
			return nil, err
		}
	}
	if err := req.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("%w: %s v%d: %w", errFrame, kmsg.NameForKey(h.key), h.version, err)
	}
	return req, nil
}
