package commitlog

import (
	"fmt"
	"slices"
)

// How a compacted segment takes the place of those it was made of:
//
//	1  its files are written and synced as NNN.log.clean and so on   a crash leaves the old; Open removes these
//	2  the manifest lists it instead of the old, and says "swap"     from here on a crash leaves the new
//	3  the files get their names, over those of the first old one    Open does the rest, if need be
//	4  the files of the other old ones go                            Open removes what lies inside a listed segment
//	5  the manifest no longer says "swap NNN"                        before another NNN.log.clean may be created
//
// Step 2 is the one act that decides. Readers that hold a Slice keep their file; new ones get the new file from step 3 on.

// has tells whether the segments are in the log, in this order. The caller holds mu.
func (l *Log) has(group []*segment) bool {
	i := slices.Index(l.mu.segments, group[0])
	return i >= 0 && len(l.mu.segments)-i >= len(group) && slices.Equal(l.mu.segments[i:i+len(group)], group)
}

// swap puts a compacted segment, whose files storeClean has made durable, in the place of the group.
func (l *Log) swap(group []*segment, seg *segment) error {
	placed, err := l.swapIn(group, seg)
	if !placed {
		seg.file.release()
	}
	if err != nil {
		return err
	}
	return l.removeGone(group[1:])
}

func (l *Log) swapIn(group []*segment, seg *segment) (placed bool, err error) {
	l.slow.Lock()
	defer l.slow.Unlock()
	l.mu.Lock()
	err = l.usable()
	if err == nil && !l.has(group) {
		err = errStale
	}
	if err != nil {
		l.mu.Unlock()
		l.removeClean(seg.base)
		return false, err
	}
	m := l.manifest(false)
	at := slices.Index(l.mu.segments, group[0])
	m.segments = slices.Replace(m.segments, at, at+len(group), seg.meta)
	m.swapping, m.swap, m.sparse = true, seg.base, max(m.sparse, seg.next)
	l.mu.Unlock()

	if err := replaceFile(l.fs, l.file(manifestName), m.encode()); err != nil {
		l.removeClean(seg.base) // the old manifest stands
		return false, fmt.Errorf("write manifest: %w", err)
	}
	if err := l.fs.SyncDir(l.dir); err != nil {
		return false, l.takeOffline(err) // which of the two a crash would leave is unknown: all files stay
	}
	if placed, err = l.takePlace(group, seg, m.sparse); err != nil {
		err = l.takeOffline(err) // the next Open ends it
	}
	return placed, err
}

// takePlace renames the files and shows the segment to readers in one step for them: whoever opens a segment holds load.
func (l *Log) takePlace(group []*segment, seg *segment, sparse int64) (placed bool, err error) {
	l.load.Lock()
	err = l.renameClean(seg.base, func(suffix string) bool { return suffix != suffixTxn || len(seg.aborted) > 0 })
	if err == nil && len(seg.aborted) == 0 && len(group[0].aborted) > 0 {
		err = l.fs.Remove(l.path(seg.base, suffixTxn))
	}
	if err == nil {
		l.mu.Lock()
		at := slices.Index(l.mu.segments, group[0])
		// A new list: readers and retention may hold the old one.
		l.mu.segments = slices.Concat(l.mu.segments[:at], []*segment{seg}, l.mu.segments[at+len(group):])
		l.mu.sparse, l.mu.swapping = sparse, true
		for _, s := range group {
			s.file.release()
			s.file = nil
			l.mu.cold = slices.DeleteFunc(l.mu.cold, func(o *segment) bool { return o == s })
		}
		l.mu.cold = append(l.mu.cold, seg)
		l.trimCold()
		l.mu.Unlock()
	}
	l.load.Unlock()
	if err != nil {
		return false, fmt.Errorf("rename compacted segment %d: %w", seg.base, err)
	}
	return true, l.fs.SyncDir(l.dir)
}

// renameClean gives the files of a compacted segment their names, those that there are.
func (l *Log) renameClean(base int64, there func(suffix string) bool) error {
	for _, suffix := range segmentSuffixes {
		name := l.path(base, suffix)
		if !there(suffix) {
			continue
		}
		if err := l.fs.Rename(name+suffixClean, name); err != nil {
			return err
		}
	}
	return nil
}

// finishSwap does at Open what a crash has kept swap from doing, and gives the names in the directory.
func (l *Log) finishSwap(m *manifest, names []string) ([]string, error) {
	if !m.swapping {
		return names, nil
	}
	err := l.renameClean(m.swap, func(suffix string) bool {
		return slices.Contains(names, fileName(m.swap, suffix)+suffixClean)
	})
	if err == nil {
		err = l.fs.SyncDir(l.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("finish swap of segment %d: %w", m.swap, err)
	}
	return l.fs.List(l.dir)
}

func (l *Log) removeClean(base int64) {
	for _, suffix := range segmentSuffixes {
		// An error leaves a file that the next Open removes.
		_ = l.fs.Remove(l.path(base, suffix) + suffixClean)
	}
}

func (l *Log) takeOffline(cause error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fail(cause)
}

// clearSwap writes the manifest without its swap, if it has one. Without that a crash during the next compaction of the
// same segment would give half a file its name. Each pass begins with it; within a pass no segment is written twice.
func (l *Log) clearSwap() error {
	l.slow.Lock()
	defer l.slow.Unlock()
	l.mu.Lock()
	swapping := l.mu.swapping
	l.mu.Unlock()
	if !swapping {
		return nil
	}
	return l.writeManifest(false)
}
