package broker

import (
	"errors"
	"fmt"

	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/internal/record"
)

// Sentinels that fronts translate into their own codes. The comment names Kafka's.
var (
	ErrTopicExists      = errors.New("topic exists already")                   // TOPIC_ALREADY_EXISTS
	ErrUnknownTopic     = errors.New("unknown topic")                          // UNKNOWN_TOPIC_OR_PARTITION
	ErrUnknownPartition = errors.New("unknown partition")                      // UNKNOWN_TOPIC_OR_PARTITION
	ErrUnknownTopicID   = errors.New("unknown topic id")                       // UNKNOWN_TOPIC_ID
	ErrInvalidTopic     = errors.New("invalid topic name")                     // INVALID_TOPIC_EXCEPTION
	ErrInvalidPartition = errors.New("invalid number of partitions")           // INVALID_PARTITIONS
	ErrInvalidConfig    = errors.New("invalid config")                         // INVALID_CONFIG
	ErrOffline          = errors.New("partition is offline")                   // KAFKA_STORAGE_ERROR
	ErrStorage          = errors.New("storage")                                // KAFKA_STORAGE_ERROR: a full disk, say; it may get well
	ErrTooLarge         = errors.New("record batch too large")                 // MESSAGE_TOO_LARGE
	ErrInvalidTimestamp = errors.New("invalid timestamp")                      // INVALID_TIMESTAMP
	ErrClosed           = errors.New("broker is closed")                       // NOT_LEADER_OR_FOLLOWER: ask again
	ErrOffsetRange      = errors.New("offset out of range")                    // OFFSET_OUT_OF_RANGE
	ErrInvalidRequest   = errors.New("invalid request")                        // INVALID_REQUEST
	ErrTooMany          = errors.New("more partitions than one broker serves") // INVALID_PARTITIONS
)

// RecordError refuses a batch because of one record in it (INVALID_RECORD).
type RecordError struct {
	Index int32 // of the record in its batch
	Cause string
}

func (e *RecordError) Error() string { return fmt.Sprintf("invalid record %d: %s", e.Index, e.Cause) }

// storage marks an error of the log that no caller's mistake explains.
func storage(err error) error {
	var out *commitlog.OffsetOutOfRangeError
	for _, known := range []error{commitlog.ErrOffline, commitlog.ErrClosed, commitlog.ErrTooLarge, record.ErrInvalid} {
		if errors.Is(err, known) {
			return err
		}
	}
	if err == nil || errors.As(err, &out) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrStorage, err)
}
