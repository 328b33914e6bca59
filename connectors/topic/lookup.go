package topic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/weirhub/weir/internal/record"
)

// recordAt gives the value of the record at an offset, nil when there is none with that key. It reads uncommitted
// records: the caller knows that this one is committed.
func (c *Cluster) recordAt(ctx context.Context, topic string, partition int32, offset int64, key string) ([]byte, error) {
	ends, err := c.ListOffsets(ctx, topic, []int32{partition}, Latest, false)
	if err != nil || offset >= ends[0] {
		return nil, err
	}
	var value []byte
	err = c.walk(ctx, topic, partition, offset, offset+1, func(b record.Batch, r *record.Record) {
		if r.Offset == offset && string(r.Key) == key && !b.Control() {
			value = append([]byte{}, r.Value...)
		}
	})
	if errors.Is(err, kerr.OffsetOutOfRange) {
		return nil, nil // the log begins after it
	}
	return value, err
}

// lastCommitted gives the value of the last committed record with a key in a partition, nil when there is none or it is
// a tombstone. It cannot read committed records as consumers do, because they end at the first transaction of anybody
// that is still open; so it reads all and follows each producer to its marker.
func (c *Cluster) lastCommitted(ctx context.Context, topic string, partition int32, key string) ([]byte, error) {
	parts := []int32{partition}
	starts, err := c.ListOffsets(ctx, topic, parts, Earliest, false)
	if err != nil {
		return nil, err
	}
	ends, err := c.ListOffsets(ctx, topic, parts, Latest, false)
	if err != nil {
		return nil, err
	}
	var last []byte
	open := map[int64][]byte{} // by producer: the last value of its open transaction
	err = c.walk(ctx, topic, partition, starts[0], ends[0], func(b record.Batch, r *record.Record) {
		if b.Control() {
			if kind, ok := record.ControlType(r.Key); ok && (kind == 0 || kind == 1) {
				if value, wrote := open[b.ProducerID()]; wrote && kind == 1 {
					last = value
				}
				delete(open, b.ProducerID())
			}
			return
		}
		if string(r.Key) != key {
			return
		}
		var value []byte
		if r.Value != nil {
			value = append([]byte{}, r.Value...)
		}
		if b.Transactional() {
			open[b.ProducerID()] = value
		} else {
			last = value
		}
	})
	return last, err
}

// walk gives each record from an offset to an end, control records too.
func (c *Cluster) walk(ctx context.Context, topic string, partition int32, from, to int64, each func(record.Batch, *record.Record)) error {
	var reader record.Reader
	deadline := time.Now().Add(patience)
	for from < to {
		var got []fetched
		err := c.retry(ctx, "read "+topic, func() (err error) {
			got, err = c.fetch(ctx, topic, map[int32]int64{partition: from}, false)
			if err == nil && len(got) == 1 {
				err = got[0].err
			}
			return err
		}, topic)
		if err != nil {
			return err
		}
		if len(got) != 1 {
			return fmt.Errorf("read %s: %d partitions in the answer, want one", topic, len(got))
		}
		next := from
		for rest := got[0].data; ; {
			b, more, err := record.Split(rest)
			if err != nil {
				break
			}
			rest, next = more, b.LastOffset()+1
			if err := eachRecord(&reader, b, each); err != nil {
				return fmt.Errorf("read %s at %d: %w", topic, b.BaseOffset(), err)
			}
		}
		if next <= from {
			if got[0].end >= to {
				return nil // nothing but a hole up to the end
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("read %s: nothing comes at %d, and the log was said to end at %d", topic, from, to)
			}
			continue // a new leader may lag behind for a moment
		}
		from, deadline = next, time.Now().Add(patience)
	}
	return nil
}

func eachRecord(reader *record.Reader, b record.Batch, each func(record.Batch, *record.Record)) error {
	if err := b.Validate(); err != nil {
		return err
	}
	if err := reader.Reset(b, 0); err != nil {
		return err
	}
	var r record.Record
	for reader.Next(&r) {
		each(b, &r)
	}
	return reader.Err()
}
