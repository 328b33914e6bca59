package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirhub/weir/broker/quota"
	"github.com/weirhub/weir/internal/vfs"
)

// Options of a Broker. The zero value has Kafka's defaults, and durability fsync.
type Options struct {
	// Configs are broker-wide topic defaults by the broker's name of the config ("log.retention.ms", "durability").
	// They hold where neither the topic nor an AlterConfigs of the cluster says otherwise.
	Configs map[string]string
	// NoAutoCreate refuses topics that a client names first (auto.create.topics.enable=false).
	NoAutoCreate bool
	// DefaultPartitions is num.partitions: of topics created without a count. 1 when 0.
	DefaultPartitions int32
	// RetentionEvery is the pause between two looks for old segments (log.retention.check.interval.ms): 5 minutes
	// when 0.
	RetentionEvery time.Duration
	// CompactEvery is the pause between two looks for logs to compact (log.cleaner.backoff.ms): 15 seconds when 0.
	CompactEvery time.Duration
	Now          func() time.Time
	Logger       *slog.Logger
}

const (
	defaultRetentionEvery = 5 * time.Minute
	// maxPartitions is over all topics. An idle partition costs some hundred bytes of memory and one directory; a start
	// looks at each.
	maxPartitions = 200_000
	// lazySyncEvery is the pause between syncs of partitions with durability os. They bound what a power cut takes, and
	// give the log its chance to store the indexes of full segments.
	lazySyncEvery = 5 * time.Second
	// openers is how many logs a start opens at once: enough to keep a disk busy, few enough for its memory.
	openers = 8
)

// Broker is this process's Kafka node: topics, their partitions, and the metadata that outlives it.
type Broker struct {
	fs   vfs.FS
	dir  string
	o    Options
	lock io.Closer
	fl   *flusher

	// admin serialises changes of topics and of the metadata log; it is held across their fsync. Readers never take it.
	admin struct {
		sync.Mutex
		meta   *metaLog
		closed bool
	}
	quotas atomic.Pointer[quota.Table]
	// topics is what readers see; a leaf.
	topics struct {
		sync.RWMutex
		byName     map[string]*Topic
		byID       map[UUID]*Topic
		configs    map[string]string // cluster-wide dynamic configs
		node       map[string]string // dynamic configs of this node, which win
		partitions int
	}
	pids struct {
		sync.Mutex
		next, end int64
	}
}

// Open locks dir, replays the metadata and opens every log. It starts no goroutine; nothing becomes durable, and no
// high watermark moves, before Run. A log that is damaged takes its partition offline and nothing else.
func Open(fs vfs.FS, dir string, o Options) (*Broker, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.DefaultPartitions <= 0 {
		o.DefaultPartitions = 1
	}
	if o.RetentionEvery <= 0 {
		o.RetentionEvery = defaultRetentionEvery
	}
	if o.CompactEvery <= 0 {
		o.CompactEvery = defaultCompactEvery
	}
	if err := checkBrokerConfigs(o.Configs); err != nil {
		return nil, err
	}
	if _, err := fs.Stat(dir); err != nil {
		if err := vfs.MkdirDurable(fs, dir); err != nil {
			return nil, fmt.Errorf("open data directory: %w", err)
		}
	}
	lock, err := fs.Lock(path.Join(dir, ".lock"))
	if err != nil {
		return nil, fmt.Errorf("lock data directory %s (is another process using it?): %w", dir, err)
	}
	b := &Broker{fs: fs, dir: dir, o: o, lock: lock, fl: newFlusher()}
	if err := b.load(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return b, nil
}

func (b *Broker) load() error {
	meta, err := openMeta(b.fs, path.Join(b.dir, "meta"), b.o.Now)
	if err != nil {
		return fmt.Errorf("open metadata: %w", err)
	}
	if err := b.fs.SyncDir(b.dir); err != nil {
		return errors.Join(fmt.Errorf("open data directory: %w", err), meta.log.Close())
	}
	b.admin.meta = meta
	b.pids.next, b.pids.end = meta.state.nextPID, meta.state.nextPID
	b.topics.byName, b.topics.byID = map[string]*Topic{}, map[UUID]*Topic{}
	b.topics.configs, b.topics.node = meta.state.configs, meta.state.node
	b.quotas.Store(quota.NewTable(meta.state.quotas))
	b.removeDeleted()
	var g errgroup.Group
	g.SetLimit(openers)
	for _, m := range meta.state.topics {
		t := b.newTopic(m)
		parts := make([]*Partition, m.Partitions)
		t.partitions.Store(&parts)
		b.publish(t)
		for i := range parts {
			g.Go(func() error {
				parts[i] = b.openPartition(t, int32(i))
				return nil
			})
		}
	}
	return g.Wait()
}

// removeDeleted finishes deletions that a crash interrupted: only topics whose deletion is on record lose their files.
func (b *Broker) removeDeleted() {
	for id, name := range b.admin.meta.state.deleted {
		b.removeFiles(topicMeta{Name: name, ID: id})
	}
}

// ClusterID is the cluster's id in Kafka's form: 22 characters.
func (b *Broker) ClusterID() string { return b.admin.meta.state.cluster } // written only by Open

// NodeID is this broker's id: 1, as of Kafka's own single node. (0 is what clients take for "unset".)
func (b *Broker) NodeID() int32 { return 1 }

// Dir is the data directory.
func (b *Broker) Dir() string { return b.dir }

// AutoCreate tells whether a topic that a client names first is created.
func (b *Broker) AutoCreate() bool { return !b.o.NoAutoCreate }

// DefaultPartitions is the partition count of topics created without one.
func (b *Broker) DefaultPartitions() int32 { return b.o.DefaultPartitions }

// Run syncs, drops and compacts what is due until ctx ends; then it syncs what is queued and returns. Produce with
// acks=all is answered only while it runs.
func (b *Broker) Run(ctx context.Context) error {
	var g sync.WaitGroup
	g.Go(func() { b.fl.run(ctx) })
	g.Go(func() { every(ctx, b.o.RetentionEvery, b.Retain) })
	g.Go(func() { every(ctx, b.o.CompactEvery, func() { b.Compact(ctx) }) })
	g.Go(func() { every(ctx, lazySyncEvery, b.syncLazily) })
	for _, t := range b.Topics() {
		for _, p := range t.Partitions() {
			p.start()
		}
	}
	g.Wait()
	return nil
}

func every(ctx context.Context, d time.Duration, do func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		do()
	}
}

// syncLazily queues what durability os has left unsynced.
func (b *Broker) syncLazily() {
	for _, t := range b.Topics() {
		if t.settings.Load().fsync {
			continue
		}
		for _, p := range t.Partitions() {
			p.start()
		}
	}
}

// Retain drops the segments that are due now. Run calls it from time to time.
func (b *Broker) Retain() {
	for _, t := range b.Topics() {
		for _, p := range t.Partitions() {
			if p.Err() != nil {
				continue
			}
			if _, err := p.log.Retain(b.o.Now()); err != nil {
				b.o.Logger.Error("drop old segments", "topic", t.Name(), "partition", p.index, "err", err)
			}
		}
	}
}

// Close syncs and closes every log and gives the directory back. Run must have returned. It is an optimisation: what
// was acknowledged is durable without it.
func (b *Broker) Close() error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if b.admin.closed {
		return nil
	}
	b.admin.closed = true
	return errors.Join(b.closeLogs(), b.admin.meta.log.Close(), b.lock.Close())
}

// closeLogs closes as many at once as syncs pay: each writes and syncs some small files.
func (b *Broker) closeLogs() error {
	var g errgroup.Group
	g.SetLimit(maxSyncs)
	var failed struct {
		sync.Mutex
		errs []error
	}
	for _, t := range b.Topics() {
		for _, p := range t.Partitions() {
			g.Go(func() error {
				if err := p.close(ErrClosed); err != nil {
					failed.Lock()
					failed.errs = append(failed.errs, fmt.Errorf("close %s-%d: %w", t.Name(), p.index, err))
					failed.Unlock()
				}
				return nil
			})
		}
	}
	return errors.Join(g.Wait(), errors.Join(failed.errs...))
}

// pidBlock is how many producer ids one metadata write reserves, as Kafka's controller does.
const pidBlock = 1000

// NextProducerID gives out an id that was never given out before, in this process or an earlier one.
func (b *Broker) NextProducerID() (int64, error) {
	b.pids.Lock()
	defer b.pids.Unlock()
	if b.pids.next == b.pids.end {
		if err := b.reservePIDs(b.pids.end + pidBlock); err != nil {
			return -1, err
		}
		b.pids.end += pidBlock
	}
	b.pids.next++
	return b.pids.next - 1, nil
}

func (b *Broker) reservePIDs(next int64) error {
	b.admin.Lock()
	defer b.admin.Unlock()
	if b.admin.closed {
		return ErrClosed
	}
	return b.admin.meta.commit(event{Kind: kindProducers, Next: next})
}
