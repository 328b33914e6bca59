package parquet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// Defaults of Options.
const (
	DefaultRollBytes    = 128 << 20
	DefaultRowGroupRows = 1 << 20
	DefaultPageBytes    = 256 << 10
	// DefaultMaxOpenFiles bounds open files, each with a page buffer per column: late rows keep their file open instead of
	// cutting a new one, until so many partitions are active at once that the largest is closed early.
	DefaultMaxOpenFiles = 64
)

// tmpDir holds files that are not published yet.
const tmpDir = "_tmp"

// Options say where and how a Sink writes. Zero values take the defaults above.
type Options struct {
	FS          vfs.FS
	Dir         string   // the table's folder
	Name        string   // of the pipeline; names of files begin with it, so that two pipelines may share a folder
	PartitionBy []string // columns that become folders, in order; they are not in the files
	Compression string   // "zstd" (default), "snappy", "gzip", "none"
	// A file is closed when it reaches RollBytes or RollRows; it is published, as every file, by the next checkpoint.
	RollBytes    int64
	RollRows     int64 // 0: no limit
	RowGroupRows int64
	PageBytes    int
	MaxOpenFiles int
	Version      string            // of this program, for the file's footer
	KeyValues    map[string]string // more for the footer
}

func (o Options) withDefaults() Options {
	set := func(dst *int64, def int64) {
		if *dst <= 0 {
			*dst = def
		}
	}
	set(&o.RollBytes, DefaultRollBytes)
	set(&o.RowGroupRows, DefaultRowGroupRows)
	if o.PageBytes <= 0 {
		o.PageBytes = DefaultPageBytes
	}
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = DefaultMaxOpenFiles
	}
	return o
}

func (o Options) codec() compress.Codec {
	switch o.Compression {
	case "snappy":
		return &pq.Snappy
	case "gzip":
		return &pq.Gzip
	case "none":
		return &pq.Uncompressed
	}
	return &pq.Zstd
}

// Sink is a stream.Sink that writes one task's rows. Rows of a batch with Changes other than inserts are refused: a
// Parquet file cannot take a row back.
type Sink struct {
	o       Options
	task    stream.Task
	metrics Metrics

	layout   *layout
	from     []int // columns of the batch that go into files
	by       []int // columns that become folders
	open     map[string]*file
	finished []published
	seq      int
	nonce    string
}

// Metrics takes counts of what a sink wrote; *stream.NodeMetrics is one.
type Metrics interface{ AddBytes(n int) }

// published is one file of a Pending: rename Tmp to Final, both relative to the table's folder.
type published struct {
	Tmp   string `json:"tmp"`
	Final string `json:"final"`
	Size  int64  `json:"size"`
	Rows  int64  `json:"rows"`
}

// NewSink makes the sink of one task. nonce is different in each process, so that a name is never used twice.
func NewSink(o Options, t stream.Task, nonce string, m Metrics) *Sink {
	return &Sink{o: o.withDefaults(), task: t, nonce: nonce, metrics: m, open: map[string]*file{}}
}

// Open makes the table's folder and removes what earlier attempts of this task left unpublished (P3).
func (s *Sink) Open(context.Context) error {
	dir := path.Join(s.o.Dir, tmpDir)
	if err := vfs.MkdirDurable(s.o.FS, dir); err != nil {
		return fmt.Errorf("open table %s: %w", s.o.Dir, err)
	}
	names, err := s.o.FS.List(dir)
	if err != nil {
		return fmt.Errorf("open table %s: %w", s.o.Dir, err)
	}
	for _, n := range names {
		if s.mine(n) {
			if err := s.o.FS.Remove(path.Join(dir, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove unpublished %s: %w", n, err)
			}
		}
	}
	return nil
}

// mine reports temporary files of this pipeline that this task looks after; task 0 also those of tasks that are no more.
func (s *Sink) mine(name string) bool {
	rest, ok := strings.CutPrefix(name, s.o.Name+"-t")
	if !ok {
		return false
	}
	var task int
	if _, err := fmt.Sscanf(rest, "%d-", &task); err != nil {
		return false
	}
	return task == s.task.Index || s.task.Index == 0 && task >= s.task.Of
}

// Write appends the rows to the files of their partitions.
func (s *Sink) Write(_ context.Context, b stream.Batch) error {
	if b.Rows() == 0 {
		return nil
	}
	for _, op := range b.Ops {
		if op != stream.Insert {
			return fmt.Errorf("write table %s: a %s row reached a Parquet table, which takes inserts only", s.o.Dir, op)
		}
	}
	if s.layout == nil {
		if err := s.plan(b.Rec.Schema()); err != nil {
			return err
		}
	}
	parts, err := s.split(b.Rec)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := s.writePart(b.Rec, p); err != nil {
			return err
		}
	}
	return nil
}

// plan derives from the first batch which columns are folders and which stand in files.
func (s *Sink) plan(schema *arrow.Schema) error {
	isFolder := map[int]bool{}
	for _, name := range s.o.PartitionBy {
		at := schema.FieldIndices(name)
		if len(at) != 1 {
			return fmt.Errorf("partition table %s: the rows have no column %q", s.o.Dir, name)
		}
		isFolder[at[0]] = true
		s.by = append(s.by, at[0])
	}
	var fields []arrow.Field
	for i, f := range schema.Fields() {
		if !isFolder[i] {
			s.from = append(s.from, i)
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 {
		return fmt.Errorf("partition table %s: every column is a folder, none is left for the files", s.o.Dir)
	}
	var err error
	if s.layout, err = newLayout(arrow.NewSchema(fields, nil), s.o); err != nil {
		return fmt.Errorf("table %s: %w", s.o.Dir, err)
	}
	return nil
}

func (s *Sink) writePart(rec arrow.RecordBatch, p part) error {
	f := s.open[p.folder]
	if f == nil {
		if len(s.open) >= s.o.MaxOpenFiles {
			if err := s.closeLargest(); err != nil {
				return err
			}
		}
		var err error
		if f, err = s.create(p.folder); err != nil {
			return err
		}
		s.open[p.folder] = f
	}
	before := f.size()
	if err := f.write(rec, s.from, p.rows, s.o.RowGroupRows); err != nil {
		return err
	}
	if s.metrics != nil {
		s.metrics.AddBytes(int(f.size() - before))
	}
	if f.size() >= s.o.RollBytes || s.o.RollRows > 0 && f.rows >= s.o.RollRows {
		return s.closeFile(p.folder)
	}
	return nil
}

// create starts a file. Its temporary name holds the task, so that Open finds it; its final name holds what makes it
// unique for ever (P2).
func (s *Sink) create(folder string) (*file, error) {
	s.seq++
	name := fmt.Sprintf("%s-t%d-%s-%06d", s.o.Name, s.task.Index, s.nonce, s.seq)
	tmp := path.Join(s.o.Dir, tmpDir, name+".inprogress")
	return createFile(s.o.FS, tmp, path.Join(s.o.Dir, folder, name+".parquet"), s.layout, s.o)
}

func (s *Sink) closeLargest() error {
	var largest string
	var size int64 = -1
	for folder, f := range s.open {
		if f.size() > size {
			largest, size = folder, f.size()
		}
	}
	return s.closeFile(largest)
}

func (s *Sink) closeFile(folder string) error {
	f := s.open[folder]
	delete(s.open, folder)
	before := f.size()
	if err := f.finish(); err != nil {
		return err
	}
	if s.metrics != nil {
		s.metrics.AddBytes(int(f.size() - before))
	}
	rel := func(p string) string { return strings.TrimPrefix(strings.TrimPrefix(p, s.o.Dir), "/") }
	s.finished = append(s.finished, published{rel(f.tmp), rel(f.final), f.size(), f.rows})
	return nil
}

// Prepare closes and syncs every file of the checkpoint; nothing is visible yet.
func (s *Sink) Prepare(_ context.Context, _ stream.CheckpointID, _ bool) (stream.Pending, error) {
	for folder := range s.open {
		if err := s.closeFile(folder); err != nil {
			return nil, err
		}
	}
	if len(s.finished) == 0 {
		return nil, nil
	}
	if err := s.o.FS.SyncDir(path.Join(s.o.Dir, tmpDir)); err != nil {
		return nil, fmt.Errorf("prepare table %s: %w", s.o.Dir, err)
	}
	p, err := json.Marshal(s.finished)
	if err != nil {
		return nil, fmt.Errorf("prepare table %s: %w", s.o.Dir, err)
	}
	s.finished = nil
	return p, nil
}

// Commit renames the prepared files to their places. A file that stands there already was renamed before a crash. One
// that stands nowhere was published and has been taken away since (P5): a program that loads files and removes them, or a
// user who removed the table. The checkpoint names it until there is a next one, which may take days.
func (s *Sink) Commit(_ context.Context, p stream.Pending) error {
	if len(p) == 0 {
		return nil
	}
	var files []published
	if err := json.Unmarshal(p, &files); err != nil {
		return fmt.Errorf("publish in table %s: read prepared files: %w", s.o.Dir, err)
	}
	dirs := map[string]bool{}
	for _, f := range files {
		if err := s.publish(f, dirs); err != nil {
			return err
		}
	}
	for d := range dirs {
		if err := s.o.FS.SyncDir(d); err != nil {
			return fmt.Errorf("publish in table %s: %w", s.o.Dir, err)
		}
	}
	return nil
}

// publish renames one file and adds its folder to those that are to be synced.
func (s *Sink) publish(f published, dirs map[string]bool) error {
	final, tmp := path.Join(s.o.Dir, f.Final), path.Join(s.o.Dir, f.Tmp)
	dir := path.Dir(final)
	info, err := s.o.FS.Stat(final)
	if err == nil {
		if info.Size != f.Size {
			return fmt.Errorf("publish %s: it is there with %d bytes, not the %d that were committed", final, info.Size, f.Size)
		}
		dirs[dir] = true
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, terr := s.o.FS.Stat(tmp); errors.Is(terr, fs.ErrNotExist) {
			return nil
		}
	}
	if !dirs[dir] { // made before the rename: a folder that vanishes takes its file with it
		if err := vfs.MkdirDurable(s.o.FS, dir); err != nil {
			return fmt.Errorf("publish %s: %w", final, err)
		}
		dirs[dir] = true
	}
	if err := s.o.FS.Rename(tmp, final); err != nil {
		return fmt.Errorf("publish %s: %w", final, err)
	}
	return nil
}

// Close drops what was not prepared.
func (s *Sink) Close() error {
	var errs []error
	for folder, f := range s.open {
		errs = append(errs, f.abandon())
		delete(s.open, folder)
	}
	return errors.Join(errs...)
}
