package commitlog

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/weirhub/weir/internal/vfs"
)

// quarantineDir, in a log's directory, takes what Repair removes.
const quarantineDir = "quarantine"

// RepairReport is what Repair did.
type RepairReport struct {
	// Offset is the first offset that is lost, -1 when nothing was damaged.
	Offset int64
	// Cause is the damage.
	Cause error
	// Moved are the names in the quarantine directory: the files that were cut or removed, as they were.
	Moved []string
}

// Repair makes a damaged log open again, at a price that only a person may accept: everything from the first damaged
// batch on is set aside in the directory quarantine; where the first segments are missing, the log starts at what is
// left. The log must not be open.
func Repair(fsys vfs.FS, dir string) (RepairReport, error) {
	l := &Log{fs: fsys, dir: dir}
	l.mu.o = Options{}.withDefaults()
	out := RepairReport{Offset: -1}
	names, err := fsys.List(dir)
	if err != nil {
		return out, fmt.Errorf("repair %s: %w", dir, err)
	}
	bases := basesOf(names, suffixLog)
	m, err := l.readManifest(bases)
	if err == nil {
		_, err = l.finishSwap(m, names)
	}
	if err != nil {
		return out, fmt.Errorf("repair %s: %w", dir, err)
	}
	l.mu.sparse = m.sparse
	if hint, ok := l.readHint(); ok { // Open goes by it as well: a log whose segments are all gone has nothing else
		m.durable = max(m.durable, hint)
	}
	if out, err = l.repair(m, bases); err != nil {
		return out, fmt.Errorf("repair %s: %w", dir, err)
	}
	return out, nil
}

func (l *Log) repair(m *manifest, bases []int64) (RepairReport, error) {
	out := RepairReport{Offset: -1}
	next := int64(-1)
	var missing error // a segment that is listed without a file, also an empty one
	m.segments = slices.DeleteFunc(m.segments, func(s meta) bool {
		gone := !slices.Contains(bases, s.base)
		if gone && missing == nil {
			missing = fmt.Errorf("segment %d is missing", s.base)
		}
		return gone
	})
	for i, base := range bases {
		if m.gone(base) {
			continue
		}
		bad, good := error(nil), int64(0)
		if next < 0 && base > m.first {
			// The beginning is missing: what is left is sound and stays, and the log starts there.
			out.Offset, out.Cause = m.first, fmt.Errorf("segments from %d to %d are missing", m.first, base)
			m.first, m.start = base, max(m.start, base)
		} else if next >= 0 && base != next {
			bad = fmt.Errorf("segment %d follows one that ends at %d", base, next)
		}
		if bad == nil {
			s, size, damage, err := l.scanSegment(base)
			if err != nil {
				return out, err
			}
			next, good, bad = s.next, s.size, damage
			if bad == nil && size == s.size {
				continue
			}
		}
		out.Offset, out.Cause = next, bad
		err := l.quarantine(&out, m, base, good, bases[i+1:])
		return out, err
	}
	next = max(next, m.first)
	if end := max(m.durable, m.start); next < end {
		out.Offset, out.Cause = next, fmt.Errorf("the log was durable up to offset %d and ends at %d", end, next)
	}
	if out.Cause == nil && missing != nil {
		out.Offset, out.Cause = next, missing
	}
	if out.Cause == nil {
		return out, nil
	}
	return out, l.rewrite(m, next)
}

// quarantine copies the damaged segment and moves those behind it, then cuts.
func (l *Log) quarantine(out *RepairReport, m *manifest, base, good int64, later []int64) error {
	dir := l.file(quarantineDir)
	if err := l.fs.MkdirAll(dir); err != nil {
		return err
	}
	name := fileName(base, suffixLog)
	if err := copyFile(l.fs, l.file(name), path.Join(dir, name)); err != nil {
		return err
	}
	out.Moved = append(out.Moved, name)
	for _, b := range later {
		name := fileName(b, suffixLog)
		if err := copyFile(l.fs, l.file(name), path.Join(dir, name)); err != nil {
			return err
		}
		out.Moved = append(out.Moved, name)
	}
	if err := l.fs.SyncDir(dir); err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return err
	}
	if err := l.rewrite(m, out.Offset); err != nil {
		return err
	}
	if good == 0 {
		later = append([]int64{base}, later...)
	}
	if err := l.removeSegments(later); err != nil || good == 0 {
		return errors.Join(err, l.fs.SyncDir(l.dir))
	}
	f, err := l.fs.OpenReadWrite(l.path(base, suffixLog))
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(good), f.Sync(), f.Close(), l.fs.SyncDir(l.dir))
}

// rewrite makes the log end at the offset as far as the manifest and the hint say.
func (l *Log) rewrite(m *manifest, end int64) error {
	fixed := manifest{
		first: min(m.first, end), start: min(m.start, end), durable: end,
		cleaned: min(m.cleaned, end), sparse: min(m.sparse, end),
	}
	for _, s := range m.segments {
		if s.next <= end && s.base >= fixed.first {
			fixed.segments = append(fixed.segments, s)
		}
	}
	if err := writeFile(l.fs, l.file(hintName), encodeHint(end)); err != nil {
		return err
	}
	if err := replaceFile(l.fs, l.file(manifestName), fixed.encode()); err != nil {
		return err
	}
	if err := l.removeSnapshotsAbove(end); err != nil {
		return err
	}
	return l.fs.SyncDir(l.dir)
}

// copyBytes is read and written at once: a segment is up to 2 GiB and must not be held in memory.
const copyBytes = 1 << 20

func copyFile(fsys vfs.FS, from, to string) error {
	in, err := fsys.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	size, err := in.Size()
	if err != nil {
		return err
	}
	out, err := fsys.Create(to)
	if err != nil {
		return err
	}
	buf := make([]byte, min(size, copyBytes))
	for pos := int64(0); pos < size && err == nil; pos += int64(len(buf)) {
		buf = buf[:min(size-pos, int64(cap(buf)))]
		if _, err = in.ReadAt(buf, pos); err == nil {
			_, err = out.WriteAt(buf, pos)
		}
	}
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}
