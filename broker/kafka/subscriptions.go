package kafka

import (
	"fmt"
	"hash/crc32"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// The configs of a client metrics subscription (KIP-714): which clients it means, what they are asked to send, how often.
const (
	subscriptionInterval = "interval.ms"
	subscriptionMatch    = "match"
	subscriptionMetrics  = "metrics"
)

// subscriptionConfigs is the table, with Kafka's defaults and bounds.
func subscriptionConfigs() []broker.ConfigKey {
	return []broker.ConfigKey{
		{Name: subscriptionInterval, Type: broker.TypeInt, Default: "300000", Min: 100, Max: 3_600_000, Doc: "Time between two pushes of a client."},
		{Name: subscriptionMatch, Type: broker.TypeList, Doc: "Patterns of the clients that are meant: attribute=expression; all of them must match."},
		{Name: subscriptionMetrics, Type: broker.TypeList, Doc: "Prefixes of the names of metrics that are asked for; * for all."},
	}
}

func subscriptionKey(name string) (broker.ConfigKey, bool) {
	for _, k := range subscriptionConfigs() {
		if k.Name == name {
			return k, true
		}
	}
	return broker.ConfigKey{}, false
}

// checkSubscription checks all configs of a subscription.
func checkSubscription(name string, configs map[string]string) error {
	if name == "" {
		return fmt.Errorf("%w: a subscription needs a name", broker.ErrInvalidRequest)
	}
	for _, key := range slices.Sorted(maps.Keys(configs)) {
		k, ok := subscriptionKey(key)
		if !ok {
			return fmt.Errorf("%w: unknown client metrics configuration: %s", broker.ErrInvalidRequest, key)
		}
		if err := k.Check(configs[key]); err != nil {
			return fmt.Errorf("%w: %s=%s: must lie between %d and %d", broker.ErrInvalidRequest, key, configs[key], k.Min, k.Max)
		}
	}
	_, err := parsePatterns(configs[subscriptionMatch])
	return err
}

// describeSubscription answers DescribeConfigs; one that is not there has the defaults, as in Kafka.
func (s *Server) describeSubscription(req *kmsg.DescribeConfigsRequest, rr *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource) {
	if rr.ResourceName == "" {
		out.ErrorCode = kerr.InvalidRequest.Code
		out.ErrorMessage = kmsg.StringPtr("Client metrics subscription name must not be empty")
		return
	}
	own := s.b.Resource(resourceClientMetrics, rr.ResourceName)
	for _, k := range subscriptionConfigs() {
		if !wanted(rr, k.Name) {
			continue
		}
		v, src := k.Default, broker.SourceDefault
		if set, ok := own[k.Name]; ok {
			v, src = set, broker.SourceClientMetrics
		}
		cfg := describe(req, k, k.Name, v, src)
		if req.IncludeSynonyms && src != broker.SourceDefault {
			cfg.ConfigSynonyms = append(cfg.ConfigSynonyms, synonym(k.Name, v, src))
		}
		out.Configs = append(out.Configs, cfg)
	}
}

// attributes of a client that a subscription may match.
type attributes map[string]string

func clientAttributes(c *call, id [16]byte) attributes {
	a := attributes{
		"client_id": c.clientID, "client_instance_id": broker.UUID(id).String(),
		"client_source_address": strings.TrimPrefix(c.clientHost, "/"), "client_source_port": c.clientPort,
		"client_software_name": "", "client_software_version": "",
	}
	if c.software != nil {
		if sw := c.software.Load(); sw != nil {
			a["client_software_name"], a["client_software_version"] = sw.name, sw.version
		}
	}
	return a
}

// parsePatterns reads a match config. An expression must match the whole attribute.
func parsePatterns(match string) (map[string]*regexp.Regexp, error) {
	out := map[string]*regexp.Regexp{}
	known := clientAttributes(&call{}, [16]byte{})
	for p := range strings.SplitSeq(match, ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		name, expr, ok := strings.Cut(p, "=")
		if _, exists := known[name]; !ok || !exists {
			return nil, fmt.Errorf("%w: illegal client matching pattern: %s", broker.ErrInvalidConfig, p)
		}
		re, err := regexp.Compile(`^(?:` + strings.TrimSpace(expr) + `)$`)
		if err != nil {
			return nil, fmt.Errorf("%w: illegal client matching pattern: %s: %w", broker.ErrInvalidConfig, p, err)
		}
		out[name] = re
	}
	return out, nil
}

// subscription is what all subscriptions that mean a client ask of it together.
type subscription struct {
	id       int32 // changes whenever the rest does
	interval time.Duration
	prefixes []string // none: nothing is asked for; [""]: everything
}

// subscriptionOf puts a client's subscription together.
func (s *Server) subscriptionOf(a attributes) subscription {
	interval := -1
	var prefixes []string
	for _, name := range s.b.Resources(resourceClientMetrics) {
		own := s.b.Resource(resourceClientMetrics, name)
		patterns, err := parsePatterns(own[subscriptionMatch])
		if err != nil || !a.match(patterns) {
			continue
		}
		ms := defaultPushMillis
		if v, err := strconv.Atoi(own[subscriptionInterval]); err == nil {
			ms = v
		}
		if interval < 0 || ms < interval {
			interval = ms
		}
		for p := range strings.SplitSeq(own[subscriptionMetrics], ",") {
			if p = strings.TrimSpace(p); p != "" {
				prefixes = append(prefixes, p)
			}
		}
	}
	if interval < 0 {
		interval = defaultPushMillis
	}
	slices.Sort(prefixes)
	prefixes = slices.Compact(prefixes)
	if slices.Contains(prefixes, "*") {
		prefixes = []string{""}
	}
	sum := crc32.ChecksumIEEE([]byte(strconv.Itoa(interval) + "," + strings.Join(prefixes, ",")))
	return subscription{id: int32(sum), interval: time.Duration(interval) * time.Millisecond, prefixes: prefixes}
}

// defaultPushMillis is Kafka's.
const defaultPushMillis = 300_000

func (a attributes) match(patterns map[string]*regexp.Regexp) bool {
	for name, re := range patterns {
		if !re.MatchString(a[name]) {
			return false
		}
	}
	return true
}
