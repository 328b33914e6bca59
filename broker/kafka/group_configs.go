package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/group"
)

// The configs of a group of the consumer protocol (KIP-848), whose members do not choose their timeouts themselves.
const (
	groupSession   = "consumer.session.timeout.ms"
	groupHeartbeat = "consumer.heartbeat.interval.ms"
)

// sourceGroup is Kafka's number for a value that was set for the group.
const sourceGroup broker.ConfigSource = 8

// groupConfigs is the table, with Kafka's defaults. The bounds are wider than Kafka's, which are configs of its brokers: a
// session as short as the classic protocol allows, and a heartbeat that fits into it several times.
func groupConfigs() []broker.ConfigKey {
	ms := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	const atOnce = "Stored and shown, without effect: a new epoch has its target at once."
	return []broker.ConfigKey{
		{
			Name: "consumer.assignment.interval.ms", Type: broker.TypeInt, Default: "1000", Max: 15_000,
			Doc: "The shortest time between two targets of a group.", Here: atOnce,
		},
		{
			Name: "consumer.assignor.offload.enable", Type: broker.TypeBoolean, Default: "true",
			Doc: "Whether targets are computed beside the coordinator's thread.", Here: atOnce,
		},
		{
			Name: groupHeartbeat, Type: broker.TypeInt, Default: ms(group.DefaultConsumerHeartbeat), Min: 500, Max: 60_000,
			Doc: "How often members of the consumer protocol heartbeat.",
		},
		{
			Name: groupSession, Type: broker.TypeInt, Default: ms(group.DefaultConsumerSession), Min: 6000, Max: 1_800_000,
			Doc: "How long a member of the consumer protocol may be silent before its partitions go to others.",
		},
	}
}

// checkGroupConfigs checks all configs of a group.
func checkGroupConfigs(name string, configs map[string]string) error {
	if name == "" {
		return fmt.Errorf("%w: a group needs a name", broker.ErrInvalidRequest)
	}
	values := map[string]int{}
	for _, k := range groupConfigs() {
		v, ok := configs[k.Name]
		if !ok {
			v = k.Default
		}
		if err := k.Check(v); err != nil {
			return err
		}
		values[k.Name], _ = strconv.Atoi(strings.TrimSpace(v)) // 0 for what is no number
	}
	for _, key := range slices.Sorted(maps.Keys(configs)) {
		if _, known := values[key]; !known {
			return fmt.Errorf("%w: unknown group config name: %s", broker.ErrInvalidConfig, key)
		}
	}
	if values[groupSession] <= values[groupHeartbeat] {
		return fmt.Errorf("%w: %s must be greater than %s", broker.ErrInvalidConfig, groupSession, groupHeartbeat)
	}
	return nil
}

// describeGroupConfigs answers DescribeConfigs; a group that has none has the defaults, as in Kafka.
func (s *Server) describeGroupConfigs(req *kmsg.DescribeConfigsRequest, rr *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource) {
	if rr.ResourceName == "" {
		out.ErrorCode, out.ErrorMessage = kerr.InvalidRequest.Code, kmsg.StringPtr("Group name must not be empty")
		return
	}
	own := s.b.Resource(resourceGroup, rr.ResourceName)
	for _, k := range groupConfigs() {
		if !wanted(rr, k.Name) {
			continue
		}
		v, src := k.Default, broker.SourceDefault
		if set, ok := own[k.Name]; ok {
			v, src = set, sourceGroup
		}
		cfg := describe(req, k, k.Name, v, src)
		if req.IncludeSynonyms && src != broker.SourceDefault {
			cfg.ConfigSynonyms = append(cfg.ConfigSynonyms, synonym(k.Name, v, src))
		}
		out.Configs = append(out.Configs, cfg)
	}
}

// groupTimeouts are a group's timeouts by its configs.
func (s *Server) groupTimeouts(id string) group.Timeouts {
	own := s.b.Resource(resourceGroup, id)
	value := func(name string, d time.Duration) time.Duration {
		if ms, err := strconv.Atoi(strings.TrimSpace(own[name])); err == nil {
			return time.Duration(ms) * time.Millisecond
		}
		return d
	}
	return group.Timeouts{
		Session:   value(groupSession, group.DefaultConsumerSession),
		Heartbeat: value(groupHeartbeat, group.DefaultConsumerHeartbeat),
	}
}

// groupTopics shows groups the broker's topics.
type groupTopics struct{ b *broker.Broker }

// TopicInfo implements group.Topics.
func (g groupTopics) TopicInfo(name string) (group.TopicInfo, bool) {
	t, ok := g.b.Topic(name)
	if !ok {
		return group.TopicInfo{}, false
	}
	return topicInfo(t), true
}

// EachTopic implements group.Topics.
func (g groupTopics) EachTopic(f func(group.TopicInfo)) {
	for _, t := range g.b.Topics() {
		f(topicInfo(t))
	}
}

func topicInfo(t *broker.Topic) group.TopicInfo {
	return group.TopicInfo{Name: t.Name(), ID: t.ID(), Partitions: int32(len(t.Partitions()))}
}
