package commitlog

import (
	"errors"
	"fmt"
)

// Errors that callers branch on. The broker's border translates them: ErrOffline is KAFKA_STORAGE_ERROR (56),
// ErrTooLarge RECORD_TOO_LARGE (10), OffsetOutOfRangeError OFFSET_OUT_OF_RANGE (1), ErrOutOfOrderSequence
// OUT_OF_ORDER_SEQUENCE_NUMBER (45), ErrInvalidProducerEpoch INVALID_PRODUCER_EPOCH (47), ErrInvalidTxnState
// INVALID_TXN_STATE (48).
var (
	ErrOffline              = errors.New("log is offline")
	ErrClosed               = errors.New("log is closed")
	ErrTooLarge             = errors.New("batch is too large")
	ErrOutOfOrderSequence   = errors.New("out of order sequence number")
	ErrInvalidProducerEpoch = errors.New("producer epoch is older than the current one")
	ErrInvalidTxnState      = errors.New("producer has an open transaction and sent a batch outside it")
)

// OffsetOutOfRangeError: the offset lies outside of what the log holds, Start inclusive to End exclusive.
type OffsetOutOfRangeError struct{ Offset, Start, End int64 }

func (e *OffsetOutOfRangeError) Error() string {
	return fmt.Sprintf("offset %d is out of range: the log holds %d to %d", e.Offset, e.Start, e.End)
}

// CorruptError: bytes that were durable once are no longer what was written. The log does not open; Repair sets the
// damaged part aside.
type CorruptError struct {
	File   string
	Pos    int64
	Offset int64 // the first offset that cannot be trusted
	Cause  error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("corrupt log: %s at byte %d (offset %d): %v", e.File, e.Pos, e.Offset, e.Cause)
}
func (e *CorruptError) Unwrap() error { return e.Cause }
