package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// brokerWide merges the configs of the start with those that clients set, which win.
func (b *Broker) brokerWide() map[string]string {
	b.topics.RLock()
	defer b.topics.RUnlock()
	if len(b.topics.configs) == 0 {
		return b.o.Configs
	}
	out := maps.Clone(b.o.Configs)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b.topics.configs)
	return out
}

// brokerKey finds the topic config for which a broker-wide config gives the default.
func brokerKey(name string) (ConfigKey, bool) {
	for _, k := range topicConfigs {
		if k.Broker == name {
			return k, true
		}
	}
	return ConfigKey{}, false
}

func checkBrokerConfigs(in map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		k, ok := brokerKey(name)
		if !ok {
			return fmt.Errorf("%w: unknown broker config name: %s", ErrInvalidConfig, name)
		}
		if err := k.Check(in[name]); err != nil {
			return err
		}
	}
	return nil
}

// TopicConfig is the value of one of a topic's configs and where it comes from.
func (b *Broker) TopicConfig(t *Topic, k ConfigKey) (string, ConfigSource) {
	v, src := lookup(k.Name, t.Configs(), b.brokerWide())
	if src == SourceBrokerDynamic && !b.dynamic(k.Broker) {
		src = SourceBrokerStatic
	}
	return v, src
}

// BrokerConfig is the broker-wide default of one topic config and where it comes from.
func (b *Broker) BrokerConfig(k ConfigKey) (string, ConfigSource) {
	v, src := lookup(k.Name, nil, b.brokerWide())
	if src == SourceBrokerDynamic && !b.dynamic(k.Broker) {
		src = SourceBrokerStatic
	}
	return v, src
}

func (b *Broker) dynamic(name string) bool {
	b.topics.RLock()
	defer b.topics.RUnlock()
	_, ok := b.topics.configs[name]
	return ok
}

// AlterTopic replaces a topic's own configs by what change makes of them. change must not keep its argument.
func (b *Broker) AlterTopic(ctx context.Context, name string, validateOnly bool, change func(own map[string]string) error) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	t, ok := b.Topic(name)
	if !ok || b.admin.closed {
		return fmt.Errorf("%w %q", ErrUnknownTopic, name)
	}
	own := maps.Clone(t.Configs())
	if err := change(own); err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(own)) {
		k, ok := TopicConfigKey(n)
		if !ok {
			return fmt.Errorf("%w: unknown topic config name: %s", ErrInvalidConfig, n)
		}
		if err := k.Check(own[n]); err != nil {
			return err
		}
	}
	if validateOnly {
		return nil
	}
	m := t.meta()
	m.Configs = own
	if err := b.admin.meta.commit(event{Kind: kindTopic, Topic: &m}); err != nil {
		return err
	}
	b.reconfigure(t, own)
	return nil
}

// AlterBroker replaces the cluster-wide configs by what change makes of them.
func (b *Broker) AlterBroker(ctx context.Context, validateOnly bool, change func(configs map[string]string) error) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.admin.closed {
		return ErrClosed
	}
	configs := maps.Clone(b.admin.meta.state.configs)
	if err := change(configs); err != nil {
		return err
	}
	if err := checkBrokerConfigs(configs); err != nil {
		return err
	}
	if validateOnly {
		return nil
	}
	if err := b.admin.meta.commit(event{Kind: kindBroker, Configs: configs}); err != nil {
		return err
	}
	b.topics.Lock()
	b.topics.configs = configs
	b.topics.Unlock()
	for _, t := range b.Topics() {
		b.reconfigure(t, t.Configs())
	}
	return nil
}

// reconfigure also tells the logs.
func (b *Broker) reconfigure(t *Topic, own map[string]string) {
	b.configure(t, own)
	for _, p := range t.Partitions() {
		if p.log != nil {
			p.log.SetOptions(t.settings.Load().logOptions(b.o.Now))
		}
	}
}
