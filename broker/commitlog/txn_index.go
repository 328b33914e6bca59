package commitlog

import (
	"encoding/binary"
	"fmt"
)

// AbortedTxn is one aborted transaction: its records lie between FirstOffset and LastOffset, the offset of its marker.
type AbortedTxn struct {
	ProducerID  int64
	FirstOffset int64
	LastOffset  int64
	// StableOffset is the last stable offset right after the marker: no transaction that began below it is missing from
	// the entries up to this one, so a search may end here.
	StableOffset int64
}

// txnEntryBytes is the size of an entry of .txnindex, Kafka's layout, big endian: version int16 (0), producer id int64,
// first offset int64, last offset int64, last stable offset int64.
const txnEntryBytes = 34

func encodeTxns(txns []AbortedTxn) []byte {
	b := make([]byte, 0, len(txns)*txnEntryBytes)
	for _, t := range txns {
		b = binary.BigEndian.AppendUint16(b, 0)
		for _, v := range []int64{t.ProducerID, t.FirstOffset, t.LastOffset, t.StableOffset} {
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		}
	}
	return b
}

func decodeTxns(b []byte) ([]AbortedTxn, error) {
	if len(b)%txnEntryBytes != 0 {
		return nil, fmt.Errorf("transaction index of %d bytes has half an entry", len(b))
	}
	out := make([]AbortedTxn, 0, len(b)/txnEntryBytes)
	for ; len(b) > 0; b = b[txnEntryBytes:] {
		if v := binary.BigEndian.Uint16(b); v != 0 {
			return nil, fmt.Errorf("transaction index entry %d has version %d, want 0", len(out), v)
		}
		field := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[2+8*i:])) }
		t := AbortedTxn{ProducerID: field(0), FirstOffset: field(1), LastOffset: field(2), StableOffset: field(3)}
		if t.FirstOffset > t.LastOffset || len(out) > 0 && out[len(out)-1].LastOffset >= t.LastOffset {
			return nil, fmt.Errorf("transaction index entry %d is out of order", len(out))
		}
		out = append(out, t)
	}
	return out, nil
}
