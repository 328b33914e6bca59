package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"

	"github.com/weirhub/weir/internal/vfs"
)

// The manifest, log.manifest, replaced as a whole (temporary name, sync, rename, sync of the directory), big endian:
//
//	 0  magic "WLOG"
//	 4  version   uint16   2; version 1 had no fields from 36 to 59
//	 6  flags     uint16   bit 0: closed cleanly; the last segment of the list takes appends and ends at durable
//	                       bit 1: the files of the segment at swap may still have the suffix .clean
//	 8  crc       uint32   CRC-32C of bytes 0-7 and of everything from 12 on
//	12  first     int64    base offset of the first segment that is kept; files below are leftovers of a deletion
//	20  start     int64    log start offset
//	28  durable   int64    everything below was synced when this was written
//	36  cleaned   int64    no key is twice below it: compaction begins its next pass here
//	44  sparse    int64    below it offsets may be missing: compaction took them
//	52  swap      int64    base of the compacted segment that is taking its place
//	60  count     uint32
//	64  per sealed segment, ascending, 68 bytes:
//	      base, next, size, maxTime, maxAt, created, appended int64; CRC-32C of .index, .timeindex, .txnindex uint32
const (
	manifestName        = "log.manifest"
	manifestMagic       = "WLOG"
	manifestVersion     = 2
	manifestHeaderBytes = 64
	manifestHeaderV1    = 40
	manifestEntryBytes  = 7*8 + 3*4
	manifestClean       = 1
	manifestSwapping    = 2
)

var errManifest = errors.New("bad manifest")

type manifest struct {
	missing               bool // there is no file
	clean                 bool
	first, start, durable int64
	cleaned, sparse       int64
	swapping              bool
	swap                  int64
	segments              []meta
}

func (m *manifest) encode() []byte {
	b := make([]byte, manifestHeaderBytes, manifestHeaderBytes+len(m.segments)*manifestEntryBytes)
	copy(b, manifestMagic)
	binary.BigEndian.PutUint16(b[4:], manifestVersion)
	flags := uint16(0)
	if m.clean {
		flags |= manifestClean
	}
	if m.swapping {
		flags |= manifestSwapping
	}
	binary.BigEndian.PutUint16(b[6:], flags)
	binary.BigEndian.PutUint64(b[12:], uint64(m.first))
	binary.BigEndian.PutUint64(b[20:], uint64(m.start))
	binary.BigEndian.PutUint64(b[28:], uint64(m.durable))
	binary.BigEndian.PutUint64(b[36:], uint64(m.cleaned))
	binary.BigEndian.PutUint64(b[44:], uint64(m.sparse))
	binary.BigEndian.PutUint64(b[52:], uint64(m.swap))
	binary.BigEndian.PutUint32(b[60:], uint32(len(m.segments)))
	for _, s := range m.segments {
		for _, v := range []int64{s.base, s.next, s.size, s.maxTime, s.maxAt, s.created, s.appended} {
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		}
		for _, v := range []uint32{s.sums.offsets, s.sums.times, s.sums.txns} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
	}
	binary.BigEndian.PutUint32(b[8:], m.crc(b))
	return b
}

func (m *manifest) crc(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:8], castagnoli), castagnoli, b[12:])
}

func decodeManifest(b []byte) (*manifest, error) {
	if len(b) < manifestHeaderV1 || string(b[:4]) != manifestMagic {
		return nil, fmt.Errorf("%w: %d bytes without its header", errManifest, len(b))
	}
	version := binary.BigEndian.Uint16(b[4:])
	if version < 1 || version > manifestVersion || version == manifestVersion && len(b) < manifestHeaderBytes {
		return nil, fmt.Errorf("%w: version %d in %d bytes, want %d", errManifest, version, len(b), manifestVersion)
	}
	flags := binary.BigEndian.Uint16(b[6:])
	m := &manifest{clean: flags&manifestClean != 0}
	if got, want := m.crc(b), binary.BigEndian.Uint32(b[8:]); got != want {
		return nil, fmt.Errorf("%w: CRC-32C is %08x, header says %08x", errManifest, got, want)
	}
	field := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[i:])) }
	m.first, m.start, m.durable = field(12), field(20), field(28)
	if m.first < 0 || m.start < 0 || m.durable < 0 {
		return nil, fmt.Errorf("%w: negative offsets: first %d, start %d, durable %d", errManifest, m.first, m.start, m.durable)
	}
	if version == 1 {
		return m, m.decodeSegments(binary.BigEndian.Uint32(b[36:]), b[manifestHeaderV1:])
	}
	m.cleaned, m.sparse, m.swap, m.swapping = field(36), field(44), field(52), flags&manifestSwapping != 0
	return m, m.decodeSegments(binary.BigEndian.Uint32(b[60:]), b[manifestHeaderBytes:])
}

func (m *manifest) decodeSegments(n uint32, b []byte) error {
	count := int(n)
	if len(b)%manifestEntryBytes != 0 || count != len(b)/manifestEntryBytes {
		return fmt.Errorf("%w: %d segments in %d bytes", errManifest, count, len(b))
	}
	m.segments = make([]meta, count)
	for i := range m.segments {
		field := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[i:])) }
		m.segments[i] = meta{
			base: field(0), next: field(8), size: field(16), maxTime: field(24), maxAt: field(32), created: field(40), appended: field(48),
			sums: sums{binary.BigEndian.Uint32(b[56:]), binary.BigEndian.Uint32(b[60:]), binary.BigEndian.Uint32(b[64:])},
		}
		b = b[manifestEntryBytes:]
		if s := m.segments[i]; i == 0 && s.base != m.first || s.next < s.base || s.next > m.durable || s.size < 0 ||
			i < count-1 && s.next == s.base || i > 0 && s.base != m.segments[i-1].next {
			return fmt.Errorf("%w: segment %d is out of order or not durable", errManifest, i)
		}
	}
	return nil
}

// The hint, log.synced, overwritten in place after each sync and never synced itself: the durable offset (int64) and
// its CRC-32C (uint32), big endian. It can be old or torn after a crash, never too high, and lets recovery tell a torn
// tail from damage to what was acknowledged.
const (
	hintName  = "log.synced"
	hintBytes = 12
)

func encodeHint(durable int64) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, hintBytes), uint64(durable))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeHint(b []byte) (durable int64, ok bool) {
	if len(b) != hintBytes || crc32.Checksum(b[:8], castagnoli) != binary.BigEndian.Uint32(b[8:]) {
		return 0, false
	}
	durable = int64(binary.BigEndian.Uint64(b))
	return durable, durable >= 0
}

// replaceFile puts data under the name atomically. The caller syncs the directory.
func replaceFile(fsys vfs.FS, name string, data []byte) error {
	tmp := name + suffixTemp
	if err := writeFile(fsys, tmp, data); err != nil {
		return err
	}
	return fsys.Rename(tmp, name)
}

// replaceCache is replaceFile without a sync, for what has a checksum elsewhere and can be rebuilt: a crash right after
// it costs time, never data.
func replaceCache(fsys vfs.FS, name string, data []byte) error {
	tmp := name + suffixTemp
	if err := writeCache(fsys, tmp, data); err != nil {
		return err
	}
	return fsys.Rename(tmp, name)
}

// writeCache is writeFile without a sync.
func writeCache(fsys vfs.FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(writeAll(f, data), f.Close())
}

// writeFile creates the file with the data and syncs it, but not its directory.
func writeFile(fsys vfs.FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	if err = writeAll(f, data); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func writeAll(f vfs.File, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	_, err := f.WriteAt(data, 0)
	return err
}

// readFile reads a whole file; a missing one is nil without an error.
func readFile(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if n > 0 {
		if m, err := f.ReadAt(b, 0); int64(m) < n {
			return nil, fmt.Errorf("read %s: %w", path.Base(name), noEOF(err))
		}
	}
	return b, nil
}
