package expr

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// AppendText writes row i of a column as CAST to STRING has it. The row is not NULL.
func AppendText(b []byte, v *vec.Vec, i int) []byte {
	switch t := v.T; t.Kind {
	case types.Boolean:
		if v.Bool[i] {
			return append(b, "TRUE"...)
		}
		return append(b, "FALSE"...)
	case types.Float:
		return types.AppendFloat(b, float64(v.F32[i]), 32)
	case types.Double:
		return types.AppendFloat(b, v.F64[i], 64)
	case types.Decimal:
		return types.AppendDecimal(b, v.Dec[i], t.Scale)
	case types.Date:
		return types.AppendDate(b, int64(v.I32[i]))
	case types.Time:
		return types.AppendTime(b, int64(v.I32[i]), 1000, t.Precision)
	case types.Timestamp, types.TimestampLTZ:
		return types.AppendTimestamp(b, v.I64[i], t)
	case types.IntervalMonths:
		return appendMonths(b, int64(v.I32[i]))
	case types.IntervalMillis:
		return appendMillis(b, v.I64[i])
	case types.Char, types.Varchar, types.Binary, types.Varbinary:
		return append(b, v.Str(i)...)
	default:
		return strconv.AppendInt(b, v.Int(i), 10)
	}
}

func appendSign(b []byte, n int64) ([]byte, int64) {
	if n < 0 {
		return append(b, '-'), -n
	}
	return append(b, '+'), n
}

func appendMonths(b []byte, n int64) []byte {
	b, n = appendSign(b, n)
	b = strconv.AppendInt(b, n/12, 10)
	return types.AppendPadded(append(b, '-'), n%12, 2)
}

func appendMillis(b []byte, n int64) []byte {
	b, n = appendSign(b, n)
	b = strconv.AppendInt(b, n/types.MillisPerDay, 10)
	return types.AppendTime(append(b, ' '), n%types.MillisPerDay, 1000, 3)
}

// castToText writes values as text and brings it to the length of the type: VARCHAR(n) is cut, CHAR(n) also filled up
// with blanks.
func castToText(from, to types.Type) vec.Kernel {
	whole := to.Precision == types.MaxLength
	return func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.Len {
			if o.Null(i) {
				o.End()
				continue
			}
			start := len(o.Buf)
			o.Buf = AppendText(o.Buf, a[0], i)
			if !whole {
				o.Buf = fitText(o.Buf, start, to)
			}
			o.End()
		}
		return nil
	}
}

func fitText(b []byte, start int, to types.Type) []byte {
	n := utf8.RuneCount(b[start:])
	for ; n > int(to.Precision); n-- {
		_, w := utf8.DecodeLastRune(b[start:])
		b = b[:len(b)-w]
	}
	if to.Kind == types.Char {
		for ; n < int(to.Precision); n++ {
			b = append(b, ' ')
		}
	}
	return b
}

// cutBytes brings binary strings to the length of the type.
func cutBytes(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	n := int(o.T.Precision)
	for i := range o.Len {
		s := a[0].Str(i)
		o.Buf = append(o.Buf, s[:min(n, len(s))]...)
		if o.T.Kind == types.Binary {
			for k := len(s); k < n; k++ {
				o.Buf = append(o.Buf, 0)
			}
		}
		o.End()
	}
	return nil
}

// castFromText reads values from text.
func castFromText(to types.Type, try bool) vec.Kernel {
	read := textReader(to)
	if to.IsBinary() {
		return cutBytes
	}
	return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.Len {
			if o.Null(i) {
				continue
			}
			s := a[0].Str(i)
			if !read(o, i, s) {
				if err := refuse(c, o, i, try, s); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// textReader gives the function that reads one text into row i and answers false for text of another form.
func textReader(to types.Type) func(o *vec.Vec, i int, s []byte) bool {
	switch to.Kind {
	case types.Boolean:
		return func(o *vec.Vec, i int, s []byte) (ok bool) { o.Bool[i], ok = parseBool(s); return ok }
	case types.Float, types.Double:
		return func(o *vec.Vec, i int, s []byte) bool {
			x, ok := parseFloat(s, to)
			o.SetFloat(i, x)
			return ok
		}
	case types.Decimal:
		return func(o *vec.Vec, i int, s []byte) bool {
			d, ok, fits := types.ParseDecimal(s, to)
			if ok && !fits {
				o.SetNull(i)
			}
			o.Dec[i] = d
			return ok
		}
	case types.Date:
		return func(o *vec.Vec, i int, s []byte) bool {
			days, ok := types.ParseDate(s)
			o.I32[i] = int32(days)
			return ok
		}
	case types.Time:
		return func(o *vec.Vec, i int, s []byte) bool {
			nanos, ok := types.ParseTime(s)
			o.I32[i] = int32(cutDigits(nanos/1e6, 1000, to.Precision))
			return ok
		}
	case types.Timestamp, types.TimestampLTZ:
		return func(o *vec.Vec, i int, s []byte) bool {
			per := to.UnitsPerSecond()
			v, ok := types.ParseTimestamp(s, per)
			o.I64[i] = cutDigits(v, per, to.Precision)
			return ok
		}
	default:
		lo, hi := integerRange(to)
		return func(o *vec.Vec, i int, s []byte) bool {
			n, ok := parseInteger(s)
			o.SetInt(i, n)
			return ok && n >= lo && n <= hi
		}
	}
}

// cutDigits drops the fractional digits beyond the precision.
func cutDigits(v, per int64, precision int32) int64 {
	unit := per
	for range precision {
		unit /= 10
	}
	if unit <= 1 {
		return v
	}
	return types.FloorDiv(v, unit) * unit
}

func integerRange(t types.Type) (lo, hi int64) {
	switch t.Kind {
	case types.TinyInt:
		return math.MinInt8, math.MaxInt8
	case types.SmallInt:
		return math.MinInt16, math.MaxInt16
	case types.Int:
		return math.MinInt32, math.MaxInt32
	default:
		return math.MinInt64, math.MaxInt64
	}
}

// parseInteger reads an integer; a fraction is allowed and dropped.
func parseInteger(s []byte) (int64, bool) {
	s = bytes.Trim(s, " ")
	whole, frac, _ := bytes.Cut(s, []byte{'.'})
	for _, c := range frac {
		if c-'0' > 9 {
			return 0, false
		}
	}
	neg := len(whole) > 0 && whole[0] == '-'
	if neg || len(whole) > 0 && whole[0] == '+' {
		whole = whole[1:]
	}
	if len(whole) == 0 {
		return 0, len(frac) > 0
	}
	var n uint64
	for _, c := range whole {
		if c-'0' > 9 || n > (1<<63)/10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if neg {
		return -int64(n), n <= 1<<63
	}
	return int64(n), n < 1<<63
}

func parseFloat(s []byte, to types.Type) (float64, bool) {
	text := string(bytes.TrimSpace(s))
	switch strings.TrimLeft(text, "+-") {
	case "NaN", "Infinity":
	default:
		if strings.Trim(text, "0123456789+-.eE") != "" {
			return 0, false
		}
	}
	bits := 64
	if to.Kind == types.Float {
		bits = 32
	}
	x, err := strconv.ParseFloat(text, bits)
	if err != nil && !math.IsInf(x, 0) {
		return 0, false
	}
	return x, true
}

func parseBool(s []byte) (value, ok bool) {
	switch strings.ToLower(string(bytes.Trim(s, " "))) {
	case "t", "true", "y", "yes", "1":
		return true, true
	case "f", "false", "n", "no", "0":
		return false, true
	}
	return false, false
}
