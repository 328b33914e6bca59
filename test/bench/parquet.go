package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	pq "github.com/parquet-go/parquet-go"

	weir "github.com/weirhub/weir/etl/parquet"
	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// rowGroupRows is the same for all writers.
const rowGroupRows = 1 << 17

// table holds the same rows twice: as Go structs for parquet-go, as columns for the others.
type table struct {
	rows    int
	structs []click
	columns []arrow.RecordBatch
}

func newTable(rows int) (*table, error) {
	values := clicks(rows)
	t := &table{rows: rows, structs: make([]click, rows)}
	for i, v := range values {
		c := &t.structs[i]
		if err := json.Unmarshal(v, c); err != nil {
			return nil, err
		}
		at, err := time.Parse(time.RFC3339, c.TS)
		if err != nil {
			return nil, err
		}
		c.Millis = at.UnixMilli()
	}
	err := decodeAll(clickFields(), batches(values), func(rec arrow.RecordBatch) { t.columns = append(t.columns, rec) })
	return t, err
}

// counter takes bytes and keeps their number.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// sinkFS is a file system whose new files keep nothing, so that all writers write to nowhere.
type sinkFS struct {
	vfs.FS
	written int64
}

func (s *sinkFS) Create(string) (vfs.File, error) { return &nowhere{fs: s}, nil }

type nowhere struct {
	fs *sinkFS
	n  int64
}

func (n *nowhere) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }
func (n *nowhere) WriteAt(p []byte, at int64) (int, error) {
	n.n = max(n.n, at+int64(len(p)))
	n.fs.written += int64(len(p))
	return len(p), nil
}
func (n *nowhere) Close() error         { return nil }
func (n *nowhere) Size() (int64, error) { return n.n, nil }
func (n *nowhere) Truncate(int64) error { return nil }
func (n *nowhere) Sync() error          { return nil }
func (n *nowhere) Fd() (uintptr, bool)  { return 0, false }

// writeWeir is the sink as a pipeline calls it, one file without partitions.
func writeWeir(ctx context.Context, compression string, feed func(write func(arrow.RecordBatch) error) error) (int64, error) {
	fs := &sinkFS{FS: vfs.NewMem()}
	s := weir.NewSink(weir.Options{
		FS: fs, Dir: "/lake", Name: "clicks", Compression: compression, RowGroupRows: rowGroupRows,
	}, stream.Task{Of: 1}, "bench", nil)
	if err := s.Open(ctx); err != nil {
		return 0, err
	}
	if err := feed(func(rec arrow.RecordBatch) error { return s.Write(ctx, stream.Batch{Rec: rec}) }); err != nil {
		return 0, err
	}
	if _, err := s.Prepare(ctx, 1, true); err != nil {
		return 0, err
	}
	return fs.written, s.Close()
}

func (t *table) writeWeir(ctx context.Context, compression string) (int64, error) {
	return writeWeir(ctx, compression, func(write func(arrow.RecordBatch) error) error {
		for _, rec := range t.columns {
			if err := write(rec); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeStructs is parquet-go as its documentation shows it, with the options of the codec.
func (t *table) writeStructs(codec pq.WriterOption) (int64, error) {
	out := &counter{}
	w := pq.NewGenericWriter[click](out, codec, pq.MaxRowsPerRowGroup(rowGroupRows))
	for i := 0; i < len(t.structs); i += 1024 {
		if _, err := w.Write(t.structs[i:min(i+1024, len(t.structs))]); err != nil {
			return 0, err
		}
	}
	err := w.Close()
	return out.n, err
}

// writeArrow is arrow-go's writer from the same columns as Weir's; with dictionaries for the columns that parquet-go's
// struct names, or for none.
func (t *table) writeArrow(codec compress.Compression, dictionaries bool) (int64, error) {
	out := &counter{}
	props := []parquet.WriterProperty{
		parquet.WithCompression(codec), parquet.WithDictionaryDefault(false), parquet.WithMaxRowGroupLength(rowGroupRows),
	}
	if dictionaries {
		for _, name := range []string{"type", "url", "referrer", "country", "city", "os"} {
			props = append(props, parquet.WithDictionaryFor(name, true))
		}
	}
	w, err := pqarrow.NewFileWriter(t.columns[0].Schema(), out, parquet.NewWriterProperties(props...), pqarrow.DefaultWriterProps())
	if err != nil {
		return 0, err
	}
	for _, rec := range t.columns {
		if err := w.WriteBuffered(rec); err != nil {
			return 0, err
		}
	}
	err = w.Close()
	return out.n, err
}

// decodeAndWrite is the whole way from record batches to a file.
func decodeAndWrite(ctx context.Context, in []record.Batch) (int64, error) {
	return writeWeir(ctx, "zstd", func(write func(arrow.RecordBatch) error) error {
		var failed error
		err := decodeAll(clickFields(), in, func(rec arrow.RecordBatch) {
			failed = errors.Join(failed, write(rec))
			rec.Release()
		})
		return errors.Join(err, failed)
	})
}

// unmarshalAndWrite is the same with the standard library; the times go as they stand, unparsed.
func unmarshalAndWrite(values [][]byte) (int64, error) {
	out := &counter{}
	w := pq.NewGenericWriter[click](out, pq.Compression(&pq.Zstd), pq.MaxRowsPerRowGroup(rowGroupRows))
	some := make([]click, 0, 1024)
	for _, v := range values {
		some = append(some, click{})
		if err := json.Unmarshal(v, &some[len(some)-1]); err != nil {
			return 0, err
		}
		if len(some) == cap(some) {
			if _, err := w.Write(some); err != nil {
				return 0, err
			}
			some = some[:0]
		}
	}
	if _, err := w.Write(some); err != nil {
		return 0, err
	}
	err := w.Close()
	return out.n, err
}

func runParquet(ctx context.Context, b *bench) (report, error) {
	rows := 400_000
	if b.quick {
		rows = 100_000
	}
	b.progress("Parquet: %d rows of 14 columns", rows)
	t, err := newTable(rows)
	if err != nil {
		return report{}, err
	}
	var all []contender
	var codecs []string
	bytes := map[string]int64{}
	add := func(codec, name string, f func() (int64, error)) {
		key := codec + " " + name
		codecs = append(codecs, codec)
		all = append(all, contender{name, func() error {
			n, err := f()
			bytes[key] = n
			return err
		}})
	}
	for _, c := range []struct {
		name  string
		pq    pq.WriterOption
		arrow compress.Compression
	}{
		{"zstd", pq.Compression(&pq.Zstd), compress.Codecs.Zstd},
		{"snappy", pq.Compression(&pq.Snappy), compress.Codecs.Snappy},
		{"none", pq.Compression(&pq.Uncompressed), compress.Codecs.Uncompressed},
	} {
		add(c.name, "Weir's sink, from Arrow columns", func() (int64, error) { return t.writeWeir(ctx, c.name) })
		add(c.name, "parquet-go GenericWriter, from structs", func() (int64, error) { return t.writeStructs(c.pq) })
		add(c.name, "arrow-go pqarrow, from Arrow columns", func() (int64, error) { return t.writeArrow(c.arrow, true) })
		add(c.name, "arrow-go pqarrow, no dictionaries", func() (int64, error) { return t.writeArrow(c.arrow, false) })
	}
	values := clicks(rows)
	in := batches(values)
	add("zstd, from JSON", "Weir's decoder and sink", func() (int64, error) { return decodeAndWrite(ctx, in) })
	add("zstd, from JSON", "encoding/json, parquet-go GenericWriter", func() (int64, error) { return unmarshalAndWrite(values) })
	got, err := b.rowsPerCPUSecond(ctx, rows, all)
	if err != nil {
		return report{}, err
	}
	r := report{
		page: "parquet-writer.md", title: "Parquet writer",
		head: []string{"compression", "writer", "rows per CPU second", "Weir's beside it", "bytes a row"},
		note: fmt.Sprintf("%s rows of 14 columns in one file, written to nowhere; medians of %d rounds [lowest-highest], one processor, garbage collection included.", grouped(float64(rows)), b.rounds),
	}
	var own float64
	for i, c := range all {
		m := median(got[i])
		beside := "1"
		if i > 0 && codecs[i] == codecs[i-1] {
			beside = ratio(own, m)
		} else {
			own = m
		}
		r.rows = append(r.rows, []string{codecs[i], c.name, spread(got[i], grouped), beside, decimals(1)(float64(bytes[codecs[i]+" "+c.name]) / float64(rows))})
	}
	return r, nil
}
