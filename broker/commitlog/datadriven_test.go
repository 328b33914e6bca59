package commitlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

const ddDir = "data/p-0"

// script is the state of one golden file. Its commands, with their arguments:
//
//	open [segment-bytes=N] [interval=N] [retention-bytes=N] [retention=DURATION]
//	append [time=MS] [producer=ID epoch=E seq=N] [txn] [codec=C]   one batch, a record per input line: value, or "MS value";
//	    with [keyed] a line is key=value, key (a tombstone), =value (an empty key) or !value (no key)
//	compact [now=MS], dirt [now=MS]      with open's compact-keys, delete-retention, min-lag, max-lag (ms), dirty-percent
//	marker producer=ID [epoch=E] commit|abort
//	flush, close, kill, crash (all that was not synced is lost), reopen, check, status
//	read offset=N [max=BYTES] [below=N]     time ms=N [below=N]     max-time [below=N]     aborted from=N to=N
//	producers, retain now=MS, delete before=N, truncate to=N, dump [verbose], repair, ls
//	flip file=NAME pos=N, cut file=NAME to=N, rm file=NAME          damage
type script struct {
	fs  *vfs.Mem
	l   *Log
	o   Options
	now int64
}

// Each file tells one story of the log; a reader should learn the behaviour from it alone.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, file string) {
		if filepath.Ext(file) != ".txt" {
			return // the fuzzers' seeds
		}
		s := &script{fs: vfs.NewMem(), now: 1000}
		datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			if err := s.run(t, d, &out); err != nil {
				fmt.Fprintln(&out, "error:", err)
			}
			if out.Len() == 0 {
				return "ok\n"
			}
			return out.String()
		})
		if s.l != nil {
			s.l.closeFiles()
		}
	})
}

// number reads an integer argument or its default.
func number(t *testing.T, d *datadriven.TestData, key string, def int64) int64 {
	t.Helper()
	d.MaybeScanArgs(t, key, &def)
	return def
}

func (s *script) open() (err error) {
	s.o.Now = func() time.Time { return time.UnixMilli(s.now) }
	s.l, err = Open(s.fs, ddDir, s.o)
	return err
}

func (s *script) run(t *testing.T, d *datadriven.TestData, out *strings.Builder) error {
	switch d.Cmd {
	case "open":
		s.o.SegmentBytes = number(t, d, "segment-bytes", 0)
		s.o.IndexIntervalBytes = int(number(t, d, "interval", 0))
		s.o.RetentionBytes = number(t, d, "retention-bytes", 0)
		s.o.Compact = true
		s.o.CompactKeys = int(number(t, d, "compact-keys", 0))
		s.o.DeleteRetention = time.Duration(number(t, d, "delete-retention", 0)) * time.Millisecond
		s.o.MinCompactionLag = time.Duration(number(t, d, "min-lag", 0)) * time.Millisecond
		s.o.MaxCompactionLag = time.Duration(number(t, d, "max-lag", 0)) * time.Millisecond
		s.o.MinDirtyRatio = float64(number(t, d, "dirty-percent", 0)) / 100
		s.o.Retention = time.Duration(number(t, d, "retention", 0)) * time.Millisecond
		return s.open()
	case "reopen":
		return s.open()
	case "kill":
		s.l = nil
		return s.open()
	case "crash":
		s.l, s.fs = nil, s.fs.CrashClone(nil)
		return s.open()
	case "repair":
		r, err := Repair(s.fs, ddDir)
		fmt.Fprintf(out, "gone from offset %d: %v\nset aside: %v\n", r.Offset, r.Cause, r.Moved)
		return err
	case "dump":
		return Dump(out, s.fs, ddDir, d.HasArg("verbose"))
	case "ls":
		return s.list(out)
	case "flip", "cut", "rm":
		return s.damage(t, d)
	}
	if s.l == nil {
		return errors.New("the log is not open")
	}
	if write, ok := map[string]func(*testing.T, *datadriven.TestData, *strings.Builder) error{
		"append": s.append, "marker": s.marker,
	}[d.Cmd]; ok {
		s.now += 1000
		return write(t, d, out)
	}
	return s.command(t, d, out)
}

func (s *script) list(out *strings.Builder) error {
	names, err := s.fs.List(ddDir)
	for _, name := range names {
		st, err := s.fs.Stat(path.Join(ddDir, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s %d\n", name, st.Size)
	}
	return err
}

func (s *script) damage(t *testing.T, d *datadriven.TestData) error {
	var name string
	d.ScanArgs(t, "file", &name)
	name = path.Join(ddDir, name)
	if d.Cmd == "rm" {
		return s.fs.Remove(name)
	}
	f, err := s.fs.OpenReadWrite(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if d.Cmd == "cut" {
		return f.Truncate(number(t, d, "to", 0))
	}
	var b [1]byte
	pos := number(t, d, "pos", 0)
	if _, err := f.ReadAt(b[:], pos); err != nil {
		return err
	}
	b[0] ^= 0x40
	_, err = f.WriteAt(b[:], pos)
	return err
}

func (s *script) append(t *testing.T, d *datadriven.TestData, out *strings.Builder) error {
	var b record.Builder
	codec := "none"
	d.MaybeScanArgs(t, "codec", &codec)
	c, err := record.ParseCodec(codec)
	if err != nil {
		return err
	}
	b.Reset(c)
	if d.HasArg("producer") {
		b.SetProducer(number(t, d, "producer", 0), int16(number(t, d, "epoch", 0)), int32(number(t, d, "seq", 0)), d.HasArg("txn"))
	}
	ms := number(t, d, "time", 0)
	for _, line := range strings.Split(d.Input, "\n") {
		var at int64
		if n, _ := fmt.Sscanf(line, "%d ", &at); n == 1 {
			ms, line = at, line[strings.IndexByte(line, ' ')+1:]
		}
		key, value := []byte(nil), []byte(line)
		if d.HasArg("keyed") {
			key, value = keyed(line)
		}
		b.Add(ms, key, value)
	}
	return s.write(b.Build(), out)
}

// keyed reads key=value.
func keyed(line string) (key, value []byte) {
	if v, ok := strings.CutPrefix(line, "!"); ok {
		return nil, []byte(v)
	}
	k, v, ok := strings.Cut(line, "=")
	if !ok {
		return []byte(k), nil
	}
	return []byte(k), []byte(v)
}

func (s *script) marker(t *testing.T, d *datadriven.TestData, out *strings.Builder) error {
	return s.write(record.EndTxnMarker(number(t, d, "producer", 0), int16(number(t, d, "epoch", 0)), d.HasArg("commit"), 0, 0), out)
}

// write does what a broker does: ask, then append.
func (s *script) write(b record.Batch, out *strings.Builder) error {
	dup, base, err := s.l.Producers().Check(b)
	if err != nil {
		return err
	}
	if dup {
		fmt.Fprintf(out, "duplicate of %d\n", base)
		return nil
	}
	if base, err = s.l.Append(b); err == nil {
		fmt.Fprintf(out, "at %d\n", base)
	}
	return err
}

func (s *script) command(t *testing.T, d *datadriven.TestData, out *strings.Builder) error {
	l := s.l
	below := number(t, d, "below", math.MaxInt64)
	switch d.Cmd {
	case "flush":
		flushed, err := l.Flush()
		fmt.Fprintf(out, "durable to %d\n", flushed)
		return err
	case "close":
		s.l = nil
		return l.Close()
	case "check":
		return l.Check()
	case "status":
		fmt.Fprintf(out, "start %d, durable to %d, next %d, stable to %d, %d bytes\n",
			l.StartOffset(), l.FlushedOffset(), l.NextOffset(), l.LastStableOffset(), l.Size())
		for _, g := range l.Segments() {
			fmt.Fprintf(out, "segment %d to %d: %d bytes, largest time %d, sealed %t\n", g.BaseOffset, g.NextOffset, g.Bytes, g.MaxTimestamp, g.Sealed)
		}
	case "read":
		return s.read(number(t, d, "offset", 0), int(number(t, d, "max", 1)), below, out)
	case "time":
		offset, ts, ok, err := l.OffsetForTime(number(t, d, "ms", 0), below)
		fmt.Fprintf(out, "offset %d time %d found %t\n", offset, ts, ok)
		return err
	case "max-time":
		offset, ts, err := l.MaxTimestamp(below)
		fmt.Fprintf(out, "offset %d time %d\n", offset, ts)
		return err
	case "aborted":
		for _, a := range l.AbortedTxns(number(t, d, "from", 0), number(t, d, "to", 0)) {
			fmt.Fprintf(out, "producer %d offsets %d-%d\n", a.ProducerID, a.FirstOffset, a.LastOffset)
		}
	case "producers":
		for _, p := range l.Producers().List() {
			fmt.Fprintf(out, "producer %d epoch %d: last sequence %d at offset %d, open since %d\n", p.ID, p.Epoch, p.LastSequence, p.LastOffset, p.TxnFirst)
		}
	case "retain":
		n, err := l.Retain(time.UnixMilli(number(t, d, "now", s.now)))
		fmt.Fprintf(out, "deleted %d segments\n", n)
		return err
	case "compact":
		c, err := l.Compact(context.Background(), time.UnixMilli(number(t, d, "now", s.now)), below)
		fmt.Fprintf(out, "passes %d, gone %d records, %d bytes\n", c.Passes, c.Records, c.Bytes)
		return err
	case "dirt":
		x := l.Dirt(time.UnixMilli(number(t, d, "now", s.now)), below)
		fmt.Fprintf(out, "clean %d, dirty %d bytes, due %t\n", x.CleanBytes, x.DirtyBytes, x.Due)
	case "delete":
		return l.DeleteBefore(number(t, d, "before", 0))
	case "truncate":
		return l.TruncateTo(number(t, d, "to", 0))
	default:
		return fmt.Errorf("unknown command %q", d.Cmd)
	}
	return nil
}

func (s *script) read(offset int64, maxBytes int, below int64, out *strings.Builder) error {
	slice, err := s.l.Read(offset, maxBytes, below)
	if err != nil {
		return err
	}
	defer slice.Release()
	fmt.Fprintf(out, "%d bytes\n", slice.Len())
	var r record.Reader
	var rec record.Record
	return slice.Each(func(b record.Batch) error {
		if err := r.Reset(b, 0); err != nil {
			return err
		}
		for r.Next(&rec) {
			value := fmt.Sprintf("%.20s", rec.Value)
			if b.Control() {
				value = "marker"
			}
			fmt.Fprintf(out, "  %d %d %s\n", rec.Offset, rec.Timestamp, value)
		}
		return r.Err()
	})
}
