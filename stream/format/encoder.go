package format

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Encoder turns rows into the values of records. It is used by one goroutine.
type Encoder struct {
	o       Options
	columns []output
	row     func(e *Encoder, dst []byte, row int) []byte
	rec     arrow.RecordBatch // of the last Reset: kept so that no other batch can have its address
}

// output is a column as the encoder writes it.
type output struct {
	index int // in the batch
	kind  kind
	typ   arrow.DataType
	name  []byte // JSON: "name": with the comma before it
	arr   arrow.Array
}

// NewEncoder makes an encoder of a format ("json", "csv", "raw") for batches of a schema. columns are the indices of the
// columns that make up a value; nil is all. raw writes one column, of BYTES or STRING.
func NewEncoder(format string, schema *arrow.Schema, columns []int, o Options) (*Encoder, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	e := &Encoder{o: o}
	if columns == nil {
		for i := range schema.NumFields() {
			columns = append(columns, i)
		}
	}
	for n, i := range columns {
		f := schema.Field(i)
		k, err := kindOf(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", f.Name, err)
		}
		name := appendJSONString(nil, []byte(f.Name))
		if n > 0 {
			name = append([]byte{','}, name...)
		}
		e.columns = append(e.columns, output{index: i, kind: k, typ: f.Type, name: append(name, ':')})
	}
	switch format {
	case "json":
		e.row = (*Encoder).appendJSON
	case "csv":
		e.row = (*Encoder).appendCSV
	case "raw":
		if len(e.columns) != 1 || e.columns[0].kind != kindString && e.columns[0].kind != kindBinary {
			return nil, fmt.Errorf("format raw writes one column of BYTES or STRING, not (%s)", schema)
		}
	default:
		return nil, fmt.Errorf("unknown format %q: use json, csv or raw", format)
	}
	return e, nil
}

// Reset points the encoder at a batch of its schema. It borrows it until the next Reset.
func (e *Encoder) Reset(rec arrow.RecordBatch) {
	e.rec = rec
	for i := range e.columns {
		e.columns[i].arr = rec.Column(e.columns[i].index)
	}
}

// Append writes the value of a row after dst. ok is false for a value that is Kafka's null: raw's NULL.
func (e *Encoder) Append(dst []byte, row int) (out []byte, ok bool) {
	if e.row != nil {
		return e.row(e, dst, row), true
	}
	if e.columns[0].arr.IsNull(row) {
		return dst, false
	}
	return append(dst, bytesAt(e.columns[0].arr, row)...), true
}

// Row is Append for a row of any batch of the schema, with a Reset when it is another batch than last time. A nil result
// is Kafka's null; dst must not be nil. The error is always nil: the signature is that of a sink's row encoder.
func (e *Encoder) Row(dst []byte, rec arrow.RecordBatch, row int) ([]byte, error) {
	if rec != e.rec {
		e.Reset(rec)
	}
	out, ok := e.Append(dst, row)
	if !ok {
		return nil, nil
	}
	return out, nil
}

func bytesAt(a arrow.Array, row int) []byte {
	switch a := a.(type) {
	case *array.String:
		v := a.Value(row)
		return unsafeBytes(v)
	case *array.Binary:
		return a.Value(row)
	}
	panic("BUG: " + a.DataType().String() + " has no bytes")
}

// appendJSON writes a row as an object, as Flink writes it, but decimals always plain.
func (e *Encoder) appendJSON(dst []byte, row int) []byte {
	dst = append(dst, '{')
	first := true
	for i := range e.columns {
		c := &e.columns[i]
		null := c.arr.IsNull(row)
		if null && e.o.IgnoreNullFields {
			continue
		}
		name := c.name
		if first && i > 0 {
			name = name[1:]
		}
		first = false
		dst = append(dst, name...)
		switch {
		case null:
			dst = append(dst, "null"...)
		case c.kind == kindString:
			dst = appendJSONString(dst, bytesAt(c.arr, row))
		case c.kind == kindBinary || c.kind == kindDate || c.kind == kindTime || c.kind == kindTimestamp:
			dst = append(dst, '"')
			dst = append(e.appendText(dst, c, row), '"')
		case c.kind == kindFloat64 || c.kind == kindFloat32:
			dst = appendJSONFloat(dst, e, c, row)
		default:
			dst = e.appendText(dst, c, row)
		}
	}
	return append(dst, '}')
}

// appendJSONFloat puts what is no number in JSON into quotes.
func appendJSONFloat(dst []byte, e *Encoder, c *output, row int) []byte {
	start := len(dst)
	dst = e.appendText(append(dst, '"'), c, row)
	if last := dst[len(dst)-1]; last == 'N' || last == 'y' { // NaN, Infinity
		return append(dst, '"')
	}
	copy(dst[start:], dst[start+1:])
	return dst[:len(dst)-1]
}

// appendText writes a value that is not NULL without quotes: numbers, times, base64 of BYTES, STRING as it is.
func (e *Encoder) appendText(dst []byte, c *output, row int) []byte {
	switch a := c.arr.(type) {
	case *array.Boolean:
		return strconv.AppendBool(dst, a.Value(row))
	case *array.Int8:
		return strconv.AppendInt(dst, int64(a.Value(row)), 10)
	case *array.Int16:
		return strconv.AppendInt(dst, int64(a.Value(row)), 10)
	case *array.Int32:
		return strconv.AppendInt(dst, int64(a.Value(row)), 10)
	case *array.Int64:
		return strconv.AppendInt(dst, a.Value(row), 10)
	case *array.Float32:
		return appendFloat(dst, float64(a.Value(row)), 32)
	case *array.Float64:
		return appendFloat(dst, a.Value(row), 64)
	case *array.Decimal128:
		return appendDecimal(dst, a.Value(row), int(c.typ.(*arrow.Decimal128Type).Scale))
	case *array.Date32:
		return appendDate(dst, int(a.Value(row)))
	case *array.Time32:
		ms := int(a.Value(row))
		return appendTime(dst, ms/1000, ms%1000*1_000_000)
	case *array.Timestamp:
		return appendTimestamp(dst, int64(a.Value(row)), c.typ.(*arrow.TimestampType), e.o.Timestamps)
	case *array.Binary:
		return base64.StdEncoding.AppendEncode(dst, a.Value(row))
	case *array.String:
		return append(dst, a.Value(row)...)
	}
	panic("BUG: no text for " + c.typ.String())
}

// appendFloat writes the shortest digits that read back as v, in the form of Java's Double.toString, which is that of
// Flink's JSON: 1.0, 0.001, 1.0E7.
func appendFloat(dst []byte, v float64, size int) []byte {
	switch abs := math.Abs(v); {
	case v != v:
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	case abs == 0 || abs >= 1e-3 && abs < 1e7:
		start := len(dst)
		dst = strconv.AppendFloat(dst, v, 'f', -1, size)
		for _, ch := range dst[start:] {
			if ch == '.' {
				return dst
			}
		}
		return append(dst, ".0"...)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'e', -1, size)
	var digits [32]byte
	text := digits[:copy(digits[:], dst[start:])]
	dst = dst[:start]
	point := false
	for i, ch := range text {
		if ch != 'e' {
			point = point || ch == '.'
			dst = append(dst, ch)
			continue
		}
		if !point {
			dst = append(dst, ".0"...)
		}
		dst = append(dst, 'E')
		exp := text[i+1:]
		if exp[0] == '-' {
			dst = append(dst, '-')
		}
		exp = exp[1:]
		if exp[0] == '0' { // Go writes at least two digits
			exp = exp[1:]
		}
		return append(dst, exp...)
	}
	panic("BUG: no exponent in " + string(text))
}

// appendCSV writes a row as a CSV record without a line end.
func (e *Encoder) appendCSV(dst []byte, row int) []byte {
	null := ""
	if len(e.o.NullLiterals) > 0 {
		null = e.o.NullLiterals[0]
	}
	for i := range e.columns {
		c := &e.columns[i]
		if i > 0 {
			dst = append(dst, e.o.delimiter())
		}
		switch {
		case c.arr.IsNull(row):
			dst = append(dst, null...)
		case c.kind == kindString || c.kind == kindBinary:
			start := len(dst)
			dst = e.appendText(dst, c, row)
			if e.needsQuotes(dst[start:], null, len(e.columns) == 1) {
				text := append([]byte(nil), dst[start:]...)
				dst = appendCSVQuoted(dst[:start], text, e.o.quote())
			}
		default:
			dst = e.appendText(dst, c, row)
		}
	}
	return dst
}

// needsQuotes says whether a text would be read as something else without quotes.
func (e *Encoder) needsQuotes(text []byte, null string, alone bool) bool {
	if e.o.NoQuote {
		return false
	}
	if view(text) == null || len(text) == 0 && (e.o.EmptyIsNull || alone) {
		return true
	}
	for _, n := range e.o.NullLiterals {
		if view(text) == n {
			return true
		}
	}
	for _, ch := range text {
		if ch == e.o.delimiter() || ch == e.o.quote() || ch == '\n' || ch == '\r' {
			return true
		}
	}
	return len(text) > 0 && text[0] == '#'
}

func appendCSVQuoted(dst, text []byte, quote byte) []byte {
	dst = append(dst, quote)
	for _, ch := range text {
		if ch == quote {
			dst = append(dst, quote)
		}
		dst = append(dst, ch)
	}
	return append(dst, quote)
}
