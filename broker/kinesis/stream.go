package kinesis

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/record"
)

// registryTopic holds one record for each stream (key: its name, value: JSON of Stream, null when deleted), and under the
// empty key the secret that signs iterators.
const registryTopic = "__weir_streams"

// maxRecordBytes bounds a topic's batches: one put of the API's largest request (10 MiB) and room for the encoding.
const maxRecordBytes = 12 << 20

// Stream is what is remembered of a stream beside its topic.
type Stream struct {
	Name    string `json:"name"`
	Topic   string `json:"topic"`
	TopicID string `json:"topic_id"`
	Shards  int    `json:"shards"`
	Created int64  `json:"created"` // ms
	Mode    string `json:"mode"`    // PROVISIONED or ON_DEMAND

	counters *Counters
}

func (s *Stream) createdSec() int64 { return s.Created / 1000 }

// registry knows the streams. Its log is a compacted topic, so it survives a restart.
type registry struct {
	b   *broker.Broker
	now func() time.Time
	mu  struct {
		sync.Mutex
		loaded bool
		log    *broker.Partition
		secret []byte
		byName map[string]*Stream
	}
}

// load replays the registry's topic once the broker runs.
func (r *registry) load(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.loaded {
		return nil
	}
	// Only closed segments are compacted: at the default size none would ever close.
	compact, segment := "compact", "1048576"
	t, err := r.b.EnsureInternal(ctx, registryTopic, 1, map[string]*string{"cleanup.policy": &compact, "segment.bytes": &segment})
	if err != nil {
		return fmt.Errorf("open %s: %w", registryTopic, err)
	}
	p, ok := t.Partition(0)
	if !ok {
		return fmt.Errorf("open %s: no partition 0", registryTopic)
	}
	if err := p.Settle(ctx); err != nil {
		return fmt.Errorf("open %s: %w", registryTopic, err)
	}
	r.mu.log, r.mu.byName = p, map[string]*Stream{}
	if err := r.replay(p); err != nil {
		return fmt.Errorf("replay %s: %w", registryTopic, err)
	}
	if r.mu.secret == nil {
		secret := make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return fmt.Errorf("make the iterators' secret: %w", err)
		}
		if err := r.write(ctx, "", secret); err != nil {
			return err
		}
		r.mu.secret = secret
	}
	r.mu.loaded = true
	return nil
}

func (r *registry) replay(p *broker.Partition) error {
	var reader record.Reader
	return p.Replay(func(b record.Batch) error {
		if err := reader.Reset(b, 0); err != nil {
			return err
		}
		var rec record.Record
		for reader.Next(&rec) {
			if err := r.apply(&rec); err != nil {
				return err
			}
		}
		return reader.Err()
	})
}

func (r *registry) apply(rec *record.Record) error {
	switch name := string(rec.Key); {
	case name == "":
		r.mu.secret = slices.Clone(rec.Value)
	case rec.Value == nil:
		delete(r.mu.byName, name)
	default:
		s := Stream{counters: &Counters{}}
		if err := json.Unmarshal(rec.Value, &s); err != nil {
			return fmt.Errorf("stream %s at offset %d: %w", name, rec.Offset, err)
		}
		r.mu.byName[name] = &s
	}
	return nil
}

// write makes one change of the registry durable. The caller holds mu: changes are rare, and their order in the log is
// the order in which they are decided.
func (r *registry) write(ctx context.Context, name string, value []byte) error {
	var b record.Builder
	b.Reset(record.None)
	b.Add(r.now().UnixMilli(), []byte(name), value)
	at, err := r.mu.log.Produce(b.Build(), true)
	if err == nil {
		err = r.mu.log.Wait(ctx, at)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", registryTopic, err)
	}
	return nil
}

// find gives a stream and its topic. A topic that was deleted or made anew behind its stream's back takes the stream with it.
func (r *registry) find(name string) (*Stream, *broker.Topic, *apiError) {
	r.mu.Lock()
	s := r.mu.byName[name]
	r.mu.Unlock()
	if s == nil {
		return nil, nil, notFound(name)
	}
	t, ok := r.b.Topic(s.Topic)
	if !ok || t.ID().String() != s.TopicID {
		return nil, nil, notFound(name)
	}
	return s, t, nil
}

func (r *registry) names() []string {
	r.mu.Lock()
	all := make([]string, 0, len(r.mu.byName))
	for n := range r.mu.byName {
		all = append(all, n)
	}
	r.mu.Unlock()
	slices.Sort(all)
	return slices.DeleteFunc(all, func(n string) bool { _, _, err := r.find(n); return err != nil })
}

// create makes a stream, over a topic of its own or one that is there.
func (r *registry) create(ctx context.Context, s Stream, existing bool) *apiError {
	if _, _, err := r.find(s.Name); err == nil {
		return exception("ResourceInUseException", "Stream %s under account %s already exists.", s.Name, account)
	}
	t, ok := r.b.Topic(s.Topic)
	switch {
	case ok && !existing:
		return exception("ResourceInUseException", "Stream %s cannot be created: a topic of that name exists.", s.Name)
	case !ok:
		var err error
		if t, err = r.b.CreateTopic(ctx, topicSpec(s)); err != nil {
			return translate(err)
		}
	}
	s.counters = &Counters{}
	s.Shards, s.TopicID, s.Created = len(t.Partitions()), t.ID().String(), r.now().UnixMilli()
	value, err := json.Marshal(s)
	if err != nil {
		return translate(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.write(ctx, s.Name, value); err != nil {
		return translate(err)
	}
	r.mu.byName[s.Name] = &s
	return nil
}

func topicSpec(s Stream) broker.TopicSpec {
	size, retention := strconv.Itoa(maxRecordBytes), strconv.Itoa(defaultRetentionHours*3600*1000)
	return broker.TopicSpec{
		Name: s.Topic, Partitions: int32(s.Shards),
		Configs: map[string]*string{"max.message.bytes": &size, "retention.ms": &retention},
	}
}

// remove deletes a stream with its topic. A crash between the two leaves the topic without its stream: the records are
// not lost with a request that was never answered.
func (r *registry) remove(ctx context.Context, name string) *apiError {
	s, _, err := r.find(name)
	if err != nil {
		return err
	}
	r.mu.Lock()
	werr := r.write(ctx, name, nil)
	if werr == nil {
		delete(r.mu.byName, name)
	}
	r.mu.Unlock()
	if werr == nil {
		werr = r.b.DeleteTopic(ctx, s.Topic)
	}
	if werr != nil {
		return translate(werr)
	}
	return nil
}

func (r *registry) key() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.secret
}

// defaultRetentionHours is a new stream's, as AWS.
const defaultRetentionHours = 24

// retentionHours is a stream's retention by its topic's config.
func retentionHours(b *broker.Broker, t *broker.Topic) int64 {
	key, ok := broker.TopicConfigKey("retention.ms")
	if !ok {
		return defaultRetentionHours
	}
	v, _ := b.TopicConfig(t, key)
	ms, err := strconv.ParseInt(v, 10, 64)
	if err != nil || ms < 0 {
		return 8760 // for ever: the API's largest value
	}
	return max(ms/3_600_000, 1)
}

func arn(region, stream string) string {
	return "arn:aws:kinesis:" + region + ":" + account + ":stream/" + stream
}

// streamOfARN gives the stream's name of an ARN.
func streamOfARN(s string) (string, bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "kinesis" {
		return "", false
	}
	return strings.CutPrefix(parts[5], "stream/")
}
