package quota

import (
	"maps"
	"slices"
)

// Change sets and removes quotas of one entity.
type Change struct {
	Entity Entity
	Set    map[string]float64
	Remove []string
}

// Entry is an entity with its quotas.
type Entry struct {
	Entity Entity
	Values map[string]float64 // never empty
}

// Table is all quotas. It does not change; With makes another. The nil table is empty.
type Table struct{ byEntity map[Entity]map[string]float64 }

// NewTable has what the map has, which may change afterwards; the values in it may not.
func NewTable(entries map[Entity]map[string]float64) *Table {
	return &Table{byEntity: maps.Clone(entries)}
}

// With applies changes in order.
func (t *Table) With(changes ...Change) *Table {
	out := &Table{byEntity: map[Entity]map[string]float64{}}
	if t != nil {
		maps.Copy(out.byEntity, t.byEntity)
	}
	for _, c := range changes {
		values := maps.Clone(out.byEntity[c.Entity])
		if values == nil {
			values = map[string]float64{}
		}
		maps.Copy(values, c.Set)
		for _, key := range c.Remove {
			delete(values, key)
		}
		if len(values) == 0 {
			delete(out.byEntity, c.Entity)
		} else {
			out.byEntity[c.Entity] = values
		}
	}
	return out
}

// Len is how many entities have quotas.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return len(t.byEntity)
}

// Values are the quotas of one entity; nil when it has none.
func (t *Table) Values(e Entity) map[string]float64 {
	if t == nil {
		return nil
	}
	return t.byEntity[e]
}

// Entries are all, sorted.
func (t *Table) Entries() []Entry {
	if t == nil {
		return nil
	}
	out := make([]Entry, 0, len(t.byEntity))
	for e, v := range t.byEntity {
		out = append(out, Entry{Entity: e, Values: v})
	}
	slices.SortFunc(out, func(a, b Entry) int { return compare(a.Entity, b.Entity) })
	return out
}

// rate finds the quota of a kind that holds for a client, and for whom it is counted together: a quota of users counts all
// client ids of a user, one of client ids all users with it. The order is Kafka's (KIP-55).
func (t *Table) rate(key, user, client string) (who Entity, rate float64, ok bool) {
	anyone, u, c := Part{Kind: Default}, Name(user), Name(client)
	for _, row := range [...]struct{ has, who Entity }{
		{Entity{User: u, Client: c}, Entity{User: u, Client: c}},
		{Entity{User: u, Client: anyone}, Entity{User: u, Client: c}},
		{Entity{User: u}, Entity{User: u}},
		{Entity{User: anyone, Client: c}, Entity{User: u, Client: c}},
		{Entity{User: anyone, Client: anyone}, Entity{User: u, Client: c}},
		{Entity{User: anyone}, Entity{User: u}},
		{Entity{Client: c}, Entity{Client: c}},
		{Entity{Client: anyone}, Entity{Client: c}},
	} {
		if v, ok := t.byEntity[row.has][key]; ok {
			return row.who, v, true
		}
	}
	return Entity{}, 0, false
}

// addressRate is rate for the connections of an address.
func (t *Table) addressRate(ip string) (who Entity, rate float64, ok bool) {
	who = Entity{IP: Name(ip)}
	for _, e := range [...]Entity{who, {IP: Part{Kind: Default}}} {
		if v, ok := t.byEntity[e][ConnectionsRate]; ok {
			return who, v, true
		}
	}
	return Entity{}, 0, false
}
