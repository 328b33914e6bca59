package format

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/internal/record"
)

var (
	typBigint  = arrow.PrimitiveTypes.Int64
	typInt     = arrow.PrimitiveTypes.Int32
	typDouble  = arrow.PrimitiveTypes.Float64
	typString  = arrow.BinaryTypes.String
	typBytes   = arrow.BinaryTypes.Binary
	typBoolean = arrow.FixedWidthTypes.Boolean
	typTS3     = &arrow.TimestampType{Unit: arrow.Millisecond}
	typLTZ3    = &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
)

func dec(p, s int32) arrow.DataType { return &arrow.Decimal128Type{Precision: p, Scale: s} }

func null(name string, t arrow.DataType) Field { return Field{Name: name, Type: t, Nullable: true} }

// decodeAll decodes values, one record each, and gives a line per row and one per bad record, in that order.
func decodeAll(t *testing.T, format string, fields []Field, o Options, values ...string) []string {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	o.Mem = mem
	d, err := NewDecoder(format, fields, o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, v := range values {
		if err := d.DecodeRecord(&record.Record{Offset: int64(i), Value: []byte(v)}, "t", 0); err != nil {
			t.Fatal(err)
		}
	}
	rec, bad := d.Take()
	var out []string
	if rec != nil {
		out = rows(rec)
		rec.Release()
	}
	for _, b := range bad {
		out = append(out, fmt.Sprintf("bad %d: %s", b.Offset, b.Reason))
	}
	return out
}

// rows prints a batch, one line per row, values as Arrow prints them.
func rows(rec arrow.RecordBatch) []string {
	out := make([]string, rec.NumRows())
	for i := range out {
		var cells []string
		for _, c := range rec.Columns() {
			cells = append(cells, cell(c, i))
		}
		out[i] = strings.Join(cells, " | ")
	}
	return out
}

func cell(c arrow.Array, i int) string {
	switch c := c.(type) {
	case *array.Decimal128:
		if c.IsValid(i) {
			s := c.Value(i).ToString(c.DataType().(*arrow.Decimal128Type).Scale)
			if strings.Contains(s, ".") {
				s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
			}
			return s
		}
	case *array.Binary:
		if c.IsValid(i) {
			return fmt.Sprintf("%x", c.Value(i))
		}
	}
	if c.IsNull(i) {
		return "NULL"
	}
	return c.ValueStr(i)
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("line %d:\n got %s\nwant %s", i, g, w)
		}
	}
}

// TestNumbersKeepTheirDigits: integers and decimals are read exactly, never by way of a double. The table is what
// Flink 2.3 gives for these records.
func TestNumbersKeepTheirDigits(t *testing.T) {
	fields := []Field{null("l", typBigint), null("d", dec(38, 18)), null("f", typDouble)}
	values := []string{
		`{"l":9007199254740993,"d":799.929496989092949698,"f":0.1}`,
		`{"l":9223372036854775807,"d":123456789012345678901.5,"f":1e400}`,
		`{"l":9223372036854775808,"d":1,"f":-0.0}`,
		`{"l":"9007199254740993","d":"1e3","f":"NaN"}`,
		`{"l":1e3,"d":1e3,"f":1E-400}`,
		`{"l":1.0,"d":0.0000000000000000005,"f":3}`,
		`{"l":-9223372036854775808,"d":-0.0000000000000000004,"f":16777217}`,
		`{"l":true,"d":true,"f":true}`,
		`{"l":" 7 ","d":" 7.5 ","f":" 7.5 "}`,
		`{"l":"","d":"","f":""}`,
		`{"l":01,"d":.5,"f":+1}`,
	}
	same(t, decodeAll(t, "json", fields, Options{IgnoreParseErrors: true}, values...),
		"9007199254740993 | 799.929496989092949698 | 0.1",
		"9223372036854775807 | NULL | +Inf",
		"NULL | 1 | -0",
		"9007199254740993 | 1000 | NaN",
		"1000 | 1000 | 0",
		"1 | 0.000000000000000001 | 3",
		"-9223372036854775808 | 0 | 1.6777217e+07",
		"NULL | NULL | NULL",
		"7 | 7.5 | 7.5",
		"NULL | NULL | NULL",
	)
	same(t, decodeAll(t, "json", fields, Options{}, values[1], values[2], values[7], values[9], values[10]),
		`bad 0: column d: 123456789012345678901.5 is out of range for DECIMAL(38, 18)`,
		`bad 1: column l: 9223372036854775808 is out of range for BIGINT`,
		`bad 2: column l: true is not a BIGINT`,
		`bad 3: column l: "" is not a BIGINT`,
		`bad 4: invalid JSON at byte 6: "1,\"d\":.5,\"f\""`,
	)
}
