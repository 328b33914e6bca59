package functions

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/weirhub/weir/internal/record"
)

// EventSource says where the records of an event come from.
type EventSource struct {
	BootstrapServers string // "127.0.0.1:9092", several joined by commas
	ARN              string // of the cluster; empty: the event says SelfManagedKafka, as Lambda's for a cluster of one's own
	LogAppendTime    bool   // the topic stamps records itself
}

// AppendKafkaEvent appends the event that Lambda sends for a Kafka trigger
// (https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html):
//
//	{"eventSource":"aws:kafka","eventSourceArn":"arn:...","bootstrapServers":"127.0.0.1:9092",
//	 "records":{"telemetry-3":[{"topic":"telemetry","partition":3,"offset":41,"timestamp":1772353800123,
//	   "timestampType":"CREATE_TIME","key":"ZGV2LTc=","value":"eyJ9","headers":[{"site":[112,-61]}]}]}}
//
// Partitions stand in the order of their first record; the records of one keep their order.
func AppendKafkaEvent(dst []byte, src EventSource, recs []Record) []byte {
	if src.ARN == "" {
		dst = append(dst, `{"eventSource":"SelfManagedKafka"`...)
	} else {
		dst = append(dst, `{"eventSource":"aws:kafka","eventSourceArn":`...)
		dst = appendString(dst, src.ARN)
	}
	dst = append(dst, `,"bootstrapServers":`...)
	dst = appendString(dst, src.BootstrapServers)
	dst = append(dst, `,"records":{`...)
	for i := range recs {
		if !firstOfPartition(recs, i) {
			continue
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		name := recs[i].Topic + "-" + strconv.Itoa(int(recs[i].Partition))
		dst = append(appendString(dst, name), ':', '[')
		for j := i; j < len(recs); j++ {
			if !samePartition(&recs[i], &recs[j]) {
				continue
			}
			if j > i {
				dst = append(dst, ',')
			}
			dst = appendKafkaRecord(dst, &recs[j], src.LogAppendTime)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}', '}')
}

// firstOfPartition compares with the record before first: batches of one partition cost nothing more.
func firstOfPartition(recs []Record, i int) bool {
	if i > 0 && samePartition(&recs[i-1], &recs[i]) {
		return false
	}
	for j := 0; j < i-1; j++ {
		if samePartition(&recs[j], &recs[i]) {
			return false
		}
	}
	return true
}

func samePartition(a, b *Record) bool { return a.Partition == b.Partition && a.Topic == b.Topic }

func appendKafkaRecord(dst []byte, r *Record, logAppendTime bool) []byte {
	dst = appendString(append(dst, `{"topic":`...), r.Topic)
	dst = strconv.AppendInt(append(dst, `,"partition":`...), int64(r.Partition), 10)
	dst = strconv.AppendInt(append(dst, `,"offset":`...), r.Offset, 10)
	dst = strconv.AppendInt(append(dst, `,"timestamp":`...), r.Timestamp, 10)
	if logAppendTime {
		dst = append(dst, `,"timestampType":"LOG_APPEND_TIME","key":`...)
	} else {
		dst = append(dst, `,"timestampType":"CREATE_TIME","key":`...)
	}
	dst = appendBase64(dst, r.Key)
	dst = appendBase64(append(dst, `,"value":`...), r.Value)
	dst = append(dst, `,"headers":[`...)
	first := true
	// Headers that do not parse end the list: the log has checked them, so none do not.
	_ = record.EachHeader(r.Headers, r.HeaderCount, func(h record.Header) error {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendText(append(dst, '{'), h.Key)
		dst = appendSignedBytes(append(dst, ':'), h.Value)
		dst = append(dst, '}')
		return nil
	})
	return append(dst, ']', '}')
}

// appendSignedBytes writes a header's value as Java's serializer does: bytes from -128 to 127.
func appendSignedBytes(dst, v []byte) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '[')
	for i, c := range v {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(int8(c)), 10)
	}
	return append(dst, ']')
}

func appendBase64(dst, v []byte) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, v)
	return append(dst, '"')
}

func appendString(dst []byte, s string) []byte { return appendText(dst, []byte(s)) }

// appendText writes a JSON string. Bytes that are not UTF-8 become U+FFFD, since JSON has no place for them.
func appendText(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRune(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}

// KinesisRecord is one record of a shard as a function's event shows it.
type KinesisRecord struct {
	ShardID        string
	SequenceNumber string
	PartitionKey   string
	Data           []byte
	Arrival        int64 // ms since the epoch
}

// AppendKinesisEvent appends the event that Lambda sends for a Kinesis trigger. The arrival time is in seconds with a
// fraction; data is never null.
func AppendKinesisEvent(dst []byte, streamARN, region, roleARN string, recs []KinesisRecord) []byte {
	dst = append(dst, `{"Records":[`...)
	for i := range recs {
		r := &recs[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":`...)
		dst = appendString(dst, r.PartitionKey)
		dst = appendString(append(dst, `,"sequenceNumber":`...), r.SequenceNumber)
		dst = append(dst, `,"data":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, r.Data)
		dst = append(dst, `","approximateArrivalTimestamp":`...)
		dst = appendSeconds(dst, r.Arrival)
		dst = append(dst, `},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":`...)
		dst = appendString(dst, r.ShardID+":"+r.SequenceNumber)
		dst = append(dst, `,"eventName":"aws:kinesis:record","invokeIdentityArn":`...)
		dst = appendString(dst, roleARN)
		dst = appendString(append(dst, `,"awsRegion":`...), region)
		dst = appendString(append(dst, `,"eventSourceARN":`...), streamARN)
		dst = append(dst, '}')
	}
	return append(dst, ']', '}')
}

// appendSeconds writes ms as seconds with three decimals, without a float on the way.
func appendSeconds(dst []byte, ms int64) []byte {
	if ms < 0 {
		dst, ms = append(dst, '-'), -ms
	}
	dst = strconv.AppendInt(dst, ms/1000, 10)
	f := ms % 1000
	return append(dst, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10))
}
