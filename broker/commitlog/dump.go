package commitlog

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// Dump writes what lies in a log's directory as text, without recovering or changing anything: the manifest, each
// segment with its batches, and with verbose their records. Damage is shown where it stands.
func Dump(w io.Writer, fsys vfs.FS, dir string, verbose bool) error {
	l := &Log{fs: fsys, dir: dir}
	names, err := fsys.List(dir)
	if err != nil {
		return fmt.Errorf("dump %s: %w", dir, err)
	}
	p := &printer{w: w}
	sparse := l.dumpManifest(p)
	if durable, ok := l.readHint(); ok {
		p.printf("%s durable=%d\n", hintName, durable)
	}
	for _, offset := range basesOf(names, suffixSnapshot) {
		l.dumpSnapshot(p, offset)
	}
	for _, base := range basesOf(names, suffixLog) {
		if err := l.dumpSegment(p, base, sparse, verbose); err != nil {
			return fmt.Errorf("dump %s: %w", dir, err)
		}
	}
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// dumpManifest also tells below which offset some may be missing: anywhere, when there is no manifest to ask.
func (l *Log) dumpManifest(p *printer) (sparse int64) {
	b, err := readFile(l.fs, l.file(manifestName))
	if err == nil && b == nil {
		return math.MaxInt64
	}
	m := &manifest{}
	if err == nil {
		m, err = decodeManifest(b)
	}
	if err != nil {
		p.printf("%s damaged: %v\n", manifestName, err)
		return math.MaxInt64
	}
	p.printf("%s clean=%t first=%d start=%d durable=%d", manifestName, m.clean, m.first, m.start, m.durable)
	if m.cleaned > 0 || m.sparse > 0 {
		p.printf(" cleaned=%d sparse=%d", m.cleaned, m.sparse)
	}
	if m.swapping {
		p.printf(" swapping=%d", m.swap)
	}
	p.printf("\n")
	for _, s := range m.segments {
		p.printf("  segment %d to %d: %d bytes, largest time %d at %d\n", s.base, s.next, s.size, s.maxTime, s.maxAt)
	}
	return m.sparse
}

func (l *Log) dumpSnapshot(p *printer, offset int64) {
	name := fileName(offset, suffixSnapshot)
	s, err := l.readSnapshot(offset)
	if err != nil {
		p.printf("%s damaged: %v\n", name, err)
		return
	}
	p.printf("%s\n", name)
	for _, i := range s.List() {
		p.printf("  producer %d epoch %d: last sequence %d at offset %d, open since %d\n", i.ID, i.Epoch, i.LastSequence, i.LastOffset, i.TxnFirst)
	}
}

func (l *Log) dumpSegment(p *printer, base, sparse int64, verbose bool) error {
	f, err := l.fs.Open(l.path(base, suffixLog))
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	p.printf("%s %d bytes\n", fileName(base, suffixLog), size)
	v := newVerifier(f, size, sparse)
	for pos, next := int64(0), base; pos < size; {
		b, err := v.next(pos, next)
		if errors.Is(err, record.ErrCorrupt) {
			p.printf("  @%d damaged: %v\n", pos, err)
			return nil
		}
		if err != nil {
			return err
		}
		n := b.Size()
		p.batch(pos, b)
		if verbose || b.Control() {
			whole, err := readBatch(f, pos, n, nil)
			if err != nil {
				return err
			}
			p.records(whole)
		}
		pos, next = pos+int64(n), b.LastOffset()+1
	}
	txns, err := readFile(l.fs, l.path(base, suffixTxn))
	if err == nil && txns != nil {
		p.txns(txns)
	}
	return err
}

func (p *printer) batch(pos int64, b record.Batch) {
	p.printf("  @%d offsets %d-%d: %d records, %d bytes, %s, time %d-%d", pos, b.BaseOffset(), b.LastOffset(), b.Count(), b.Size(),
		b.Codec(), b.BaseTimestamp(), b.MaxTimestamp())
	if b.ProducerID() >= 0 {
		p.printf(", producer %d epoch %d", b.ProducerID(), b.ProducerEpoch())
	}
	if b.BaseSequence() >= 0 {
		first, last := b.Sequences()
		p.printf(" sequence %d-%d", first, last)
	}
	if b.Transactional() {
		p.printf(", transactional")
	}
	if b.Control() {
		p.printf(", control")
	}
	if at, ok := b.DeleteHorizon(); ok {
		p.printf(", delete horizon %d", at)
	}
	p.printf("\n")
}

func (p *printer) records(b record.Batch) {
	var r record.Reader
	var rec record.Record
	if err := r.Reset(b, 0); err != nil {
		p.printf("    damaged: %v\n", err)
		return
	}
	for r.Next(&rec) {
		if t, ok := record.ControlType(rec.Key); ok && b.Control() {
			p.printf("    %d: %s\n", rec.Offset, map[int16]string{0: "abort", 1: "commit"}[t])
			continue
		}
		p.printf("    %d time %d key %s value %s", rec.Offset, rec.Timestamp, quoted(rec.Key), quoted(rec.Value))
		err := rec.EachHeader(func(h record.Header) error {
			p.printf(" %q=%s", h.Key, quoted(h.Value))
			return nil
		})
		if err != nil {
			p.printf(" damaged headers: %v", err)
		}
		p.printf("\n")
	}
	if err := r.Err(); err != nil {
		p.printf("    damaged: %v\n", err)
	}
}

func (p *printer) txns(b []byte) {
	txns, err := decodeTxns(b)
	if err != nil {
		p.printf("  damaged transaction index: %v\n", err)
	}
	for _, t := range txns {
		p.printf("  aborted: producer %d, offsets %d-%d, stable %d\n", t.ProducerID, t.FirstOffset, t.LastOffset, t.StableOffset)
	}
}

func quoted(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}
