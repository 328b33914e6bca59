package topic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/stream"
)

const (
	// patience bounds the retries of one request: longer than a leader election or a broker's restart. After it the
	// pipeline's restart policy decides.
	patience = 45 * time.Second
	// The wait between retries starts low because the common case (a topic just created, a transaction just ending) is
	// over in milliseconds.
	firstWait = 10 * time.Millisecond
	maxWait   = 500 * time.Millisecond
)

// Cluster is what this package knows of a cluster: where the partitions of topics are led. It is safe for concurrent use,
// starts no goroutine and holds nothing that must be closed.
type Cluster struct {
	r  Requester
	mu struct {
		sync.Mutex
		topics map[string]topicInfo
	}
}

// topicInfo is what Metadata said of a topic.
type topicInfo struct {
	id      [16]byte
	leaders []int32 // by partition
}

// NewCluster makes a Cluster over r.
func NewCluster(r Requester) *Cluster {
	c := &Cluster{r: r}
	c.mu.topics = map[string]topicInfo{}
	return c
}

// retriable reports whether trying again may mend err: the protocol says so of its error codes (of CONCURRENT_TRANSACTIONS
// it says no, but a transaction that is still ending answers it for some milliseconds), and of the rest only the end of
// ctx is final.
func retriable(err error) bool {
	if err == nil || stream.IsPermanent(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var ke *kerr.Error
	return !errors.As(err, &ke) || ke.Retriable || errors.Is(err, kerr.ConcurrentTransactions)
}

// retry calls try until it succeeds, fails for good, or patience is over. forget names the topics whose leaders are
// looked up anew after a failure.
func (c *Cluster) retry(ctx context.Context, what string, try func() error, forget ...string) error {
	deadline, wait := time.Now().Add(patience), firstWait
	for {
		err := try()
		if err == nil {
			return nil
		}
		if !retriable(err) || time.Now().After(deadline) {
			return fmt.Errorf("%s: %w", what, err)
		}
		c.forget(forget...)
		if !pause(ctx, wait) {
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
		wait = min(2*wait, maxWait)
	}
}

// pause waits, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Cluster) forget(topics ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range topics {
		delete(c.mu.topics, t)
	}
}

// request sends to any broker and gives the response as its type.
func request[R kmsg.Response](ctx context.Context, c *Cluster, req kmsg.Request) (R, error) {
	var none R
	resp, err := c.r.Request(ctx, req)
	if err != nil {
		return none, err
	}
	return resp.(R), nil //nolint:forcetypeassert // the requester's contract
}

func requestTo[R kmsg.Response](ctx context.Context, c *Cluster, node int32, req kmsg.Request) (R, error) {
	var none R
	resp, err := c.r.RequestTo(ctx, node, req)
	if err != nil {
		return none, err
	}
	return resp.(R), nil //nolint:forcetypeassert // the requester's contract
}

// info gives what is known of a topic, asking the cluster when nothing is. Every partition has a leader.
func (c *Cluster) info(ctx context.Context, topic string) (topicInfo, error) {
	c.mu.Lock()
	have, ok := c.mu.topics[topic]
	c.mu.Unlock()
	if ok {
		return have, nil
	}
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, t)
	resp, err := request[*kmsg.MetadataResponse](ctx, c, req)
	if err != nil {
		return topicInfo{}, err
	}
	if len(resp.Topics) != 1 {
		return topicInfo{}, fmt.Errorf("metadata answers for %d topics, not for one", len(resp.Topics))
	}
	found := &resp.Topics[0]
	if err := kerr.ErrorForCode(found.ErrorCode); err != nil {
		return topicInfo{}, err
	}
	info := topicInfo{id: found.TopicID, leaders: make([]int32, len(found.Partitions))}
	for _, p := range found.Partitions {
		if p.Leader < 0 || int(p.Partition) >= len(info.leaders) {
			return topicInfo{}, kerr.LeaderNotAvailable
		}
		info.leaders[p.Partition] = p.Leader
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.topics[topic] = info
	return info, nil
}

// Partitions is the number of partitions of an existing topic.
func (c *Cluster) Partitions(ctx context.Context, topic string) (int, error) {
	var info topicInfo
	missing := 0
	err := c.retry(ctx, "look up topic "+topic, func() (err error) {
		info, err = c.info(ctx, topic)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			// Right after its creation a topic may be unknown to some brokers; one that is still unknown after this many
			// looks, 600 ms, is missing.
			if missing++; missing > 6 {
				return stream.Permanent(err)
			}
		}
		return err
	}, topic)
	return len(info.leaders), err
}

// TopicSpec is a topic that ought to exist.
type TopicSpec struct {
	Name       string
	Partitions int               // 0: the cluster's default
	Configs    map[string]string // of a topic that is created; one that exists keeps its own
}

// EnsureTopic creates a topic unless it exists, and waits until all its partitions have leaders.
func (c *Cluster) EnsureTopic(ctx context.Context, s TopicSpec) error {
	what := "create topic " + s.Name
	err := c.retry(ctx, what, func() error {
		if _, err := c.info(ctx, s.Name); err == nil || !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return err
		}
		return c.create(ctx, s)
	}, s.Name)
	if err != nil {
		return err
	}
	return c.retry(ctx, what, func() error {
		_, err := c.info(ctx, s.Name)
		return err
	}, s.Name)
}

func (c *Cluster) create(ctx context.Context, s TopicSpec) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(patience.Milliseconds())
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = s.Name, -1, -1
	if s.Partitions > 0 {
		t.NumPartitions = int32(s.Partitions)
	}
	for name, value := range s.Configs {
		cfg := kmsg.NewCreateTopicsRequestTopicConfig()
		cfg.Name, cfg.Value = name, kmsg.StringPtr(value)
		t.Configs = append(t.Configs, cfg)
	}
	req.Topics = append(req.Topics, t)
	resp, err := request[*kmsg.CreateTopicsResponse](ctx, c, req)
	if err != nil {
		return err
	}
	for i := range resp.Topics {
		err := kerr.ErrorForCode(resp.Topics[i].ErrorCode)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			if m := resp.Topics[i].ErrorMessage; m != nil {
				return fmt.Errorf("%w: %s", err, *m)
			}
			return err
		}
	}
	return nil
}

// The special times of ListOffsets.
const (
	Latest   int64 = -1
	Earliest int64 = -2
)

// ListOffsets gives, for each partition, the offset of the first record at or after the time (ms), or the log's end when
// there is none; or with Earliest and Latest the log's ends. committed takes the end of committed records (the last
// stable offset) for the end.
func (c *Cluster) ListOffsets(ctx context.Context, topic string, partitions []int32, at int64, committed bool) ([]int64, error) {
	out := make([]int64, len(partitions))
	left := slices.Clone(partitions)
	err := c.retry(ctx, "list offsets of "+topic, func() error {
		info, err := c.info(ctx, topic)
		if err != nil {
			return err
		}
		var done []int32
		var failed error
		for leader, parts := range byLeader(info, left) {
			ok, err := c.listOffsets(ctx, leader, topic, parts, at, committed, func(p int32, offset int64) {
				out[slices.Index(partitions, p)] = offset
			})
			done = append(done, ok...)
			failed = errors.Join(failed, err)
		}
		left = slices.DeleteFunc(left, func(p int32) bool { return slices.Contains(done, p) })
		return failed
	}, topic)
	if err != nil || at < 0 || !slices.Contains(out, -1) {
		return out, err
	}
	ends, err := c.ListOffsets(ctx, topic, partitions, Latest, committed)
	for i := range out {
		if err == nil && out[i] < 0 {
			out[i] = ends[i]
		}
	}
	return out, err
}

func byLeader(info topicInfo, partitions []int32) map[int32][]int32 {
	out := map[int32][]int32{}
	for _, p := range partitions {
		if int(p) < len(info.leaders) {
			out[info.leaders[p]] = append(out[info.leaders[p]], p)
		}
	}
	return out
}

func (c *Cluster) listOffsets(ctx context.Context, leader int32, topic string, parts []int32, at int64, committed bool, found func(int32, int64)) (done []int32, err error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	if committed {
		req.IsolationLevel = 1
	}
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	for _, p := range parts {
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.Timestamp, rp.MaxNumOffsets = p, at, 1
		t.Partitions = append(t.Partitions, rp)
	}
	req.Topics = append(req.Topics, t)
	resp, err := requestTo[*kmsg.ListOffsetsResponse](ctx, c, leader, req)
	if err != nil {
		return nil, err
	}
	for i := range resp.Topics {
		for _, p := range resp.Topics[i].Partitions {
			if perr := kerr.ErrorForCode(p.ErrorCode); perr != nil {
				err = fmt.Errorf("partition %d: %w", p.Partition, perr)
				continue
			}
			found(p.Partition, p.Offset)
			done = append(done, p.Partition)
		}
	}
	return done, err
}
