package topic

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
)

const (
	// sealBytes ends a batch of output: below Kafka's default max.message.bytes of 1 MiB with room for one more record of
	// ordinary size. Larger records make a batch of their own.
	sealBytes = 768 << 10
	// maxQueuedBytes bounds sealed batches that are not acknowledged yet; writers wait above it. A few batches for each
	// of some partitions keep the cluster busy.
	maxQueuedBytes = 16 << 20
	// produceTimeoutMillis is how long a broker waits for its replicas: Kafka's default.
	produceTimeoutMillis = 30_000
	// defaultTimeout is Kafka's default transaction.timeout.ms. A transaction opens with its first sent batch and not with
	// the checkpoint interval, so most are open for milliseconds; see Due for the others.
	defaultTimeout = time.Minute
)

// ErrFenced says that another process has taken the pipeline over.
var ErrFenced = errors.New("another process runs this pipeline now")

// TransactionOptions say whose transaction it is.
type TransactionOptions struct {
	Pipeline string
	// Sources are the topics that the pipeline reads: their positions are committed for the group `weir-<pipeline>`.
	Sources []string
	// Timeout after which the cluster aborts a transaction that its pipeline has left; 0: a minute. When half of it is over
	// the transaction asks for a checkpoint, whatever the pipeline's cadence; the other half is what that may take.
	Timeout time.Duration
	Codec   record.Codec // of output batches
	// DeadLetterTopic of bad records; empty: "<topic>.dlq" of the topic they come from.
	DeadLetterTopic string
}

// Transaction is the one transaction of a pipeline: its stream.Committer, and the way by which its sinks write topics.
// Add and DeadLetter may be called by several tasks at once. A goroutine sends sealed batches while there are any.
type Transaction struct {
	c  *Cluster
	o  TransactionOptions
	id string // transactional id, and the group's
	wg sync.WaitGroup
	// due has a word when the open transaction has lasted for half of its timeout.
	due chan struct{}
	mu  struct {
		sync.Mutex
		index      map[place]*output
		producerID int64
		epoch      int16
		outputs    []*output
		added      map[place]bool // outputs that are part of the open transaction
		opened     time.Time      // when the first was added; zero: no transaction is open
		half       *time.Timer    // runs while a transaction is open: sends to due
		queued     int            // bytes
		sending    bool
		err        error           // the first; Restore forgets it
		changed    chan struct{}   // closed and made anew when sending goes on or ends
		ready      map[string]bool // dead-letter topics that are there
	}
}

// place names a partition.
type place struct {
	topic     string
	partition int32
}

func (p place) String() string { return fmt.Sprintf("%s-%d", p.topic, p.partition) }

// output is one partition that the pipeline writes.
type output struct {
	place
	building record.Builder
	sequence int32 // of the next batch
	sealed   []record.Batch
	lastBase int64 // base offset of the batch acknowledged last
}

// NewTransaction asks nothing of the cluster before Restore.
func NewTransaction(c *Cluster, o TransactionOptions) *Transaction {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	x := &Transaction{c: c, o: o, id: "weir-" + o.Pipeline, due: make(chan struct{}, 1)}
	x.mu.index, x.mu.added, x.mu.ready, x.mu.changed = map[place]*output{}, map[place]bool{}, map[string]bool{}, make(chan struct{})
	x.mu.err = errors.New("the transaction was not begun: Restore comes first")
	return x
}

// Group is the consumer group under which the pipeline's positions can be seen.
func (x *Transaction) Group() string { return x.id }

// begin takes the transactional id over: the cluster aborts what was open, and whoever held the id can commit no more.
func (x *Transaction) begin(ctx context.Context) error {
	x.wg.Wait() // an earlier attempt's sender ends with its context
	var resp *kmsg.InitProducerIDResponse
	err := x.c.retry(ctx, "begin transactions of "+x.id, func() (err error) {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = &x.id
		req.TransactionTimeoutMillis = int32(x.o.Timeout.Milliseconds())
		req.ProducerID, req.ProducerEpoch = -1, -1
		if resp, err = request[*kmsg.InitProducerIDResponse](ctx, x.c, req); err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		return err
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mu.outputs, x.mu.index, x.mu.queued, x.mu.err = nil, map[place]*output{}, 0, nil
	x.newEpoch(resp.ProducerID, resp.ProducerEpoch)
	return nil
}

// newEpoch starts sequence numbers anew. x.mu is held.
func (x *Transaction) newEpoch(id int64, epoch int16) {
	if id != x.mu.producerID || epoch != x.mu.epoch {
		for _, o := range x.mu.outputs {
			o.sequence = 0
		}
	}
	x.mu.producerID, x.mu.epoch = id, epoch
	x.mu.opened = time.Time{}
	if x.mu.half != nil {
		x.mu.half.Stop()
	}
	clear(x.mu.added)
}

// open notes that a transaction begins. x.mu is held.
func (x *Transaction) open() {
	x.mu.opened = time.Now()
	x.mu.half = time.AfterFunc(x.o.Timeout/2, func() {
		select {
		case x.due <- struct{}{}:
		default: // it was said already
		}
	})
}

// Due says when the open transaction has lasted for half of its timeout. A pipeline with a long cadence (files of five
// minutes) may still write topics in between (dead letters by the thousand): were it to wait, the cluster would abort the
// transaction, and the pipeline would start again from its last checkpoint for ever.
func (x *Transaction) Due() <-chan struct{} { return x.due }

// Record is what Add writes. A nil key or value is null. Headers are encoded as in record.Record.
type Record struct {
	Timestamp   int64 // ms
	Key, Value  []byte
	Headers     []byte
	HeaderCount int
}

// Add writes a record into the open transaction. It copies r, and waits while too much is on its way.
func (x *Transaction) Add(ctx context.Context, topic string, partition int32, r Record) error {
	x.mu.Lock()
	o := x.output(place{topic, partition})
	size := len(r.Key) + len(r.Value) + len(r.Headers)
	if o.building.Len() > 0 && o.building.Bytes()+size > sealBytes {
		x.seal(ctx, o)
	}
	o.building.AddRaw(r.Timestamp, r.Key, r.Value, r.Headers, r.HeaderCount)
	if o.building.Bytes() >= sealBytes {
		x.seal(ctx, o)
	}
	err, full := x.mu.err, x.mu.queued > maxQueuedBytes
	x.mu.Unlock()
	if err == nil && full {
		err = x.wait(ctx, maxQueuedBytes)
	}
	return err
}

// output finds or makes a partition's output. x.mu is held.
func (x *Transaction) output(at place) *output {
	o := x.mu.index[at]
	if o == nil {
		o = &output{place: at}
		o.building.Reset(x.o.Codec)
		x.mu.index[at] = o
		x.mu.outputs = append(x.mu.outputs, o)
	}
	return o
}

// seal ends the batch that is being built and sees that it is sent. x.mu is held.
func (x *Transaction) seal(ctx context.Context, o *output) {
	if o.building.Len() == 0 || x.mu.err != nil {
		return
	}
	o.building.SetProducer(x.mu.producerID, x.mu.epoch, o.sequence, true)
	b := append(record.Batch(nil), o.building.Build()...)
	o.sequence = int32((int64(o.sequence) + int64(b.Count())) & 0x7fffffff) // it wraps to 0, as in the protocol
	o.building.Reset(x.o.Codec)
	o.sealed = append(o.sealed, b)
	x.mu.queued += len(b)
	if !x.mu.sending {
		x.mu.sending = true
		x.wg.Go(func() { x.send(ctx) })
	}
}

// wait blocks until at most the given number of bytes is queued.
func (x *Transaction) wait(ctx context.Context, queued int) error {
	for {
		x.mu.Lock()
		err, done, changed := x.mu.err, x.mu.queued <= queued, x.mu.changed
		x.mu.Unlock()
		if err != nil || done {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fail notes the first error and wakes all who wait.
func (x *Transaction) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.mu.err == nil {
		x.mu.err = err
	}
	x.mu.sending = false
	x.wake()
}

// wake tells waiters to look again. x.mu is held.
func (x *Transaction) wake() {
	close(x.mu.changed)
	x.mu.changed = make(chan struct{})
}

// translate turns a cluster's word about the transaction into ours. A transaction that lasted longer than its timeout was
// aborted by the cluster, which also fences; then nobody else has the pipeline and a restart mends it.
func (x *Transaction) translate(err error) error {
	fenced := errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
	if !fenced {
		return err
	}
	x.mu.Lock()
	opened := x.mu.opened
	x.mu.Unlock()
	if !opened.IsZero() && time.Since(opened) >= x.o.Timeout {
		return fmt.Errorf("transaction of %s took longer than its timeout of %s and was aborted: %w", x.id, x.o.Timeout, err)
	}
	return stream.Permanent(fmt.Errorf("transaction of %s: %w (%w)", x.id, ErrFenced, err))
}

// Close waits for the sender, which ends with the context of the attempt that began it.
func (x *Transaction) Close() error {
	x.wg.Wait()
	return nil
}
