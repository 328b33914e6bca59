package parquet

import (
	"bufio"
	"fmt"
	"path"

	"github.com/apache/arrow-go/v18/arrow"
	pq "github.com/parquet-go/parquet-go"

	"github.com/weirhub/weir/internal/vfs"
)

// writeBufferBytes gathers the small writes of page headers; pages themselves go through whole.
const writeBufferBytes = 64 << 10

// file is one Parquet file that is being written.
type file struct {
	fs      vfs.FS
	tmp     string // path of the file under _tmp
	final   string // path that Commit gives it
	f       vfs.File
	buf     *bufio.Writer
	out     *appender
	w       *pq.GenericWriter[any]
	columns []*pq.ColumnWriter
	rows    int64
	group   int64 // rows of the open row group
	values  []pq.Value
	arena   []byte
}

// appender writes to the end of a vfs file.
type appender struct {
	f   vfs.File
	pos int64
}

func (a *appender) Write(p []byte) (int, error) {
	n, err := a.f.WriteAt(p, a.pos)
	a.pos += int64(n)
	return n, err
}

func createFile(fs vfs.FS, tmp, final string, schema *pq.Schema, o Options) (*file, error) {
	if err := fs.MkdirAll(path.Dir(tmp)); err != nil {
		return nil, fmt.Errorf("create %s: %w", path.Dir(tmp), err)
	}
	f, err := fs.Create(tmp)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", tmp, err)
	}
	out := &appender{f: f}
	buf := bufio.NewWriterSize(out, writeBufferBytes)
	cfg := []pq.WriterOption{
		schema, pq.Compression(o.codec()), pq.CreatedBy("weir", o.Version, ""), pq.DataPageStatistics(true),
		pq.PageBufferSize(o.PageBytes), pq.DictionaryMaxBytes(maxDictionaryBytes),
	}
	for k, v := range o.KeyValues {
		cfg = append(cfg, pq.KeyValueMetadata(k, v))
	}
	w := pq.NewGenericWriter[any](buf, cfg...)
	return &file{fs: fs, tmp: tmp, final: final, f: f, buf: buf, out: out, w: w, columns: w.ColumnWriters()}, nil
}

// maxDictionaryBytes ends a dictionary that does not pay: beyond it the column goes on without one.
const maxDictionaryBytes = 1 << 20

// write appends the rows of rec (those of sel, or all) from the columns that from names.
func (f *file) write(rec arrow.RecordBatch, from []int, sel []int32, rowGroupRows int64) error {
	n := rec.NumRows()
	if sel != nil {
		n = int64(len(sel))
	}
	for i, c := range from {
		var err error
		if f.values, f.arena, err = appendValues(f.values[:0], f.arena[:0], rec.Column(c), sel, i); err != nil {
			return fmt.Errorf("column %s: %w", rec.ColumnName(c), err)
		}
		if _, err := f.columns[i].WriteRowValues(f.values); err != nil {
			return fmt.Errorf("write %s: column %s: %w", f.tmp, rec.ColumnName(c), err)
		}
	}
	clear(f.values) // the values alias the batch, which its owner releases
	f.rows += n
	if f.group += n; f.group >= rowGroupRows {
		f.group = 0
		if err := f.w.Flush(); err != nil {
			return fmt.Errorf("write %s: %w", f.tmp, err)
		}
	}
	return nil
}

// size is what has reached the file so far; pages of the open row group are not in it yet.
func (f *file) size() int64 { return f.out.pos + int64(f.buf.Buffered()) }

// finish writes the footer and makes the file durable under its temporary name.
func (f *file) finish() error {
	err := f.w.Close()
	if err == nil {
		err = f.buf.Flush()
	}
	if err == nil {
		err = f.f.Sync()
	}
	if cerr := f.f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("finish %s: %w", f.tmp, err)
	}
	return nil
}

// abandon closes the file without making it whole; Open removes it next time.
func (f *file) abandon() error { return f.f.Close() }
