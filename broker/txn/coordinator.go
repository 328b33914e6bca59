package txn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/weirhub/weir/internal/record"
)

// Log is the partition of __transaction_state that a coordinator keeps its records in.
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

// ErrGone is what Mark returns for a partition that does not exist any more: there is nothing left to end in it.
var ErrGone = errors.New("partition is gone")

// Markers is how transactions end in the partitions that they have written to.
type Markers interface {
	// Mark appends the marker, which commits or aborts, to the partition. After a nil from wait it is durable and readers see what it ended.
	// Marking twice must be harmless.
	Mark(p Partition, marker record.Batch, commit bool) (wait func(context.Context) error, err error)
}

// Options are a coordinator's settings. Zero values mean the defaults that stand beside the fields.
type Options struct {
	// NewProducerID gives a producer id that was never given before. Required.
	NewProducerID func(ctx context.Context) (int64, error)
	// MaxTimeout bounds the timeout that a producer may ask for: Kafka's 15 minutes (transaction.max.timeout.ms).
	MaxTimeout time.Duration
	// IDExpiry is how long an unused transactional id is remembered: Kafka's 7 days (transactional.id.expiration.ms).
	IDExpiry time.Duration
}

const (
	defaultMaxTimeout = 15 * time.Minute
	defaultIDExpiry   = 7 * 24 * time.Hour
	// sweepEvery is how often Run looks for transactions to end. Kafka looks every 10 s; readers of committed records wait
	// for the end of the oldest transaction, so it is worth a second's precision, and a sweep only reads memory.
	sweepEvery = time.Second
	// coordinatorEpoch is what markers carry. There is one coordinator and it never moves.
	coordinatorEpoch = 0
)

// Coordinator owns all transactional ids. Its methods are safe for concurrent use. Codes of the protocol come back as
// codes; ctx bounds only the wait for the turn, never a step that has begun.
type Coordinator struct {
	log     Log
	markers Markers
	o       Options
	grown   atomic.Int64 // bytes in the log since the last trim
	live    atomic.Int64 // bytes that the last trim wrote
	mu      struct {
		sync.Mutex
		ids map[string]*transaction
	}
}

// Open rebuilds the transactions from the log. It starts nothing: decided ones are completed, and late ones aborted, by Run.
func Open(log Log, markers Markers, o Options) (*Coordinator, error) {
	if o.MaxTimeout == 0 {
		o.MaxTimeout = defaultMaxTimeout
	}
	if o.IDExpiry == 0 {
		o.IDExpiry = defaultIDExpiry
	}
	c := &Coordinator{log: log, markers: markers, o: o}
	c.mu.ids = map[string]*transaction{}
	var reader record.Reader
	err := log.Replay(func(b record.Batch) error {
		c.grown.Add(int64(len(b)))
		if b.Control() {
			return nil
		}
		if err := reader.Reset(b, 0); err != nil {
			return err
		}
		var rec record.Record
		for reader.Next(&rec) {
			if err := c.replay(&rec); err != nil {
				return fmt.Errorf("replay offset %d: %w", rec.Offset, err)
			}
		}
		return reader.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("open transactions: %w", err)
	}
	return c, nil
}

func (c *Coordinator) replay(rec *record.Record) error {
	id, err := parseKey(rec.Key)
	if err != nil || id == "" {
		return err
	}
	if rec.Value == nil {
		delete(c.mu.ids, id)
		return nil
	}
	m, err := parseMeta(rec.Value)
	if err != nil {
		return fmt.Errorf("transactional id %q: %w", id, err)
	}
	t := newTransaction(id)
	t.meta, t.known = m, true
	c.mu.ids[id] = t
	return nil
}

// Run completes what was decided before a crash, and then ends what takes too long, until ctx ends.
func (c *Coordinator) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		c.sweep(ctx, time.Now())
		_ = c.trim(ctx, trimBytes) // tried again by the next sweep
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweep looks at every transactional id that nobody is busy with.
func (c *Coordinator) sweep(ctx context.Context, now time.Time) {
	for _, t := range c.all() {
		select {
		case <-t.turn:
		default:
			continue // its producer is at work: the next sweep sees what became of it
		}
		switch m := t.meta; {
		case m.preparing():
			_ = c.finish(ctx, t) // tried again by the next sweep
		case m.state == Ongoing && now.Sub(m.started) >= m.timeout:
			_ = c.fence(ctx, t, now)
		case m.state != Ongoing && now.Sub(m.updated) >= c.o.IDExpiry:
			c.forget(t)
		}
		t.give()
	}
}

// forget removes a transactional id that was not used for long.
func (c *Coordinator) forget(t *transaction) {
	var b record.Builder
	b.Reset(record.None)
	b.Add(time.Now().UnixMilli(), recordKey(t.id), nil)
	if _, _, err := c.write(b.Build()); err != nil {
		return // the log is offline; to remember an id too long is no loss
	}
	t.gone = true
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.ids, t.id)
}

// lock takes the turn of a transactional id. With create an unknown one is made, else it is nil.
func (c *Coordinator) lock(ctx context.Context, id string, create bool) (*transaction, error) {
	for {
		c.mu.Lock()
		t := c.mu.ids[id]
		if t == nil && create {
			t = newTransaction(strings.Clone(id))
			c.mu.ids[t.id] = t
		}
		c.mu.Unlock()
		if t == nil {
			return nil, nil
		}
		if err := t.take(ctx); err != nil {
			return nil, err
		}
		if !t.gone {
			return t, nil
		}
		t.give()
	}
}

func (c *Coordinator) all() []*transaction {
	c.mu.Lock()
	out := make([]*transaction, 0, len(c.mu.ids))
	for _, t := range c.mu.ids {
		out = append(out, t)
	}
	c.mu.Unlock()
	slices.SortFunc(out, func(a, b *transaction) int { return strings.Compare(a.id, b.id) })
	return out
}

// known takes the turn of a transactional id that a producer was given.
func (c *Coordinator) known(ctx context.Context, id string) (*transaction, int16) {
	if id == "" {
		return nil, kerr.InvalidRequest.Code
	}
	t, err := c.lock(ctx, id, false)
	switch {
	case err != nil:
		return nil, kerr.ConcurrentTransactions.Code
	case t == nil:
		return nil, kerr.InvalidProducerIDMapping.Code
	case !t.known:
		t.give()
		return nil, kerr.InvalidProducerIDMapping.Code
	}
	return t, 0
}

// owned takes the turn of a producer's transaction and checks that the producer is the newest.
func (c *Coordinator) owned(ctx context.Context, id string, producerID int64, epoch int16) (*transaction, int16) {
	t, code := c.known(ctx, id)
	if code != 0 {
		return nil, code
	}
	if code := t.meta.fenced(producerID, epoch); code != 0 {
		t.give()
		return nil, code
	}
	return t, 0
}

func (m meta) fenced(producerID int64, epoch int16) int16 {
	switch {
	case producerID != m.producerID:
		return kerr.InvalidProducerIDMapping.Code
	case epoch != m.epoch:
		return kerr.ProducerFenced.Code
	}
	return 0
}

// save stores m as the transaction's next state and waits until it is durable.
func (c *Coordinator) save(ctx context.Context, t *transaction, m meta) error {
	wait, err := c.append(t, &m)
	if err != nil {
		return err
	}
	if err := wait(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	t.meta, t.known = m, true
	return nil
}

func (c *Coordinator) append(t *transaction, m *meta) (wait func(context.Context) error, err error) {
	m.updated = time.Now()
	var b record.Builder
	b.Reset(record.None)
	b.Add(m.updated.UnixMilli(), recordKey(t.id), m.value())
	_, wait, err = c.write(b.Build())
	return wait, err
}

// write is the log's Append, counted.
func (c *Coordinator) write(b record.Batch) (base int64, wait func(context.Context) error, err error) {
	c.grown.Add(int64(len(b)))
	return c.log.Append(b)
}
