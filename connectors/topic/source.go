package topic

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
)

// Decoder makes columns of records; stream/format has them. A source's goroutine alone calls it.
type Decoder interface {
	// Start points the decoder at the batch's records at or above the offset from, and away from the batch before. An
	// error means that the batch itself is broken.
	Start(b record.Batch, topic string, partition int32, from int64) error
	// Decode appends rows until the batch ends (more is false) or there are maxRows or what they took from records is
	// maxBytes. Everything below the offset next is decoded. An error means that the batch is broken there; the rows before
	// that place stand.
	Decode(maxRows, maxBytes int) (next int64, more bool, err error)
	// Len is the number of rows and bad records that Take would give.
	Len() int
	// Take hands the rows (nil: none) and the bad records over and starts anew, still within the same batch.
	Take() (arrow.RecordBatch, []stream.BadRecord)
	Close()
}

const (
	// maxBatchRows cuts the batches that a source gives: large enough that the cost per batch vanishes, small enough that
	// a batch's columns stay in the processor's second-level cache. A batch of records may hold a thousand times as many:
	// a megabyte of zstd is enough for millions of empty ones.
	maxBatchRows = 8192
	// maxBatchBytes cuts batches of large values: as much as a fetch (fetchBytes), which rows of the usual size reach long
	// after maxBatchRows, and a fraction of what one batch of records may expand to (record.DefaultMaxDecompressed).
	maxBatchBytes = 16 << 20
)

// newPartitionsEvery is how often a source that follows its topic looks for partitions that were added: Kafka's clients
// do it every five minutes, and a record that waits so long is taken for lost.
const newPartitionsEvery = 30 * time.Second

// SourceOptions say what a Source reads.
type SourceOptions struct {
	Topic string
	// Start is where a partition begins that no checkpoint knows: Earliest, Latest, or a time in ms.
	Start int64
	// Bounded ends the source at the end of committed records that is noted when it opens.
	Bounded bool
	// Until makes a source that follows a bounded one: when it is closed, the end of committed records is noted. It is
	// how a pipeline ends after those that write its topic.
	Until <-chan struct{}
	// NewDecoder is called once per task.
	NewDecoder func() (Decoder, error)
}

// Source reads a topic's committed records. Splits are partitions, named "<topic>-<partition>"; task i of n reads those
// with partition mod n = i.
type Source struct {
	c    *Cluster
	o    SourceOptions
	task stream.Task

	decoder Decoder
	bounded bool // parts have their ends
	parts   []*sourcePartition
	byID    map[int32]*sourcePartition
	turn    int
	within  *sourcePartition // whose batch the decoder is within; nil: it has none
	ahead   chan fetchAnswer // the fetch that runs while the last one is decoded; nil: none
	stop    context.CancelFunc
	lag     int64
	failing time.Time // since when nothing but errors came
	wait    time.Duration
	counted time.Time // when the partitions were looked up last
}

type fetchAnswer struct {
	got []fetched
	err error
}

// sourcePartition is where one partition stands.
type sourcePartition struct {
	id    int32
	split string
	// origin is the id of the topic that next belongs to; "" when it is not known.
	origin string
	next   int64 // the offset of the next record to give
	fetch  int64 // the offset of the next fetch
	end    int64 // of a bounded source
	high   int64 // what the last fetch said of the log's end
	ended  bool
	moved  bool // the position is to be told, with rows or without
	queue  *committedBatches
	batch  record.Batch       // that the decoder is within or was last
	bad    []stream.BadRecord // of the partition's log itself
}

// NewSource makes the source of one task. It asks nothing of the cluster before Open.
func NewSource(c *Cluster, o SourceOptions, task stream.Task) (*Source, error) {
	d, err := o.NewDecoder()
	if err != nil {
		return nil, err
	}
	return &Source{c: c, o: o, task: task, decoder: d, byID: map[int32]*sourcePartition{}}, nil
}

// Open finds the task's partitions and where each begins.
func (s *Source) Open(ctx context.Context, from []stream.Position) error {
	s.c.forget(s.o.Topic) // what is known may be of a topic that was deleted
	n, err := s.c.Partitions(ctx, s.o.Topic)
	if err != nil {
		return err
	}
	info, err := s.c.info(ctx, s.o.Topic)
	if err != nil {
		return err
	}
	s.counted = time.Now()
	known := map[string]stream.Position{}
	begun := false // by an earlier attempt
	for _, p := range from {
		known[p.Split] = p
		begun = begun || strings.HasPrefix(p.Split, s.o.Topic+"-")
	}
	fresh := s.addPartitions(n, known)
	start := s.o.Start
	if begun {
		// A partition that is missing from a checkpoint was added after it, and all its records are new.
		start = Earliest
	}
	if err := s.place(ctx, fresh, start); err != nil {
		return err
	}
	for _, p := range s.parts {
		if !p.belongs(info.id) {
			if err := s.beginAnew(ctx, p, info.id); err != nil {
				return err
			}
		}
	}
	if s.o.Bounded {
		return s.bound(ctx)
	}
	return nil
}

// addPartitions adds those of the topic's n partitions that are the task's and not there yet, and gives the ones without a
// known position.
func (s *Source) addPartitions(n int, known map[string]stream.Position) (fresh []int32) {
	for id := int32(s.task.Index); int(id) < n; id += int32(s.task.Of) {
		if s.byID[id] != nil {
			continue
		}
		p := &sourcePartition{id: id, split: fmt.Sprintf("%s-%d", s.o.Topic, id)}
		at, ok := known[p.split]
		if p.next, p.fetch, p.origin = at.Offset, at.Offset, at.Origin; !ok {
			fresh = append(fresh, id)
		}
		s.parts = append(s.parts, p)
		s.byID[id] = p
	}
	return fresh
}

// place puts partitions without a checkpoint at a start. Their position is told at once: a start at the end or at a time
// must not move when the pipeline fails before its first record.
func (s *Source) place(ctx context.Context, fresh []int32, start int64) error {
	if len(fresh) == 0 {
		return nil
	}
	offsets, err := s.c.ListOffsets(ctx, s.o.Topic, fresh, start, true)
	if err != nil {
		return err
	}
	for i, id := range fresh {
		p := s.byID[id]
		p.next, p.fetch, p.moved = offsets[i], offsets[i], true
	}
	return nil
}

// lookForPartitions adds partitions that the topic has got since the source looked last.
func (s *Source) lookForPartitions(ctx context.Context) error {
	if s.bounded || time.Since(s.counted) < newPartitionsEvery {
		return nil
	}
	s.counted = time.Now()
	s.c.forget(s.o.Topic)
	n, err := s.c.Partitions(ctx, s.o.Topic)
	if err != nil {
		return err
	}
	return s.place(ctx, s.addPartitions(n, nil), Earliest)
}

// bound notes the end of each partition: from here on the source is bounded.
func (s *Source) bound(ctx context.Context) error {
	s.bounded = true
	if len(s.parts) == 0 {
		return nil
	}
	ids := make([]int32, len(s.parts))
	for i, p := range s.parts {
		ids[i] = p.id
	}
	ends, err := s.c.ListOffsets(ctx, s.o.Topic, ids, Latest, true)
	if err != nil {
		return err
	}
	for i, p := range s.parts {
		p.end = ends[i]
		p.moved = p.moved || p.next >= p.end
		s.task.Metrics.AddProgress(0, max(0, p.end-p.next))
	}
	return nil
}

// told reports that Until has been closed and the ends are not noted yet.
func (s *Source) told() bool {
	if s.bounded || s.o.Until == nil {
		return false
	}
	select {
	case <-s.o.Until:
		return true
	default:
		return false
	}
}

// Splits are the task's partitions.
func (s *Source) Splits() []string {
	out := make([]string, len(s.parts))
	for i, p := range s.parts {
		out[i] = p.split
	}
	return out
}

// Read gives rows of one partition. Data path 5/7: record batches become columns here.
func (s *Source) Read(ctx context.Context) (stream.Batch, error) {
	for {
		if s.told() {
			if err := s.bound(ctx); err != nil {
				return stream.Batch{}, err
			}
		}
		if b, ok := s.ready(); ok {
			return b, nil
		}
		if s.allEnded() {
			return stream.Batch{}, io.EOF
		}
		if err := s.load(ctx); err != nil {
			return stream.Batch{}, err
		}
	}
}

func (s *Source) allEnded() bool {
	for _, p := range s.parts {
		if !p.ended {
			return false
		}
	}
	return s.bounded
}

// ready decodes what has been fetched, partition after partition; but first the rest of a batch that was too large for
// one Read: the decoder holds one decompressed batch, and going on costs nothing.
func (s *Source) ready() (stream.Batch, bool) {
	for range s.parts {
		p := s.within
		if p == nil {
			p = s.parts[s.turn%len(s.parts)]
			s.turn++
		}
		if p.ended {
			continue
		}
		s.decode(p)
		rec, bad := s.decoder.Take()
		bad = append(p.bad, bad...)
		p.bad = nil
		if rec == nil && len(bad) == 0 && !p.moved {
			continue
		}
		p.moved = false
		p.ended = s.bounded && p.next >= p.end
		if p.ended {
			p.queue, s.within = nil, nil
		}
		s.measure()
		return stream.Batch{Rec: rec, Bad: bad, End: p.ended, Pos: stream.Position{Split: p.split, Offset: p.next, Origin: p.origin}}, true
	}
	return stream.Batch{}, false
}

// decode fills the decoder from one partition's queue: with whole batches, or with a part of one that is too large for
// itself.
func (s *Source) decode(p *sourcePartition) {
	for p.queue != nil && !(s.bounded && p.next >= p.end) {
		if s.within == nil {
			if n := s.decoder.Len(); n > 0 && n+p.queue.count() > maxBatchRows {
				return
			}
			s.begin(p)
			continue
		}
		next, more, err := s.decoder.Decode(maxBatchRows, maxBatchBytes)
		s.advance(p, next)
		if more {
			return
		}
		s.within = nil
		if err != nil {
			s.passOver(p, err)
		}
	}
}

// begin points the decoder at the partition's next batch, unless there is nothing to read in it.
func (s *Source) begin(p *sourcePartition) {
	b, read, ok := p.queue.next()
	if !ok {
		p.queue = nil
		return
	}
	if b.LastOffset() < p.next {
		return // compressed sets and compacted logs may begin before the offset asked for
	}
	s.task.Metrics.AddBytes(len(b))
	p.batch = b
	if !read {
		s.advance(p, b.LastOffset()+1)
		return
	}
	err := b.Validate()
	if err == nil {
		err = s.decoder.Start(b, s.o.Topic, p.id, p.next)
	}
	if err != nil {
		s.passOver(p, err)
		return
	}
	s.within = p
}

// advance moves a partition's position.
func (s *Source) advance(p *sourcePartition, next int64) {
	s.task.Metrics.AddProgress(next-p.next, 0)
	p.next, p.moved = next, true
}

// passOver reports the rest of a broken batch: trying again would give the same bytes.
func (s *Source) passOver(p *sourcePartition, err error) {
	p.bad = append(p.bad, s.lost(p, max(p.next, p.batch.BaseOffset()), err.Error()))
	s.advance(p, p.batch.LastOffset()+1)
}

// lost is a place in a partition whose records cannot be had.
func (s *Source) lost(p *sourcePartition, offset int64, reason string) stream.BadRecord {
	return stream.BadRecord{Topic: s.o.Topic, Partition: p.id, Offset: offset, Timestamp: time.Now().UnixMilli(), Reason: reason}
}

// measure tells how many records are there and not read.
func (s *Source) measure() {
	var lag int64
	for _, p := range s.parts {
		lag += max(0, p.high-p.next)
	}
	s.task.Metrics.AddLag(lag - s.lag)
	s.lag = lag
}

// Close ends the fetch that runs.
func (s *Source) Close() error {
	if s.ahead != nil {
		s.stop()
		<-s.ahead
	}
	s.decoder.Close()
	return nil
}
