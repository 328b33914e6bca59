package commitlog

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// Suffixes of a segment's files; their names are the base offset in 20 digits.
const (
	suffixLog      = ".log"
	suffixIndex    = ".index"
	suffixTime     = ".timeindex"
	suffixTxn      = ".txnindex"
	suffixSnapshot = ".snapshot"
	suffixTemp     = ".tmp"
	// suffixClean follows the name of a compacted segment's files until they take their place.
	suffixClean = ".clean"
)

// segmentSuffixes are a segment's files.
var segmentSuffixes = [...]string{suffixLog, suffixIndex, suffixTime, suffixTxn}

func fileName(base int64, suffix string) string { return fmt.Sprintf("%020d%s", base, suffix) }

// parseName reads the base offset of a name with the suffix.
func parseName(name, suffix string) (int64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	base, err := strconv.ParseInt(digits, 10, 64)
	return base, err == nil && base >= 0
}

// segment is one .log file and what is known of it. All fields are guarded by Log.mu, except where a flush owns them.
type segment struct {
	meta
	sealed  bool // takes no more appends
	stored  bool // sealed, synced, its index files written and in the manifest's list
	dirty   bool // written since the last sync began
	idx     *index
	file    *fileRef // nil: not open
	aborted []AbortedTxn
	// snapshot is the producer state at the end of a sealed segment, encoded, until the flush that stores it.
	snapshot []byte
}

// meta is what the manifest remembers of a segment.
type meta struct {
	base, next int64 // the offsets it holds: base inclusive, next exclusive
	size       int64
	maxTime    int64 // largest timestamp, -1 when there is none
	maxAt      int64 // last offset of the first batch that reached it
	created    int64 // wall clock of the first append, ms
	appended   int64 // and of the last
	sums       sums
}

// sums are the CRC-32C of the index files as they were written.
type sums struct{ offsets, times, txns uint32 }

func newSegment(base int64) *segment {
	return &segment{meta: meta{base: base, next: base, maxTime: -1, maxAt: -1}, idx: &index{}}
}

// add accounts for a batch whose bytes stand at the segment's end; only its header is read.
func (s *segment) add(b record.Batch, interval int) {
	last := b.LastOffset()
	if t := b.MaxTimestamp(); t > s.maxTime {
		s.maxTime, s.maxAt = t, last
	}
	n := int64(b.Size())
	s.idx.add(int32(last-s.base), s.size, n, s.maxTime, int32(max(s.maxAt-s.base, 0)), interval)
	s.size += n
	s.next = last + 1
}

// takes reports whether a batch of n bytes with the last offset fits.
func (s *segment) takes(n int, last, limit int64) bool {
	return s.size == 0 || s.size+int64(n) <= limit && last-s.base <= math.MaxInt32
}

func (l *Log) path(base int64, suffix string) string { return path.Join(l.dir, fileName(base, suffix)) }

// fileRef is an open file shared by the log and the slices that read it: the last one closes it, so that a segment
// deleted by retention stays readable for whoever is sending it.
type fileRef struct {
	f    vfs.File
	refs atomic.Int32
}

func newFileRef(f vfs.File) *fileRef {
	r := &fileRef{f: f}
	r.refs.Store(1)
	return r
}

// retain is called under Log.mu, while the log itself holds a reference.
func (r *fileRef) retain() *fileRef {
	r.refs.Add(1)
	return r
}

// release drops a reference. The error of the last close has no reader: what must be durable was synced before.
func (r *fileRef) release() {
	if r != nil && r.refs.Add(-1) == 0 {
		r.f.Close()
	}
}
