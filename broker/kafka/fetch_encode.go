package kafka

import (
	"encoding/binary"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/commitlog"
)

// appendFetch encodes a Fetch answer as kmsg does, but reads the records from their logs straight into the buffer that
// goes to the socket, where kmsg would copy them once more. The partitions whose RecordBatches are nil take the next of
// records. A log that cannot be read gives its partition an error and no records.
func appendFetch(dst []byte, r *kmsg.FetchResponse, records []commitlog.Slice) []byte {
	size := 256
	for i := range records {
		size += records[i].Len() + 256
	}
	e := fetchEncoder{b: slices.Grow(dst, size), version: r.Version, flexible: r.IsFlexible(), records: records}
	e.response(r)
	return e.b
}

// appendFetchHeads encodes the same without the records: gaps says where each slice belongs.
func appendFetchHeads(dst []byte, r *kmsg.FetchResponse, records []commitlog.Slice) (heads []byte, gaps []int) {
	e := fetchEncoder{b: dst, version: r.Version, flexible: r.IsFlexible(), records: records, headsOnly: true}
	e.response(r)
	return e.b, e.gaps
}

func (e *fetchEncoder) response(r *kmsg.FetchResponse) {
	e.int32(r.ThrottleMillis)
	if e.version >= 7 {
		e.int16(r.ErrorCode)
		e.int32(r.SessionID)
	}
	e.length(len(r.Topics))
	for i := range r.Topics {
		t := &r.Topics[i]
		if e.version >= 13 {
			e.b = append(e.b, t.TopicID[:]...)
		} else {
			e.string(t.Topic)
		}
		e.length(len(t.Partitions))
		for j := range t.Partitions {
			e.partition(&t.Partitions[j])
		}
		e.noTags()
	}
	e.noTags()
}

type fetchEncoder struct {
	b         []byte
	version   int16
	flexible  bool
	records   []commitlog.Slice // what is left of them
	headsOnly bool
	gaps      []int
}

func (e *fetchEncoder) partition(p *kmsg.FetchResponseTopicPartition) {
	if p.RecordBatches != nil {
		e.partitionHead(p)
		e.bytes(p.RecordBatches)
		e.noTags()
		return
	}
	s := &e.records[0]
	e.records = e.records[1:]
	start, n := len(e.b), s.Len()
	e.partitionHead(p)
	e.length(n)
	at := len(e.b)
	if e.headsOnly {
		e.gaps = append(e.gaps, at)
		e.noTags()
		return
	}
	e.b = slices.Grow(e.b, n)[:at+n]
	read, err := s.Bytes(e.b[at : at : at+n])
	if err == nil && len(read) == n {
		if &read[0] != &e.b[at] {
			copy(e.b[at:], read)
		}
		e.noTags()
		return
	}
	e.b = e.b[:start]
	failed := kmsg.NewFetchResponseTopicPartition()
	failed.Partition, failed.ErrorCode, failed.PreferredReadReplica = p.Partition, kerr.KafkaStorageError.Code, -1
	failed.HighWatermark, failed.LastStableOffset, failed.LogStartOffset = -1, -1, -1
	e.partitionHead(&failed)
	e.bytes(nil)
	e.noTags()
}

func (e *fetchEncoder) partitionHead(p *kmsg.FetchResponseTopicPartition) {
	e.int32(p.Partition)
	e.int16(p.ErrorCode)
	e.int64(p.HighWatermark)
	e.int64(p.LastStableOffset)
	if e.version >= 5 {
		e.int64(p.LogStartOffset)
	}
	if p.AbortedTransactions == nil {
		e.length(-1)
	} else {
		e.length(len(p.AbortedTransactions))
	}
	for i := range p.AbortedTransactions {
		e.int64(p.AbortedTransactions[i].ProducerID)
		e.int64(p.AbortedTransactions[i].FirstOffset)
		e.noTags()
	}
	if e.version >= 11 {
		e.int32(p.PreferredReadReplica)
	}
}

func (e *fetchEncoder) int16(v int16) { e.b = binary.BigEndian.AppendUint16(e.b, uint16(v)) }
func (e *fetchEncoder) int32(v int32) { e.b = binary.BigEndian.AppendUint32(e.b, uint32(v)) }
func (e *fetchEncoder) int64(v int64) { e.b = binary.BigEndian.AppendUint64(e.b, uint64(v)) }

// length writes an array's length, -1 for null.
func (e *fetchEncoder) length(n int) {
	if e.flexible {
		e.b = binary.AppendUvarint(e.b, uint64(n+1))
	} else {
		e.int32(int32(n))
	}
}

func (e *fetchEncoder) bytes(b []byte) {
	e.length(len(b))
	e.b = append(e.b, b...)
}

func (e *fetchEncoder) string(s string) {
	if e.flexible {
		e.b = binary.AppendUvarint(e.b, uint64(len(s)+1))
	} else {
		e.int16(int16(len(s)))
	}
	e.b = append(e.b, s...)
}

// noTags ends a struct. None of the tagged fields of a Fetch answer has anything to say where there is one node.
func (e *fetchEncoder) noTags() {
	if e.flexible {
		e.b = append(e.b, 0)
	}
}
