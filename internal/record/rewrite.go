package record

import "encoding/binary"

// AttrDeleteHorizon says that the base timestamp field holds the time from which compaction may drop the batch's
// tombstones, or the batch itself when it is a transaction marker (KIP-534). Timestamps of its records count from that
// value all the same, so readers need not know.
const AttrDeleteHorizon = 0x40

// DeleteHorizon is the time (ms) from which the batch's tombstones may go; ok is false before it is decided.
func (b Batch) DeleteHorizon() (ms int64, ok bool) {
	return b.BaseTimestamp(), b.Attributes()&AttrDeleteHorizon != 0
}

// Rewriter writes batches again with some of their records: what compaction leaves of them. It reuses its buffers, so a
// Batch that it returns is valid until the next call.
type Rewriter struct{ raw, out []byte }

// Rewrite gives b with the records in keep only, which Next of a Reader over b returned. Offsets, codec, producer and
// sequences stay. A horizon of 0 or more becomes the batch's delete horizon; with -1 it stays what it was. A batch
// without records has no timestamps: it is there for its offsets and its producer.
func (w *Rewriter) Rewrite(b Batch, keep []Record, horizon int64) Batch {
	attr, base := b.Attributes(), b.BaseTimestamp()
	if horizon >= 0 {
		attr, base = attr|AttrDeleteHorizon, horizon
	}
	latest := int64(-1)
	w.raw = w.raw[:0]
	for i := range keep {
		r := &keep[i]
		latest = max(latest, r.Timestamp)
		w.raw = beginRecord(w.raw, r.Timestamp-base, r.Offset-b.BaseOffset(), r.Key, r.Value, r.HeaderCount, len(r.Headers))
		w.raw = append(w.raw, r.Headers...)
	}
	if len(keep) == 0 {
		attr, base = attr&^(attrCodec|AttrDeleteHorizon), -1
	}
	w.out = Compress(append(w.out[:0], b[:HeaderBytes]...), w.raw, Codec(attr&attrCodec))
	return w.seal(attr, base, latest, len(keep))
}

// Placeholder is a batch without records and producer that takes the offsets of b.
func (w *Rewriter) Placeholder(b Batch) Batch {
	w.out = append(w.out[:0], b[:HeaderBytes]...)
	binary.BigEndian.PutUint64(w.out[posProducerID:], ^uint64(0))
	binary.BigEndian.PutUint16(w.out[posEpoch:], ^uint16(0))
	binary.BigEndian.PutUint32(w.out[posSequence:], ^uint32(0))
	return w.seal(b.Attributes()&AttrLogAppendTime, -1, -1, 0)
}

func (w *Rewriter) seal(attr int16, base, latest int64, count int) Batch {
	out := Batch(w.out)
	binary.BigEndian.PutUint32(out[posLength:], uint32(len(out)-LengthPrefixBytes))
	out.setAttributes(attr)
	binary.BigEndian.PutUint64(out[posBaseTime:], uint64(base))
	binary.BigEndian.PutUint64(out[posMaxTime:], uint64(latest))
	binary.BigEndian.PutUint32(out[posCount:], uint32(count))
	out.sealCRC()
	return out
}
