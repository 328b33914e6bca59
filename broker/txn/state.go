package txn

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// Topic is the internal topic that transactions live in.
const Topic = "__transaction_state"

// State is where a transactional id stands, by Kafka's numbers.
type State int8

// The states. Kafka has also Dead and PrepareEpochFence, which it never stores.
const (
	Empty State = iota
	Ongoing
	PrepareCommit
	PrepareAbort
	CompleteCommit
	CompleteAbort
)

func (s State) String() string {
	return [...]string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort"}[s]
}

// Partition is a partition of a transaction.
type Partition struct {
	Topic string
	Index int32
}

func (p Partition) String() string { return fmt.Sprintf("%s-%d", p.Topic, p.Index) }

// maxEpoch is the last epoch that a producer is given. The one above it is left for fencing it.
const maxEpoch = math.MaxInt16 - 1

// meta is one transactional id as it is stored. A meta that was stored is not changed: each step makes a new one.
type meta struct {
	state      State
	producerID int64
	epoch      int16
	// lastEpoch is the epoch before the last bump when its owner may still ask for the bump's outcome, else -1. It is
	// not stored: after a restart that producer is fenced.
	lastEpoch  int16
	previousID int64 // the producer id before the last change of it, -1
	nextID     int64 // the producer id that takes over when the transaction completes, -1
	timeout    time.Duration
	version2   bool // the last transaction was one of transaction version 2
	partitions map[Partition]bool
	started    time.Time
	updated    time.Time
}

func (m meta) preparing() bool { return m.state == PrepareCommit || m.state == PrepareAbort }

// with gives m with more partitions, in an ongoing transaction.
func (m meta) with(parts []Partition, version2 bool, now time.Time) meta {
	if m.state != Ongoing {
		m.state, m.started, m.partitions = Ongoing, now, nil
	}
	m.version2, m.lastEpoch = version2, -1
	m.partitions = maps.Clone(m.partitions)
	if m.partitions == nil {
		m.partitions = map[Partition]bool{}
	}
	for _, p := range parts {
		if !m.partitions[p] {
			m.partitions[Partition{Topic: strings.Clone(p.Topic), Index: p.Index}] = true
		}
	}
	return m
}

// completed gives m after its markers are written.
func (m meta) completed() meta {
	m.state += CompleteCommit - PrepareCommit
	m.partitions, m.started = nil, time.Time{}
	if m.nextID >= 0 {
		m.previousID, m.producerID, m.epoch, m.nextID, m.lastEpoch = m.producerID, m.nextID, 0, -1, -1
	}
	return m
}

// sorted gives the partitions by name.
func (m meta) sorted() []Partition {
	return slices.SortedFunc(maps.Keys(m.partitions), func(a, b Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Index, b.Index))
	})
}

// valueVersion is the first flexible version of the record's value, which transaction version 2 needs; Kafka 4 writes it.
const valueVersion = 1

func recordKey(id string) []byte {
	k := kmsg.TxnMetadataKey{TransactionalID: id}
	return k.AppendTo(nil)
}

func (m meta) value() []byte {
	v := kmsg.NewTxnMetadataValue()
	v.Version, v.ProducerID, v.ProducerEpoch = valueVersion, m.producerID, m.epoch
	v.TimeoutMillis, v.State = int32(m.timeout.Milliseconds()), kmsg.TransactionState(m.state)
	v.LastUpdateTimestamp, v.StartTimestamp = m.updated.UnixMilli(), -1
	if !m.started.IsZero() {
		v.StartTimestamp = m.started.UnixMilli()
	}
	v.PreviousProducerID, v.NextProducerID = m.previousID, m.nextID
	if m.version2 {
		v.ClientTransactionVersion = 2
	}
	for _, p := range m.sorted() {
		if n := len(v.Topics); n == 0 || v.Topics[n-1].Topic != p.Topic {
			v.Topics = append(v.Topics, kmsg.TxnMetadataValueTopic{Topic: p.Topic})
		}
		t := &v.Topics[len(v.Topics)-1]
		t.Partitions = append(t.Partitions, p.Index)
	}
	return v.AppendTo(nil)
}

func parseMeta(b []byte) (meta, error) {
	v := kmsg.NewTxnMetadataValue()
	if err := v.ReadFrom(b); err != nil {
		return meta{}, err
	}
	if v.State < kmsg.TransactionState(Empty) || v.State > kmsg.TransactionState(CompleteAbort) {
		return meta{}, fmt.Errorf("state %d", v.State)
	}
	m := meta{
		state: State(v.State), producerID: v.ProducerID, epoch: v.ProducerEpoch, lastEpoch: -1,
		previousID: v.PreviousProducerID, nextID: v.NextProducerID, version2: v.ClientTransactionVersion >= 2,
		timeout: time.Duration(v.TimeoutMillis) * time.Millisecond, updated: time.UnixMilli(v.LastUpdateTimestamp),
	}
	if v.StartTimestamp >= 0 {
		m.started = time.UnixMilli(v.StartTimestamp)
	}
	for _, t := range v.Topics {
		for _, n := range t.Partitions {
			if m.partitions == nil {
				m.partitions = map[Partition]bool{}
			}
			m.partitions[Partition{Topic: t.Topic, Index: n}] = true
		}
	}
	return m, nil
}

// transaction is a transactional id. Whoever holds the turn owns the fields below it.
type transaction struct {
	id   string
	turn chan struct{} // holds the one token while nobody has the turn

	meta   meta
	known  bool               // meta was stored once
	marked map[Partition]bool // preparing: the partitions whose markers are durable
	gone   bool               // expired: no longer in the coordinator's table
}

func newTransaction(id string) *transaction {
	t := &transaction{id: id, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	t.meta = meta{producerID: record.NoProducer, epoch: -1, lastEpoch: -1, previousID: -1, nextID: -1}
	return t
}

func (t *transaction) take(ctx context.Context) error {
	select {
	case <-t.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *transaction) give() { t.turn <- struct{}{} }
