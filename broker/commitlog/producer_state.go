package commitlog

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/weirhub/weir/internal/record"
)

// keptBatches is how many of a producer's latest batches are remembered to recognise a duplicate: Kafka's number, and
// the most requests that an idempotent client may have in flight.
const keptBatches = 5

// ProducerState is what a partition knows of idempotent and transactional producers (KIP-98). It is a function of the
// log: Append updates it, Open rebuilds it. Safe for concurrent use; whoever wants Check and Append to be one step
// holds a lock of their own around both.
type ProducerState struct {
	mu struct {
		sync.Mutex
		producers map[int64]*producer
		open      []openTxn // ascending by first: a transaction opens at the end of the log
		// ended are transactions whose marker is written but not yet durable, in the order of their markers. The last
		// stable offset stays below them: a crash may take the marker back.
		ended []endedTxn
	}
}

type openTxn struct{ id, first int64 }

type endedTxn struct{ first, marker int64 }

// producer is what is known of one producer id.
type producer struct {
	epoch    int16
	n        uint8 // batches in use, oldest first
	batches  [keptBatches]sentBatch
	txnFirst int64 // first offset of the open transaction, -1 when there is none
	lastSeen int64 // wall clock of the last append, ms
}

// sentBatch is one batch as its producer numbered it and the log placed it.
type sentBatch struct {
	firstSeq, lastSeq int32
	base, last        int64
}

// ProducerInfo is one producer as DescribeProducers shows it.
type ProducerInfo struct {
	ID           int64
	Epoch        int16
	LastSequence int32 // -1 when unknown
	LastOffset   int64 // of the last batch that is remembered, -1 when none is
	TxnFirst     int64 // first offset of the open transaction, -1 when there is none
	LastSeen     int64 // wall clock of the last append, ms
}

// Check tells what Append would do with a batch of a producer: nothing to say (nil error), a duplicate of a batch that
// stands at base, or a typed error. It changes nothing. Batches without a producer and control batches of the current
// epoch pass.
func (s *ProducerState) Check(b record.Batch) (dup bool, base int64, err error) {
	id := b.ProducerID()
	if id < 0 {
		return false, -1, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.mu.producers[id]
	if p == nil {
		// Nothing is known when retention took all records of a producer: any sequence goes, as in Kafka.
		return false, -1, nil
	}
	epoch := b.ProducerEpoch()
	if epoch < p.epoch {
		return false, -1, fmt.Errorf("%w: producer %d has epoch %d, current is %d", ErrInvalidProducerEpoch, id, epoch, p.epoch)
	}
	if b.Control() || b.BaseSequence() < 0 {
		return false, -1, nil // written by a coordinator in the producer's name (offsets of a transaction), unnumbered
	}
	first, last := b.Sequences()
	if epoch == p.epoch {
		for _, sent := range p.batches[:p.n] {
			if sent.firstSeq == first && sent.lastSeq == last {
				return true, sent.base, nil
			}
		}
	}
	if want := p.nextSequence(epoch); first != want {
		return false, -1, fmt.Errorf("%w: producer %d epoch %d sent %d, want %d", ErrOutOfOrderSequence, id, epoch, first, want)
	}
	if p.txnFirst >= 0 && !b.Transactional() {
		return false, -1, fmt.Errorf("%w: producer %d, since offset %d", ErrInvalidTxnState, id, p.txnFirst)
	}
	return false, -1, nil
}

// nextSequence is the first sequence number that the producer may send in the epoch. Numbers wrap to 0.
func (p *producer) nextSequence(epoch int16) int32 {
	if epoch != p.epoch || p.n == 0 {
		return 0
	}
	last := p.batches[p.n-1].lastSeq
	if last == math.MaxInt32 {
		return 0
	}
	return last + 1
}

// update takes a batch whose base offset is stamped. aborted is set when the batch is the marker of an aborted
// transaction.
func (s *ProducerState) update(b record.Batch, now int64) (aborted *AbortedTxn) {
	id := b.ProducerID()
	if id < 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.mu.producers[id]
	if p == nil {
		p = &producer{epoch: b.ProducerEpoch(), txnFirst: -1}
		if s.mu.producers == nil {
			s.mu.producers = map[int64]*producer{}
		}
		s.mu.producers[id] = p
	}
	if e := b.ProducerEpoch(); e != p.epoch {
		p.epoch, p.n = e, 0
	}
	p.lastSeen = now
	if b.Control() {
		return s.endTxn(id, p, b)
	}
	if b.BaseSequence() >= 0 {
		p.remember(b)
	}
	if b.Transactional() && p.txnFirst < 0 {
		p.txnFirst = b.BaseOffset()
		s.mu.open = append(s.mu.open, openTxn{id: id, first: p.txnFirst})
	}
	return nil
}

// remember keeps a batch to recognise it when it is sent again.
func (p *producer) remember(b record.Batch) {
	first, last := b.Sequences()
	if p.n == keptBatches {
		copy(p.batches[:], p.batches[1:])
		p.n--
	}
	p.batches[p.n] = sentBatch{firstSeq: first, lastSeq: last, base: b.BaseOffset(), last: b.LastOffset()}
	p.n++
}

// endTxn closes the producer's open transaction by its marker. A marker without one (a transaction that wrote nothing
// here) changes nothing.
func (s *ProducerState) endTxn(id int64, p *producer, marker record.Batch) *AbortedTxn {
	if p.txnFirst < 0 {
		return nil
	}
	first, at := p.txnFirst, marker.LastOffset()
	p.txnFirst = -1
	s.mu.open = slices.DeleteFunc(s.mu.open, func(t openTxn) bool { return t.id == id })
	s.mu.ended = append(s.mu.ended, endedTxn{first: first, marker: at})
	if commit, ok := isCommit(marker); commit || !ok {
		return nil
	}
	return &AbortedTxn{ProducerID: id, FirstOffset: first, LastOffset: at, StableOffset: min(s.firstOpen(), at+1)}
}

// isCommit reads the type of a transaction marker; ok is false for another or a damaged control batch.
func isCommit(marker record.Batch) (commit, ok bool) {
	var r record.Reader
	var rec record.Record
	if r.Reset(marker, 0) != nil || !r.Next(&rec) {
		return false, false
	}
	t, ok := record.ControlType(rec.Key)
	return t == 1, ok && (t == 0 || t == 1)
}

// firstOpen is the lowest first offset of an open transaction. The caller holds mu.
func (s *ProducerState) firstOpen() int64 {
	if len(s.mu.open) == 0 {
		return math.MaxInt64
	}
	return s.mu.open[0].first
}

// StableBelow is the last stable offset when everything below flushed counts as durable; Log.LastStableOffset is this
// with what is. A broker that leaves syncing to the operating system passes its own high watermark.
func (s *ProducerState) StableBelow(flushed int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := min(flushed, s.firstOpen())
	for _, t := range s.mu.ended {
		if t.marker >= flushed {
			out = min(out, t.first)
		}
	}
	return out
}

// flushedTo forgets the ended transactions whose markers are durable.
func (s *ProducerState) flushedTo(flushed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.ended = slices.DeleteFunc(s.mu.ended, func(t endedTxn) bool { return t.marker < flushed })
}

// expire forgets producers without an open transaction that were last seen before the time (ms).
func (s *ProducerState) expire(before int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, p := range s.mu.producers {
		if p.txnFirst < 0 && p.lastSeen < before {
			delete(s.mu.producers, id)
		}
	}
}

// replace takes over the state of another one.
func (s *ProducerState) replace(by *ProducerState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.producers, s.mu.open, s.mu.ended = by.mu.producers, by.mu.open, by.mu.ended
}

// Get is what is known of one producer.
func (s *ProducerState) Get(id int64) (ProducerInfo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.mu.producers[id]
	if p == nil {
		return ProducerInfo{}, false
	}
	return p.info(id), true
}

// List is what is known of all producers, by id.
func (s *ProducerState) List() []ProducerInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]ProducerInfo, 0, len(s.mu.producers))
	for id, p := range s.mu.producers {
		out = append(out, p.info(id))
	}
	slices.SortFunc(out, func(a, b ProducerInfo) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (p *producer) info(id int64) ProducerInfo {
	out := ProducerInfo{ID: id, Epoch: p.epoch, LastSequence: -1, LastOffset: -1, TxnFirst: p.txnFirst, LastSeen: p.lastSeen}
	if p.n > 0 {
		last := p.batches[p.n-1]
		out.LastSequence, out.LastOffset = last.lastSeq, last.last
	}
	return out
}
