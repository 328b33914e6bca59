package broker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/broker/quota"
	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// The broker's own metadata is a log in DIR/meta: record batches as of any partition, whose values are JSON objects,
// one change each. A batch is one atomic change: it is there whole or not at all.
//
//	{"kind":"format","version":1}                                  the first record of the log, and of every snapshot
//	{"kind":"cluster","cluster":"<22 characters>"}                 the cluster's id
//	{"kind":"topic","topic":{"name":...,"id":...,"partitions":n,"internal":bool,"configs":{...},"created":ms}}
//	                                                               a topic as it stands from now on, new or changed
//	{"kind":"deleted","topic":{"name":...,"id":...}}               the topic is gone; its files may still be there
//	{"kind":"removed","topic":{"name":...,"id":...}}               its files are gone too
//	{"kind":"broker","configs":{...}}                              the cluster-wide configs as they stand from now on
//	{"kind":"node","configs":{...}}                                the configs of this node alone as they stand from now on
//	{"kind":"resource","resource":{"type":n,"name":...,"configs":{...}}}
//	                                                               the configs of another resource (n is Kafka's number of
//	                                                               its type) as they stand from now on; none: it is gone
//	{"kind":"quota","quota":{"entity":{"user":...,"client-id":...,"ip":...},"values":{...}}}
//	                                                               the quotas of an entity as they stand from now on; a part
//	                                                               of it that is null is the default; no values: none
//	{"kind":"producers","next":n}                                  producer ids below n may have been given out
//
// When the log has grown to snapshotBytes more than its last snapshot, the whole state is appended as one batch that begins with
// a format record, and the log's start moves up to it. Replay therefore begins at the log's start with an empty state.
type event struct {
	Kind     string            `json:"kind"`
	Version  int               `json:"version,omitempty"`
	Cluster  string            `json:"cluster,omitempty"`
	Topic    *topicMeta        `json:"topic,omitempty"`
	Configs  map[string]string `json:"configs,omitempty"`
	Next     int64             `json:"next,omitempty"`
	Resource *resourceMeta     `json:"resource,omitempty"`
	Quota    *quotaMeta        `json:"quota,omitempty"`
}

const (
	kindFormat    = "format"
	kindCluster   = "cluster"
	kindTopic     = "topic"
	kindDeleted   = "deleted"
	kindRemoved   = "removed"
	kindBroker    = "broker"
	kindNode      = "node"
	kindResource  = "resource"
	kindQuota     = "quota"
	kindProducers = "producers"
)

// metaVersion is the format's version; a log of a later one is refused.
const metaVersion = 1

// snapshotBytes bounds what a start replays beyond the state itself: 4 MiB are about 15,000 changes and 50 ms.
const snapshotBytes = 4 << 20

// metaSegmentBytes lets the log's old part go soon after a snapshot; only whole segments are dropped.
const metaSegmentBytes = 1 << 20

// maxMetaBatchBytes bounds a snapshot: 100,000 topics are about 25 MiB.
const maxMetaBatchBytes = 1 << 30

type topicMeta struct {
	Name       string            `json:"name"`
	ID         UUID              `json:"id"`
	Partitions int32             `json:"partitions,omitempty"`
	Internal   bool              `json:"internal,omitempty"`
	Configs    map[string]string `json:"configs,omitempty"`
	Created    int64             `json:"created,omitempty"` // ms
}

// metaState is what a replay yields.
type metaState struct {
	cluster string
	topics  map[string]topicMeta
	deleted map[UUID]string   // id -> name of topics whose files may still be there
	configs map[string]string // cluster-wide
	node    map[string]string // of this node
	nextPID int64
	// resources are configs of what is neither topic nor broker.
	resources map[resourceKey]map[string]string
	quotas    map[quota.Entity]map[string]float64
}

func newMetaState() *metaState {
	return &metaState{
		topics: map[string]topicMeta{}, deleted: map[UUID]string{}, configs: map[string]string{},
		node: map[string]string{}, resources: map[resourceKey]map[string]string{}, quotas: map[quota.Entity]map[string]float64{},
	}
}

func (m *metaState) apply(e event) error {
	switch e.Kind {
	case kindFormat:
		if e.Version > metaVersion {
			return fmt.Errorf("metadata format %d is newer than %d: use a newer release", e.Version, metaVersion)
		}
	case kindCluster:
		m.cluster = e.Cluster
	case kindTopic, kindDeleted, kindRemoved:
		if e.Topic == nil {
			return fmt.Errorf("record of kind %q without a topic", e.Kind)
		}
		m.applyTopic(e.Kind, *e.Topic)
	case kindBroker, kindNode:
		configs := e.Configs
		if configs == nil {
			configs = map[string]string{}
		}
		if e.Kind == kindNode {
			m.node = configs
		} else {
			m.configs = configs
		}
	case kindResource:
		return m.applyResource(e.Resource)
	case kindQuota:
		return m.applyQuota(e.Quota)
	case kindProducers:
		m.nextPID = e.Next
	default:
		return fmt.Errorf("record of unknown kind %q", e.Kind)
	}
	return nil
}

func (m *metaState) applyTopic(kind string, t topicMeta) {
	switch kind {
	case kindTopic:
		m.topics[t.Name] = t
	case kindDeleted:
		if m.topics[t.Name].ID == t.ID {
			delete(m.topics, t.Name)
		}
		m.deleted[t.ID] = t.Name
	case kindRemoved:
		delete(m.deleted, t.ID)
	}
}

// snapshot is the state as events; applying them to an empty state gives it back.
func (m *metaState) snapshot() []event {
	out := []event{{Kind: kindFormat, Version: metaVersion}, {Kind: kindCluster, Cluster: m.cluster}}
	if len(m.configs) > 0 {
		out = append(out, event{Kind: kindBroker, Configs: m.configs})
	}
	if len(m.node) > 0 {
		out = append(out, event{Kind: kindNode, Configs: m.node})
	}
	out = append(out, m.otherEvents()...)
	if m.nextPID > 0 {
		out = append(out, event{Kind: kindProducers, Next: m.nextPID})
	}
	topics := make([]topicMeta, 0, len(m.topics))
	for _, t := range m.topics {
		topics = append(topics, t)
	}
	slices.SortFunc(topics, func(a, b topicMeta) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range topics {
		out = append(out, event{Kind: kindTopic, Topic: &t})
	}
	for id, name := range m.deleted {
		out = append(out, event{Kind: kindDeleted, Topic: &topicMeta{Name: name, ID: id}})
	}
	return out
}

// metaLog is the metadata on disk with its state. Its user serialises the calls.
type metaLog struct {
	log   *commitlog.Log
	state *metaState
	now   func() time.Time
	// sinceSnapshot is how many bytes follow the last snapshot.
	sinceSnapshot int64
}

// openMeta replays the log and gives a new one its cluster id.
func openMeta(fs vfs.FS, dir string, now func() time.Time) (*metaLog, error) {
	log, err := commitlog.Open(fs, dir, commitlog.Options{SegmentBytes: metaSegmentBytes, MaxBatchBytes: maxMetaBatchBytes, Now: now})
	if err != nil {
		return nil, err
	}
	m := &metaLog{log: log, state: newMetaState(), now: now}
	if err := m.replay(); err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("replay metadata in %s: %w", dir, err)
	}
	if m.state.cluster == "" {
		err = m.commit(event{Kind: kindFormat, Version: metaVersion}, event{Kind: kindCluster, Cluster: newUUID().String()})
		if err != nil {
			_ = log.Close()
			return nil, err
		}
	}
	return m, nil
}

func (m *metaLog) replay() error {
	var reader record.Reader
	start, end := m.log.StartOffset(), m.log.NextOffset()
	read := func(offset int64) (commitlog.Slice, error) { return m.log.Read(offset, replayBytes, end) }
	return replay(start, end, func(b record.Batch) error {
		m.sinceSnapshot += int64(len(b))
		return m.replayBatch(&reader, b, start)
	}, read)
}

func (m *metaLog) replayBatch(reader *record.Reader, b record.Batch, from int64) error {
	if err := reader.Reset(b, maxMetaBatchBytes); err != nil {
		return err
	}
	var rec record.Record
	for first := true; reader.Next(&rec); first = false {
		if rec.Offset < from {
			continue
		}
		var e event
		if err := json.Unmarshal(rec.Value, &e); err != nil {
			return fmt.Errorf("record at offset %d: %w", rec.Offset, err)
		}
		if first && e.Kind == kindFormat {
			m.state, m.sinceSnapshot = newMetaState(), 0
		}
		if err := m.state.apply(e); err != nil {
			return fmt.Errorf("record at offset %d: %w", rec.Offset, err)
		}
	}
	return reader.Err()
}

// commit makes events durable as one change and applies them. After an error nothing was applied, and whether the next
// start sees them is open: the log is offline then.
func (m *metaLog) commit(events ...event) error {
	if err := m.append(events); err != nil {
		return err
	}
	for _, e := range events {
		if err := m.state.apply(e); err != nil {
			panic("BUG: apply metadata: " + err.Error())
		}
	}
	if m.sinceSnapshot < snapshotBytes {
		return nil
	}
	// The change is durable whatever becomes of the snapshot.
	base := m.log.NextOffset()
	if err := m.append(m.state.snapshot()); err != nil {
		return nil //nolint:nilerr // the next commit reports that the log is offline
	}
	m.sinceSnapshot = 0
	_ = m.log.DeleteBefore(base) // only frees space; the next snapshot tries again
	return nil
}

func (m *metaLog) append(events []event) error {
	var b record.Builder
	b.Reset(record.None)
	now := m.now().UnixMilli()
	for _, e := range events {
		v, err := json.Marshal(e)
		if err != nil {
			panic("BUG: encode metadata: " + err.Error())
		}
		b.Add(now, nil, v)
	}
	batch := b.Build()
	if _, err := m.log.Append(batch); err != nil {
		return fmt.Errorf("write metadata: %w", storage(err))
	}
	if _, err := m.log.Flush(); err != nil {
		return fmt.Errorf("write metadata: %w", err)
	}
	m.sinceSnapshot += int64(len(batch))
	return nil
}
