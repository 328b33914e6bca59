package kinesis

import (
	"strconv"
	"unicode/utf8"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/record"
)

const (
	maxEntryBytes   = 1 << 20  // data (decoded) and key (UTF-8) of one record
	maxPutBytes     = 10 << 20 // the same over a request
	maxPutEntries   = 500
	maxKeyRunes     = 256
	batchChunkBytes = 4 << 20 // one log append takes so much; larger requests take several
	entryOverhead   = 128     // what a record, and the head of its batch, take besides data and key at most
)

// entry is one record of a put.
type entry struct {
	Data            *[]byte // base64 in JSON
	PartitionKey    *string
	ExplicitHashKey *string
}

// shard checks the entry and gives the shard of n that it goes to.
func (e *entry) shard(n int) (int, *apiError) {
	switch {
	case e.Data == nil:
		return 0, validation("1 validation error detected: Value null at 'data' failed to satisfy constraint: Member must not be null")
	case e.PartitionKey == nil:
		return 0, validation("1 validation error detected: Value null at 'partitionKey' failed to satisfy constraint: Member must not be null")
	case *e.PartitionKey == "":
		return 0, validation("1 validation error detected: Value '' at 'partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case utf8.RuneCountInString(*e.PartitionKey) > maxKeyRunes:
		return 0, validation("1 validation error detected: Value at 'partitionKey' failed to satisfy constraint: Member must have length less than or equal to %d", maxKeyRunes)
	case e.size() > maxEntryBytes:
		return 0, validation("1 validation error detected: Value at 'data' failed to satisfy constraint: data and partition key have %d bytes, and %d are allowed", e.size(), maxEntryBytes)
	}
	hash := hashOf(*e.PartitionKey)
	if e.ExplicitHashKey != nil {
		var err *apiError
		if hash, err = parseHash(*e.ExplicitHashKey); err != nil {
			return 0, err
		}
	}
	return shardOf(hash, n), nil
}

func (e *entry) size() int { return len(*e.Data) + len(*e.PartitionKey) }

// placed is where an entry went.
type placed struct {
	shard    int
	sequence string
	err      *apiError
}

// put appends entries that are checked: one batch a shard (more when they are large), and one wait for all of them.
func (s *Server) put(c *call, st *Stream, t *broker.Topic, entries []entry, to []int) []placed {
	parts := t.Partitions()
	out := make([]placed, len(entries))
	byShard := make([][]int, len(parts))
	for i, n := range to {
		out[i].shard = n
		byShard[n] = append(byShard[n], i)
	}
	type pending struct {
		p       *broker.Partition
		at      broker.Appended
		entries []int
	}
	var waits []pending
	now, limit := s.now().UnixMilli(), batchBytes(s.b, t)
	var b record.Builder
	for n, members := range byShard {
		for len(members) > 0 {
			b.Reset(record.None)
			k := 0
			for k < len(members) {
				e := &entries[members[k]]
				if k > 0 && b.Bytes()+e.size()+entryOverhead > limit {
					break
				}
				b.Add(now, []byte(*e.PartitionKey), *e.Data)
				k++
			}
			at, err := parts[n].Produce(b.Build(), false)
			for j, i := range members[:k] {
				if err != nil {
					out[i].err = translate(err)
				} else {
					out[i].sequence = sequence(st.createdSec(), n, at.Base+int64(j), now/1000)
				}
			}
			if err == nil {
				waits = append(waits, pending{parts[n], at, members[:k]})
			}
			members = members[k:]
		}
	}
	for _, w := range waits {
		if err := w.p.Wait(c.ctx, w.at); err != nil {
			for _, i := range w.entries {
				out[i].err = translate(err)
			}
			continue
		}
		st.counters.Put.Add(int64(len(w.entries)))
	}
	return out
}

// batchBytes is how large a batch may become: a stream over a topic that was there before takes that topic's limit, which
// is a tenth of what one request may bring.
func batchBytes(b *broker.Broker, t *broker.Topic) int {
	limit := batchChunkBytes
	if key, ok := broker.TopicConfigKey("max.message.bytes"); ok {
		v, _ := b.TopicConfig(t, key)
		if n, err := strconv.Atoi(v); err == nil {
			limit = min(limit, n)
		}
	}
	return limit
}

func (s *Server) putRecord(c *call) (any, *apiError) {
	var in struct {
		streamRef
		entry
		// SequenceNumberForOrdering asks that the record come after another of the same producer. One append after another
		// is always so here; the number is only checked.
		SequenceNumberForOrdering *string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	st, t, err := s.stream(in.streamRef)
	if err != nil {
		return nil, err
	}
	n, err := in.shard(len(t.Partitions()))
	if err != nil {
		return nil, err
	}
	if in.SequenceNumberForOrdering != nil {
		if _, _, err := parseSequence(*in.SequenceNumberForOrdering); err != nil {
			return nil, err
		}
	}
	p := s.put(c, st, t, []entry{in.entry}, []int{n})[0]
	if p.err != nil {
		return nil, p.err
	}
	return map[string]string{"ShardId": shardID(p.shard), "SequenceNumber": p.sequence, "EncryptionType": "NONE"}, nil
}

func (s *Server) putRecords(c *call) (any, *apiError) {
	var in struct {
		streamRef
		Records []entry
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if n := len(in.Records); n < 1 || n > maxPutEntries {
		return nil, validation("1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have between 1 and %d records, and has %d", maxPutEntries, n)
	}
	st, t, err := s.stream(in.streamRef)
	if err != nil {
		return nil, err
	}
	to := make([]int, len(in.Records))
	total := 0
	for i := range in.Records {
		if to[i], err = in.Records[i].shard(len(t.Partitions())); err != nil {
			return nil, err
		}
		if total += in.Records[i].size(); total > maxPutBytes {
			return nil, invalidArgument("Records size exceeds 10 MB limit")
		}
	}
	failed := 0
	results := make([]map[string]string, len(to))
	for i, p := range s.put(c, st, t, in.Records, to) {
		if p.err != nil {
			failed++
			results[i] = map[string]string{"ErrorCode": "InternalFailure", "ErrorMessage": p.err.Message}
			continue
		}
		results[i] = map[string]string{"ShardId": shardID(p.shard), "SequenceNumber": p.sequence}
	}
	return map[string]any{"FailedRecordCount": failed, "Records": results, "EncryptionType": "NONE"}, nil
}
