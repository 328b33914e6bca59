package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
)

// RawLine is the column of a raw file.
var RawLine = format.Field{Name: "line", Type: arrow.BinaryTypes.String}

const (
	// firstBuffer is what is read at a time: large enough that the calls do not count, small enough for a cache.
	firstBuffer = 1 << 20
	// maxBad bounds the bad records of one batch, which are held in memory.
	maxBad = 1000
	// keptOfLongLine is how much of a line beyond format.MaxLine goes to the dead letters: enough to recognise it.
	keptOfLongLine = 1024
)

// source reads the files of one task one after another.
type source struct {
	in     *Input
	fields []format.Field
	paths  []string
	from   map[string]stream.Position
	split  *split // the open file; nil between files
}

func (s *source) Open(_ context.Context, from []stream.Position) error {
	s.from = map[string]stream.Position{}
	for _, p := range from {
		s.from[p.Split] = p
	}
	return nil
}

func (s *source) Read(ctx context.Context) (stream.Batch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return stream.Batch{}, err
		}
		if s.split == nil {
			if len(s.paths) == 0 {
				return stream.Batch{}, io.EOF
			}
			path := s.paths[0]
			s.paths = s.paths[1:]
			sp, err := s.in.open(path, s.fields, s.from[path])
			if err != nil {
				return stream.Batch{}, fmt.Errorf("read %s: %w", path, err)
			}
			s.split = sp
		}
		before := s.split.pos
		b, err := s.split.read(s.in.o.BatchRows)
		if errors.Is(err, io.EOF) {
			err = s.closeSplit()
			if b.Pos != before || b.Rec != nil || len(b.Bad) > 0 {
				return b, err
			}
		}
		if err != nil {
			return stream.Batch{}, fmt.Errorf("read %s: %w", before.Split, err)
		}
		if b.Rec != nil || len(b.Bad) > 0 {
			return b, nil
		}
	}
}

func (s *source) closeSplit() error {
	if s.split == nil {
		return nil
	}
	s.split.d.Close()
	err := s.split.text.Close()
	s.split = nil
	return err
}

func (s *source) Close() error { return s.closeSplit() }

// split is one file that is being read.
type split struct {
	in      *Input
	text    *text
	d       *format.Decoder
	pos     stream.Position
	modTime int64 // ms: the timestamp of bad records, the same at each run
	buf     []byte
	unread  []byte // part of buf
	eof     bool
	tooLong bool // in a line beyond MaxLine, up to its end
}

// open opens a file at a position of an earlier run, or at its start.
func (in *Input) open(path string, fields []format.Field, at stream.Position) (*split, error) {
	t, err := openText(path, &in.read)
	if err != nil {
		return nil, err
	}
	s := &split{in: in, text: t, pos: stream.Position{Split: path}, buf: make([]byte, in.firstBuffer)}
	if err := s.begin(fields, at); err != nil {
		_ = t.Close()
		return nil, err
	}
	return s, nil
}

func (s *split) begin(fields []format.Field, at stream.Position) error {
	info, err := s.text.file.Stat()
	if err != nil {
		return err
	}
	s.modTime = info.ModTime().UnixMilli()
	o := s.in.o.Decode
	if err := s.fill(); err != nil {
		return err
	}
	if n := len(s.unread) - len(format.WithoutBOM(s.unread)); n > 0 {
		s.advance(format.Step{Bytes: n})
	}
	if s.in.o.Format == "csv" {
		if o.Header, err = s.header(); err != nil {
			return err
		}
		if o.Header == nil { // an empty file, perhaps with a byte order mark: its columns do not matter
			o.Header = names(fields)
		}
	}
	if s.d, err = format.NewDecoder(s.in.o.Format, rawValues(s.in.o.Format, fields), o); err != nil {
		return err
	}
	if at.Offset > s.pos.Offset {
		return s.seek(at)
	}
	return nil
}

// header reads the names of a csv file's columns, or takes the declared ones.
func (s *split) header() ([]string, error) {
	if s.in.o.NoHeader {
		return names(s.in.o.Columns), nil
	}
	for {
		names, step, err := format.CSVHeader(s.unread, s.eof, s.in.o.Decode)
		if err != nil || step.Bytes > 0 || s.eof {
			s.advance(step)
			return names, err
		}
		if len(s.unread) >= s.in.maxLine {
			return nil, fmt.Errorf("header: longer than %d bytes", s.in.maxLine)
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

func names(fields []format.Field) []string {
	var out []string
	for _, f := range fields {
		if f.Source != format.FromValue {
			continue
		}
		name := f.Name
		if len(f.Path) > 0 {
			name = f.Path[0]
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// rawValues lets a raw file's column have any name.
func rawValues(name string, fields []format.Field) []format.Field {
	if name != "raw" {
		return fields
	}
	out := slices.Clone(fields)
	for i := range out {
		if out[i].Source == format.FromValue {
			out[i].Source = format.FromRawValue
		}
	}
	return out
}

// seek goes on where an earlier run stood.
func (s *split) seek(at stream.Position) error {
	if err := s.text.Close(); err != nil {
		return err
	}
	s.in.read.Add(-s.text.counter.own)
	t, err := openText(at.Split, &s.in.read)
	if err != nil {
		return err
	}
	s.text, s.unread, s.eof, s.pos = t, nil, false, at
	return t.skip(at.Offset)
}

// fill reads more text behind what is unread.
func (s *split) fill() error {
	if s.eof {
		return nil
	}
	if len(s.unread) == len(s.buf) {
		s.buf = append(make([]byte, 0, 2*len(s.buf)), s.unread...)
		s.buf = s.buf[:cap(s.buf)]
	} else {
		copy(s.buf, s.unread)
	}
	n := len(s.unread)
	for n < len(s.buf) && !s.eof {
		m, err := s.text.Read(s.buf[n:])
		n += m
		if errors.Is(err, io.EOF) {
			s.eof = true
		} else if err != nil {
			return err
		}
	}
	s.unread = s.buf[:n]
	return nil
}

func (s *split) advance(step format.Step) {
	s.unread = s.unread[step.Bytes:]
	s.pos.Offset += int64(step.Bytes)
	s.pos.Line += int64(step.Lines)
}

// read decodes up to about limit rows. io.EOF comes with the last of them.
func (s *split) read(limit int) (stream.Batch, error) {
	var end error
	for s.d.Rows() < limit && s.d.Bytes() < 4*firstBuffer && s.d.Bad() < maxBad {
		var step format.Step
		var err error
		if s.tooLong {
			step = s.restOfLine()
		} else if step, err = s.d.DecodeNext(s.unread, s.eof, s.pos.Split, s.pos.Line+1); err != nil {
			return stream.Batch{}, err
		}
		if step.Bytes > 0 {
			s.advance(step)
			continue
		}
		if s.eof {
			end = io.EOF
			break
		}
		if len(s.unread) >= s.in.maxLine && !s.tooLong {
			s.giveUpLine()
			continue
		}
		if err := s.fill(); err != nil {
			return stream.Batch{}, err
		}
	}
	b := stream.Batch{Pos: s.pos}
	b.Rec, b.Bad = s.d.Take()
	for i := range b.Bad {
		b.Bad[i].Timestamp = s.modTime
	}
	return b, end
}

// giveUpLine ends the attempt to read a record that is too long: its first line is passed over.
func (s *split) giveUpLine() {
	r := record.Record{Offset: s.pos.Line + 1, Value: s.unread[:min(keptOfLongLine, len(s.unread))]}
	s.d.Reject(&r, s.pos.Split, -1, fmt.Sprintf("record of more than %d bytes", s.in.maxLine))
	s.tooLong = true
}

func (s *split) restOfLine() format.Step {
	if i := bytes.IndexByte(s.unread, '\n'); i >= 0 {
		s.tooLong = false
		return format.Step{Bytes: i + 1, Lines: 1}
	}
	return format.Step{Bytes: len(s.unread)}
}
