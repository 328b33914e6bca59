package format

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// csvDecoder reads records of RFC 4180 into columns: fields by their place in the header.
//
// Beyond the RFC: records end with LF or CRLF, a quote inside a field without quotes is text, empty lines are no
// records. Text between a closing quote and the next delimiter makes a record malformed.
type csvDecoder struct {
	b       *builder
	o       *Options
	columns []*column
	place   []int // of each column: the index of its field
	width   int   // fields of a record
	parser  csvParser
	parsed  bool   // the parser holds the fields of the value that decode is called with next
	text    []byte // scratch for fields with doubled quotes
	err     problem
}

func newCSVDecoder(b *builder, columns []*column, o *Options) (*csvDecoder, error) {
	d := &csvDecoder{b: b, o: o, columns: columns, width: len(o.Header), parser: newCSVParser(o)}
	if o.Header == nil {
		d.width = len(columns)
	}
	for i, c := range columns {
		at := i
		if o.Header != nil {
			if at = slices.Index(o.Header, c.field.path()[0]); at < 0 {
				return nil, fmt.Errorf("column %s: not in the header (%s)", c.field.Name, strings.Join(o.Header, ", "))
			}
		}
		d.place = append(d.place, at)
	}
	return d, nil
}

func (d *csvDecoder) decode(v []byte) bool {
	if d.parsed {
		d.parsed = false
		return d.row(v)
	}
	n, state := d.parser.record(v, true)
	if state != csvRecord {
		d.err.text = []byte(state.String())
		return false
	}
	if n < len(v) {
		d.err.text = fmt.Appendf(nil, "more than one CSV record: %d bytes after the first", len(v)-n)
		return false
	}
	return d.row(v)
}

func (d *csvDecoder) problem() problem {
	p := d.err
	d.err = problem{}
	return p
}

// row fills the columns from the fields that the parser found in v.
func (d *csvDecoder) row(v []byte) bool {
	fields := d.parser.fields
	if n := len(fields); n != d.width && !d.o.RaggedIsNull && (n > d.width || !d.o.IgnoreParseErrors) {
		d.err.text = fmt.Appendf(nil, "%d fields, want %d", n, d.width)
		return false
	}
	for i, c := range d.columns {
		f := csvField{}
		if d.place[i] < len(fields) {
			f = fields[d.place[i]]
		}
		if !d.cell(c, v, f, d.place[i] >= len(fields)) {
			return false
		}
	}
	return true
}

// cell writes one field to its column.
func (d *csvDecoder) cell(c *column, v []byte, f csvField, absent bool) bool {
	text := v[f.start:f.end]
	if absent || d.isNull(c, text, f.quoted) {
		if !c.field.Nullable {
			d.err = problem{column: c, fault: isNull}
			return false
		}
		d.b.setNull(c)
		return true
	}
	if f.doubled {
		d.text = undouble(d.text[:0], text, d.parser.quote)
		text = d.text
	}
	fault := fits
	switch c.kind {
	case kindInt64, kindInt32:
		// The common case, without the detour through trim.
		n, ft := parseInt(text)
		if ft == wrongType {
			n, ft = parseInt(trim(text))
		}
		if fault = ft; ft == fits {
			fault = d.b.setInt(c, n)
		}
	default:
		fault = d.b.setText(c, text, d.o.Timestamps)
	}
	if fault == fits {
		return true
	}
	if d.o.IgnoreParseErrors && c.field.Nullable {
		d.b.setNull(c)
		return true
	}
	d.err = problem{column: c, text: text, quoted: true, fault: fault}
	return false
}

// isNull says whether a field stands for NULL: a null literal (in quotes it is text, for columns that hold text), or
// nothing at all, which is no number or time, and text unless the option says otherwise.
func (d *csvDecoder) isNull(c *column, text []byte, quoted bool) bool {
	if quoted && c.variable() {
		return false
	}
	for _, n := range d.o.NullLiterals {
		if n == view(text) {
			return true
		}
	}
	return len(text) == 0 && (d.o.EmptyIsNull || !c.variable())
}

// undouble appends text with each doubled quote made one.
func undouble(dst, text []byte, quote byte) []byte {
	for {
		i := bytes.IndexByte(text, quote)
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i+1]...)
		text = text[i+2:]
	}
}

// csvField is one field's place in its record, without quotes.
type csvField struct {
	start, end int
	quoted     bool
	doubled    bool // holds doubled quotes
}

// csvState is what a parser found at the start of a text.
type csvState uint8

const (
	csvRecord   csvState = iota // a record
	csvMore                     // the beginning of one, or nothing
	csvUnclosed                 // a quote without its partner
	csvTrailing                 // text after a closing quote
)

func (s csvState) String() string {
	return [...]string{"", "no CSV record", "quote is not closed", "text after a closing quote"}[s]
}

// csvParser finds the fields of one record at a time.
type csvParser struct {
	delimiter, quote byte
	quoting          bool
	fields           []csvField
}

func newCSVParser(o *Options) csvParser {
	return csvParser{delimiter: o.delimiter(), quote: o.quote(), quoting: !o.NoQuote}
}

// record reads the record at the start of v and gives its length, its line's end included. Without atEOF, v may go on.
func (p *csvParser) record(v []byte, atEOF bool) (int, csvState) {
	p.fields = p.fields[:0]
	i := 0
	for {
		var more bool
		var state csvState
		if p.quoting && i < len(v) && v[i] == p.quote {
			i, more, state = p.quotedField(v, i+1, atEOF)
		} else {
			i, more, state = p.plainField(v, i, atEOF)
		}
		if state != csvRecord || !more {
			return i, state
		}
	}
}

// plainField reads a field without quotes from v[i] on, and tells where the next one starts if there is more.
func (p *csvParser) plainField(v []byte, i int, atEOF bool) (next int, more bool, state csvState) {
	start := i
	for i < len(v) && v[i] != p.delimiter && v[i] != '\n' {
		i++
	}
	if i == len(v) && !atEOF {
		return 0, false, csvMore
	}
	more = i < len(v) && v[i] == p.delimiter
	end := i
	if !more && end > start && v[end-1] == '\r' {
		end--
	}
	p.fields = append(p.fields, csvField{start: start, end: end})
	return min(i+1, len(v)), more, csvRecord
}

// quotedField reads a field whose opening quote stands before v[i].
func (p *csvParser) quotedField(v []byte, i int, atEOF bool) (next int, more bool, state csvState) {
	f := csvField{start: i, quoted: true}
	for {
		j := bytes.IndexByte(v[i:], p.quote)
		if j < 0 {
			if !atEOF {
				return 0, false, csvMore
			}
			return 0, false, csvUnclosed
		}
		i += j + 1
		if i == len(v) || v[i] != p.quote {
			break
		}
		f.doubled = true
		i++
	}
	f.end = i - 1
	if len(v)-i < 2 && !atEOF { // the next quote, or the LF of a CRLF, may be still to come
		return 0, false, csvMore
	}
	p.fields = append(p.fields, f)
	if i < len(v) && v[i] == p.delimiter {
		return i + 1, true, csvRecord
	}
	if i < len(v) && v[i] == '\r' {
		i++
	}
	if i == len(v) {
		return i, false, csvRecord
	}
	if v[i] == '\n' {
		return i + 1, false, csvRecord
	}
	return 0, false, csvTrailing
}
