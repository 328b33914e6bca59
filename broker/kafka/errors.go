package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/internal/record"
)

// code translates an error of the broker into Kafka's number. It is the only place that does.
func code(err error) int16 {
	if err == nil {
		return 0
	}
	var rec *broker.RecordError
	if errors.As(err, &rec) {
		return kerr.InvalidRecord.Code
	}
	for _, row := range codes {
		if errors.Is(err, row.err) {
			return row.to.Code
		}
	}
	var out *commitlog.OffsetOutOfRangeError
	if errors.As(err, &out) {
		return kerr.OffsetOutOfRange.Code
	}
	return kerr.UnknownServerError.Code
}

// codes in order of precedence: an error may wrap several.
var codes = [...]struct {
	err error
	to  *kerr.Error
}{
	{broker.ErrUnknownTopic, kerr.UnknownTopicOrPartition},
	{broker.ErrUnknownPartition, kerr.UnknownTopicOrPartition},
	{broker.ErrUnknownTopicID, kerr.UnknownTopicID},
	{broker.ErrClosed, kerr.NotLeaderForPartition},
	{broker.ErrOffline, kerr.KafkaStorageError},
	{broker.ErrStorage, kerr.KafkaStorageError},
	{commitlog.ErrOffline, kerr.KafkaStorageError},
	{commitlog.ErrClosed, kerr.NotLeaderForPartition},
	{broker.ErrTopicExists, kerr.TopicAlreadyExists},
	{broker.ErrInvalidTopic, kerr.InvalidTopicException},
	{broker.ErrInvalidPartition, kerr.InvalidPartitions},
	{broker.ErrTooMany, kerr.InvalidPartitions},
	{broker.ErrInvalidConfig, kerr.InvalidConfig},
	{broker.ErrInvalidRequest, kerr.InvalidRequest},
	{broker.ErrTooLarge, kerr.MessageTooLarge},
	{commitlog.ErrTooLarge, kerr.MessageTooLarge},
	{broker.ErrInvalidTimestamp, kerr.InvalidTimestamp},
	{broker.ErrOffsetRange, kerr.OffsetOutOfRange},
	{record.ErrCorrupt, kerr.CorruptMessage},
	{record.ErrMagic, kerr.UnsupportedForMessageFormat},
	{record.ErrInvalid, kerr.InvalidRecord},
	{commitlog.ErrOutOfOrderSequence, kerr.OutOfOrderSequenceNumber},
	{commitlog.ErrInvalidProducerEpoch, kerr.InvalidProducerEpoch},
	{commitlog.ErrInvalidTxnState, kerr.InvalidTxnState},
	{context.Canceled, kerr.RequestTimedOut},
	{context.DeadlineExceeded, kerr.RequestTimedOut},
}

// message is an error's text for the fields that take one; nil without error.
func message(err error) *string {
	if err == nil {
		return nil
	}
	s := err.Error()
	return &s
}
