package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/errgroup"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/group"
	"github.com/weirhub/weir/broker/txn"
	"github.com/weirhub/weir/internal/record"
)

// coordinators are the broker's groups and transactions. Run loads them; until loaded is closed the other fields may not
// be read.
type coordinators struct {
	loaded chan struct{}
	groups *group.Coordinator
	txns   *txn.Coordinator
	err    error // why there are none
}

// loadWait is how long a request waits for the coordinators at start instead of sending its client away to try again:
// longer than the replay of an ordinary log, shorter than any client's request timeout.
const loadWait = 5 * time.Second

// Run loads groups and transactions from their internal topics, completes the transactions that a crash interrupted, and
// serves all their deadlines until ctx ends. The broker's own Run must be running beside it. Requests that need a
// coordinator are answered only while Run is.
func (s *Server) Run(ctx context.Context) error {
	s.coords.groups, s.coords.txns, s.coords.err = s.loadCoordinators(ctx)
	close(s.coords.loaded)
	if err := s.coords.err; err != nil {
		if ctx.Err() != nil {
			return nil
		}
		// Topics go on being served: a log that cannot be read takes its own duty offline and no other.
		s.o.Logger.Error("groups and transactions are offline", "err", err)
		<-ctx.Done()
		return nil
	}
	var g errgroup.Group
	g.Go(func() error { return s.coords.groups.Run(ctx) })
	g.Go(func() error { return s.coords.txns.Run(ctx) })
	return g.Wait()
}

func (s *Server) loadCoordinators(ctx context.Context) (*group.Coordinator, *txn.Coordinator, error) {
	offsets, err := s.internalLog(ctx, group.Topic)
	if err != nil {
		return nil, nil, err
	}
	states, err := s.internalLog(ctx, txn.Topic)
	if err != nil {
		return nil, nil, err
	}
	g := s.o.Groups
	g.Topics, g.Timeouts = groupTopics{s.b}, s.groupTimeouts
	groups, err := group.Open(offsets, g)
	if err != nil {
		return nil, nil, err
	}
	o := s.o.Transactions
	o.NewProducerID = func(context.Context) (int64, error) { return s.b.NextProducerID() }
	txns, err := txn.Open(states, &markers{b: s.b, groups: groups}, o)
	return groups, txns, err
}

// coordinatorsFor gives the coordinators, or the code to answer without them.
func (s *Server) coordinatorsFor(c *call) (*coordinators, int16) {
	select {
	case <-s.coords.loaded:
	default:
		wait := time.NewTimer(loadWait)
		defer wait.Stop()
		select {
		case <-s.coords.loaded:
		case <-wait.C:
			return nil, kerr.CoordinatorLoadInProgress.Code
		case <-c.ctx.Done():
			return nil, kerr.CoordinatorLoadInProgress.Code
		}
	}
	if s.coords.err != nil {
		return nil, kerr.CoordinatorNotAvailable.Code
	}
	return &s.coords, 0
}

// internalLog opens the one partition of a coordinator's topic. Kafka spreads a coordinator's keys over 50 partitions, so
// that many brokers share the work; one broker gains nothing from more than one log.
func (s *Server) internalLog(ctx context.Context, name string) (*internalLog, error) {
	// Small segments, so that what a coordinator has trimmed leaves the disk soon.
	compact, segment := "compact", "16777216"
	t, err := s.b.EnsureInternal(ctx, name, 1, map[string]*string{"cleanup.policy": &compact, "segment.bytes": &segment})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	p, ok := t.Partition(0)
	if !ok {
		return nil, fmt.Errorf("open %s: no partition 0", name)
	}
	if err := p.Settle(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return &internalLog{p}, nil
}

// internalLog is a partition as the coordinators need it.
type internalLog struct{ p *broker.Partition }

// Append implements group.Log and txn.Log.
func (l *internalLog) Append(b record.Batch) (int64, func(context.Context) error, error) {
	at, err := l.p.Produce(b, true)
	if err != nil {
		return 0, nil, err
	}
	return at.Base, durable(l.p, at), nil
}

// syncLimit bounds how long a coordinator waits for the disk. A disk that stalls for longer than clients wait for an answer
// has failed for them; and an append that comes when the broker's Run has ended would be waited for for ever.
const syncLimit = 30 * time.Second

// durable waits until the append is. After an error it may become so yet: coordinators take nothing for granted then.
func durable(p *broker.Partition, at broker.Appended) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, syncLimit)
		defer cancel()
		return p.Wait(ctx, at)
	}
}

// DeleteBefore implements group.Log and txn.Log.
func (l *internalLog) DeleteBefore(offset int64) error {
	_, err := l.p.DeleteBefore(offset)
	return err
}

// Replay implements group.Log and txn.Log.
func (l *internalLog) Replay(f func(record.Batch) error) error { return l.p.Replay(f) }

// markers ends transactions in partitions of the broker.
type markers struct {
	b      *broker.Broker
	groups *group.Coordinator
}

// Mark implements txn.Markers.
func (m *markers) Mark(at txn.Partition, marker record.Batch, commit bool) (func(context.Context) error, error) {
	marker = append(record.Batch(nil), marker...) // the append stamps its offset into it
	if at.Topic == group.Topic {
		return m.groups.EndTxn(marker, commit)
	}
	p, err := m.b.Partition(at.Topic, at.Index)
	if errors.Is(err, broker.ErrUnknownTopic) || errors.Is(err, broker.ErrUnknownPartition) {
		return nil, txn.ErrGone
	}
	if err != nil {
		return nil, err
	}
	a, err := p.Produce(marker, true)
	if err != nil {
		return nil, err
	}
	return durable(p, a), nil
}

// dropOffsets forgets what groups have committed for a topic that was deleted. Best effort: what stays is overwritten by
// the first commit for a new topic of that name.
func (s *Server) dropOffsets(ctx context.Context, topic string) {
	select {
	case <-s.coords.loaded:
	default:
		return
	}
	if s.coords.err != nil {
		return
	}
	if err := s.coords.groups.DropTopic(ctx, topic); err != nil {
		s.o.Logger.Warn("forget offsets of a deleted topic", "topic", topic, "err", err)
	}
}

// offsetsPartition is where the offsets of every group stand.
func offsetsPartition() txn.Partition { return txn.Partition{Topic: group.Topic, Index: 0} }

// unknownPartition is the code for a partition that does not exist, 0 for one that does.
func (s *Server) unknownPartition(topic string, partition int32) int16 {
	if topic == "" {
		return kerr.UnknownTopicID.Code // what the id that named it could not be resolved to
	}
	t, ok := s.b.Topic(topic)
	if !ok {
		return kerr.UnknownTopicOrPartition.Code
	}
	if _, ok := t.Partition(partition); !ok {
		return kerr.UnknownTopicOrPartition.Code
	}
	return 0
}

// topicName resolves a topic that a request names by one of the two; "" when the id is unknown.
func (s *Server) topicName(name string, id [16]byte) string {
	if id == ([16]byte{}) {
		return name
	}
	if t, ok := s.b.TopicByID(id); ok {
		return t.Name()
	}
	return ""
}
