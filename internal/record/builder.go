package record

import "encoding/binary"

// NoProducer marks a batch that no idempotent producer sent.
const NoProducer = -1

// Builder encodes records into one batch. The zero value is not ready: call Reset. It reuses its buffer, so the Batch
// that Build returns is valid until the next Reset; Clone it to keep it.
type Builder struct {
	buf           []byte // header, then records as they stand uncompressed
	out           []byte // the compressed batch, when a codec is set
	codec         Codec
	transactional bool
	control       bool
	producerID    int64
	epoch         int16
	sequence      int32
	count         int32
	baseTime      int64
	maxTime       int64
}

// Reset starts an empty batch without a producer.
func (b *Builder) Reset(codec Codec) {
	if cap(b.buf) < HeaderBytes {
		b.buf = make([]byte, HeaderBytes, 4096)
	}
	*b = Builder{buf: b.buf[:HeaderBytes], out: b.out, codec: codec, producerID: NoProducer, epoch: -1, sequence: -1}
}

// SetProducer marks the batch as sent by an idempotent producer, and as part of its transaction if so.
func (b *Builder) SetProducer(id int64, epoch int16, sequence int32, transactional bool) {
	b.producerID, b.epoch, b.sequence, b.transactional = id, epoch, sequence, transactional
}

// Len is the number of records added; Bytes the size of the batch so far, before compression.
func (b *Builder) Len() int   { return int(b.count) }
func (b *Builder) Bytes() int { return len(b.buf) }

// Add appends one record with the timestamp in ms. A nil key or value is null.
func (b *Builder) Add(timestamp int64, key, value []byte, headers ...Header) {
	n := len(headers)
	size := 0
	for _, h := range headers {
		size += varintLen(int64(len(h.Key))) + len(h.Key) + fieldLen(h.Value)
	}
	b.begin(timestamp, key, value, n, size)
	for _, h := range headers {
		b.buf = binary.AppendVarint(b.buf, int64(len(h.Key)))
		b.buf = append(b.buf, h.Key...)
		b.buf = appendField(b.buf, h.Value)
	}
}

// AddRaw appends one record whose n headers are encoded already, as in Record.Headers.
func (b *Builder) AddRaw(timestamp int64, key, value, headers []byte, n int) {
	b.begin(timestamp, key, value, n, len(headers))
	b.buf = append(b.buf, headers...)
}

func (b *Builder) begin(timestamp int64, key, value []byte, headers, headerBytes int) {
	if b.count == 0 {
		b.baseTime, b.maxTime = timestamp, timestamp
	}
	b.maxTime = max(b.maxTime, timestamp)
	b.buf = beginRecord(b.buf, timestamp-b.baseTime, int64(b.count), key, value, headers, headerBytes)
	b.count++
}

// beginRecord appends all of a record but its encoded headers, which take headerBytes.
func beginRecord(dst []byte, timeDelta, offsetDelta int64, key, value []byte, headers, headerBytes int) []byte {
	size := 1 + varintLen(timeDelta) + varintLen(offsetDelta) + fieldLen(key) + fieldLen(value) + varintLen(int64(headers)) + headerBytes
	dst = binary.AppendVarint(dst, int64(size))
	dst = append(dst, 0)
	dst = binary.AppendVarint(dst, timeDelta)
	dst = binary.AppendVarint(dst, offsetDelta)
	dst = appendField(dst, key)
	dst = appendField(dst, value)
	return binary.AppendVarint(dst, int64(headers))
}

// Build seals the batch: base offset 0, leader epoch -1, CRC computed.
func (b *Builder) Build() Batch {
	buf := b.buf
	attr := int16(b.codec)
	if b.codec != None {
		b.out = append(b.out[:0], b.buf[:HeaderBytes]...)
		b.out = Compress(b.out, b.buf[HeaderBytes:], b.codec)
		buf = b.out
	}
	if b.transactional {
		attr |= AttrTransactional
	}
	if b.control {
		attr |= AttrControl
	}
	h := Batch(buf)
	h.SetBaseOffset(0)
	binary.BigEndian.PutUint32(buf[posLength:], uint32(len(buf)-LengthPrefixBytes))
	h.SetLeaderEpoch(-1)
	buf[posMagic] = 2
	h.setAttributes(attr)
	binary.BigEndian.PutUint32(buf[posLastDelta:], uint32(max(b.count-1, 0)))
	binary.BigEndian.PutUint64(buf[posBaseTime:], uint64(b.baseTime))
	binary.BigEndian.PutUint64(buf[posMaxTime:], uint64(b.maxTime))
	binary.BigEndian.PutUint64(buf[posProducerID:], uint64(b.producerID))
	binary.BigEndian.PutUint16(buf[posEpoch:], uint16(b.epoch))
	binary.BigEndian.PutUint32(buf[posSequence:], uint32(b.sequence))
	binary.BigEndian.PutUint32(buf[posCount:], uint32(b.count))
	h.sealCRC()
	return h
}

// EndTxnMarker is the control batch that ends a transaction of the producer in one partition
// (https://kafka.apache.org/documentation/#controlbatch): key version 0 and type 0 (abort) or 1 (commit), value
// version 0 and the coordinator's epoch.
func EndTxnMarker(producerID int64, epoch int16, commit bool, coordinatorEpoch int32, timestamp int64) Batch {
	var b Builder
	b.Reset(None)
	b.SetProducer(producerID, epoch, -1, true)
	b.control = true
	key := []byte{0, 0, 0, 0}
	if commit {
		key[3] = 1
	}
	value := binary.BigEndian.AppendUint32([]byte{0, 0}, uint32(coordinatorEpoch))
	b.Add(timestamp, key, value)
	return b.Build()
}

// ControlType reads the type from the key of a control record: 0 abort, 1 commit.
func ControlType(key []byte) (int16, bool) {
	if len(key) < 4 {
		return 0, false
	}
	return int16(binary.BigEndian.Uint16(key[2:])), true
}

func appendField(dst, field []byte) []byte {
	if field == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(field)))
	return append(dst, field...)
}

func fieldLen(field []byte) int {
	if field == nil {
		return 1
	}
	return varintLen(int64(len(field))) + len(field)
}

// varintLen is the number of bytes of v in zigzag varint form.
func varintLen(v int64) int {
	u := uint64(v<<1) ^ uint64(v>>63)
	n := 1
	for u >= 0x80 {
		u >>= 7
		n++
	}
	return n
}
