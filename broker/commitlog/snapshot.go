package commitlog

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// A producer snapshot, NNN.snapshot, holds the producer state after the record before offset NNN, big endian:
//
//	 0  magic "WPRS"
//	 4  version     uint16   1
//	 6  reserved    uint16   0
//	 8  crc         uint32   CRC-32C of everything from 12 on
//	12  offset      int64    NNN
//	20  count       uint32
//	24  per producer, by ascending id:
//	      id int64, epoch int16, txnFirst int64 (-1: none), lastSeen int64 (ms), batches uint8 (0-5),
//	      per batch: firstSeq int32, lastSeq int32, base int64, last int64
const (
	snapshotMagic       = "WPRS"
	snapshotVersion     = 1
	snapshotHeaderBytes = 24
	snapshotProducer    = 27
	snapshotBatch       = 24
)

var errSnapshot = errors.New("bad producer snapshot")

// encode writes the snapshot for the offset.
func (s *ProducerState) encode(offset int64) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, snapshotHeaderBytes, snapshotHeaderBytes+len(s.mu.producers)*(snapshotProducer+snapshotBatch))
	copy(b, snapshotMagic)
	binary.BigEndian.PutUint16(b[4:], snapshotVersion)
	binary.BigEndian.PutUint64(b[12:], uint64(offset))
	binary.BigEndian.PutUint32(b[20:], uint32(len(s.mu.producers)))
	for _, id := range slices.Sorted(maps.Keys(s.mu.producers)) {
		p := s.mu.producers[id]
		b = binary.BigEndian.AppendUint64(b, uint64(id))
		b = binary.BigEndian.AppendUint16(b, uint16(p.epoch))
		b = binary.BigEndian.AppendUint64(b, uint64(p.txnFirst))
		b = binary.BigEndian.AppendUint64(b, uint64(p.lastSeen))
		b = append(b, p.n)
		for _, t := range p.batches[:p.n] {
			b = binary.BigEndian.AppendUint32(b, uint32(t.firstSeq))
			b = binary.BigEndian.AppendUint32(b, uint32(t.lastSeq))
			b = binary.BigEndian.AppendUint64(b, uint64(t.base))
			b = binary.BigEndian.AppendUint64(b, uint64(t.last))
		}
	}
	binary.BigEndian.PutUint32(b[8:], crc32.Checksum(b[12:], castagnoli))
	return b
}

// decodeSnapshot reads a snapshot and checks that it is whole and for the offset.
func decodeSnapshot(b []byte, offset int64) (*ProducerState, error) {
	if len(b) < snapshotHeaderBytes || string(b[:4]) != snapshotMagic {
		return nil, fmt.Errorf("%w: %d bytes without its header", errSnapshot, len(b))
	}
	if v := binary.BigEndian.Uint16(b[4:]); v != snapshotVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", errSnapshot, v, snapshotVersion)
	}
	if got, want := crc32.Checksum(b[12:], castagnoli), binary.BigEndian.Uint32(b[8:]); got != want {
		return nil, fmt.Errorf("%w: CRC-32C is %08x, header says %08x", errSnapshot, got, want)
	}
	if o := int64(binary.BigEndian.Uint64(b[12:])); o != offset {
		return nil, fmt.Errorf("%w: it is of offset %d, want %d", errSnapshot, o, offset)
	}
	count := int(binary.BigEndian.Uint32(b[20:]))
	b = b[snapshotHeaderBytes:]
	if count > len(b)/snapshotProducer {
		return nil, fmt.Errorf("%w: %d producers in %d bytes", errSnapshot, count, len(b))
	}
	s := &ProducerState{}
	s.mu.producers = make(map[int64]*producer, count)
	for i := range count {
		id, p, rest, ok := decodeProducer(b)
		if !ok {
			return nil, fmt.Errorf("%w: producer %d is cut short", errSnapshot, i)
		}
		s.mu.producers[id], b = p, rest
		if p.txnFirst >= 0 {
			s.mu.open = append(s.mu.open, openTxn{id: id, first: p.txnFirst})
		}
	}
	slices.SortFunc(s.mu.open, func(a, b openTxn) int { return cmp.Compare(a.first, b.first) })
	if len(b) > 0 || len(s.mu.producers) != count {
		return nil, fmt.Errorf("%w: %d bytes left after %d producers", errSnapshot, len(b), len(s.mu.producers))
	}
	return s, nil
}

func decodeProducer(b []byte) (id int64, p *producer, rest []byte, ok bool) {
	if len(b) < snapshotProducer {
		return 0, nil, b, false
	}
	id = int64(binary.BigEndian.Uint64(b))
	p = &producer{
		epoch:    int16(binary.BigEndian.Uint16(b[8:])),
		txnFirst: int64(binary.BigEndian.Uint64(b[10:])),
		lastSeen: int64(binary.BigEndian.Uint64(b[18:])),
		n:        b[26],
	}
	b = b[snapshotProducer:]
	if p.n > keptBatches || len(b) < int(p.n)*snapshotBatch {
		return 0, nil, b, false
	}
	for i := range p.n {
		p.batches[i] = sentBatch{
			firstSeq: int32(binary.BigEndian.Uint32(b)),
			lastSeq:  int32(binary.BigEndian.Uint32(b[4:])),
			base:     int64(binary.BigEndian.Uint64(b[8:])),
			last:     int64(binary.BigEndian.Uint64(b[16:])),
		}
		b = b[snapshotBatch:]
	}
	return id, p, b, true
}
