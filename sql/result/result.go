// Package result writes a query's rows as text.
//
// It owns: the one text form of each type in results, and the JSON line of a change. It does not own: tables on a
// terminal (cmd), nor the JSON that goes into topics (stream/format).
//
// Invariants:
//  1. A row is a JSON array in the order of the columns. Numbers and booleans are JSON; DECIMAL is text with all digits of
//     its scale; times are text as SQL writes them; bytes are "x'..'"; intervals are numbers of ms or months; NaN and the
//     infinities are text.
package result

import (
	"encoding/hex"
	"math"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// AppendChange writes one change as {"op":"+I","row":[...]}, without a line break.
func AppendChange(dst []byte, op stream.Op, rec arrow.RecordBatch, row int, schema types.Schema) []byte {
	dst = append(dst, `{"op":"`...)
	dst = append(dst, op.String()...)
	dst = append(dst, `","row":`...)
	dst = AppendRow(dst, rec, row, schema)
	return append(dst, '}')
}

// AppendRow writes a row as a JSON array.
func AppendRow(dst []byte, rec arrow.RecordBatch, row int, schema types.Schema) []byte {
	dst = append(dst, '[')
	for i, f := range schema {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendJSON(dst, rec.Column(i), row, f.Type)
	}
	return append(dst, ']')
}

// AppendObject writes a row as a JSON object with the columns' names.
func AppendObject(dst []byte, rec arrow.RecordBatch, row int, schema types.Schema) []byte {
	dst = append(dst, '{')
	for i, f := range schema {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(dst, f.Name)
		dst = append(dst, ':')
		dst = AppendJSON(dst, rec.Column(i), row, f.Type)
	}
	return append(dst, '}')
}

// AppendJSON writes one value as JSON.
func AppendJSON(dst []byte, col arrow.Array, row int, t types.Type) []byte {
	if col.IsNull(row) {
		return append(dst, "null"...)
	}
	switch {
	case t.IsString():
		return appendQuoted(dst, col.(*array.String).Value(row))
	case t.IsNumeric() && t.Kind != types.Decimal, t.Kind == types.Boolean, t.IsInterval():
		start := len(dst)
		dst = appendPlain(dst, col, row, t)
		if c := dst[len(dst)-1]; t.IsApprox() && (c == 'N' || c == 'y') { // NaN, Infinity
			text := string(dst[start:])
			return append(append(append(dst[:start], '"'), text...), '"')
		}
		return dst
	}
	dst = append(dst, '"')
	dst = appendPlain(dst, col, row, t)
	return append(dst, '"')
}

// AppendText writes one value for people: text as it is, NULL as "NULL".
func AppendText(dst []byte, col arrow.Array, row int, t types.Type) []byte {
	if col.IsNull(row) {
		return append(dst, "NULL"...)
	}
	return appendPlain(dst, col, row, t)
}

func appendPlain(dst []byte, col arrow.Array, row int, t types.Type) []byte {
	switch a := col.(type) {
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
		return types.AppendDecimal(dst, a.Value(row), t.Scale)
	case *array.String:
		return append(dst, a.Value(row)...)
	case *array.Binary:
		dst = append(dst, "x'"...)
		dst = hex.AppendEncode(dst, a.Value(row))
		return append(dst, '\'')
	case *array.Date32:
		return types.AppendDate(dst, int64(a.Value(row)))
	case *array.Time32:
		return types.AppendTime(dst, int64(a.Value(row)), 1000, t.Precision)
	case *array.Timestamp:
		return types.AppendTimestamp(dst, int64(a.Value(row)), t)
	case *array.Duration:
		return strconv.AppendInt(dst, int64(a.Value(row)), 10)
	case *array.MonthInterval:
		return strconv.AppendInt(dst, int64(a.Value(row)), 10)
	}
	panic("BUG: a column of type " + col.DataType().String())
}

func appendFloat(dst []byte, x float64, bits int) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, "NaN"...)
	case math.IsInf(x, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(x, -1):
		return append(dst, "-Infinity"...)
	}
	return types.AppendFloat(dst, x, bits)
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON string: only what JSON demands is escaped.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
