package format

import (
	"bytes"
	"fmt"

	"github.com/weirhub/weir/internal/record"
)

// Step is what DecodeNext has used of a text.
type Step struct {
	Bytes int // 0: the text does not hold a whole record yet
	Lines int // lines that ended within Bytes; the last line of a file counts without its line end
}

// DecodeNext decodes the record at the start of a file's text v: a line, or for csv as many lines as its quotes span.
// Without atEOF v may go on. It is for files: path and line (the number of the record's first line, from 1) go into bad
// records and metadata columns.
//
// A CSV record whose quoting is broken costs its first line only, and so does one that spans lines and has the wrong
// number of fields, since most likely a quote was left open: the lines after it are read as records of their own.
func (d *Decoder) DecodeNext(v []byte, atEOF bool, path string, line int64) (Step, error) {
	d.scratch = record.Record{Offset: line}
	if len(v) == 0 {
		return Step{}, nil
	}
	c, ok := d.values.(*csvDecoder)
	if !ok || c.skips(v) {
		s, whole := firstLine(v, atEOF)
		if !whole {
			return Step{}, nil
		}
		d.scratch.Value = withoutLineEnd(v[:s.Bytes])
		if c != nil || d.values != nil && len(d.scratch.Value) == 0 {
			return s, nil // an empty line, or a comment
		}
		return s, d.DecodeRecord(&d.scratch, path, -1)
	}
	return d.nextCSV(c, v, atEOF, path)
}

func (d *Decoder) nextCSV(c *csvDecoder, v []byte, atEOF bool, path string) (Step, error) {
	n, state := c.parser.record(v, atEOF)
	if state == csvMore {
		return Step{}, nil
	}
	if state == csvRecord {
		s := Step{Bytes: n, Lines: bytes.Count(v[:n], lineFeed)}
		if v[n-1] != '\n' {
			s.Lines++
		}
		if s.Lines == 1 || len(c.parser.fields) == c.width || d.o.RaggedIsNull {
			d.scratch.Value = withoutLineEnd(v[:n])
			c.parsed = true
			return s, d.DecodeRecord(&d.scratch, path, -1)
		}
	}
	s, whole := firstLine(v, atEOF)
	if !whole {
		return Step{}, nil
	}
	d.scratch.Value = withoutLineEnd(v[:s.Bytes])
	reason := state.String()
	if state == csvRecord {
		reason = fmt.Sprintf("%d fields, want %d, in a record of several lines: a quote is not closed", len(c.parser.fields), c.width)
	}
	if d.o.IgnoreParseErrors {
		d.dropped++
	} else {
		d.Reject(&d.scratch, path, -1, reason)
	}
	return s, nil
}

// skips says whether the line at the start of v is no record: empty or a comment.
func (d *csvDecoder) skips(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	return v[0] == '\n' || v[0] == '\r' && len(v) > 1 && v[1] == '\n' || len(v) == 1 && v[0] == '\r' ||
		v[0] == '#' && d.o.AllowComments
}

// firstLine is the line at the start of v, and whether it is whole.
func firstLine(v []byte, atEOF bool) (Step, bool) {
	if i := bytes.IndexByte(v, '\n'); i >= 0 {
		return Step{i + 1, 1}, true
	}
	return Step{len(v), 1}, atEOF && len(v) > 0
}

func withoutLineEnd(v []byte) []byte {
	if n := len(v); n > 0 && v[n-1] == '\n' {
		v = v[:n-1]
	}
	if n := len(v); n > 0 && v[n-1] == '\r' {
		v = v[:n-1]
	}
	return v
}

var lineFeed = []byte{'\n'}

// CSVHeader reads the names in a CSV file's first record. It gives no names and Step{} when the record is not whole.
func CSVHeader(v []byte, atEOF bool, o Options) ([]string, Step, error) {
	p := newCSVParser(&o)
	for used := (Step{}); ; {
		d := csvDecoder{o: &o, parser: p}
		if d.skips(v[used.Bytes:]) {
			s, ok := firstLine(v[used.Bytes:], atEOF)
			if !ok {
				return nil, Step{}, nil
			}
			used = Step{used.Bytes + s.Bytes, used.Lines + s.Lines}
			continue
		}
		rest := v[used.Bytes:]
		if len(rest) == 0 && atEOF {
			return nil, used, nil
		}
		n, state := p.record(rest, atEOF)
		if state == csvMore {
			return nil, Step{}, nil
		}
		if state != csvRecord {
			return nil, Step{}, fmt.Errorf("header: %s", state)
		}
		names, err := headerNames(&p, rest)
		return names, Step{used.Bytes + n, used.Lines + max(1, bytes.Count(rest[:n], lineFeed))}, err
	}
}

func headerNames(p *csvParser, v []byte) ([]string, error) {
	names := make([]string, 0, len(p.fields))
	seen := map[string]bool{}
	for i, f := range p.fields {
		text := v[f.start:f.end]
		if f.doubled {
			text = undouble(nil, text, p.quote)
		}
		name := string(text)
		if name == "" {
			name = fmt.Sprintf("column%d", i+1)
		}
		if seen[name] {
			return nil, fmt.Errorf("header: column %q stands twice", name)
		}
		seen[name] = true
		names = append(names, name)
	}
	return names, nil
}
