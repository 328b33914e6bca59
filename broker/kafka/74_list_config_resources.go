package kafka

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The types of config resources that can be listed. Kafka lists loggers too; their levels are not set through this
// protocol here.
const (
	resourceTopic         = int8(kmsg.ConfigResourceTypeTopic)
	resourceBroker        = int8(kmsg.ConfigResourceTypeBroker)
	resourceLogger        = int8(kmsg.ConfigResourceTypeBrokerLogger)
	resourceClientMetrics = int8(kmsg.ConfigResourceTypeClientMetrics)
	resourceGroup         = int8(kmsg.ConfigResourceTypeGroupConfig)
)

// ListConfigResources, 0-1: what has configs.
//
//	v0  client metrics subscriptions only (KIP-714)
//	v1  the types asked for, all without any (KIP-1142)
func (s *Server) listConfigResources(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.ListConfigResourcesRequest)
	resp := kmsg.NewPtrListConfigResourcesResponse()
	types := req.ResourceTypes
	switch {
	case req.Version == 0:
		types = []int8{resourceClientMetrics}
	case len(types) == 0:
		types = []int8{resourceBroker, resourceTopic, resourceClientMetrics, resourceGroup}
	}
	for i, t := range types {
		if slices.Contains(types[:i], t) {
			continue
		}
		names, ok := s.configResources(t)
		if !ok {
			resp.ErrorCode, resp.ConfigResources = kerr.UnsupportedVersion.Code, nil
			return resp, nil
		}
		for _, name := range names {
			r := kmsg.NewListConfigResourcesResponseConfigResource()
			r.Name, r.Type = name, t
			resp.ConfigResources = append(resp.ConfigResources, r)
		}
	}
	return resp, nil
}

// configResources are the names of one type; not ok for a type that is unknown.
func (s *Server) configResources(t int8) (names []string, ok bool) {
	switch t {
	case resourceTopic:
		for _, topic := range s.b.Topics() {
			names = append(names, topic.Name())
		}
	case resourceBroker:
		names = []string{strconv.Itoa(int(s.b.NodeID()))}
	case resourceClientMetrics:
		names = s.b.Resources(resourceClientMetrics)
	case resourceGroup:
		names = s.b.Resources(resourceGroup)
	case resourceLogger:
	default:
		return nil, false
	}
	return names, true
}
