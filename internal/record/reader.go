package record

import (
	"encoding/binary"
	"fmt"
)

// Header is one record header. A nil Value is Kafka's null. Key is bytes: it need not be UTF-8.
type Header struct {
	Key   []byte
	Value []byte
}

// Record is one record of a batch; its byte slices are views of the batch's (decompressed) payload.
type Record struct {
	Offset    int64 // absolute
	Timestamp int64 // ms since the epoch
	Key       []byte
	Value     []byte
	// Headers are the encoded headers, without their count: see EachHeader. HeaderCount is their number.
	Headers     []byte
	HeaderCount int
}

// EachHeader calls f for each header in order. Duplicates are kept.
func (r *Record) EachHeader(f func(h Header) error) error {
	return EachHeader(r.Headers, r.HeaderCount, f)
}

// EachHeader walks n encoded headers: varint key length, key, varint value length (-1: null), value.
func EachHeader(b []byte, n int, f func(h Header) error) error {
	for i := 0; i < n; i++ {
		var h Header
		var ok bool
		if h.Key, b, ok = takeBytes(b); !ok || h.Key == nil {
			return fmt.Errorf("%w: header %d has no key", ErrInvalid, i)
		}
		if h.Value, b, ok = takeBytes(b); !ok {
			return fmt.Errorf("%w: header %d is cut short", ErrInvalid, i)
		}
		if err := f(h); err != nil {
			return err
		}
	}
	return nil
}

// Reader iterates over the records of one batch without allocating per record. The zero value is ready; Reset it to
// each batch in turn, which reuses its decompression buffer.
type Reader struct {
	rest     []byte
	n, i     int
	base     int64
	baseTime int64
	appendAt int64 // -1: CreateTime
	scratch  []byte
	err      error
}

// Reset points the reader at a batch that passed Validate. The payload may expand to at most maxBytes
// (DefaultMaxDecompressed when 0). The records that Next returns are valid until the next Reset.
func (r *Reader) Reset(b Batch, maxBytes int) error {
	*r = Reader{scratch: r.scratch, n: b.Count(), base: b.BaseOffset(), baseTime: b.BaseTimestamp(), appendAt: -1}
	if b.LogAppendTime() {
		r.appendAt = b.MaxTimestamp()
	}
	payload := b.RawRecords()
	if c := b.Codec(); c != None {
		out, err := Decompress(r.scratch[:0], payload, c, maxBytes)
		if err != nil {
			r.n, r.err = 0, fmt.Errorf("%w: decompress at offset %d: %w", ErrCorrupt, r.base, err)
			return r.err
		}
		r.scratch, payload = out, out
	}
	r.rest = payload
	return nil
}

// Next fills rec with the next record and reports whether there was one. After false, Err tells whether the batch
// ended where its header said.
func (r *Reader) Next(rec *Record) bool {
	if r.i >= r.n || r.err != nil {
		return false
	}
	n, w := binary.Varint(r.rest)
	if w <= 0 || n < 0 || n > int64(len(r.rest)-w) {
		r.fail("length")
		return false
	}
	b := r.rest[w : w+int(n)]
	r.rest = r.rest[w+int(n):]
	if len(b) < 1 {
		r.fail("attributes")
		return false
	}
	b = b[1:]
	dt, w := binary.Varint(b)
	if w <= 0 {
		r.fail("timestamp delta")
		return false
	}
	b = b[w:]
	do, w := binary.Varint(b)
	if w <= 0 {
		r.fail("offset delta")
		return false
	}
	b = b[w:]
	var ok bool
	if rec.Key, b, ok = takeBytes(b); !ok {
		r.fail("key")
		return false
	}
	if rec.Value, b, ok = takeBytes(b); !ok {
		r.fail("value")
		return false
	}
	hc, w := binary.Varint(b)
	if w <= 0 || hc < 0 || hc > int64(len(b)-w) {
		r.fail("header count")
		return false
	}
	rec.Headers, rec.HeaderCount = b[w:], int(hc)
	rec.Offset = r.base + do
	rec.Timestamp = r.baseTime + dt
	if r.appendAt >= 0 {
		rec.Timestamp = r.appendAt
	}
	r.i++
	return true
}

// Err is the error that ended the iteration early, nil after a whole batch.
func (r *Reader) Err() error { return r.err }

func (r *Reader) fail(what string) {
	r.err = fmt.Errorf("%w: record %d of %d at base offset %d: bad %s", ErrInvalid, r.i, r.n, r.base, what)
}

// takeBytes reads a varint length and that many bytes; length -1 is null. An empty field is not nil.
func takeBytes(b []byte) (field, rest []byte, ok bool) {
	n, w := binary.Varint(b)
	if w <= 0 || n < -1 || n > int64(len(b)-w) {
		return nil, b, false
	}
	b = b[w:]
	if n < 0 {
		return nil, b, true
	}
	return b[:n:n], b[n:], true
}
