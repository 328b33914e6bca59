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
//	 4  version   uint16   1
//	 6  flags     uint16   bit 0: closed cleanly; the last segment of the list takes appends and ends at durable
//	 8  crc       uint32   CRC-32C of bytes 0-7 and of everything from 12 on
//	12  first     int64    base offset of the first segment that is kept; files below are leftovers of a deletion
//	20  start     int64    log start offset
//	28  durable   int64    everything below was synced when this was written
//	36  count     uint32
//	40  per sealed segment, ascending, 68 bytes:
//	      base, next, size, maxTime, maxAt, created, appended int64; CRC-32C of .index, .timeindex, .txnindex uint32
const (
	manifestName        = "log.manifest"
	manifestMagic       = "WLOG"
	manifestVersion     = 1
	manifestHeaderBytes = 40
	manifestEntryBytes  = 7*8 + 3*4
	manifestClean       = 1
)

var errManifest = errors.New("bad manifest")

type manifest struct {
	missing               bool // there is no file
	clean                 bool
	first, start, durable int64
	segments              []meta
}

func (m *manifest) encode() []byte {
	b := make([]byte, manifestHeaderBytes, manifestHeaderBytes+len(m.segments)*manifestEntryBytes)
	copy(b, manifestMagic)
	binary.BigEndian.PutUint16(b[4:], manifestVersion)
	if m.clean {
		binary.BigEndian.PutUint16(b[6:], manifestClean)
	}
	binary.BigEndian.PutUint64(b[12:], uint64(m.first))
	binary.BigEndian.PutUint64(b[20:], uint64(m.start))
	binary.BigEndian.PutUint64(b[28:], uint64(m.durable))
	binary.BigEndian.PutUint32(b[36:], uint32(len(m.segments)))
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
	if len(b) < manifestHeaderBytes || string(b[:4]) != manifestMagic {
		return nil, fmt.Errorf("%w: %d bytes without its header", errManifest, len(b))
	}
	if v := binary.BigEndian.Uint16(b[4:]); v != manifestVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", errManifest, v, manifestVersion)
	}
	m := &manifest{clean: binary.BigEndian.Uint16(b[6:])&manifestClean != 0}
	if got, want := m.crc(b), binary.BigEndian.Uint32(b[8:]); got != want {
		return nil, fmt.Errorf("%w: CRC-32C is %08x, header says %08x", errManifest, got, want)
	}
	field := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[i:])) }
	m.first, m.start, m.durable = field(12), field(20), field(28)
	count := int(binary.BigEndian.Uint32(b[36:]))
	b = b[manifestHeaderBytes:]
	if len(b)%manifestEntryBytes != 0 || count != len(b)/manifestEntryBytes {
		return nil, fmt.Errorf("%w: %d segments in %d bytes", errManifest, count, len(b))
	}
	m.segments = make([]meta, count)
	for i := range m.segments {
		m.segments[i] = meta{
			base: field(0), next: field(8), size: field(16), maxTime: field(24), maxAt: field(32), created: field(40), appended: field(48),
			sums: sums{binary.BigEndian.Uint32(b[56:]), binary.BigEndian.Uint32(b[60:]), binary.BigEndian.Uint32(b[64:])},
		}
		b = b[manifestEntryBytes:]
		if s := m.segments[i]; s.base < m.first || s.next < s.base || i > 0 && s.base != m.segments[i-1].next {
			return nil, fmt.Errorf("%w: segment %d is out of order", errManifest, i)
		}
	}
	return m, nil
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
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	if err := errors.Join(writeAll(f, data), f.Close()); err != nil {
		return err
	}
	return fsys.Rename(tmp, name)
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
