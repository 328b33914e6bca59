package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// brokerWide merges the configs of the start with those that clients set, which win: for the cluster, then for this node.
func (b *Broker) brokerWide() map[string]string {
	b.topics.RLock()
	defer b.topics.RUnlock()
	if len(b.topics.configs)+len(b.topics.node) == 0 {
		return b.o.Configs
	}
	out := maps.Clone(b.o.Configs)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b.topics.configs)
	maps.Copy(out, b.topics.node)
	return out
}

// BrokerConfigKey finds a config that can be set for the broker: its own, or a topic's default.
func BrokerConfigKey(name string) (ConfigKey, bool) {
	for _, k := range topicConfigs {
		if k.Broker == name {
			return k, true
		}
	}
	for _, k := range brokerConfigs {
		if k.Name == name {
			return k, true
		}
	}
	return ConfigKey{}, false
}

func checkBrokerConfigs(in map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		k, ok := BrokerConfigKey(name)
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
	if v, ok := t.Configs()[k.Name]; ok {
		return v, SourceTopic
	}
	return b.BrokerConfig(k)
}

// BrokerConfig is the value of a config for the whole broker, which is the default of a topic's, and where it comes from.
func (b *Broker) BrokerConfig(k ConfigKey) (string, ConfigSource) {
	v := b.BrokerValues(k)[0]
	return v.Value, v.Source
}

// ConfigValue is a value with where it comes from.
type ConfigValue struct {
	Value  string
	Source ConfigSource
}

// BrokerValues are the values that a config of the broker has at its levels, the one in force first, the default last.
func (b *Broker) BrokerValues(k ConfigKey) []ConfigValue {
	var out []ConfigValue
	if k.Broker != "" {
		b.topics.RLock()
		node, cluster := b.topics.node, b.topics.configs
		b.topics.RUnlock()
		for _, level := range [...]struct {
			configs map[string]string
			source  ConfigSource
		}{{node, SourceBrokerNode}, {cluster, SourceBrokerDynamic}, {b.o.Configs, SourceBrokerStatic}} {
			if v, ok := level.configs[k.Broker]; ok {
				out = append(out, ConfigValue{v, level.source})
			}
		}
	}
	return append(out, ConfigValue{k.Default, SourceDefault})
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

// Scope tells for whom a config of the broker is set.
type Scope bool

// The scopes. A value for the node goes before one for the cluster.
const (
	ThisNode     Scope = true
	WholeCluster Scope = false
)

// AlterBroker replaces the dynamic configs of a scope by what change makes of them.
func (b *Broker) AlterBroker(ctx context.Context, of Scope, validateOnly bool, change func(configs map[string]string) error) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.admin.closed {
		return ErrClosed
	}
	have, kind := b.admin.meta.state.configs, kindBroker
	if of == ThisNode {
		have, kind = b.admin.meta.state.node, kindNode
	}
	configs := maps.Clone(have)
	if err := change(configs); err != nil {
		return err
	}
	if err := checkBrokerConfigs(configs); err != nil {
		return err
	}
	if validateOnly {
		return nil
	}
	if err := b.admin.meta.commit(event{Kind: kind, Configs: configs}); err != nil {
		return err
	}
	b.topics.Lock()
	b.topics.configs, b.topics.node = b.admin.meta.state.configs, b.admin.meta.state.node
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
