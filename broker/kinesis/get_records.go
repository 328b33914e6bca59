package kinesis

import (
	"math"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/internal/record"
)

func (s *Server) getShardIterator(c *call) (any, *apiError) {
	var in struct {
		streamRef
		ShardId                string
		ShardIteratorType      string
		StartingSequenceNumber string
		Timestamp              *float64
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	st, t, err := s.stream(in.streamRef)
	if err != nil {
		return nil, err
	}
	n := parseShardID(in.ShardId)
	if n < 0 || n >= len(t.Partitions()) {
		return nil, exception("ResourceNotFoundException", "Shard %s in stream %s under account %s does not exist", in.ShardId, st.Name, account)
	}
	it := iterator{stream: st.Name, topicID: t.ID(), shard: n, issued: s.now()}
	if it.offset, err = startOf(t.Partitions()[n], in.ShardIteratorType, n, in.StartingSequenceNumber, in.Timestamp); err != nil {
		return nil, err
	}
	return map[string]string{"ShardIterator": it.encode(s.streams.key())}, nil
}

// startOf is the exact offset at which an iterator of a type begins.
func startOf(p *broker.Partition, kind string, shard int, number string, seconds *float64) (int64, *apiError) {
	fixed := func(at broker.OffsetAt, err error) (int64, *apiError) {
		if err != nil {
			return 0, translate(err)
		}
		return at.Offset, nil
	}
	switch kind {
	case "TRIM_HORIZON":
		return fixed(p.StartOffset())
	case "LATEST":
		return fixed(p.EndOffset(true))
	case "AT_TIMESTAMP":
		if seconds == nil {
			return 0, invalidArgument("Must specify timestamp parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.")
		}
		at, err := p.OffsetForTime(int64(math.Ceil(*seconds*1000)), true)
		if err == nil && at.Offset < 0 {
			at, err = p.EndOffset(true)
		}
		return fixed(at, err)
	case "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER":
		n, offset, err := parseSequence(number)
		if err != nil {
			return 0, err
		}
		if n != shard {
			return 0, invalidArgument("Invalid StartingSequenceNumber. It encodes %s, while it was used in a call to a shard with %s", shardID(n), shardID(shard))
		}
		if kind == "AFTER_SEQUENCE_NUMBER" {
			offset++
		}
		return offset, nil
	}
	return 0, validation("1 validation error detected: Value '%s' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]", kind)
}

const (
	maxGetRecords = 10_000
	maxGetBytes   = 10 << 20
)

// got is one record of an answer.
type got struct {
	SequenceNumber              string
	ApproximateArrivalTimestamp any
	Data                        []byte
	PartitionKey                string
}

func (s *Server) getRecords(c *call) (any, *apiError) {
	var in struct {
		ShardIterator string
		Limit         *int
		StreamARN     string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	limit, err := limitOf(in.Limit, maxGetRecords, maxGetRecords)
	if err != nil {
		return nil, err
	}
	now := s.now()
	it, err := decodeIterator(in.ShardIterator, s.streams.key(), now)
	if err != nil {
		return nil, err
	}
	st, t, err := s.streams.find(it.stream)
	if err != nil {
		return nil, err
	}
	if it.topicID != t.ID() || it.shard >= len(t.Partitions()) {
		return nil, notFound(it.stream)
	}
	r := reading{st: st, shard: it.shard, next: it.offset, limit: limit, records: []got{}}
	behind, err := r.read(t.Partitions()[it.shard], now.UnixMilli())
	if err != nil {
		return nil, err
	}
	st.counters.Got.Add(int64(len(r.records)))
	it.offset = r.next
	if it.issued = it.issued.Add(1); now.After(it.issued) { // each answer has an iterator of its own, also within one tick of the clock
		it.issued = now
	}
	return map[string]any{
		"Records": r.records, "NextShardIterator": it.encode(s.streams.key()), "MillisBehindLatest": behind,
	}, nil
}

// reading gathers one answer.
type reading struct {
	st      *Stream
	shard   int
	next    int64 // offset of the next record to look at
	limit   int
	bytes   int
	full    bool
	records []got
	aborted []commitlog.AbortedTxn
	last    int64 // timestamp of the last record seen
}

// read takes committed records until the answer is full or the log ends, and says how far behind the tip it stands (ms).
func (r *reading) read(p *broker.Partition, now int64) (int64, *apiError) {
	r.last = now
	for {
		got, err := p.Read(r.next, maxGetBytes, true)
		if start := got.LogStart; start > r.next { // retention has passed the iterator by: go on at what is left
			r.next = start
			continue
		}
		if err != nil {
			return 0, translate(err)
		}
		end := got.End(true)
		if r.next >= end {
			return 0, nil
		}
		r.aborted = got.Aborted
		before := r.next
		err = got.Slice.Each(r.batch)
		got.Slice.Release()
		if err != nil {
			return 0, translate(err)
		}
		if r.full {
			return max(now-r.last, 0), nil
		}
		if r.next == before {
			return 0, nil
		}
	}
}

// batch takes the records of one batch that an iterator may see.
func (r *reading) batch(b record.Batch) error {
	if r.full || b.LastOffset() < r.next {
		return nil
	}
	if b.Transactional() {
		for _, a := range r.aborted {
			if a.ProducerID == b.ProducerID() && b.BaseOffset() >= a.FirstOffset && b.BaseOffset() <= a.LastOffset {
				r.next = b.LastOffset() + 1
				return nil
			}
		}
	}
	if b.Control() {
		r.next = b.LastOffset() + 1
		return nil
	}
	var reader record.Reader
	if err := reader.Reset(b, 0); err != nil {
		return err
	}
	var rec record.Record
	for reader.Next(&rec) {
		if rec.Offset < r.next {
			continue
		}
		if !r.take(&rec) {
			return nil
		}
	}
	if err := reader.Err(); err != nil {
		return err
	}
	r.next = b.LastOffset() + 1
	return nil
}

// take adds a record unless the answer is full; the first is taken whatever its size.
func (r *reading) take(rec *record.Record) bool {
	size := len(rec.Key) + len(rec.Value)
	if len(r.records) >= r.limit || len(r.records) > 0 && r.bytes+size > maxGetBytes {
		r.full = true
		return false
	}
	r.bytes += size
	r.last = rec.Timestamp
	r.records = append(r.records, got{
		SequenceNumber:              sequence(r.st.createdSec(), r.shard, rec.Offset, rec.Timestamp/1000),
		ApproximateArrivalTimestamp: seconds(rec.Timestamp),
		Data:                        append([]byte{}, rec.Value...),
		PartitionKey:                string(rec.Key),
	})
	r.next = rec.Offset + 1
	return true
}
