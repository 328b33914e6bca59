package commitlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Compaction keeps the newest record of each key (cleanup.policy=compact). A pass has two steps. It reads the dirty part
// of the log, which no pass has seen yet, and notes where each key stands last. Then it writes the segments anew from
// the first one on, without the records whose key stands again further behind:
//
//	            cleaned                       active
//	| s0 . . . s1 . . . | s2 . . . s3 . . . | s4 . . .
//	  each key once       dirty: -> keys      never touched
//	|<---------- written anew ------------->|
//
// Offsets never change, so the log gets holes. What is left of small segments is joined.

// Dirt is how much a compaction would have to do.
type Dirt struct {
	CleanBytes, DirtyBytes int64 // of the segments that may be compacted now
	// Due is true when the topic's settings ask for a compaction: by the share of dirty bytes or by their age.
	Due bool
}

// Ratio is the share of dirty bytes.
func (d Dirt) Ratio() float64 {
	if d.DirtyBytes == 0 {
		return 0
	}
	return float64(d.DirtyBytes) / float64(d.CleanBytes+d.DirtyBytes)
}

// Compacted is what a Compact did.
type Compacted struct {
	Passes  int
	Records int64 // removed, transaction markers among them
	Bytes   int64 // by which the segments shrank
}

// Dirt looks at what is known of the segments that lie below the offset below; it reads nothing.
func (l *Log) Dirt(now time.Time, below int64) Dirt {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out Dirt
	overdue := false
	for _, s := range l.compactable(now, below) {
		if s.next <= l.mu.cleaned {
			out.CleanBytes += s.size
			continue
		}
		out.DirtyBytes += s.size
		overdue = overdue || l.mu.o.MaxCompactionLag > 0 && s.created < now.Add(-l.mu.o.MaxCompactionLag).UnixMilli()
	}
	out.Due = l.mu.o.Compact && out.DirtyBytes > 0 && (overdue || out.Ratio() > l.mu.o.MinDirtyRatio)
	return out
}

// compactable are the segments from the first on that a pass may touch: whole, stored, not the last, without a record
// younger than the lag, below the offset below, and with every transaction in them ended for good. The caller holds mu.
func (l *Log) compactable(now time.Time, below int64) []*segment {
	if l.usable() != nil {
		return nil
	}
	stable := min(l.producers.StableBelow(l.mu.flushed), below)
	n := 0
	for n < len(l.mu.segments)-1 {
		s := l.mu.segments[n]
		if !s.stored || s.next > stable || s.tooYoung(now, l.mu.o.MinCompactionLag) {
			break
		}
		n++
	}
	return l.mu.segments[:n:n]
}

// tooYoung goes by the youngest record, or by when it was written where records have no timestamps.
func (s *segment) tooYoung(now time.Time, lag time.Duration) bool {
	if lag <= 0 {
		return false
	}
	youngest := s.maxTime
	if youngest < 0 {
		youngest = s.appended
	}
	return youngest > now.Add(-lag).UnixMilli()
}

var (
	// errStale ends a pass whose segments retention has deleted meanwhile, errHurry one that somebody waits for.
	errStale = errors.New("segments were deleted meanwhile")
	errHurry = errors.New("given up in favour of a close or a truncation")
)

// interrupt makes a running Compact give up and takes its lock.
func (l *Log) interrupt() {
	l.hurry.Add(1)
	l.compacting.Lock()
	l.hurry.Add(-1)
}

// Compact runs passes until every dirty segment that may be compacted was seen, one at least: tombstones and markers
// whose time has come go also when nothing is dirty. Appends, reads, flushes and retention go on meanwhile; Close and
// TruncateTo make it give up. Nothing from the offset below on is touched: the caller's high watermark. It needs room for one more segment on the disk, and memory as Options.CompactKeys says.
//
// A crash at any point leaves each segment as it was or compacted. A damaged batch is a *CorruptError and ends the pass
// before anything of its segment is replaced.
func (l *Log) Compact(ctx context.Context, now time.Time, below int64) (Compacted, error) {
	l.compacting.Lock()
	defer l.compacting.Unlock()
	var out Compacted
	for more := true; more; {
		var err error
		more, err = l.compactOnce(ctx, now, below, &out)
		if errors.Is(err, errStale) || errors.Is(err, errHurry) {
			return out, nil // nobody's mistake: what is left waits for the next time
		}
		if err != nil {
			return out, fmt.Errorf("compact %s: %w", l.dir, err)
		}
	}
	return out, nil
}

// compactOnce is one pass; more is true when the keys of the dirty part were too many for it. The caller holds
// compacting.
func (l *Log) compactOnce(ctx context.Context, now time.Time, below int64, report *Compacted) (more bool, err error) {
	if err := l.clearSwap(); err != nil {
		return false, err
	}
	l.mu.Lock()
	err = l.usable()
	sources, o, from := l.compactable(now, below), l.mu.o, max(l.mu.cleaned, l.mu.start)
	l.mu.Unlock()
	if err != nil || len(sources) == 0 {
		return false, err
	}
	limit := sources[len(sources)-1].next
	c := newCompactor(l, o, now, sources)
	end, err := c.collectKeys(ctx, from, limit)
	if err == nil {
		err = c.writeAnew(ctx, end)
	}
	report.add(c)
	if err != nil {
		c.abandon()
		return false, err
	}
	return end < limit, l.cleanedTo(end)
}

func (r *Compacted) add(c *compactor) {
	r.Passes++
	r.Records += c.removed
	r.Bytes += c.shrunk
}

// cleanedTo notes durably that a pass has come to its end. A crash before it repeats the pass, which finds nothing new.
func (l *Log) cleanedTo(end int64) error {
	l.slow.Lock()
	defer l.slow.Unlock()
	l.mu.Lock()
	done := end <= l.mu.cleaned
	l.mu.cleaned = max(l.mu.cleaned, end)
	l.mu.Unlock()
	if done {
		return nil
	}
	return l.writeManifest(false)
}
