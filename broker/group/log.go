package group

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// Topic is the internal topic that groups live in.
const Topic = "__consumer_offsets"

// Log is the partition of __consumer_offsets that a coordinator keeps its records in.
type Log interface {
	// Append writes b at the end, in the order of the calls, and gives the offset of its first record. It does not wait
	// for the disk: wait does, and after a nil from it b survives a power cut. The batch is the caller's again when
	// Append returns. After an error the log takes no more records.
	Append(b record.Batch) (base int64, wait func(context.Context) error, err error)
	// Replay calls f with every durable batch in order.
	Replay(f func(record.Batch) error) error
	// DeleteBefore forgets the records below the offset, which is durable.
	DeleteBefore(offset int64) error
}

// Versions of the records as Kafka 4 writes them, so that Kafka's own tools can read the topic.
const (
	offsetKeyVersion     = 1
	offsetValueVersion   = 3 // 4 is the first flexible one; 3 is what released brokers write
	metadataKeyVersion   = 2
	metadataValueVersion = 3
)

// commit is one committed offset.
type commit struct {
	offset      int64
	leaderEpoch int32
	metadata    string
	at          int64 // ms since the epoch: when it was committed
	logOffset   int64 // where its record stands in __consumer_offsets
}

func offsetKey(group, topic string, partition int32) []byte {
	k := kmsg.OffsetCommitKey{Version: offsetKeyVersion, Group: group, Topic: topic, Partition: partition}
	return k.AppendTo(nil)
}

func (c *commit) value() []byte {
	v := kmsg.OffsetCommitValue{
		Version: offsetValueVersion, Offset: c.offset, LeaderEpoch: c.leaderEpoch, Metadata: c.metadata, CommitTimestamp: c.at,
	}
	return v.AppendTo(nil)
}

func metadataKey(group string) []byte {
	k := kmsg.GroupMetadataKey{Version: metadataKeyVersion, Group: group}
	return k.AppendTo(nil)
}

// metadataValue is the group as a restart must find it. assign is nil for the assignments that the members have now.
func (s *state) metadataValue(assign map[string][]byte) []byte {
	v := kmsg.GroupMetadataValue{
		Version: metadataValueVersion, ProtocolType: s.protocolType, Generation: s.generation,
		CurrentStateTimestamp: s.since.UnixMilli(),
	}
	if s.protocol != "" {
		v.Protocol = &s.protocol
	}
	if s.leader != "" {
		v.Leader = &s.leader
	}
	for _, m := range s.sorted() {
		a := m.assignment
		if assign != nil {
			a = assign[m.id]
		}
		v.Members = append(v.Members, kmsg.GroupMetadataValueMember{
			MemberID: m.id, InstanceID: m.instance, ClientID: m.clientID, ClientHost: m.clientHost,
			RebalanceTimeoutMillis: int32(m.rebalance.Milliseconds()), SessionTimeoutMillis: int32(m.session.Milliseconds()),
			Subscription: m.metadata(s.protocol), Assignment: a,
		})
	}
	return v.AppendTo(nil)
}

// store appends the group's metadata record. The caller holds the group's mutex (G4).
func (c *Coordinator) store(s *state, assign map[string][]byte, now time.Time) (wait func(context.Context) error, err error) {
	var b record.Builder
	b.Reset(record.None)
	s.record = s.metadataValue(assign)
	b.Add(now.UnixMilli(), metadataKey(s.id), s.record)
	_, wait, err = c.append(b.Build())
	return wait, err
}

// append is the log's, counted.
func (c *Coordinator) append(b record.Batch) (base int64, wait func(context.Context) error, err error) {
	c.grown.Add(int64(len(b)))
	return c.log.Append(b)
}

// replay rebuilds every group from the log. It runs before anything else knows the coordinator, so it takes no locks.
type replay struct {
	c      *Coordinator
	now    time.Time
	reader record.Reader
	groups map[string]*group
}

func (r *replay) batch(b record.Batch) error {
	r.c.grown.Add(int64(len(b)))
	if err := r.reader.Reset(b, 0); err != nil {
		return err
	}
	var rec record.Record
	for r.reader.Next(&rec) {
		if b.Control() {
			if kind, ok := record.ControlType(rec.Key); ok {
				r.endTxn(b.ProducerID(), kind == 1)
			}
			continue
		}
		if err := r.record(b, &rec); err != nil {
			return fmt.Errorf("replay offset %d: %w", rec.Offset, err)
		}
	}
	return r.reader.Err()
}

func (r *replay) record(b record.Batch, rec *record.Record) error {
	if len(rec.Key) < 2 {
		return fmt.Errorf("key of %d bytes", len(rec.Key))
	}
	switch version := int16(rec.Key[0])<<8 | int16(rec.Key[1]); version {
	case 0, 1:
		return r.offset(b, rec)
	case 2:
		return r.metadata(rec)
	case kindGroup, kindTopics, kindMember, kindTarget, kindMemberTarget, kindCurrent, kindPattern:
		return r.consumer(version, rec)
	}
	return nil // kinds of share and streams groups: not ours to read
}

func (r *replay) offset(b record.Batch, rec *record.Record) error {
	var k kmsg.OffsetCommitKey
	if err := k.ReadFrom(rec.Key); err != nil {
		return err
	}
	g := r.group(k.Group)
	if rec.Value == nil {
		g.mu.offsets.remove(k.Topic, k.Partition)
		return nil
	}
	var v kmsg.OffsetCommitValue
	if err := v.ReadFrom(rec.Value); err != nil {
		return err
	}
	at := commit{
		offset: v.Offset, leaderEpoch: v.LeaderEpoch, metadata: v.Metadata, at: v.CommitTimestamp, logOffset: rec.Offset,
	}
	if v.Version < 3 {
		at.leaderEpoch = -1
	}
	if b.Transactional() {
		g.mu.hold(b.ProducerID(), k.Topic, k.Partition, at)
		r.c.txns.note(b.ProducerID(), k.Group)
		return nil
	}
	g.mu.offsets.apply(k.Topic, k.Partition, at)
	return nil
}

func (r *replay) metadata(rec *record.Record) error {
	var k kmsg.GroupMetadataKey
	if err := k.ReadFrom(rec.Key); err != nil {
		return err
	}
	g := r.group(k.Group)
	if rec.Value == nil {
		offsets, held := g.mu.offsets, g.mu.held
		g.mu.state = newState(k.Group, r.now)
		g.mu.offsets, g.mu.held = offsets, held
		return nil
	}
	var v kmsg.GroupMetadataValue
	if err := v.ReadFrom(rec.Value); err != nil {
		return err
	}
	g.mu.restore(&v, r.now)
	g.mu.record = bytes.Clone(rec.Value)
	return nil
}

func (r *replay) endTxn(producerID int64, committed bool) {
	for _, id := range r.c.txns.take(producerID) {
		r.group(id).mu.release(producerID, committed)
	}
}

func (r *replay) group(id string) *group {
	g := r.groups[id]
	if g == nil {
		g = newGroup(id, r.now)
		r.groups[id] = g
	}
	return g
}

// restore puts the group where its metadata record says. A group with members comes back Stable: they carry on when
// they heartbeat within their session timeout, counted from now.
func (s *state) restore(v *kmsg.GroupMetadataValue, now time.Time) {
	s.members, s.static = map[string]*member{}, map[string]string{}
	s.protocolType, s.generation = v.ProtocolType, v.Generation
	s.protocol, s.leader = deref(v.Protocol), deref(v.Leader)
	s.phase = Empty
	if v.Version >= 2 && v.CurrentStateTimestamp >= 0 {
		s.since = time.UnixMilli(v.CurrentStateTimestamp)
	}
	for i := range v.Members {
		vm := &v.Members[i]
		m := &member{
			id: vm.MemberID, instance: vm.InstanceID, clientID: vm.ClientID, clientHost: vm.ClientHost,
			session:    time.Duration(vm.SessionTimeoutMillis) * time.Millisecond,
			rebalance:  time.Duration(vm.RebalanceTimeoutMillis) * time.Millisecond,
			protocols:  []kmsg.JoinGroupRequestProtocol{{Name: s.protocol, Metadata: bytes.Clone(vm.Subscription)}},
			assignment: bytes.Clone(vm.Assignment),
		}
		if vm.RebalanceTimeoutMillis < 0 {
			m.rebalance = m.session
		}
		m.deadline = now.Add(m.session)
		s.add(m)
		s.phase = Stable
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
