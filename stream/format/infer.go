package format

import (
	"bytes"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
)

// SampleBytes is how much of a file inference looks at: some ten thousand records, a few dozen milliseconds.
const SampleBytes = 4 << 20

// seen notes which forms the values of a column have had.
type seen uint16

const (
	seenInt  seen = 1 << iota // fits BIGINT
	seenLong                  // an integer that does not, of up to 38 digits
	seenFraction
	seenBool
	seenDate
	seenTimestamp
	seenMicros // a timestamp with 4 to 6 digits behind the point
	seenNanos
	seenText
)

// note adds the form of a text.
func (s *seen) note(text []byte) {
	t := trim(text)
	if _, f := parseInt(t); f == fits || f == outOfRange {
		*s |= integerForm(t, f)
		return
	}
	if _, ok := scanDecimal(t); ok {
		*s |= seenFraction
		return
	}
	if _, ok := parseBool(t); ok {
		*s |= seenBool
		return
	}
	if _, ok := parseDate(t); ok {
		*s |= seenDate
		return
	}
	_, nanos, ok := parseTimestamp(t, TimestampAny, false)
	switch {
	case !ok:
		*s |= seenText
	case nanos%1000 != 0:
		*s |= seenTimestamp | seenNanos
	case nanos%1_000_000 != 0:
		*s |= seenTimestamp | seenMicros
	default:
		*s |= seenTimestamp
	}
}

// integerForm: an integer with leading zeros is an identifier (a postal code, an account), which a number would destroy.
func integerForm(t []byte, f fault) seen {
	digits := bytes.TrimLeft(t, "+-")
	switch {
	case len(digits) > 1 && digits[0] == '0' || t[0] == '+':
		return seenText
	case f == fits:
		return seenInt
	case len(digits) <= 38:
		return seenLong
	}
	return seenText
}

// typ is the narrowest type that holds all forms seen: BIGINT, DECIMAL(38, 0), DOUBLE, BOOLEAN, DATE, TIMESTAMP(3, 6 or
// 9), and STRING for mixtures and for nothing but NULLs.
func (s seen) typ() arrow.DataType {
	only := func(forms seen) bool { return s != 0 && s&^forms == 0 }
	switch {
	case only(seenInt):
		return arrow.PrimitiveTypes.Int64
	case only(seenInt | seenLong):
		return &arrow.Decimal128Type{Precision: 38, Scale: 0}
	case only(seenInt | seenLong | seenFraction):
		return arrow.PrimitiveTypes.Float64
	case only(seenBool):
		return arrow.FixedWidthTypes.Boolean
	case only(seenDate):
		return arrow.FixedWidthTypes.Date32
	case only(seenDate | seenTimestamp | seenMicros | seenNanos):
		unit := arrow.Millisecond
		if s&seenNanos != 0 {
			unit = arrow.Nanosecond
		} else if s&seenMicros != 0 {
			unit = arrow.Microsecond
		}
		return &arrow.TimestampType{Unit: unit}
	}
	return arrow.BinaryTypes.String
}

// sample reads up to SampleBytes and says whether that is all there is.
func sample(r io.Reader) (v []byte, whole bool, err error) {
	v, err = io.ReadAll(io.LimitReader(r, SampleBytes+1))
	if err != nil {
		return nil, false, fmt.Errorf("read sample: %w", err)
	}
	if len(v) > SampleBytes {
		return v[:SampleBytes], false, nil
	}
	return v, true, nil
}

// byteOrderMark may begin a UTF-8 file.
var byteOrderMark = []byte("\xef\xbb\xbf")

// WithoutBOM cuts a byte order mark off the start of a file's text.
func WithoutBOM(v []byte) []byte { return bytes.TrimPrefix(v, byteOrderMark) }

// InferCSV finds the columns of a CSV text from its beginning: their names in the header, or column1, column2... without
// one, and the narrowest types that hold the sample's values. All columns may be NULL.
func InferCSV(r io.Reader, header bool, o Options) ([]Field, error) {
	v, whole, err := sample(r)
	if err != nil {
		return nil, err
	}
	v = WithoutBOM(v)
	var names []string
	if header {
		var s Step
		if names, s, err = CSVHeader(v, whole, o); err != nil {
			return nil, err
		}
		if names == nil && !whole {
			return nil, fmt.Errorf("header: not within the first %d bytes", SampleBytes)
		}
		v = v[s.Bytes:]
	}
	names, forms := csvForms(v, whole, names, header, &o)
	out := make([]Field, len(names))
	for i, n := range names {
		out[i] = Field{Name: n, Type: forms[i].typ(), Nullable: true}
	}
	return out, nil
}

// csvForms notes the forms of each field of the records in v. Records of another width than the first are left out.
func csvForms(v []byte, whole bool, names []string, header bool, o *Options) ([]string, []seen) {
	d := csvDecoder{o: o, parser: newCSVParser(o)}
	forms := make([]seen, len(names))
	text := column{kind: kindInt64} // a field in quotes may be NULL as well
	for len(v) > 0 {
		n, state := 0, csvTrailing
		if !d.skips(v) {
			if n, state = d.parser.record(v, whole); state == csvMore {
				break
			}
		}
		if state != csvRecord {
			s, ok := firstLine(v, whole)
			if !ok {
				break
			}
			v = v[s.Bytes:]
			continue
		}
		if !header && names == nil {
			for i := range d.parser.fields {
				names = append(names, fmt.Sprintf("column%d", i+1))
			}
			forms = make([]seen, len(names))
		}
		if len(d.parser.fields) == len(names) {
			for i, f := range d.parser.fields {
				if t := v[f.start:f.end]; !d.isNull(&text, t, f.quoted) {
					forms[i].note(t)
				}
			}
		}
		v = v[n:]
	}
	return names, forms
}

// InferJSON finds the columns of JSON lines from their beginning: the members of the objects in the order of their first
// appearance. Numbers are BIGINT, DECIMAL(38, 0) or DOUBLE, strings may be DATE or TIMESTAMP, objects and arrays are
// STRING (their JSON text). All columns may be NULL.
func InferJSON(r io.Reader) ([]Field, error) {
	v, whole, err := sample(r)
	if err != nil {
		return nil, err
	}
	v = WithoutBOM(v)
	size := len(v)
	var names []string
	forms := map[string]*seen{}
	for len(v) > 0 {
		s, ok := firstLine(v, whole)
		if !ok {
			break
		}
		line := withoutLineEnd(v[:s.Bytes])
		v = v[s.Bytes:]
		if i := skipSpace(line, 0); i == len(line) || line[i] != '{' || skipValue(line, i, 0) < 0 {
			continue
		}
		eachMember(line, func(name string, value []byte) {
			f := forms[name]
			if f == nil {
				f = new(seen)
				forms[name] = f
				names = append(names, name)
			}
			f.noteJSON(value)
		})
	}
	if names == nil && size > 0 {
		return nil, fmt.Errorf("none of the lines in the first %d bytes is a JSON object with members", size)
	}
	out := make([]Field, len(names))
	for i, n := range names {
		out[i] = Field{Name: n, Type: forms[n].typ(), Nullable: true}
	}
	return out, nil
}

// noteJSON adds the form of a JSON value.
func (s *seen) noteJSON(v []byte) {
	switch v[0] {
	case 'n':
	case 't', 'f':
		*s |= seenBool
	case '{', '[':
		*s |= seenText
	case '"':
		var form seen
		form.note(unescape(nil, v[1:len(v)-1]))
		if form&(seenDate|seenTimestamp) == 0 { // text that looks like a number was meant as text
			form = seenText
		}
		*s |= form
	default:
		s.note(v)
	}
}

// eachMember calls f for the members of the object in v, which skipValue has passed.
func eachMember(v []byte, f func(name string, value []byte)) {
	i := skipSpace(v, skipSpace(v, 0)+1)
	for v[i] != '}' {
		end, _ := skipString(v, i+1)
		name := string(unescape(nil, v[i+1:end-1]))
		i = skipName(v, i)
		end = skipValue(v, i, 1)
		f(name, v[i:end])
		if i = skipSpace(v, end); v[i] == ',' {
			i = skipSpace(v, i+1)
		}
	}
}

// MaxLine bounds a line of a file, and the lines that a CSV record spans: like a batch's decompressed size.
const MaxLine = 64 << 20
