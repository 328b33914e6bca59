package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The header of a RecordBatch v2, big endian, 61 bytes
// (https://kafka.apache.org/documentation/#recordbatch):
//
//	 0 baseOffset            int64    stamped by the log
//	 8 batchLength           int32    bytes after this field
//	12 partitionLeaderEpoch  int32    stamped by the log
//	16 magic                 int8     2
//	17 crc                   uint32   CRC-32C of everything from 21 on
//	21 attributes            int16    bits 0-2 codec, 3 LogAppendTime, 4 transactional, 5 control, 6 delete horizon
//	23 lastOffsetDelta       int32
//	27 baseTimestamp         int64    ms
//	35 maxTimestamp          int64    ms
//	43 producerId            int64
//	51 producerEpoch         int16
//	53 baseSequence          int32
//	57 recordCount           int32
//	61 records               compressed as a whole when a codec is set
const (
	HeaderBytes = 61
	// LengthPrefixBytes is what stands before the bytes that batchLength counts.
	LengthPrefixBytes = 12

	posBaseOffset  = 0
	posLength      = 8
	posLeaderEpoch = 12
	posMagic       = 16
	posCRC         = 17
	posAttributes  = 21
	posLastDelta   = 23
	posBaseTime    = 27
	posMaxTime     = 35
	posProducerID  = 43
	posEpoch       = 51
	posSequence    = 53
	posCount       = 57
)

// Attribute bits.
const (
	attrCodec         = 0x07
	AttrLogAppendTime = 0x08
	AttrTransactional = 0x10
	AttrControl       = 0x20
)

// Errors of Validate and Split. Callers at the protocol's border translate them: ErrCorrupt is CORRUPT_MESSAGE (2),
// ErrMagic UNSUPPORTED_FOR_MESSAGE_FORMAT (43), ErrInvalid INVALID_RECORD (87).
var (
	ErrCorrupt = errors.New("corrupt record batch")
	ErrMagic   = errors.New("record batch of an unsupported format version")
	ErrInvalid = errors.New("invalid record batch")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is a view of one whole encoded batch, header included. Append stamps base offset and leader epoch (outside the
// CRC) and changes nothing else.
type Batch []byte

// Split cuts the first batch off b, as it stands in a Produce request, a Fetch answer or a segment: several batches
// one after another. It checks only that the length field is plausible and that all of the batch is there.
func Split(b []byte) (first Batch, rest []byte, err error) {
	if len(b) < HeaderBytes {
		return nil, b, fmt.Errorf("%w: %d bytes are less than a header", ErrCorrupt, len(b))
	}
	n := int(int32(binary.BigEndian.Uint32(b[posLength:]))) //nolint:gosec // a wire field
	if n < HeaderBytes-LengthPrefixBytes || n > len(b)-LengthPrefixBytes {
		return nil, b, fmt.Errorf("%w: length field %d with %d bytes at hand", ErrCorrupt, n, len(b)-LengthPrefixBytes)
	}
	n += LengthPrefixBytes
	return Batch(b[:n:n]), b[n:], nil
}

// Size is the batch's length in bytes by its own length field, header included.
func (b Batch) Size() int { return int(binary.BigEndian.Uint32(b[posLength:])) + LengthPrefixBytes }

func (b Batch) BaseOffset() int64      { return int64(binary.BigEndian.Uint64(b[posBaseOffset:])) }
func (b Batch) SetBaseOffset(o int64)  { binary.BigEndian.PutUint64(b[posBaseOffset:], uint64(o)) }
func (b Batch) LeaderEpoch() int32     { return int32(binary.BigEndian.Uint32(b[posLeaderEpoch:])) }
func (b Batch) SetLeaderEpoch(e int32) { binary.BigEndian.PutUint32(b[posLeaderEpoch:], uint32(e)) }
func (b Batch) Magic() int8            { return int8(b[posMagic]) }
func (b Batch) CRC() uint32            { return binary.BigEndian.Uint32(b[posCRC:]) }
func (b Batch) Attributes() int16      { return int16(binary.BigEndian.Uint16(b[posAttributes:])) }
func (b Batch) LastOffsetDelta() int32 { return int32(binary.BigEndian.Uint32(b[posLastDelta:])) }
func (b Batch) LastOffset() int64      { return b.BaseOffset() + int64(b.LastOffsetDelta()) }
func (b Batch) BaseTimestamp() int64   { return int64(binary.BigEndian.Uint64(b[posBaseTime:])) }
func (b Batch) MaxTimestamp() int64    { return int64(binary.BigEndian.Uint64(b[posMaxTime:])) }
func (b Batch) ProducerID() int64      { return int64(binary.BigEndian.Uint64(b[posProducerID:])) }
func (b Batch) ProducerEpoch() int16   { return int16(binary.BigEndian.Uint16(b[posEpoch:])) }
func (b Batch) BaseSequence() int32    { return int32(binary.BigEndian.Uint32(b[posSequence:])) }
func (b Batch) Count() int             { return int(int32(binary.BigEndian.Uint32(b[posCount:]))) }
func (b Batch) Codec() Codec           { return Codec(b.Attributes() & attrCodec) }
func (b Batch) LogAppendTime() bool    { return b.Attributes()&AttrLogAppendTime != 0 }
func (b Batch) Transactional() bool    { return b.Attributes()&AttrTransactional != 0 }
func (b Batch) Control() bool          { return b.Attributes()&AttrControl != 0 }
func (b Batch) RawRecords() []byte     { return b[HeaderBytes:] }
func (b Batch) computeCRC() uint32     { return crc32.Checksum(b[posAttributes:], castagnoli) }
func (b Batch) setAttributes(a int16)  { binary.BigEndian.PutUint16(b[posAttributes:], uint16(a)) }
func (b Batch) Sequences() (int32, int32) {
	return b.BaseSequence(), addSequence(b.BaseSequence(), b.LastOffsetDelta())
}

// addSequence adds as Kafka does: sequence numbers wrap to 0 after 2^31-1.
func addSequence(seq, n int32) int32 {
	return int32((int64(seq) + int64(n)) & 0x7fffffff)
}

// Validate checks what can be checked without decompressing: length, magic, CRC, and that the counts agree
// (a batch sent by a producer has recordCount = lastOffsetDelta+1).
func (b Batch) Validate() error {
	if len(b) < HeaderBytes {
		return fmt.Errorf("%w: %d bytes are less than a header", ErrCorrupt, len(b))
	}
	if b.Magic() != 2 {
		return fmt.Errorf("%w: magic %d, want 2", ErrMagic, b.Magic())
	}
	if b.Size() != len(b) {
		return fmt.Errorf("%w: length field says %d bytes, have %d", ErrCorrupt, b.Size(), len(b))
	}
	if got, want := b.computeCRC(), b.CRC(); got != want {
		return fmt.Errorf("%w: CRC-32C is %08x, header says %08x", ErrCorrupt, got, want)
	}
	if b.Count() < 0 || b.LastOffsetDelta() < 0 || b.Count() > int(b.LastOffsetDelta())+1 {
		return fmt.Errorf("%w: %d records with last offset delta %d", ErrInvalid, b.Count(), b.LastOffsetDelta())
	}
	if c := b.Codec(); c > Zstd {
		return fmt.Errorf("%w: unknown codec %d", ErrInvalid, c)
	}
	return nil
}

// StampAppendTime turns the batch into a LogAppendTime batch of the given time (ms) and computes its CRC anew.
func (b Batch) StampAppendTime(ms int64) {
	b.setAttributes(b.Attributes() | AttrLogAppendTime)
	binary.BigEndian.PutUint64(b[posMaxTime:], uint64(ms))
	b.sealCRC()
}

func (b Batch) sealCRC() { binary.BigEndian.PutUint32(b[posCRC:], b.computeCRC()) }
