package kinesis

import (
	"regexp"
	"slices"

	"github.com/weirhub/weir/broker"
)

const (
	modeProvisioned = "PROVISIONED"
	modeOnDemand    = "ON_DEMAND"
	// onDemandShards is what AWS gives a new on-demand stream.
	onDemandShards = 4
	// maxShards bounds one stream: AWS's largest default quota of an account.
	maxShards = 20_000
)

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`)

// streamRef names a stream in a request, by name or by ARN.
type streamRef struct {
	StreamName string
	StreamARN  string
}

func (r streamRef) name() (string, *apiError) {
	if r.StreamARN != "" {
		name, ok := streamOfARN(r.StreamARN)
		if !ok {
			return "", validation("1 validation error detected: Value '%s' at 'streamARN' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+", r.StreamARN)
		}
		if r.StreamName != "" && r.StreamName != name {
			return "", invalidArgument("StreamName and StreamARN name different streams.")
		}
		return name, nil
	}
	if r.StreamName == "" {
		return "", invalidArgument("Either StreamName or StreamARN must be given.")
	}
	if !streamName.MatchString(r.StreamName) {
		return "", validation("1 validation error detected: Value '%s' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+", r.StreamName)
	}
	return r.StreamName, nil
}

func (s *Server) stream(r streamRef) (*Stream, *broker.Topic, *apiError) {
	name, err := r.name()
	if err != nil {
		return nil, nil, err
	}
	return s.streams.find(name)
}

func (s *Server) createStream(c *call) (any, *apiError) {
	var in struct {
		StreamName        string
		ShardCount        *int
		StreamModeDetails struct{ StreamMode string }
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	name, err := streamRef{StreamName: in.StreamName}.name()
	if err != nil {
		return nil, err
	}
	st := Stream{Name: name, Topic: name, Mode: in.StreamModeDetails.StreamMode}
	switch st.Mode {
	case "", modeProvisioned:
		st.Mode, st.Shards = modeProvisioned, 1
	case modeOnDemand:
		st.Shards = onDemandShards
		if in.ShardCount != nil {
			return nil, invalidArgument("ShardCount cannot be given for a stream in ON_DEMAND mode.")
		}
	default:
		return nil, validation("1 validation error detected: Value '%s' at 'streamModeDetails.streamMode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, ON_DEMAND]", st.Mode)
	}
	if in.ShardCount != nil {
		st.Shards = *in.ShardCount
	}
	if st.Shards < 1 {
		return nil, validation("1 validation error detected: Value '%d' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1", st.Shards)
	}
	if st.Shards > maxShards {
		return nil, exception("LimitExceededException", "This request would exceed the limit of %d shards.", maxShards)
	}
	return nil, s.streams.create(c.ctx, st, false)
}

func (s *Server) deleteStream(c *call) (any, *apiError) {
	var in streamRef
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	name, err := in.name()
	if err != nil {
		return nil, err
	}
	return nil, s.streams.remove(c.ctx, name)
}

const (
	defaultListStreams = 100
	maxListStreams     = 10_000
)

func (s *Server) listStreams(c *call) (any, *apiError) {
	var in struct {
		Limit                    *int
		ExclusiveStartStreamName string
		NextToken                string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	limit, err := limitOf(in.Limit, defaultListStreams, maxListStreams)
	if err != nil {
		return nil, err
	}
	after := in.ExclusiveStartStreamName
	if in.NextToken != "" {
		after = in.NextToken
	}
	names := slices.DeleteFunc(s.streams.names(), func(n string) bool { return n <= after })
	out := map[string]any{"HasMoreStreams": len(names) > limit}
	if len(names) > limit {
		names = names[:limit]
		out["NextToken"] = names[limit-1]
	}
	summaries := make([]map[string]any, 0, len(names))
	for _, n := range names {
		if st, _, err := s.streams.find(n); err == nil {
			summaries = append(summaries, map[string]any{
				"StreamName": n, "StreamARN": arn(c.region, n), "StreamStatus": "ACTIVE",
				"StreamModeDetails": map[string]string{"StreamMode": st.Mode}, "StreamCreationTimestamp": seconds(st.Created),
			})
		}
	}
	out["StreamNames"], out["StreamSummaries"] = names, summaries
	return out, nil
}

// limitOf checks an optional limit between 1 and most.
func limitOf(given *int, def, most int) (int, *apiError) {
	if given == nil {
		return def, nil
	}
	if *given < 1 || *given > most {
		return 0, validation("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", *given, most)
	}
	return *given, nil
}

// description is what DescribeStream and DescribeStreamSummary share.
func (s *Server) description(c *call, st *Stream, t *broker.Topic) map[string]any {
	return map[string]any{
		"StreamName": st.Name, "StreamARN": arn(c.region, st.Name), "StreamStatus": "ACTIVE",
		"StreamModeDetails":       map[string]string{"StreamMode": st.Mode},
		"RetentionPeriodHours":    retentionHours(s.b, t),
		"StreamCreationTimestamp": seconds(st.Created),
		"EnhancedMonitoring":      []any{map[string]any{"ShardLevelMetrics": []string{}}},
		"EncryptionType":          "NONE",
	}
}

func (s *Server) describeStreamSummary(c *call) (any, *apiError) {
	var in streamRef
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	st, t, err := s.stream(in)
	if err != nil {
		return nil, err
	}
	d := s.description(c, st, t)
	d["OpenShardCount"], d["ConsumerCount"] = len(t.Partitions()), 0
	return map[string]any{"StreamDescriptionSummary": d}, nil
}

const (
	defaultDescribeShards = 100
	maxDescribeShards     = 10_000
)

func (s *Server) describeStream(c *call) (any, *apiError) {
	var in struct {
		streamRef
		Limit                 *int
		ExclusiveStartShardId string
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	st, t, err := s.stream(in.streamRef)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(in.Limit, defaultDescribeShards, maxDescribeShards)
	if err != nil {
		return nil, err
	}
	first, err := afterShard(in.ExclusiveStartShardId)
	if err != nil {
		return nil, err
	}
	d := s.description(c, st, t)
	n := len(t.Partitions())
	last := min(first+limit, n)
	d["Shards"], d["HasMoreShards"] = shards(st, n, first, last), last < n
	return map[string]any{"StreamDescription": d}, nil
}

// afterShard is the number of the shard behind the one named, 0 without a name.
func afterShard(id string) (int, *apiError) {
	if id == "" {
		return 0, nil
	}
	n := parseShardID(id)
	if n < 0 {
		return 0, invalidArgument("%q is not a shard id.", id)
	}
	return n + 1, nil
}

// shards describes shards first to last (not included) of n.
func shards(st *Stream, n, first, last int) []map[string]any {
	out := []map[string]any{}
	for i := first; i < last; i++ {
		lo, hi := shardRange(i, n)
		out = append(out, map[string]any{
			"ShardId":             shardID(i),
			"HashKeyRange":        map[string]string{"StartingHashKey": lo.String(), "EndingHashKey": hi.String()},
			"SequenceNumberRange": map[string]string{"StartingSequenceNumber": sequence(st.createdSec(), i, 0, st.createdSec())},
		})
	}
	return out
}

const (
	defaultListShards = 1000
	maxListShards     = 10_000
)

// listShards: all shards are open and have been since the stream began, so every filter but AFTER_SHARD_ID gives all.
func (s *Server) listShards(c *call) (any, *apiError) {
	var in struct {
		streamRef
		NextToken             string
		MaxResults            *int
		ExclusiveStartShardId string
		ShardFilter           *struct{ Type, ShardId string }
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var first int
	var err *apiError
	if in.NextToken != "" {
		if in.StreamName != "" || in.ExclusiveStartShardId != "" {
			return nil, invalidArgument("NextToken and StreamName cannot be provided together.")
		}
		it, err := decodeIterator(in.NextToken, s.streams.key(), s.now())
		if err != nil {
			if err.Type == "ExpiredIteratorException" {
				return nil, exception("ExpiredNextTokenException", "The NextToken has expired.")
			}
			return nil, invalidArgument("Invalid NextToken.")
		}
		in.StreamName, first = it.stream, it.shard
	} else if first, err = afterShard(in.ExclusiveStartShardId); err != nil {
		return nil, err
	}
	if f := in.ShardFilter; f != nil {
		switch f.Type {
		case "AFTER_SHARD_ID":
			n, err := afterShard(f.ShardId)
			if err != nil || n == 0 {
				return nil, invalidArgument("ShardFilter of type AFTER_SHARD_ID needs a ShardId.")
			}
			first = max(first, n)
		case "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP":
		default:
			return nil, validation("1 validation error detected: Value '%s' at 'shardFilter.type' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SHARD_ID, AT_TRIM_HORIZON, FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, FROM_TIMESTAMP]", f.Type)
		}
	}
	st, t, err := s.stream(in.streamRef)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(in.MaxResults, defaultListShards, maxListShards)
	if err != nil {
		return nil, err
	}
	n := len(t.Partitions())
	last := min(first+limit, n)
	out := map[string]any{"Shards": shards(st, n, first, last)}
	if last < n {
		out["NextToken"] = iterator{stream: st.Name, topicID: t.ID(), shard: last, issued: s.now()}.encode(s.streams.key())
	}
	return out, nil
}
