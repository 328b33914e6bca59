package broker

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/weirhub/weir/internal/record"
)

// validate is all that a batch must pass before it is appended. It reads uncompressed records' lengths, and decompresses
// only for a compacted topic, whose records need keys.
func validate(b record.Batch, cfg *settings, now int64, internal bool) error {
	if err := b.Validate(); err != nil {
		return err
	}
	if internal {
		return nil
	}
	if len(b) > cfg.maxBatchBytes {
		return fmt.Errorf("%w: %d bytes, max.message.bytes is %d", ErrTooLarge, len(b), cfg.maxBatchBytes)
	}
	if b.Control() {
		return fmt.Errorf("%w: clients may not send control batches", record.ErrInvalid)
	}
	if b.Count() < 1 || b.Count() != int(b.LastOffsetDelta())+1 {
		return fmt.Errorf("%w: %d records with last offset delta %d", record.ErrInvalid, b.Count(), b.LastOffsetDelta())
	}
	if err := validateProducer(b); err != nil {
		return err
	}
	if err := validateTimes(b, cfg, now); err != nil {
		return err
	}
	payload := b.RawRecords()
	if b.Codec() != record.None {
		if !cfg.compact {
			return nil
		}
		var err error
		if payload, err = record.Decompress(nil, payload, b.Codec(), 0); err != nil {
			return fmt.Errorf("%w: decompress: %w", record.ErrCorrupt, err)
		}
	}
	return validateRecords(payload, b.Count(), cfg.compact)
}

func validateProducer(b record.Batch) error {
	if b.ProducerID() < 0 {
		if b.Transactional() {
			return fmt.Errorf("%w: a transactional batch without a producer id", record.ErrInvalid)
		}
		return nil
	}
	if b.ProducerEpoch() < 0 || b.BaseSequence() < 0 {
		return fmt.Errorf("%w: producer %d with epoch %d and sequence %d", record.ErrInvalid, b.ProducerID(), b.ProducerEpoch(), b.BaseSequence())
	}
	return nil
}

// validateTimes looks at the header only. -1 is Kafka's "no timestamp".
func validateTimes(b record.Batch, cfg *settings, now int64) error {
	if cfg.appendTime {
		return nil
	}
	if b.LogAppendTime() {
		return fmt.Errorf("%w: a producer may not mark its batch as stamped by the log", ErrInvalidTimestamp)
	}
	if t := b.MaxTimestamp(); t != -1 && cfg.afterMax < math.MaxInt64-max(now, 0) && t > now+cfg.afterMax {
		return fmt.Errorf("%w: %d is more than %d ms after %d", ErrInvalidTimestamp, t, cfg.afterMax, now)
	}
	if t := b.BaseTimestamp(); t != -1 && cfg.beforeMax < now && t < now-cfg.beforeMax {
		return fmt.Errorf("%w: %d is more than %d ms before %d", ErrInvalidTimestamp, t, cfg.beforeMax, now)
	}
	return nil
}

// validateRecords walks the records by their lengths: as many as the header says, none cut short, nothing behind the
// last, offset deltas 0, 1, 2 and so on, and a key in each where keys are needed.
func validateRecords(b []byte, count int, needKey bool) error {
	bad := func(i int, cause string) error { return &RecordError{Index: int32(i), Cause: cause} }
	for i := range count {
		n, w := binary.Varint(b)
		if w <= 0 || n < 1 || n > int64(len(b)-w) {
			return bad(i, "its length is wrong or it is cut short")
		}
		r := b[w : w+int(n)]
		b = b[w+int(n):]
		r = r[1:] // attributes, unused
		if _, w = binary.Varint(r); w <= 0 {
			return bad(i, "bad timestamp delta")
		}
		r = r[w:]
		delta, w := binary.Varint(r)
		if w <= 0 || delta != int64(i) {
			return bad(i, fmt.Sprintf("its offset delta is %d", delta))
		}
		r = r[w:]
		key, w := binary.Varint(r)
		if w <= 0 || key < -1 || key > int64(len(r)-w) {
			return bad(i, "bad key length")
		}
		if key < 0 && needKey {
			return bad(i, "a record of a compacted topic must have a key")
		}
	}
	if len(b) > 0 {
		return fmt.Errorf("%w: %d bytes behind the last of %d records", record.ErrInvalid, len(b), count)
	}
	return nil
}
