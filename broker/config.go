package broker

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirhub/weir/broker/commitlog"
)

// ConfigType is a config's type by Kafka's number (DescribeConfigs v3+).
type ConfigType int8

// The types of Kafka's configs.
const (
	TypeBoolean ConfigType = 1
	TypeString  ConfigType = 2
	TypeInt     ConfigType = 3
	TypeShort   ConfigType = 4
	TypeLong    ConfigType = 5
	TypeDouble  ConfigType = 6
	TypeList    ConfigType = 7
)

// ConfigKey is one row of the table of topic configs: Kafka's name, type and default, and what it does here.
type ConfigKey struct {
	Name    string
	Type    ConfigType
	Default string
	// Broker is the broker-wide config that gives topics their default; "" where there is none.
	Broker string
	// Min and Max bound numbers; Values lists what a string or the elements of a list may be.
	Min, Max int64
	Values   []string
	// Doc says what the config means; Here is not empty where this broker accepts and shows it without acting on it, or
	// acts otherwise than Kafka, and says so.
	Doc  string
	Here string
}

const (
	maxInt32 = math.MaxInt32
	maxInt64 = math.MaxInt64
)

const noEffect = "Stored and shown, without effect."

// Names of the configs that this package reads.
const (
	cfgCleanup         = "cleanup.policy"
	cfgDeleteRetention = "delete.retention.ms"
	cfgDirtyRatio      = "min.cleanable.dirty.ratio"
	cfgDurability      = "durability"
	cfgIndexBytes      = "index.interval.bytes"
	cfgMaxBytes        = "max.message.bytes"
	cfgAfterMax        = "message.timestamp.after.max.ms"
	cfgMaxLag          = "max.compaction.lag.ms"
	cfgMinLag          = "min.compaction.lag.ms"
	cfgBeforeMax       = "message.timestamp.before.max.ms"
	cfgStampType       = "message.timestamp.type"
	cfgRetainBytes     = "retention.bytes"
	cfgRetainMillis    = "retention.ms"
	cfgSegmentBytes    = "segment.bytes"
	cfgSegmentAge      = "segment.ms"
)

// TopicConfigs is the table, sorted by name. CreateTopics, AlterConfigs, DescribeConfigs and the documentation read it.
func TopicConfigs() []ConfigKey { return topicConfigs[:] }

var topicConfigs = [...]ConfigKey{
	{
		Name: cfgCleanup, Type: TypeList, Default: "delete", Broker: "log.cleanup.policy", Values: []string{"compact", "delete"},
		Doc: "What happens to old segments: delete drops them by age and size, compact keeps the last record of each key.",
	},
	{Name: "compression.gzip.level", Type: TypeInt, Default: "-1", Broker: "compression.gzip.level", Min: -1, Max: 9, Doc: "Level when the broker compresses.", Here: noEffect},
	{Name: "compression.lz4.level", Type: TypeInt, Default: "9", Broker: "compression.lz4.level", Min: 1, Max: 17, Doc: "Level when the broker compresses.", Here: noEffect},
	{
		Name: "compression.type", Type: TypeString, Default: "producer", Broker: "compression.type", Values: []string{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"},
		Doc: "The codec of stored batches.", Here: "Batches are always stored as the producer sent them.",
	},
	{Name: "compression.zstd.level", Type: TypeInt, Default: "3", Broker: "compression.zstd.level", Min: -131072, Max: 22, Doc: "Level when the broker compresses.", Here: noEffect},
	{Name: cfgDeleteRetention, Type: TypeLong, Default: "86400000", Broker: "log.cleaner.delete.retention.ms", Max: maxInt64, Doc: "How long compaction keeps tombstones, from the first pass that sees them."},
	{
		Name: cfgDurability, Type: TypeString, Default: "fsync", Broker: "durability", Values: []string{"fsync", "os"},
		Doc: "fsync answers acks=all after the disk has the records, and shows consumers only those; os leaves writing to the operating system, as Kafka does. Not one of Kafka's configs.",
	},
	{Name: "file.delete.delay.ms", Type: TypeLong, Default: "60000", Broker: "log.segment.delete.delay.ms", Max: maxInt64, Doc: "Delay before a dropped segment's file goes.", Here: noEffect},
	{Name: "flush.messages", Type: TypeLong, Default: "9223372036854775807", Broker: "log.flush.interval.messages", Min: 1, Max: maxInt64, Doc: "Records between two forced flushes.", Here: noEffect + " See durability."},
	{Name: "flush.ms", Type: TypeLong, Default: "9223372036854775807", Broker: "log.flush.interval.ms", Max: maxInt64, Doc: "Time between two forced flushes.", Here: noEffect + " See durability."},
	{Name: "follower.replication.throttled.replicas", Type: TypeList, Doc: "Replicas under a replication quota.", Here: noEffect},
	{Name: cfgIndexBytes, Type: TypeInt, Default: "4096", Broker: "log.index.interval.bytes", Max: maxInt32, Doc: "Bytes of log between two entries of its offset index."},
	{Name: "leader.replication.throttled.replicas", Type: TypeList, Doc: "Replicas under a replication quota.", Here: noEffect},
	{Name: cfgMaxLag, Type: TypeLong, Default: "9223372036854775807", Broker: "log.cleaner.max.compaction.lag.ms", Min: 1, Max: maxInt64, Doc: "Longest time a record stays uncompacted; a new segment begins at this age, too."},
	{Name: cfgMaxBytes, Type: TypeInt, Default: "1048588", Broker: "message.max.bytes", Max: maxInt32, Doc: "Largest record batch, compressed, that a producer may send."},
	{Name: cfgAfterMax, Type: TypeLong, Default: "3600000", Broker: "log.message.timestamp.after.max.ms", Max: maxInt64, Doc: "How far a record's timestamp may lie in the future."},
	{Name: cfgBeforeMax, Type: TypeLong, Default: "9223372036854775807", Broker: "log.message.timestamp.before.max.ms", Max: maxInt64, Doc: "How far a record's timestamp may lie in the past."},
	{
		Name: cfgStampType, Type: TypeString, Default: "CreateTime", Broker: "log.message.timestamp.type", Values: []string{"CreateTime", "LogAppendTime"},
		Doc: "Whether a record carries the producer's time or the time of its append.",
	},
	{Name: cfgDirtyRatio, Type: TypeDouble, Default: "0.5", Broker: "log.cleaner.min.cleanable.ratio", Max: 1, Doc: "Share of uncompacted log above which a compaction starts."},
	{Name: cfgMinLag, Type: TypeLong, Default: "0", Broker: "log.cleaner.min.compaction.lag.ms", Max: maxInt64, Doc: "Shortest time a record stays uncompacted."},
	{
		Name: "min.insync.replicas", Type: TypeInt, Default: "1", Broker: "min.insync.replicas", Min: 1, Max: maxInt32,
		Doc: "Replicas that must have a record before acks=all is answered.", Here: "There is one replica; values above 1 are stored and not enforced.",
	},
	{Name: "preallocate", Type: TypeBoolean, Default: "false", Broker: "log.preallocate", Doc: "Reserve a segment's space when it begins.", Here: noEffect},
	{Name: cfgRetainBytes, Type: TypeLong, Default: "-1", Broker: "log.retention.bytes", Min: math.MinInt64, Max: maxInt64, Doc: "Size of a partition above which whole old segments are dropped; -1: no limit."},
	{Name: cfgRetainMillis, Type: TypeLong, Default: "604800000", Broker: "log.retention.ms", Min: -1, Max: maxInt64, Doc: "Age of its newest record at which a whole segment is dropped; -1: never."},
	{Name: cfgSegmentBytes, Type: TypeInt, Default: "1073741824", Broker: "log.segment.bytes", Min: 14, Max: maxInt32, Doc: "Size at which a new segment begins.", Here: "Below 1 MiB counts as 1 MiB."},
	{Name: "segment.index.bytes", Type: TypeInt, Default: "10485760", Broker: "log.index.size.max.bytes", Min: 4, Max: maxInt32, Doc: "Size of the offset index.", Here: noEffect + " An index is as large as its segment needs."},
	{Name: "segment.jitter.ms", Type: TypeLong, Default: "0", Broker: "log.roll.jitter.ms", Max: maxInt64, Doc: "Random time taken off segment.ms.", Here: noEffect},
	{Name: cfgSegmentAge, Type: TypeLong, Default: "604800000", Broker: "log.roll.ms", Min: 1, Max: maxInt64, Doc: "Age at which a new segment begins."},
	{Name: "unclean.leader.election.enable", Type: TypeBoolean, Default: "false", Broker: "unclean.leader.election.enable", Doc: "Let a replica that lags lead.", Here: noEffect + " There is one replica."},
}

// BrokerConfigs are the configs of the broker that can change while it runs and are no topic's default, sorted by name.
func BrokerConfigs() []ConfigKey { return brokerConfigs[:] }

// Names of the configs that fronts read.
const (
	MaxConnections        = "max.connections"
	MaxConnectionsPerIP   = "max.connections.per.ip"
	MaxConnectionsByIP    = "max.connections.per.ip.overrides"
	MaxConnectionCreation = "max.connection.creation.rate"
)

var brokerConfigs = [...]ConfigKey{
	{Name: "background.threads", Broker: "background.threads", Type: TypeInt, Default: "10", Min: 1, Max: maxInt32, Doc: "Threads for the broker's housekeeping.", Here: noEffect},
	{Name: "log.cleaner.threads", Broker: "log.cleaner.threads", Type: TypeInt, Default: "1", Max: maxInt32, Doc: "Threads that compact.", Here: noEffect},
	{
		Name: MaxConnectionCreation, Broker: MaxConnectionCreation, Type: TypeInt, Default: "2147483647", Max: maxInt32,
		Doc: "Connections accepted a second; more wait to be accepted.",
	},
	{
		Name: MaxConnections, Broker: MaxConnections, Type: TypeInt, Default: "2147483647", Min: 1, Max: maxInt32,
		Doc: "Connections open at once.", Here: "More are closed, where Kafka waits with accepting them; the limit that the broker was started with holds beside it.",
	},
	{Name: MaxConnectionsPerIP, Broker: MaxConnectionsPerIP, Type: TypeInt, Default: "2147483647", Max: maxInt32, Doc: "Connections open at once from one address; more are closed."},
	{
		Name: MaxConnectionsByIP, Broker: MaxConnectionsByIP, Type: TypeString, Doc: "Limits of single addresses in place of max.connections.per.ip: address:count, separated by commas.",
		Here: "Addresses only, no host names.",
	},
	{Name: "num.io.threads", Broker: "num.io.threads", Type: TypeInt, Default: "8", Min: 1, Max: maxInt32, Doc: "Threads that handle requests.", Here: noEffect + " Every connection has its own."},
	{Name: "num.network.threads", Broker: "num.network.threads", Type: TypeInt, Default: "3", Min: 1, Max: maxInt32, Doc: "Threads that read and write the network.", Here: noEffect + " Every connection has its own."},
	{Name: "num.replica.fetchers", Broker: "num.replica.fetchers", Type: TypeInt, Default: "1", Min: 1, Max: maxInt32, Doc: "Threads that replicate.", Here: noEffect + " There is one replica."},
}

// ParseOverrides reads max.connections.per.ip.overrides.
func ParseOverrides(value string) (map[netip.Addr]int, error) {
	out := map[netip.Addr]int{}
	for _, v := range splitList(value) {
		i := strings.LastIndexByte(v, ':')
		if i < 0 {
			return nil, fmt.Errorf("%q is not address:count", v)
		}
		addr, err := netip.ParseAddr(strings.Trim(v[:i], "[]"))
		if err != nil {
			return nil, fmt.Errorf("%q is not an address", v[:i])
		}
		n, err := strconv.ParseUint(v[i+1:], 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%q is not a count", v[i+1:])
		}
		out[addr.Unmap()] = int(n)
	}
	return out, nil
}

// TopicConfigKey finds a row by name.
func TopicConfigKey(name string) (ConfigKey, bool) {
	i, ok := slices.BinarySearchFunc(topicConfigs[:], name, func(k ConfigKey, n string) int { return strings.Compare(k.Name, n) })
	if !ok {
		return ConfigKey{}, false
	}
	return topicConfigs[i], true
}

// Check reports what is wrong with a value for this key, in words for the user.
func (k ConfigKey) Check(value string) error {
	bad := func(want string) error {
		return fmt.Errorf("%w: invalid value %s for configuration %s: %s", ErrInvalidConfig, value, k.Name, want)
	}
	switch k.Type {
	case TypeBoolean:
		if v := strings.ToLower(value); v != "true" && v != "false" {
			return bad("must be true or false")
		}
	case TypeInt, TypeLong, TypeShort:
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err != nil {
			return bad("not a number")
		}
		if n < k.Min || n > k.Max {
			return bad(fmt.Sprintf("must lie between %d and %d", k.Min, k.Max))
		}
	case TypeDouble:
		f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || f < float64(k.Min) || f > float64(k.Max) {
			return bad(fmt.Sprintf("must be a number between %d and %d", k.Min, k.Max))
		}
	case TypeString:
		if k.Name == MaxConnectionsByIP {
			if _, err := ParseOverrides(value); err != nil {
				return bad(err.Error())
			}
		}
		if k.Values != nil && !slices.Contains(k.Values, value) {
			return bad("must be one of " + strings.Join(k.Values, ", "))
		}
	case TypeList:
		for _, v := range splitList(value) {
			if k.Values != nil && !slices.Contains(k.Values, v) {
				return bad("must be a list of " + strings.Join(k.Values, ", "))
			}
		}
	}
	return nil
}

func splitList(s string) []string {
	var out []string
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// minSegmentBytes is Kafka's lower bound of segment.bytes since 4.0.
const minSegmentBytes = 1 << 20

// settings is a topic's configs as the partition reads them.
type settings struct {
	maxBatchBytes int
	compact       bool
	deletes       bool // cleanup.policy contains delete
	appendTime    bool
	afterMax      int64 // ms
	beforeMax     int64
	fsync         bool
	retention     time.Duration // negative: for ever
	retainBytes   int64
	segmentBytes  int64
	segmentAge    time.Duration
	indexInterval int

	deleteRetention time.Duration
	minLag          time.Duration
	maxLag          time.Duration
	dirtyRatio      float64
}

// resolve computes settings from a topic's own configs over the broker's. All values passed Check.
func resolve(own, brokerWide map[string]string) settings {
	get := func(name string) string { return lookup(name, own, brokerWide) }
	num := func(name string) int64 {
		n, err := strconv.ParseInt(strings.TrimSpace(get(name)), 10, 64)
		if err != nil {
			panic("BUG: unchecked config " + name + ": " + err.Error())
		}
		return n
	}
	float := func(name string) float64 {
		f, err := strconv.ParseFloat(strings.TrimSpace(get(name)), 64)
		if err != nil {
			panic("BUG: unchecked config " + name + ": " + err.Error())
		}
		return f
	}
	policy := splitList(get(cfgCleanup))
	s := settings{
		maxBatchBytes: int(num(cfgMaxBytes)),
		compact:       slices.Contains(policy, "compact"),
		deletes:       slices.Contains(policy, "delete"),
		appendTime:    get(cfgStampType) == "LogAppendTime",
		afterMax:      num(cfgAfterMax),
		beforeMax:     num(cfgBeforeMax),
		fsync:         get(cfgDurability) == "fsync",
		retention:     millis(num(cfgRetainMillis)),
		retainBytes:   num(cfgRetainBytes),
		segmentBytes:  max(num(cfgSegmentBytes), minSegmentBytes),
		segmentAge:    millis(num(cfgSegmentAge)),
		indexInterval: int(num(cfgIndexBytes)),

		deleteRetention: millis(num(cfgDeleteRetention)),
		minLag:          millis(num(cfgMinLag)),
		maxLag:          millis(num(cfgMaxLag)),
		dirtyRatio:      float(cfgDirtyRatio),
	}
	if !s.deletes {
		s.retention, s.retainBytes = -1, -1
	}
	if s.compact {
		s.segmentAge = min(s.segmentAge, s.maxLag) // what is never sealed is never compacted
	}
	return s
}

// millis turns Kafka's "practically for ever" values into the largest duration instead of letting them overflow.
func millis(ms int64) time.Duration {
	if ms < 0 {
		return -1
	}
	if ms > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(ms) * time.Millisecond
}

// ConfigSource tells where a value comes from, by Kafka's number.
type ConfigSource int8

// The sources of Kafka's DescribeConfigs.
const (
	SourceTopic         ConfigSource = 1
	SourceBrokerNode    ConfigSource = 2 // dynamic, of this node
	SourceBrokerDynamic ConfigSource = 3 // the cluster-wide dynamic default
	SourceBrokerStatic  ConfigSource = 4
	SourceDefault       ConfigSource = 5
	SourceClientMetrics ConfigSource = 7
)

// lookup finds a topic config's value.
func lookup(name string, own, brokerWide map[string]string) string {
	if v, ok := own[name]; ok {
		return v
	}
	k, ok := TopicConfigKey(name)
	if !ok {
		panic("BUG: no config named " + name)
	}
	if v, ok := brokerWide[k.Broker]; ok && k.Broker != "" {
		return v
	}
	return k.Default
}

// logOptions are the settings that the log itself acts on.
func (s *settings) logOptions(now func() time.Time) commitlog.Options {
	o := commitlog.Options{
		SegmentBytes: s.segmentBytes, SegmentAge: s.segmentAge, IndexIntervalBytes: s.indexInterval,
		Retention: s.retention, RetentionBytes: s.retainBytes, Now: now,
		Compact: s.compact, DeleteRetention: s.deleteRetention, MinCompactionLag: s.minLag, MaxCompactionLag: s.maxLag,
		MinDirtyRatio: s.dirtyRatio,
	}
	// There zero means no limit, in Kafka it means none at all.
	if o.Retention == 0 {
		o.Retention = 1
	}
	if o.RetentionBytes == 0 {
		o.RetentionBytes = 1
	}
	return o
}
