package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/weirhub/weir/broker/quota"
)

// resourceMeta is the configs of something that is neither a topic nor a broker, by Kafka's number of its type: client
// metrics subscriptions, groups.
type resourceMeta struct {
	Type    int8              `json:"type"`
	Name    string            `json:"name"`
	Configs map[string]string `json:"configs,omitempty"`
}

type resourceKey struct {
	kind int8
	name string
}

// maxResources bounds the resources with configs: each is kept in memory and in every snapshot of the metadata.
const maxResources = 10_000

func (m *metaState) applyResource(r *resourceMeta) error {
	if r == nil {
		return errors.New("record of kind \"resource\" without a resource")
	}
	key := resourceKey{r.Type, r.Name}
	if len(r.Configs) == 0 {
		delete(m.resources, key)
	} else {
		m.resources[key] = r.Configs
	}
	return nil
}

// otherEvents are the part of a snapshot that is resources and quotas.
func (m *metaState) otherEvents() (out []event) {
	keys := slices.SortedFunc(maps.Keys(m.resources), func(a, b resourceKey) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	for _, k := range keys {
		out = append(out, event{Kind: kindResource, Resource: &resourceMeta{Type: k.kind, Name: k.name, Configs: m.resources[k]}})
	}
	for _, e := range quota.NewTable(m.quotas).Entries() {
		out = append(out, event{Kind: kindQuota, Quota: encodeQuota(e.Entity, e.Values)})
	}
	return out
}

// Resources are the names of the resources of one type that have configs, sorted.
func (b *Broker) Resources(kind int8) []string {
	b.admin.Lock()
	defer b.admin.Unlock()
	var out []string
	for k := range b.admin.meta.state.resources {
		if k.kind == kind {
			out = append(out, k.name)
		}
	}
	slices.Sort(out)
	return out
}

// Resource are the configs of one resource; empty when it has none.
func (b *Broker) Resource(kind int8, name string) map[string]string {
	b.admin.Lock()
	defer b.admin.Unlock()
	return maps.Clone(b.admin.meta.state.resources[resourceKey{kind, name}])
}

// AlterResource replaces a resource's configs by what change makes of them. What they may be is its caller's to check.
func (b *Broker) AlterResource(ctx context.Context, kind int8, name string, validateOnly bool, change func(configs map[string]string) error) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.admin.closed {
		return ErrClosed
	}
	state := b.admin.meta.state
	configs := maps.Clone(state.resources[resourceKey{kind, name}])
	if configs == nil {
		configs = map[string]string{}
	}
	if err := change(configs); err != nil {
		return err
	}
	if _, known := state.resources[resourceKey{kind, name}]; !known && len(state.resources) >= maxResources {
		return fmt.Errorf("%w: at most %d resources have configs", ErrInvalidRequest, maxResources)
	}
	if validateOnly {
		return nil
	}
	return b.admin.meta.commit(event{Kind: kindResource, Resource: &resourceMeta{Type: kind, Name: name, Configs: configs}})
}

// MetadataOffset is the end of the metadata log: one more than the offset of the last change.
func (b *Broker) MetadataOffset() int64 { return b.admin.meta.log.NextOffset() } // the log has its own lock
