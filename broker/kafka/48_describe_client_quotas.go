package kafka

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/quota"
)

// DescribeClientQuotas, 0-1 (KIP-546): the entries whose parts match the filter. A part that the filter does not name may
// be anything, or with strict must be absent.
//
//	v1  flexible
func (s *Server) describeClientQuotas(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeClientQuotasRequest)
	resp := kmsg.NewPtrDescribeClientQuotasResponse()
	filter, err := quotaFilter(req.Components)
	if err != nil {
		resp.ErrorCode, resp.ErrorMessage, resp.Entries = kerr.InvalidRequest.Code, message(err), nil
		if errors.Is(err, errEntityType) {
			resp.ErrorCode = kerr.UnsupportedVersion.Code
		}
		return resp, nil
	}
	resp.Entries = []kmsg.DescribeClientQuotasResponseEntry{}
	for _, e := range s.b.Quotas().Entries() {
		if filter.matches(e.Entity, req.Strict) {
			resp.Entries = append(resp.Entries, quotaEntry(e))
		}
	}
	return resp, nil
}

func quotaEntry(e quota.Entry) kmsg.DescribeClientQuotasResponseEntry {
	out := kmsg.NewDescribeClientQuotasResponseEntry()
	for _, p := range entityParts(e.Entity) {
		if p.part.Kind == quota.Absent {
			continue
		}
		op := kmsg.NewDescribeClientQuotasResponseEntryEntity()
		op.Type = p.name
		if p.part.Kind == quota.Named {
			op.Name = &p.part.Name
		}
		out.Entity = append(out.Entity, op)
	}
	for _, key := range slices.Sorted(maps.Keys(e.Values)) {
		v := kmsg.NewDescribeClientQuotasResponseEntryValue()
		v.Key, v.Value = key, e.Values[key]
		out.Values = append(out.Values, v)
	}
	return out
}

type namedPart struct {
	name string
	part quota.Part
}

// entityParts are in the order in which Kafka lists them.
func entityParts(e quota.Entity) [3]namedPart {
	return [3]namedPart{{entityClient, e.Client}, {entityIP, e.IP}, {entityUser, e.User}}
}

// filter is by the names of parts.
type filter map[string]kmsg.DescribeClientQuotasRequestComponent

// How a part is matched. Any means the default too, as in Kafka.
const (
	matchExact   = 0
	matchDefault = 1
	matchAny     = 2
)

var errEntityType = errors.New("unsupported entity type")

// quotaFilter checks the components of a filter.
func quotaFilter(components []kmsg.DescribeClientQuotasRequestComponent) (filter, error) {
	f := filter{}
	for _, c := range components {
		switch {
		case c.EntityType == "":
			return nil, errors.New("invalid empty entity type")
		case c.EntityType != entityUser && c.EntityType != entityClient && c.EntityType != entityIP:
			return nil, fmt.Errorf("%w %s", errEntityType, c.EntityType)
		case c.MatchType < matchExact || c.MatchType > matchAny:
			return nil, fmt.Errorf("unknown match type %d", c.MatchType)
		case c.MatchType == matchExact && c.Match == nil:
			return nil, errors.New("an exact match needs a name")
		case c.MatchType != matchExact && c.Match != nil:
			return nil, errors.New("only an exact match has a name")
		}
		if _, twice := f[c.EntityType]; twice {
			return nil, fmt.Errorf("entity type %s cannot appear more than once in the filter", c.EntityType)
		}
		f[c.EntityType] = c
	}
	if _, ip := f[entityIP]; ip && len(f) > 1 {
		return nil, errors.New("ip cannot be combined with user or client-id")
	}
	return f, nil
}

func (f filter) matches(e quota.Entity, strict bool) bool {
	for _, p := range entityParts(e) {
		c, asked := f[p.name]
		if !asked {
			if strict && p.part.Kind != quota.Absent {
				return false
			}
			continue
		}
		ok := false
		switch c.MatchType {
		case matchExact:
			ok = p.part == quota.Name(*c.Match)
		case matchDefault:
			ok = p.part.Kind == quota.Default
		case matchAny:
			ok = p.part.Kind != quota.Absent
		}
		if !ok {
			return false
		}
	}
	return true
}
