package commitlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// compactor is one pass over the segments of a log.
type compactor struct {
	l         *Log
	o         Options
	now       int64 // ms
	sources   []*segment
	keys      keyMap
	end       int64 // batches from here on are copied as they are
	txns      txnTracker
	producers map[int64]ProducerInfo

	out   *output    // the segment that is being written
	group []*segment // and those that it replaces
	// tail is the header of the last batch read, for the placeholder.
	tail [record.HeaderBytes]byte

	reader   record.Reader
	rewriter record.Rewriter
	keep     []record.Record
	needless map[int64]bool // offsets of abort markers whose transactions have nothing left

	removed, shrunk int64
}

func newCompactor(l *Log, o Options, now time.Time, sources []*segment) *compactor {
	c := &compactor{
		l: l, o: o, now: now.UnixMilli(), sources: sources, keys: newKeyMap(o.CompactKeys),
		producers: map[int64]ProducerInfo{}, needless: map[int64]bool{},
	}
	for _, p := range l.producers.List() {
		c.producers[p.ID] = p
	}
	return c
}

func (c *compactor) follow() txnTracker {
	return newTxnTracker(c.l.AbortedTxns(c.sources[0].base, c.sources[len(c.sources)-1].next))
}

// collectKeys notes the last offset of each key from the offset on. end is where the batches that it has seen end: the
// limit, unless memory was too small.
func (c *compactor) collectKeys(ctx context.Context, from, limit int64) (end int64, err error) {
	txns := c.follow()
	var rec record.Record
	for _, s := range c.sources {
		if s.next <= from {
			continue
		}
		err := c.eachBatch(ctx, s, func(b record.Batch) error {
			if b.LastOffset() < from || b.Control() || txns.data(b) {
				return nil
			}
			if !c.keys.takes(b.Count()) {
				end = b.BaseOffset()
				return errFull
			}
			if c.reader.Reset(b, 0) != nil {
				return nil // nobody can read it: it stays as it is
			}
			for c.reader.Next(&rec) {
				if rec.Key != nil && rec.Offset >= from {
					c.keys.put(rec.Key, rec.Offset)
				}
			}
			return nil
		})
		if errors.Is(err, errFull) {
			return end, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return limit, nil
}

var errFull = errors.New("no room for more keys")

// eachBatch reads a segment from front to back and checks the CRC of each batch. What it gives is valid until the next.
func (c *compactor) eachBatch(ctx context.Context, s *segment, f func(record.Batch) error) error {
	file, err := c.l.fs.Open(c.l.path(s.base, suffixLog))
	if err != nil {
		return c.stale(s, err)
	}
	defer file.Close()
	in := batchReader{f: file, size: s.size}
	for pos := int64(0); pos < s.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.l.hurry.Load() > 0 {
			return errHurry
		}
		b, err := in.at(pos)
		if errors.Is(err, record.ErrCorrupt) {
			return c.stale(s, &CorruptError{File: fileName(s.base, suffixLog), Pos: pos, Offset: s.base, Cause: err})
		}
		if err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
		pos += int64(len(b))
	}
	return nil
}

// stale explains an error by the deletion of the segment, when that is what happened.
func (c *compactor) stale(s *segment, err error) error {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	if !c.l.has([]*segment{s}) {
		return errStale
	}
	return err
}

// filter gives what is left of a batch, b itself when all of it is; nil drops it.
func (c *compactor) filter(b record.Batch) record.Batch {
	if b.BaseOffset() >= c.end {
		return b
	}
	if b.Control() {
		return c.marker(b)
	}
	aborted := c.txns.data(b)
	horizon, known := b.DeleteHorizon()
	due := known && horizon <= c.now
	c.keep = c.keep[:0]
	tombstones := false
	if !aborted {
		if c.reader.Reset(b, 0) != nil {
			return b
		}
		var rec record.Record
		for c.reader.Next(&rec) {
			dead := rec.Value == nil && due
			if rec.Key == nil || dead || c.keys.last(rec.Key) > rec.Offset {
				continue // a record without a key stands for nothing that could be looked up (Kafka drops it as well)
			}
			tombstones = tombstones || rec.Value == nil
			c.keep = append(c.keep, rec)
		}
		if c.reader.Err() != nil {
			return b
		}
	}
	switch gone := b.Count() - len(c.keep); {
	case tombstones && !known:
		c.removed += int64(gone)
		return c.rewriter.Rewrite(b, c.keep, c.horizon())
	case gone == 0 && len(c.keep) > 0:
		return b
	case len(c.keep) == 0 && !c.lastOf(b):
		c.removed += int64(gone)
		return nil
	case gone == 0: // the header of a producer, from an earlier pass
		return b
	default:
		c.removed += int64(gone)
		return c.rewriter.Rewrite(b, c.keep, -1)
	}
}

// horizon is the time until which what is seen for the first time now must stay.
func (c *compactor) horizon() int64 {
	ms := c.o.DeleteRetention.Milliseconds()
	if c.now+ms < c.now {
		return 1<<63 - 1
	}
	return c.now + ms
}

// lastOf tells whether the batch is the newest of a producer that may go on: its header says which sequence number
// comes next to whoever rebuilds that from the log.
func (c *compactor) lastOf(b record.Batch) bool {
	p, ok := c.producers[b.ProducerID()]
	return ok && b.BaseSequence() >= 0 && p.LastOffset == b.LastOffset()
}

// marker keeps a transaction's end as long as something of the transaction is in the log, and then as long as a
// tombstone: a consumer that is in the middle of the transaction must come to know its end.
func (c *compactor) marker(b record.Batch) record.Batch {
	needed := c.txns.marker(b)
	commit, ok := isCommit(b)
	if !ok || needed {
		return b
	}
	if !commit {
		c.needless[b.LastOffset()] = true
	}
	horizon, known := b.DeleteHorizon()
	if !known {
		c.keep = c.keep[:0]
		var rec record.Record
		if c.reader.Reset(b, 0) != nil {
			return b
		}
		for c.reader.Next(&rec) {
			c.keep = append(c.keep, rec)
		}
		return c.rewriter.Rewrite(b, c.keep, c.horizon())
	}
	p, active := c.producers[b.ProducerID()]
	only := active && p.LastOffset < 0 && p.Epoch == b.ProducerEpoch() // nothing else tells its epoch
	if horizon > c.now || only {
		return b
	}
	c.removed += int64(b.Count())
	return nil
}

// compactBytes is read and written at once: a disk's sequential speed, in memory that one pass can have.
const compactBytes = 1 << 20

// batchReader reads whole batches from front to back.
type batchReader struct {
	f    vfs.File
	size int64
	buf  []byte
	pos  int64 // file position of buf
}

// at gives the batch at pos, whose CRC is right, valid until the next call. One that makes no sense is
// record.ErrCorrupt.
func (r *batchReader) at(pos int64) (record.Batch, error) {
	if err := r.need(pos, record.HeaderBytes); err != nil {
		return nil, err
	}
	head := record.Batch(r.buf[pos-r.pos:])
	n := int64(head.Size())
	if n < record.HeaderBytes || n > r.size-pos || head.Magic() != 2 {
		return nil, fmt.Errorf("%w: length %d, magic %d with %d bytes left", record.ErrCorrupt, n, head.Magic(), r.size-pos)
	}
	if err := r.need(pos, int(n)); err != nil {
		return nil, err
	}
	b := record.Batch(r.buf[pos-r.pos:][:n:n])
	if got, want := checksum(b[crcPos:]), b.CRC(); got != want {
		return nil, fmt.Errorf("%w: CRC-32C is %08x, header says %08x", record.ErrCorrupt, got, want)
	}
	return b, nil
}

// need makes sure that n bytes from pos on are in the buffer.
func (r *batchReader) need(pos int64, n int) error {
	if pos >= r.pos && pos+int64(n) <= r.pos+int64(len(r.buf)) {
		return nil
	}
	if int64(n) > r.size-pos {
		return fmt.Errorf("%w: %d bytes left, want %d", record.ErrCorrupt, r.size-pos, n)
	}
	want := int(min(int64(max(n, compactBytes)), r.size-pos))
	if cap(r.buf) < want {
		r.buf = make([]byte, want)
	}
	r.buf, r.pos = r.buf[:want], pos
	m, err := r.f.ReadAt(r.buf, pos)
	if m < n {
		if errors.Is(err, io.EOF) || err == nil {
			return fmt.Errorf("%w: the file ends inside the batch", record.ErrCorrupt)
		}
		return err
	}
	r.buf = r.buf[:m]
	return nil
}
