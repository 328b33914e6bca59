package kafka

import (
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// AlterConfigs, 0-2: the whole of a resource's configs; what is not named goes back to its default. Clients prefer
// IncrementalAlterConfigs since KIP-339.
//
//	v2  flexible
func (s *Server) alterConfigs(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.AlterConfigsRequest)
	resp := kmsg.NewPtrAlterConfigsResponse()
	for i := range req.Resources {
		rr := &req.Resources[i]
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = rr.ResourceType, rr.ResourceName
		err := s.alter(c, rr.ResourceType, rr.ResourceName, req.ValidateOnly, func(configs map[string]string) error {
			clear(configs)
			for _, cfg := range rr.Configs {
				if cfg.Value == nil {
					return fmt.Errorf("%w: null value not supported for: %s", broker.ErrInvalidConfig, cfg.Name)
				}
				configs[cfg.Name] = *cfg.Value
			}
			return nil
		})
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
		resp.Resources = append(resp.Resources, out)
	}
	return resp, nil
}

// alter changes the configs of a topic, of this broker by its id, of the cluster by "", or of a client metrics
// subscription, or of a group.
func (s *Server) alter(c *call, kind kmsg.ConfigResourceType, name string, validateOnly bool, change func(map[string]string) error) error {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		return s.b.AlterTopic(c.ctx, name, validateOnly, change)
	case kmsg.ConfigResourceTypeBroker:
		if name != "" && name != strconv.Itoa(int(s.b.NodeID())) {
			return fmt.Errorf("%w: unexpected broker id, expected %d, but received %s", broker.ErrInvalidRequest, s.b.NodeID(), name)
		}
		return s.b.AlterBroker(c.ctx, broker.Scope(name != ""), validateOnly, change)
	case kmsg.ConfigResourceTypeClientMetrics:
		return s.b.AlterResource(c.ctx, resourceClientMetrics, name, validateOnly, func(configs map[string]string) error {
			if err := change(configs); err != nil {
				return err
			}
			return checkSubscription(name, configs)
		})
	case kmsg.ConfigResourceTypeGroupConfig:
		return s.b.AlterResource(c.ctx, resourceGroup, name, validateOnly, func(configs map[string]string) error {
			if err := change(configs); err != nil {
				return err
			}
			return checkGroupConfigs(name, configs)
		})
	}
	return fmt.Errorf("%w: configs of resource type %d are not served", broker.ErrInvalidRequest, kind)
}
