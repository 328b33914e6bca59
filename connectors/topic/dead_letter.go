package topic

import (
	"context"
	"encoding/binary"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/weirhub/weir/stream"
)

// DeadLetterSuffix ends the name of the topic that takes another topic's bad records.
const DeadLetterSuffix = ".dlq"

// DeadLetter writes a bad record to its dead-letter topic, in the transaction: key, value and headers as they came, and
// headers that say why and where from. It makes the topic when it is missing.
func (x *Transaction) DeadLetter(ctx context.Context, r stream.BadRecord) error {
	name := x.DeadLetterTopic(r)
	x.mu.Lock()
	ready := x.mu.ready[name]
	x.mu.Unlock()
	if !ready {
		if err := x.c.EnsureTopic(ctx, TopicSpec{Name: name, Partitions: 1}); err != nil {
			return err
		}
		x.mu.Lock()
		x.mu.ready[name] = true
		x.mu.Unlock()
	}
	h := headerList{bytes: append([]byte(nil), r.Headers...), n: r.HeaderCount}
	h.add("x-weir-error", r.Reason)
	h.add("x-weir-source-topic", r.Topic)
	h.add("x-weir-source-partition", strconv.Itoa(int(r.Partition)))
	h.add("x-weir-source-offset", strconv.FormatInt(r.Offset, 10))
	h.add("x-weir-pipeline", x.o.Pipeline)
	h.add("x-weir-attempts", strconv.Itoa(r.Attempts))
	at := r.Timestamp
	if at <= 0 {
		at = time.Now().UnixMilli()
	}
	return x.Add(ctx, name, 0, Record{Timestamp: at, Key: r.Key, Value: r.Value, Headers: h.bytes, HeaderCount: h.n})
}

// DeadLetterTopic names the topic for a record's source. A file is known by its base name, with what a topic's name may
// not have replaced.
func (x *Transaction) DeadLetterTopic(r stream.BadRecord) string {
	if x.o.DeadLetterTopic != "" {
		return x.o.DeadLetterTopic
	}
	name := r.Topic
	if r.Partition < 0 {
		name = strings.Map(func(c rune) rune {
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
				return c
			}
			return '_'
		}, path.Base(strings.ReplaceAll(name, `\`, "/")))
	}
	const maxName = 249 // of Kafka's topics
	return name[:min(len(name), maxName-len(DeadLetterSuffix))] + DeadLetterSuffix
}

// headerList encodes headers as a record has them.
type headerList struct {
	bytes []byte
	n     int
}

func (h *headerList) add(key, value string) {
	h.bytes = binary.AppendVarint(h.bytes, int64(len(key)))
	h.bytes = append(h.bytes, key...)
	h.bytes = binary.AppendVarint(h.bytes, int64(len(value)))
	h.bytes = append(h.bytes, value...)
	h.n++
}
