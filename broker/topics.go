package broker

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/weirhub/weir/broker/commitlog"
)

// Topic is a named set of partitions. Its files lie in DIR/topics/<name>/<id>/<partition>: the id keeps a topic that is
// created again apart from what may be left of the one before.
type Topic struct {
	name       string
	id         UUID
	internal   bool
	created    int64
	configs    atomic.Pointer[map[string]string] // its own; replaced, never written
	settings   atomic.Pointer[settings]
	partitions atomic.Pointer[[]*Partition] // replaced when it grows
}

// Name, ID and Internal do not change in a topic's life.
func (t *Topic) Name() string { return t.name }

// ID is unique for ever, also over topics of the same name.
func (t *Topic) ID() UUID { return t.id }

// Internal topics belong to the broker: clients may read but not write or delete them.
func (t *Topic) Internal() bool { return t.internal }

// Partitions are all partitions, by number.
func (t *Topic) Partitions() []*Partition { return *t.partitions.Load() }

// Partition is one of them.
func (t *Topic) Partition(i int32) (*Partition, bool) {
	parts := t.Partitions()
	if i < 0 || int(i) >= len(parts) {
		return nil, false
	}
	return parts[i], true
}

// Configs are the topic's own configs: what it overrides.
func (t *Topic) Configs() map[string]string { return *t.configs.Load() }

func (t *Topic) meta() topicMeta {
	return topicMeta{
		Name: t.name, ID: t.id, Partitions: int32(len(t.Partitions())), Internal: t.internal,
		Configs: t.Configs(), Created: t.created,
	}
}

// TopicSpec describes a topic to create.
type TopicSpec struct {
	Name       string
	Partitions int32 // 0 or -1: the broker's default
	Configs    map[string]*string
	Internal   bool
}

// Topic finds a topic by name.
func (b *Broker) Topic(name string) (*Topic, bool) {
	b.topics.RLock()
	defer b.topics.RUnlock()
	t, ok := b.topics.byName[name]
	return t, ok
}

// TopicByID finds a topic by id.
func (b *Broker) TopicByID(id UUID) (*Topic, bool) {
	b.topics.RLock()
	defer b.topics.RUnlock()
	t, ok := b.topics.byID[id]
	return t, ok
}

// Topics are all topics, sorted by name.
func (b *Broker) Topics() []*Topic {
	b.topics.RLock()
	out := slices.Collect(maps.Values(b.topics.byName))
	b.topics.RUnlock()
	slices.SortFunc(out, func(x, y *Topic) int { return strings.Compare(x.name, y.name) })
	return out
}

// Partition finds a partition by its topic's name.
func (b *Broker) Partition(topic string, i int32) (*Partition, error) {
	t, ok := b.Topic(topic)
	if !ok {
		return nil, fmt.Errorf("%w %q", ErrUnknownTopic, topic)
	}
	p, ok := t.Partition(i)
	if !ok {
		return nil, fmt.Errorf("%w %d of topic %q", ErrUnknownPartition, i, topic)
	}
	return p, nil
}

// newTopic has no partitions yet.
func (b *Broker) newTopic(m topicMeta) *Topic {
	t := &Topic{name: m.Name, id: m.ID, internal: m.Internal, created: m.Created}
	b.configure(t, m.Configs)
	t.partitions.Store(new([]*Partition))
	return t
}

// configure sets a topic's own configs and what follows from them.
func (b *Broker) configure(t *Topic, own map[string]string) {
	own = maps.Clone(own)
	if own == nil {
		own = map[string]string{}
	}
	s := resolve(own, b.brokerWide())
	t.configs.Store(&own)
	t.settings.Store(&s)
}

// publish makes a topic visible.
func (b *Broker) publish(t *Topic) {
	b.topics.Lock()
	defer b.topics.Unlock()
	b.topics.byName[t.name] = t
	b.topics.byID[t.id] = t
	b.topics.partitions += len(t.Partitions())
}

func (b *Broker) topicDir(m topicMeta) string {
	return path.Join(b.dir, "topics", m.Name, m.ID.String())
}

func (b *Broker) openPartition(t *Topic, i int32) *Partition {
	dir := path.Join(b.topicDir(t.meta()), strconv.Itoa(int(i)))
	log, err := commitlog.Open(b.fs, dir, t.settings.Load().logOptions(b.o.Now))
	if err != nil {
		b.o.Logger.Error("partition is offline", "topic", t.name, "partition", i, "err", err)
	}
	return newPartition(t, i, log, err, b.fl, b.o.Now)
}

// CreateTopic makes a topic and returns when it is durable.
func (b *Broker) CreateTopic(ctx context.Context, spec TopicSpec) (*Topic, error) {
	b.admin.Lock()
	defer b.admin.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	own, err := b.checkSpec(&spec)
	if err != nil {
		return nil, err
	}
	m := topicMeta{
		Name: spec.Name, ID: newUUID(), Partitions: spec.Partitions, Internal: spec.Internal,
		Configs: own, Created: b.o.Now().UnixMilli(),
	}
	t := b.newTopic(m)
	if err := b.addPartitions(t, spec.Partitions); err != nil {
		return nil, err
	}
	// A crash before this line leaves a directory that nothing names, and no topic.
	if err := b.admin.meta.commit(event{Kind: kindTopic, Topic: &m}); err != nil {
		closeAll(t.Partitions())
		return nil, err
	}
	b.publish(t)
	return t, nil
}

// CheckTopic is CreateTopic without creating: the error it would give, and what the topic would be.
func (b *Broker) CheckTopic(spec TopicSpec) (TopicSpec, error) {
	b.admin.Lock()
	defer b.admin.Unlock()
	_, err := b.checkSpec(&spec)
	return spec, err
}

// checkSpec fills in defaults. The caller holds admin.
func (b *Broker) checkSpec(spec *TopicSpec) (map[string]string, error) {
	if b.admin.closed {
		return nil, ErrClosed
	}
	if err := CheckTopicName(spec.Name); err != nil {
		return nil, err
	}
	if _, ok := b.Topic(spec.Name); ok {
		return nil, fmt.Errorf("%w: %q", ErrTopicExists, spec.Name)
	}
	if spec.Partitions == -1 || spec.Partitions == 0 && spec.Internal {
		spec.Partitions = b.o.DefaultPartitions
	}
	if spec.Partitions <= 0 {
		return nil, fmt.Errorf("%w: %d", ErrInvalidPartition, spec.Partitions)
	}
	if err := b.room(int(spec.Partitions)); err != nil {
		return nil, err
	}
	return CheckConfigs(spec.Configs)
}

func (b *Broker) room(more int) error {
	b.topics.RLock()
	defer b.topics.RUnlock()
	if b.topics.partitions+more > maxPartitions {
		return fmt.Errorf("%w: there are %d, at most %d are served", ErrTooMany, b.topics.partitions, maxPartitions)
	}
	return nil
}

// CheckConfigs checks topic configs; a nil value stands for the default and is left out.
func CheckConfigs(in map[string]*string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		v := in[name]
		k, ok := TopicConfigKey(name)
		if !ok {
			return nil, fmt.Errorf("%w: unknown topic config name: %s", ErrInvalidConfig, name)
		}
		if v == nil {
			continue
		}
		if err := k.Check(*v); err != nil {
			return nil, err
		}
		out[name] = *v
	}
	return out, nil
}

// addPartitions opens logs up to n and makes their directories durable.
func (b *Broker) addPartitions(t *Topic, n int32) error {
	parts := slices.Clone(t.Partitions())
	for i := int32(len(parts)); i < n; i++ {
		p := b.openPartition(t, i)
		parts = append(parts, p)
		if err := p.Err(); err != nil {
			closeAll(parts[len(t.Partitions()):])
			return fmt.Errorf("create topic %q: %w", t.name, err)
		}
	}
	dir := b.topicDir(t.meta())
	for _, d := range []string{dir, path.Dir(dir), path.Dir(path.Dir(dir)), b.dir} {
		if err := b.fs.SyncDir(d); err != nil {
			closeAll(parts[len(t.Partitions()):])
			return fmt.Errorf("create topic %q: %w", t.name, storage(err))
		}
	}
	t.partitions.Store(&parts)
	return nil
}

// closeAll gives back the files of partitions that did not come to be; they hold nothing.
func closeAll(parts []*Partition) {
	for _, p := range parts {
		_ = p.close(ErrClosed)
	}
}

// GrowTopic raises a topic's partition count to n.
func (b *Broker) GrowTopic(ctx context.Context, name string, n int32, validateOnly bool) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	t, ok := b.Topic(name)
	if !ok || b.admin.closed {
		return fmt.Errorf("%w %q", ErrUnknownTopic, name)
	}
	have := len(t.Partitions())
	if int(n) <= have {
		return fmt.Errorf("%w: the topic %s currently has %d partition(s); %d would not be an increase", ErrInvalidPartition, name, have, n)
	}
	if err := b.room(int(n) - have); err != nil {
		return err
	}
	if validateOnly {
		return nil
	}
	// The new logs are reachable through the topic only after the record is durable.
	grown := &Topic{name: t.name, id: t.id, internal: t.internal, created: t.created}
	grown.configs.Store(t.configs.Load())
	grown.settings.Store(t.settings.Load())
	grown.partitions.Store(t.partitions.Load())
	if err := b.addPartitions(grown, n); err != nil {
		return err
	}
	m := grown.meta()
	if err := b.admin.meta.commit(event{Kind: kindTopic, Topic: &m}); err != nil {
		closeAll(grown.Partitions()[have:])
		return err
	}
	for _, p := range grown.Partitions()[have:] {
		p.topic = t
	}
	t.partitions.Store(grown.partitions.Load())
	b.topics.Lock()
	b.topics.partitions += int(n) - have
	b.topics.Unlock()
	return nil
}

// DeleteTopic removes a topic. When it returns the deletion is durable and the name is free; the files go at once, or at
// the next start if this process ends before.
func (b *Broker) DeleteTopic(ctx context.Context, name string) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	t, ok := b.Topic(name)
	if !ok || b.admin.closed {
		return fmt.Errorf("%w %q", ErrUnknownTopic, name)
	}
	m := topicMeta{Name: t.name, ID: t.id}
	if err := b.admin.meta.commit(event{Kind: kindDeleted, Topic: &m}); err != nil {
		return err
	}
	b.topics.Lock()
	delete(b.topics.byName, t.name)
	delete(b.topics.byID, t.id)
	b.topics.partitions -= len(t.Partitions())
	b.topics.Unlock()
	for _, p := range t.Partitions() {
		if err := p.close(fmt.Errorf("%w %q", ErrUnknownTopic, name)); err != nil {
			b.o.Logger.Warn("close deleted partition", "topic", name, "partition", p.index, "err", err)
		}
	}
	b.removeFiles(m)
	return nil
}

// removeFiles drops the files of a topic whose deletion is on record. A failure is tried again at the next start.
func (b *Broker) removeFiles(m topicMeta) {
	dir := b.topicDir(m)
	err := b.fs.RemoveAll(dir)
	if err == nil {
		err = b.fs.SyncDir(path.Dir(dir))
	}
	if err != nil {
		b.o.Logger.Warn("remove deleted topic", "topic", m.Name, "dir", dir, "err", err)
		return
	}
	_ = b.fs.Remove(path.Dir(dir)) // fails while another topic of that name has files there, as it should
	if err := b.admin.meta.commit(event{Kind: kindRemoved, Topic: &m}); err != nil {
		b.o.Logger.Warn("remove deleted topic", "topic", m.Name, "err", err)
	}
}

// EnsureInternal returns an internal topic, creating it when it is not there.
func (b *Broker) EnsureInternal(ctx context.Context, name string, partitions int32, configs map[string]*string) (*Topic, error) {
	if t, ok := b.Topic(name); ok {
		return t, nil
	}
	t, err := b.CreateTopic(ctx, TopicSpec{Name: name, Partitions: partitions, Configs: configs, Internal: true})
	if err == nil {
		return t, nil
	}
	if t, ok := b.Topic(name); ok { // somebody else was faster
		return t, nil
	}
	return nil, err
}
