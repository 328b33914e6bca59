package commitlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"sort"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// index is the sparse offset index and time index of one segment: about one entry of each for every
// IndexIntervalBytes. Entries are only ever added, so that a copy of the slices may be read without a lock.
type index struct {
	offsets []offsetEntry
	times   []timeEntry
	since   int64 // bytes written since the last entry
}

// offsetEntry: the batch at byte pos ends with offset base+rel.
type offsetEntry struct{ rel, pos int32 }

// timeEntry: no record up to offset base+rel is younger than ms, and the batch that ends with it reaches ms.
type timeEntry struct {
	ms  int64
	rel int32
}

// add takes the batch of n bytes at pos, whose last offset is rel, when the interval is full. maxTime and maxRel are
// the segment's largest timestamp so far, this batch included, and the last offset of the first batch that reached it.
func (x *index) add(rel int32, pos, n int64, maxTime int64, maxRel int32, interval int) {
	if x.since > int64(interval) {
		x.offsets = append(x.offsets, offsetEntry{rel: rel, pos: int32(pos)})
		x.addTime(maxTime, maxRel)
		x.since = 0
	}
	x.since += n
}

func (x *index) addTime(ms int64, rel int32) {
	if n := len(x.times); ms >= 0 && (n == 0 || ms > x.times[n-1].ms) {
		x.times = append(x.times, timeEntry{ms: ms, rel: rel})
	}
}

// position is a byte at or before the batch that holds offset base+rel.
func (x *index) position(rel int64) int64 {
	i := sort.Search(len(x.offsets), func(i int) bool { return int64(x.offsets[i].rel) > rel })
	if i == 0 {
		return 0
	}
	return int64(x.offsets[i-1].pos)
}

// last is the last indexed batch that starts at or before pos and ends before base+rel, 0 when there is none.
func (x *index) last(pos, rel int64) int64 {
	i := sort.Search(len(x.offsets), func(i int) bool {
		return int64(x.offsets[i].pos) > pos || int64(x.offsets[i].rel) >= rel
	})
	if i == 0 {
		return 0
	}
	return int64(x.offsets[i-1].pos)
}

// timePosition is a byte at or before the first batch that reaches ms.
func (x *index) timePosition(ms int64) int64 {
	i := sort.Search(len(x.times), func(i int) bool { return x.times[i].ms > ms })
	if i == 0 {
		return 0
	}
	return x.position(int64(x.times[i-1].rel))
}

// The index files are Kafka's, big endian, without header or checksum (the manifest holds their checksums):
//
//	.index      relative offset int32, position int32            8 bytes an entry
//	.timeindex  timestamp int64 (ms), relative offset int32      12 bytes an entry
const (
	offsetEntryBytes = 8
	timeEntryBytes   = 12
)

func (x *index) encode() (offsets, times []byte) {
	offsets = make([]byte, 0, len(x.offsets)*offsetEntryBytes)
	for _, e := range x.offsets {
		offsets = binary.BigEndian.AppendUint32(offsets, uint32(e.rel))
		offsets = binary.BigEndian.AppendUint32(offsets, uint32(e.pos))
	}
	times = make([]byte, 0, len(x.times)*timeEntryBytes)
	for _, e := range x.times {
		times = binary.BigEndian.AppendUint64(times, uint64(e.ms))
		times = binary.BigEndian.AppendUint32(times, uint32(e.rel))
	}
	return offsets, times
}

// decodeIndex reads both files of a segment of size bytes and refuses entries that do not ascend or point outside.
func decodeIndex(offsets, times []byte, size int64) (*index, error) {
	if len(offsets)%offsetEntryBytes != 0 || len(times)%timeEntryBytes != 0 {
		return nil, fmt.Errorf("index of %d and %d bytes has half an entry", len(offsets), len(times))
	}
	x := &index{
		offsets: make([]offsetEntry, 0, len(offsets)/offsetEntryBytes),
		times:   make([]timeEntry, 0, len(times)/timeEntryBytes),
	}
	last := offsetEntry{rel: -1, pos: -1}
	for b := offsets; len(b) > 0; b = b[offsetEntryBytes:] {
		e := offsetEntry{rel: int32(binary.BigEndian.Uint32(b)), pos: int32(binary.BigEndian.Uint32(b[4:]))}
		if e.rel <= last.rel || e.pos <= last.pos || int64(e.pos) >= size {
			return nil, fmt.Errorf("offset index entry %d is out of order", len(x.offsets))
		}
		x.offsets, last = append(x.offsets, e), e
	}
	lastTime := timeEntry{ms: math.MinInt64, rel: -1}
	for b := times; len(b) > 0; b = b[timeEntryBytes:] {
		e := timeEntry{ms: int64(binary.BigEndian.Uint64(b)), rel: int32(binary.BigEndian.Uint32(b[8:]))}
		if e.ms <= lastTime.ms || e.rel <= lastTime.rel {
			return nil, fmt.Errorf("time index entry %d is out of order", len(x.times))
		}
		x.times, lastTime = append(x.times, e), e
	}
	if n := len(x.offsets); n > 0 {
		x.since = size - int64(x.offsets[n-1].pos)
	} else {
		x.since = size
	}
	return x, nil
}
