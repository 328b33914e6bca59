package quota

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
)

// Part is one component of an entity: absent, the default for those without an entry of their own, or a name.
type Part struct {
	Kind PartKind
	Name string // of a Named part
}

// PartKind tells the three apart.
type PartKind int8

// The kinds, in the order in which entities are listed.
const (
	Absent PartKind = iota
	Default
	Named
)

// Name is a Part with a name.
func Name(s string) Part { return Part{Kind: Named, Name: s} }

// Entity is what a quota is set for: a user, a client id, both, or an address.
type Entity struct{ User, Client, IP Part }

// The quotas, by Kafka's names (KIP-13, KIP-124, KIP-599, KIP-612).
const (
	ProducerBytes   = "producer_byte_rate"       // bytes of Produce requests a second
	ConsumerBytes   = "consumer_byte_rate"       // bytes of records fetched a second
	RequestPercent  = "request_percentage"       // time of handling requests, in percent of one thread
	Mutations       = "controller_mutation_rate" // partitions created and deleted a second
	ConnectionsRate = "connection_creation_rate" // connections a second from an address
)

// Check tells what is wrong with a quota, in words for the user; "" when nothing is.
func Check(e Entity, key string, value float64) string {
	whole := false
	switch key {
	case ProducerBytes, ConsumerBytes:
		whole = true
	case RequestPercent, Mutations:
	case ConnectionsRate:
		whole = true
	default:
		return "Invalid configuration key " + key
	}
	if (key == ConnectionsRate) != (e.IP.Kind != Absent) {
		return "Invalid configuration key " + key
	}
	switch {
	case !(value > 0):
		return fmt.Sprintf("Quota %s must be greater than 0", key)
	case whole && (value != math.Trunc(value) || value > math.MaxInt64):
		return key + " cannot be a fractional value."
	case math.IsInf(value, 1):
		return fmt.Sprintf("Quota %s must be finite", key)
	}
	return ""
}

// CheckEntity tells what is wrong with an entity, in words for the user; "" when nothing is.
func CheckEntity(e Entity) string {
	switch {
	case e == Entity{}:
		return "Invalid empty client quota entity"
	case e.IP.Kind != Absent && (e.User.Kind != Absent || e.Client.Kind != Absent):
		return "Invalid quota entity combination, an IP entity cannot be combined with User or ClientId"
	case e.User.Kind == Named && e.User.Name == "":
		return "Empty user not supported"
	case e.Client.Kind == Named && e.Client.Name == "":
		return "Empty client-id not supported"
	case e.IP.Kind == Named:
		if _, err := netip.ParseAddr(e.IP.Name); err != nil {
			return e.IP.Name + " is not a valid IP address."
		}
	}
	return ""
}

func compare(a, b Entity) int {
	return cmp.Or(a.User.compare(b.User), a.Client.compare(b.Client), a.IP.compare(b.IP))
}

func (p Part) compare(o Part) int {
	return cmp.Or(cmp.Compare(p.Kind, o.Kind), cmp.Compare(p.Name, o.Name))
}
