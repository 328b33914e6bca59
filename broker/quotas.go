package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirhub/weir/broker/quota"
)

// quotaMeta is the quotas of one entity in the metadata log. In Entity an absent key is an absent part, null the default.
type quotaMeta struct {
	Entity map[string]*string `json:"entity"`
	Values map[string]float64 `json:"values,omitempty"`
}

// Names of an entity's parts, as in the protocol.
const (
	quotaUser   = "user"
	quotaClient = "client-id"
	quotaIP     = "ip"
)

func encodeQuota(e quota.Entity, values map[string]float64) *quotaMeta {
	m := &quotaMeta{Entity: map[string]*string{}, Values: values}
	for name, part := range map[string]quota.Part{quotaUser: e.User, quotaClient: e.Client, quotaIP: e.IP} {
		switch part.Kind {
		case quota.Default:
			m.Entity[name] = nil
		case quota.Named:
			m.Entity[name] = &part.Name
		case quota.Absent:
		}
	}
	return m
}

func (m *metaState) applyQuota(q *quotaMeta) error {
	if q == nil {
		return errors.New("record of kind \"quota\" without a quota")
	}
	part := func(name string) quota.Part {
		v, ok := q.Entity[name]
		switch {
		case !ok:
			return quota.Part{}
		case v == nil:
			return quota.Part{Kind: quota.Default}
		}
		return quota.Name(*v)
	}
	e := quota.Entity{User: part(quotaUser), Client: part(quotaClient), IP: part(quotaIP)}
	if len(q.Values) == 0 {
		delete(m.quotas, e)
	} else {
		m.quotas[e] = q.Values
	}
	return nil
}

// maxQuotas bounds the entities with quotas: each is kept in memory and in every snapshot of the metadata.
const maxQuotas = 10_000

// Quotas are those in force.
func (b *Broker) Quotas() *quota.Table { return b.quotas.Load() }

// AlterQuotas makes changes of quotas durable, all or none, and puts them in force. They must have passed quota.Check.
func (b *Broker) AlterQuotas(ctx context.Context, changes []quota.Change) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.admin.closed {
		return ErrClosed
	}
	next := b.quotas.Load().With(changes...)
	if next.Len() > maxQuotas {
		return fmt.Errorf("%w: at most %d entities have quotas", ErrInvalidRequest, maxQuotas)
	}
	var events []event
	for _, c := range changes {
		events = append(events, event{Kind: kindQuota, Quota: encodeQuota(c.Entity, next.Values(c.Entity))})
	}
	if len(events) == 0 {
		return nil
	}
	if err := b.admin.meta.commit(events...); err != nil {
		return fmt.Errorf("alter quotas: %w", err)
	}
	b.quotas.Store(next)
	return nil
}
