package file

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
)

// Options say what to read and how.
type Options struct {
	// Path is a file or a pattern of path/filepath.Match; each file it matches is a split.
	Path string
	// Format is csv, json (one value a line) or raw (one record a line); "" goes by the name's ending.
	Format string
	// NoHeader: the first record of a csv file is data.
	NoHeader bool
	// Columns are all columns of the files; of csv without a header in order. Nil: inferred from the first file.
	Columns []format.Field
	// Decode tunes the format. Its Header is set here.
	Decode format.Options
	// BatchRows bounds a batch; 0 is DefaultBatchRows.
	BatchRows int
}

// DefaultBatchRows keeps a batch of a dozen columns within a processor's second-level cache.
const DefaultBatchRows = 8192

// Input is a set of files that is ready to be read: found, their format known, their columns known.
type Input struct {
	o     Options
	paths []string
	total int64        // bytes on disk
	read  atomic.Int64 // bytes read from disk, in all tasks

	maxLine, firstBuffer int // the constants, for tests to shrink
}

// Open finds the files and, unless the options declare them, the columns.
func Open(o Options) (*Input, error) {
	if o.BatchRows <= 0 {
		o.BatchRows = DefaultBatchRows
	}
	paths, err := find(o.Path)
	if err != nil {
		return nil, err
	}
	in := &Input{o: o, paths: paths, maxLine: format.MaxLine, firstBuffer: firstBuffer}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, fmt.Errorf("read %s: is a directory: name its files, for example %s", p, filepath.Join(p, "*.csv"))
		}
		in.total += info.Size()
	}
	if in.o.Format == "" {
		if in.o.Format, err = formatOf(paths[0]); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(format.Names(), in.o.Format) {
		return nil, fmt.Errorf("read %s: unknown format %q: use %s", o.Path, o.Format, strings.Join(format.Names(), ", "))
	}
	if in.o.Columns == nil {
		if in.o.Columns, err = in.infer(paths[0]); err != nil {
			return nil, fmt.Errorf("read %s: %w", paths[0], err)
		}
	}
	return in, nil
}

// find gives the files of a path or pattern, sorted. A name that exists is taken as it is, whatever its characters.
func find(path string) ([]string, error) {
	_, err := os.Stat(path)
	if err == nil {
		return []string{path}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	paths, globErr := filepath.Glob(path)
	switch {
	case globErr != nil:
		return nil, fmt.Errorf("read %s: %w", path, globErr)
	case len(paths) > 0:
		return paths, nil
	case strings.ContainsAny(path, "*?["):
		return nil, fmt.Errorf("read %s: no file matches: %w", path, fs.ErrNotExist)
	}
	return nil, fmt.Errorf("read %s: %w", path, fs.ErrNotExist)
}

func formatOf(path string) (string, error) {
	ext := strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz")))
	switch ext {
	case ".csv":
		return "csv", nil
	case ".json", ".jsonl", ".ndjson":
		return "json", nil
	case ".txt", ".log":
		return "raw", nil
	}
	return "", fmt.Errorf("read %s: the name does not tell the format: set it to csv, json or raw", path)
}

// Format is the files' format.
func (in *Input) Format() string { return in.o.Format }

// Paths are the files, sorted.
func (in *Input) Paths() []string { return in.paths }

// Columns are all columns of the files.
func (in *Input) Columns() []format.Field { return in.o.Columns }

// Progress is how many bytes of the files have been read, and how many there are: compressed, for gzip.
func (in *Input) Progress() (read, total int64) { return min(in.read.Load(), in.total), in.total }

func (in *Input) infer(path string) ([]format.Field, error) {
	f, err := openText(path, &atomic.Int64{})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch in.o.Format {
	case "csv":
		return format.InferCSV(f, !in.o.NoHeader, in.o.Decode)
	case "json":
		return format.InferJSON(f)
	}
	return []format.Field{RawLine}, nil
}

// Source makes the source of one task for the fields that the plan asks for: columns of the files by name, and
// metadata (the path as topic, the line as offset, -1 as partition).
func (in *Input) Source(fields []format.Field) func(t stream.Task) (stream.Source, error) {
	return func(t stream.Task) (stream.Source, error) {
		s := &source{in: in, fields: fields}
		for i, p := range in.paths {
			if i%t.Of == t.Index {
				s.paths = append(s.paths, p)
			}
		}
		return s, nil
	}
}

// text is a file's content, decompressed.
type text struct {
	io.Reader
	file    *os.File
	counter *counter
}

func (t *text) Close() error { return t.file.Close() }

// counter counts what is read through it, for itself and for all.
type counter struct {
	r   io.Reader
	own int64
	all *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.add(int64(n))
	return n, err
}

func (c *counter) add(n int64) {
	c.own += n
	c.all.Add(n)
}

// openText opens a file and adds what is read from disk to all.
func openText(path string, all *atomic.Int64) (*text, error) {
	f, err := os.Open(path) //nolint:gosec // the user's file
	if err != nil {
		return nil, err
	}
	c := &counter{r: f, all: all}
	t := &text{Reader: c, file: f, counter: c}
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(c)
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("decompress: %w", err)
		}
		t.Reader = z
	}
	return t, nil
}

// skip passes n bytes of the text: by a seek where the file's bytes are the text's.
func (t *text) skip(n int64) error {
	if t.Reader != io.Reader(t.counter) {
		if _, err := io.CopyN(io.Discard, t.Reader, n); !errors.Is(err, io.EOF) {
			return err
		}
		return errShorter
	}
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < n {
		return errShorter
	}
	t.counter.add(n)
	_, err = t.file.Seek(n, io.SeekStart)
	return err
}

var errShorter = errors.New("the file is shorter than what has been read of it: it was replaced")
