package kafka

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// IncrementalAlterConfigs, 0-1 (KIP-339): set, delete, and append to or subtract from lists.
//
//	v1  flexible
func (s *Server) incrementalAlterConfigs(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.IncrementalAlterConfigsRequest)
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	for i := range req.Resources {
		rr := &req.Resources[i]
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = rr.ResourceType, rr.ResourceName
		err := s.alter(c, rr.ResourceType, rr.ResourceName, req.ValidateOnly, func(configs map[string]string) error {
			return s.applyOps(rr, configs)
		})
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
		resp.Resources = append(resp.Resources, out)
	}
	return resp, nil
}

func (s *Server) applyOps(rr *kmsg.IncrementalAlterConfigsRequestResource, configs map[string]string) error {
	seen := map[string]bool{}
	for _, op := range rr.Configs {
		if seen[op.Name] {
			return fmt.Errorf("%w: duplicate config key %s", broker.ErrInvalidRequest, op.Name)
		}
		seen[op.Name] = true
		if op.Op == kmsg.IncrementalAlterConfigOpDelete {
			delete(configs, op.Name)
			continue
		}
		if op.Value == nil {
			return fmt.Errorf("%w: null value not supported for: %s", broker.ErrInvalidRequest, op.Name)
		}
		switch op.Op {
		case kmsg.IncrementalAlterConfigOpSet:
			configs[op.Name] = *op.Value
		case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
			list, err := s.list(rr, configs, op.Name)
			if err != nil {
				return err
			}
			configs[op.Name] = changeList(list, *op.Value, op.Op == kmsg.IncrementalAlterConfigOpAppend)
		default:
			return fmt.Errorf("%w: unknown operation %d for %s", broker.ErrInvalidRequest, op.Op, op.Name)
		}
	}
	return nil
}

// list is the present value of a list config: its own, or what holds without one.
func (s *Server) list(rr *kmsg.IncrementalAlterConfigsRequestResource, configs map[string]string, name string) (string, error) {
	var k broker.ConfigKey
	var ok bool
	switch rr.ResourceType {
	case kmsg.ConfigResourceTypeBroker:
		k, ok = broker.BrokerConfigKey(name)
	case kmsg.ConfigResourceTypeClientMetrics:
		k, ok = subscriptionKey(name)
	default:
		k, ok = broker.TopicConfigKey(name)
	}
	if !ok {
		return "", fmt.Errorf("%w: unknown config name: %s", broker.ErrInvalidConfig, name)
	}
	if k.Type != broker.TypeList {
		return "", fmt.Errorf("%w: config value append is not allowed for config key: %s", broker.ErrInvalidConfig, name)
	}
	if v, ok := configs[name]; ok {
		return v, nil
	}
	v, _ := s.b.BrokerConfig(k)
	return v, nil
}

func changeList(list, values string, add bool) string {
	var out []string
	if list != "" {
		out = strings.Split(list, ",")
	}
	for v := range strings.SplitSeq(values, ",") {
		if add && !slices.Contains(out, v) {
			out = append(out, v)
		}
		if !add {
			out = slices.DeleteFunc(out, func(have string) bool { return have == v })
		}
	}
	return strings.Join(out, ",")
}
