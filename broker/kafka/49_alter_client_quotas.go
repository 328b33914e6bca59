package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/quota"
)

// The parts of a quota's entity, by the protocol's names.
const (
	entityUser   = "user"
	entityClient = "client-id"
	entityIP     = "ip"
)

// AlterClientQuotas, 0-1 (KIP-546). Each entry is altered whole or not at all; what passes is one durable change, in force
// when the answer leaves.
//
//	v1  flexible
func (s *Server) alterClientQuotas(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.AlterClientQuotasRequest)
	resp := kmsg.NewPtrAlterClientQuotasResponse()
	var changes []quota.Change
	var of []int // the entry of each change
	seen := map[quota.Entity]bool{}
	for i := range req.Entries {
		re := &req.Entries[i]
		out := kmsg.NewAlterClientQuotasResponseEntry()
		for _, part := range re.Entity {
			op := kmsg.NewAlterClientQuotasResponseEntryEntity()
			op.Type, op.Name = part.Type, part.Name
			out.Entity = append(out.Entity, op)
		}
		change, why := quotaChange(re)
		if why == "" && seen[change.Entity] {
			why = "Ignoring duplicate entity"
		}
		seen[change.Entity] = true
		if why != "" {
			out.ErrorCode, out.ErrorMessage = kerr.InvalidRequest.Code, &why
		} else {
			changes, of = append(changes, change), append(of, i)
		}
		resp.Entries = append(resp.Entries, out)
	}
	if req.ValidateOnly {
		return resp, nil
	}
	err := s.b.AlterQuotas(c.ctx, changes)
	for _, i := range of {
		resp.Entries[i].ErrorCode, resp.Entries[i].ErrorMessage = code(err), message(err)
	}
	s.limits.Set(s.b.Quotas())
	return resp, nil
}

// quotaChange reads one entry, or tells what is wrong with it.
func quotaChange(re *kmsg.AlterClientQuotasRequestEntry) (change quota.Change, why string) {
	for _, part := range re.Entity {
		p := quota.Part{Kind: quota.Default}
		if part.Name != nil {
			p = quota.Name(*part.Name)
		}
		var to *quota.Part
		switch part.Type {
		case entityUser:
			to = &change.Entity.User
		case entityClient:
			to = &change.Entity.Client
		case entityIP:
			to = &change.Entity.IP
		default:
			return change, "Unhandled client quota entity type: " + part.Type
		}
		if to.Kind != quota.Absent {
			return change, "Entity type " + part.Type + " appears more than once"
		}
		*to = p
	}
	if why := quota.CheckEntity(change.Entity); why != "" {
		return change, why
	}
	change.Set = map[string]float64{}
	seen := map[string]bool{}
	for _, op := range re.Ops {
		if seen[op.Key] {
			return change, fmt.Sprintf("Quota %s appears more than once", op.Key)
		}
		seen[op.Key] = true
		value := op.Value
		if op.Remove {
			value = 1 // only its name matters
		}
		if why := quota.Check(change.Entity, op.Key, value); why != "" {
			return change, why
		}
		if op.Remove {
			change.Remove = append(change.Remove, op.Key)
		} else {
			change.Set[op.Key] = value
		}
	}
	return change, ""
}
