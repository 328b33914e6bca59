package commitlog

import (
	"context"
	"fmt"
	"math"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// output is a compacted segment on its way to the disk, under its final names with suffixClean behind.
type output struct {
	seg     *segment
	f       vfs.File
	buf     []byte // not written yet
	pos     int64  // where buf goes
	changed bool   // it differs from what it replaces
}

// writeAnew writes the segments that hold something below the offset, joining those that fit together, and puts each in
// its place.
func (c *compactor) writeAnew(ctx context.Context, end int64) error {
	c.end, c.txns = end, c.follow()
	for _, s := range c.sources {
		if s.base >= end {
			break
		}
		if c.out != nil && !c.joins(s) {
			if err := c.finish(); err != nil {
				return err
			}
		}
		if c.out == nil {
			if err := c.begin(s); err != nil {
				return err
			}
		}
		c.group = append(c.group, s)
		err := c.eachBatch(ctx, s, func(b record.Batch) error {
			copy(c.tail[:], b)
			left := c.filter(b)
			if left == nil && b.Count() == 0 && b.ProducerID() < 0 && b.LastOffset()+1 == s.next {
				return nil // its placeholder, which finish writes again if it is still the end
			}
			if left == nil || &left[0] != &b[0] {
				c.out.changed = true
			}
			return c.out.write(left, c.o.IndexIntervalBytes)
		})
		if err != nil {
			return err
		}
	}
	if c.out == nil {
		return nil
	}
	return c.finish()
}

// joins tells whether the next segment goes into the same file: by its size before, since what it will be is not known.
func (c *compactor) joins(s *segment) bool {
	size := c.out.pos + int64(len(c.out.buf)) + record.HeaderBytes
	return size+s.size <= c.o.SegmentBytes && s.next-c.out.seg.base <= math.MaxInt32
}

func (c *compactor) begin(s *segment) error {
	f, err := c.l.fs.Create(c.l.path(s.base, suffixLog+suffixClean))
	if err != nil {
		return err
	}
	c.out, c.group = &output{seg: newSegment(s.base), f: f}, nil
	c.out.seg.created = s.created
	return nil
}

// write takes a batch, or nil.
func (o *output) write(b record.Batch, interval int) error {
	if b == nil {
		return nil
	}
	if o.seg.size+int64(len(b)) > maxSegmentBytes {
		return fmt.Errorf("compacted segment %d exceeds %d bytes", o.seg.base, int64(maxSegmentBytes))
	}
	o.buf = append(o.buf, b...)
	o.seg.add(b, interval)
	if len(o.buf) < compactBytes {
		return nil
	}
	return o.flush()
}

func (o *output) flush() error {
	if len(o.buf) == 0 {
		return nil
	}
	if _, err := o.f.WriteAt(o.buf, o.pos); err != nil {
		return err
	}
	o.pos, o.buf = o.pos+int64(len(o.buf)), o.buf[:0]
	return nil
}

// finish completes the output and lets it replace its group. The last offset of a segment is always there, if need be
// as a placeholder: the file says by itself which offsets it covers, and whoever reads in a hole is led to its end.
func (c *compactor) finish() error {
	last := c.group[len(c.group)-1]
	if c.out.seg.next != last.next {
		if err := c.out.write(c.rewriter.Placeholder(c.tail[:]), c.o.IndexIntervalBytes); err != nil {
			return err
		}
	}
	if !c.out.changed && len(c.group) == 1 {
		c.abandon()
		return nil
	}
	if err := c.store(last); err != nil {
		return err
	}
	seg, group := c.out.seg, c.group
	for _, s := range group {
		c.shrunk += s.size
	}
	c.shrunk -= seg.size
	seg.file = newFileRef(c.out.f)
	c.out = nil // its files are swap's from here on
	return c.l.swap(group, seg)
}

// abandon gives up what is being written. What cannot be removed is left to the next pass or Open.
func (c *compactor) abandon() {
	if c.out == nil {
		return
	}
	c.out.f.Close()
	c.l.removeClean(c.out.seg.base)
	c.out = nil
}

// store makes the output's files durable under their temporary names.
func (c *compactor) store(last *segment) error {
	seg := c.out.seg
	seg.sealed, seg.stored, seg.appended = true, true, last.appended
	if seg.maxAt >= 0 {
		seg.idx.addTime(seg.maxTime, int32(seg.maxAt-seg.base))
	}
	c.l.mu.Lock()
	for _, s := range c.group {
		for _, t := range s.aborted {
			if !c.needless[t.LastOffset] {
				seg.aborted = append(seg.aborted, t)
			}
		}
	}
	c.l.mu.Unlock()
	if err := c.out.flush(); err != nil {
		return err
	}
	if err := c.out.f.Sync(); err != nil {
		return err
	}
	return c.l.storeClean(seg)
}

// storeClean writes the index files of a compacted segment and makes all of its names durable.
func (l *Log) storeClean(s *segment) error {
	offsets, times := s.idx.encode()
	txns := encodeTxns(s.aborted)
	s.sums = sums{offsets: checksum(offsets), times: checksum(times), txns: checksum(txns)}
	err := writeCache(l.fs, l.path(s.base, suffixIndex+suffixClean), offsets)
	if err == nil {
		err = writeCache(l.fs, l.path(s.base, suffixTime+suffixClean), times)
	}
	if err == nil && len(txns) > 0 {
		err = writeFile(l.fs, l.path(s.base, suffixTxn+suffixClean), txns)
	}
	if err != nil {
		return err
	}
	return l.fs.SyncDir(l.dir)
}
