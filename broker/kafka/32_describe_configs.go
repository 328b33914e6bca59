package kafka

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// DescribeConfigs, 1-4. Topics, the broker, client metrics subscriptions, and groups. No names means all of them.
//
//	v1  sources and synonyms (KIP-226)
//	v3  types and documentation (KIP-569)
//	v4  flexible
func (s *Server) describeConfigs(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeConfigsRequest)
	resp := kmsg.NewPtrDescribeConfigsResponse()
	for i := range req.Resources {
		rr := &req.Resources[i]
		out := kmsg.NewDescribeConfigsResponseResource()
		out.ResourceType, out.ResourceName = rr.ResourceType, rr.ResourceName
		out.Configs = []kmsg.DescribeConfigsResponseResourceConfig{}
		switch rr.ResourceType {
		case kmsg.ConfigResourceTypeTopic:
			s.describeTopicConfigs(req, rr, &out)
		case kmsg.ConfigResourceTypeBroker:
			s.describeBrokerConfigs(req, rr, &out)
		case kmsg.ConfigResourceTypeClientMetrics:
			s.describeSubscription(req, rr, &out)
		case kmsg.ConfigResourceTypeGroupConfig:
			s.describeGroupConfigs(req, rr, &out)
		default:
			out.ErrorCode = kerr.InvalidRequest.Code
			out.ErrorMessage = kmsg.StringPtr(fmt.Sprintf("configs of resource type %d are not served", rr.ResourceType))
		}
		resp.Resources = append(resp.Resources, out)
	}
	return resp, nil
}

func (s *Server) describeTopicConfigs(req *kmsg.DescribeConfigsRequest, rr *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource) {
	t, ok := s.b.Topic(rr.ResourceName)
	if !ok {
		out.ErrorCode = kerr.UnknownTopicOrPartition.Code
		if err := broker.CheckTopicName(rr.ResourceName); err != nil {
			out.ErrorCode, out.ErrorMessage = code(err), message(err)
		}
		return
	}
	for _, k := range broker.TopicConfigs() {
		if !wanted(rr, k.Name) {
			continue
		}
		v, src := s.b.TopicConfig(t, k)
		cfg := describe(req, k, k.Name, v, src)
		if req.IncludeSynonyms {
			if src == broker.SourceTopic {
				cfg.ConfigSynonyms = append(cfg.ConfigSynonyms, synonym(k.Name, v, src))
			}
			cfg.ConfigSynonyms = append(cfg.ConfigSynonyms, s.brokerSynonyms(k)...)
		}
		out.Configs = append(out.Configs, cfg)
	}
}

func (s *Server) describeBrokerConfigs(req *kmsg.DescribeConfigsRequest, rr *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource) {
	// "" asks for the cluster-wide dynamic defaults alone.
	dynamicOnly := rr.ResourceName == ""
	if !dynamicOnly && rr.ResourceName != strconv.Itoa(int(s.b.NodeID())) {
		out.ErrorCode = kerr.InvalidRequest.Code
		out.ErrorMessage = kmsg.StringPtr(fmt.Sprintf("Unexpected broker id, expected %d, but received %s", s.b.NodeID(), rr.ResourceName))
		return
	}
	for _, k := range slices.Concat(broker.TopicConfigs(), broker.BrokerConfigs()) {
		if k.Broker == "" || !wanted(rr, k.Broker) {
			continue
		}
		values := s.b.BrokerValues(k)
		if dynamicOnly {
			values = slices.DeleteFunc(values, func(v broker.ConfigValue) bool { return v.Source != broker.SourceBrokerDynamic })
		}
		if len(values) == 0 {
			continue
		}
		cfg := describe(req, k, k.Broker, values[0].Value, values[0].Source)
		if req.IncludeSynonyms {
			cfg.ConfigSynonyms = synonyms(k.Broker, values)
		}
		out.Configs = append(out.Configs, cfg)
	}
	if dynamicOnly {
		return
	}
	for _, f := range s.fixedConfigs() {
		if wanted(rr, f.name) {
			out.Configs = append(out.Configs, describeFixed(req, f))
		}
	}
}

// brokerSynonyms are the values behind a topic's own: what is set for the node and the cluster, then the default.
func (s *Server) brokerSynonyms(k broker.ConfigKey) []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym {
	if k.Broker == "" {
		return []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	}
	return synonyms(k.Broker, s.b.BrokerValues(k))
}

func synonyms(name string, values []broker.ConfigValue) (out []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym) {
	for _, v := range values {
		out = append(out, synonym(name, v.Value, v.Source))
	}
	return out
}

func synonym(name, value string, src broker.ConfigSource) kmsg.DescribeConfigsResponseResourceConfigConfigSynonym {
	out := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
	out.Name, out.Value, out.Source = name, &value, kmsg.ConfigSource(src)
	return out
}

func wanted(rr *kmsg.DescribeConfigsRequestResource, name string) bool {
	return len(rr.ConfigNames) == 0 || slices.Contains(rr.ConfigNames, name)
}

func describe(req *kmsg.DescribeConfigsRequest, k broker.ConfigKey, name, value string, src broker.ConfigSource) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.Value, out.Source = name, &value, kmsg.ConfigSource(src)
	out.IsDefault, out.ConfigType = src == broker.SourceDefault, kmsg.ConfigType(k.Type)
	out.ConfigSynonyms = []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	if req.IncludeDocumentation {
		doc := k.Doc
		if k.Here != "" {
			doc += " " + k.Here
		}
		out.Documentation = &doc
	}
	return out
}

// fixedConfig is a broker config that is set when the broker starts and cannot be altered by a client.
type fixedConfig struct {
	name, value, doc string
	typ              broker.ConfigType
}

// fixedConfigs are those that tools look for.
func (s *Server) fixedConfigs() []fixedConfig {
	return []fixedConfig{
		{"auto.create.topics.enable", strconv.FormatBool(s.b.AutoCreate()), "Whether a topic that a client names first is created.", broker.TypeBoolean},
		{"broker.id", strconv.Itoa(int(s.b.NodeID())), "The id of this node.", broker.TypeInt},
		{"connections.max.idle.ms", strconv.FormatInt(s.o.IdleTimeout.Milliseconds(), 10), "When an idle connection is closed.", broker.TypeLong},
		{"default.replication.factor", "1", "Replicas of a topic created without a count: there is one node.", broker.TypeInt},
		{"fetch.max.bytes", strconv.Itoa(maxFetchBytes), "The largest answer to a fetch.", broker.TypeInt},
		{"log.dirs", s.b.Dir(), "Where the logs are.", broker.TypeString},
		{"max.incremental.fetch.session.cache.slots", strconv.Itoa(maxSessions), "Fetch sessions remembered at once.", broker.TypeInt},
		{"node.id", strconv.Itoa(int(s.b.NodeID())), "The id of this node.", broker.TypeInt},
		{"num.partitions", strconv.Itoa(int(s.b.DefaultPartitions())), "Partitions of a topic created without a count.", broker.TypeInt},
		{"socket.request.max.bytes", strconv.Itoa(s.o.MaxRequestBytes), "The largest request that produces records.", broker.TypeInt},
	}
}

func describeFixed(req *kmsg.DescribeConfigsRequest, f fixedConfig) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.Value, out.ReadOnly, out.ConfigType = f.name, &f.value, true, kmsg.ConfigType(f.typ)
	out.Source = kmsg.ConfigSource(broker.SourceBrokerStatic)
	out.ConfigSynonyms = []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	if req.IncludeSynonyms {
		out.ConfigSynonyms = append(out.ConfigSynonyms, synonym(f.name, f.value, broker.SourceBrokerStatic))
	}
	if req.IncludeDocumentation {
		out.Documentation = &f.doc
	}
	return out
}
