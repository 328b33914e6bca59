package parquet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"path"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/parquet-go/parquet-go/format"

	"github.com/weirhub/weir/internal/vfs"
)

// writeBufferBytes gathers the small writes of the footer; pages themselves go through whole.
const writeBufferBytes = 64 << 10

// magic begins and ends a file.
const magic = "PAR1"

// maxGroupBytes ends a row group of wide rows, whose pages wait in memory until then.
const maxGroupBytes = 64 << 20

// file is one Parquet file that is being written (https://github.com/apache/parquet-format#file-format):
//
//	magic
//	row groups       of each column: the dictionary page if there is one, then the data pages
//	column indexes   of each column of each row group: bounds and NULLs per page
//	offset indexes   the same: where its pages lie
//	footer           thrift FileMetaData, then its length in 4 bytes, little endian
//	magic
type file struct {
	fs     vfs.FS
	tmp    string // path of the file under _tmp
	final  string // path that Commit gives it
	f      vfs.File
	buf    *bufio.Writer
	out    *appender
	layout *layout
	chunks []*chunk
	groups []format.RowGroup
	pages  [][]pageIndexes // of the groups' columns
	rows   int64
	group  int64 // rows of the open row group
}

type pageIndexes struct {
	columns *format.ColumnIndex // nil: a page's bounds are unknown
	offsets format.OffsetIndex
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

func createFile(fs vfs.FS, tmp, final string, l *layout, o Options) (*file, error) {
	if err := fs.MkdirAll(path.Dir(tmp)); err != nil {
		return nil, fmt.Errorf("create %s: %w", path.Dir(tmp), err)
	}
	f, err := fs.Create(tmp)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", tmp, err)
	}
	out := &appender{f: f}
	w := &file{fs: fs, tmp: tmp, final: final, f: f, out: out, buf: bufio.NewWriterSize(out, writeBufferBytes), layout: l, chunks: l.chunks(o)}
	_, err = w.buf.WriteString(magic)
	return w, err
}

// write appends the rows of rec (those of sel, or all) from the columns that from names. It keeps nothing of rec.
func (f *file) write(rec arrow.RecordBatch, from []int, sel []int32, rowGroupRows int64) error {
	n := rec.NumRows()
	if sel != nil {
		n = int64(len(sel))
	}
	for i, c := range from {
		if err := f.chunks[i].add(rec.Column(c), sel); err != nil {
			return fmt.Errorf("write %s: column %s: %w", f.tmp, rec.ColumnName(c), err)
		}
	}
	f.rows += n
	if f.group += n; f.group >= rowGroupRows || f.waiting() >= maxGroupBytes {
		if err := f.endGroup(); err != nil {
			return fmt.Errorf("write %s: %w", f.tmp, err)
		}
	}
	return nil
}

// waiting is what the finished pages of the open row group take up.
func (f *file) waiting() (n int64) {
	for _, c := range f.chunks {
		n += c.stored
	}
	return n
}

// written is the position after everything that was written.
func (f *file) written() int64 { return f.out.pos + int64(f.buf.Buffered()) }

// size is what the file has now; values of pages that are not full yet are not in it.
func (f *file) size() int64 { return f.written() + f.waiting() }

// endGroup writes the open row group, if it has rows.
func (f *file) endGroup() error {
	if f.group == 0 {
		return nil
	}
	g := format.RowGroup{NumRows: f.group, FileOffset: f.written(), Ordinal: int16(len(f.groups))}
	var indexes []pageIndexes
	for _, c := range f.chunks {
		if err := f.endChunk(c, &g, &indexes); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	f.groups = append(f.groups, g)
	f.pages = append(f.pages, indexes)
	f.group = 0
	return nil
}

func (f *file) endChunk(c *chunk, g *format.RowGroup, indexes *[]pageIndexes) error {
	dictionary, pages, err := c.end()
	if err != nil {
		return err
	}
	if dictionary != nil {
		c.meta.DictionaryPageOffset = f.written()
		if _, err := f.buf.Write(dictionary); err != nil {
			return err
		}
	}
	c.meta.DataPageOffset = f.written()
	for _, p := range pages {
		if _, err := f.buf.Write(p); err != nil {
			return err
		}
	}
	for i := range c.offsets.PageLocations {
		c.offsets.PageLocations[i].Offset += c.meta.DataPageOffset
	}
	g.TotalByteSize += c.meta.TotalUncompressedSize
	g.TotalCompressedSize += c.meta.TotalCompressedSize
	g.Columns = append(g.Columns, format.ColumnChunk{MetaData: c.meta})
	x := pageIndexes{offsets: c.offsets}
	if index := c.index; !c.noIndex {
		x.columns = &index
	}
	*indexes = append(*indexes, x)
	c.begin()
	return nil
}

// finish writes the footer and makes the file durable under its temporary name.
func (f *file) finish() error {
	err := f.endGroup()
	if err == nil {
		err = f.writeFooter()
	}
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
	f.layout.spare = append(f.layout.spare, f.chunks)
	f.chunks = nil
	return nil
}

func (f *file) writeFooter() error {
	for g, indexes := range f.pages {
		for i, x := range indexes {
			if x.columns == nil {
				continue
			}
			c := &f.groups[g].Columns[i]
			c.ColumnIndexOffset = f.written()
			if err := encode(f.buf, x.columns); err != nil {
				return err
			}
			c.ColumnIndexLength = int32(f.written() - c.ColumnIndexOffset)
		}
	}
	for g, indexes := range f.pages {
		for i := range indexes {
			c := &f.groups[g].Columns[i]
			c.OffsetIndexOffset = f.written()
			if err := encode(f.buf, &indexes[i].offsets); err != nil {
				return err
			}
			c.OffsetIndexLength = int32(f.written() - c.OffsetIndexOffset)
		}
	}
	footer := f.layout.footer
	footer.RowGroups, footer.NumRows = f.groups, f.rows
	var text bytes.Buffer
	if err := encode(&text, &footer); err != nil {
		return err
	}
	end := binary.LittleEndian.AppendUint32(text.Bytes(), uint32(text.Len()))
	_, err := f.buf.Write(append(end, magic...))
	return err
}

// abandon closes the file without making it whole; Open removes it next time.
func (f *file) abandon() error { return f.f.Close() }
