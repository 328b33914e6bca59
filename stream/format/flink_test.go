package format

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

var (
	typDate = arrow.FixedWidthTypes.Date32
	typTime = arrow.FixedWidthTypes.Time32ms
)

// TestJSONCoercionsAreFlinks: values of another JSON type than their column's become what Flink 2.3 makes of them under
// ignore-parse-errors (a record that is no JSON gives no row), and name their column without it.
func TestJSONCoercionsAreFlinks(t *testing.T) {
	fields := []Field{
		null("i", typInt), null("s", typString), null("d", typDouble), null("dec", dec(5, 2)), null("b", typBoolean),
		null("ts", typTS3), null("lt", typLTZ3), null("dt", typDate), null("tm", typTime), null("by_", typBytes),
		{Name: "r_x", Type: typInt, Nullable: true, Path: []string{"r", "x"}},
		null("a", typString),
	}
	values := []string{
		`{"i":1,"s":"a","d":1.5,"dec":1.234,"b":true,"ts":"2026-01-01 00:00:00.123","lt":"2026-01-01 00:00:00.123Z","dt":"2026-01-01","tm":"10:11:12","by_":"aGk=","r":{"x":1},"a":[1,null],"m":{"k":1}}`,
		`{"i":"12","s":5,"d":"2.5","dec":"1.2","b":"true","ts":"2026-01-01 00:00:00","unknown":1}`,
		`{"i":"x","s":{"o":1},"d":"bad","dec":99999,"b":"maybe","ts":"2026-01-01T00:00:00"}`,
		`{"i":1.9,"s":[1,2],"b":1,"I":7}`,
		`not json`,
		`{}`,
		`{"i":3000000000,"s":null}`,
	}
	o := Options{IgnoreParseErrors: true, Timestamps: TimestampSQL}
	same(t, decodeAll(t, "json", fields, o, values...),
		`1 | a | 1.5 | 1.23 | true | 2026-01-01T00:00:00.123 | 2026-01-01T00:00:00.123Z | 2026-01-01 | 10:11:12.000 | 6869 | 1 | [1,null]`,
		`12 | 5 | 2.5 | 1.2 | true | 2026-01-01T00:00:00 | NULL | NULL | NULL | NULL | NULL | NULL`,
		`NULL | {"o":1} | NULL | NULL | false | NULL | NULL | NULL | NULL | NULL | NULL | NULL`,
		`1 | [1,2] | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL`,
		`NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL`,
		`NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL`,
	)
	same(t, decodeAll(t, "json", fields, Options{Timestamps: TimestampSQL}, values...),
		`1 | a | 1.5 | 1.23 | true | 2026-01-01T00:00:00.123 | 2026-01-01T00:00:00.123Z | 2026-01-01 | 10:11:12.000 | 6869 | 1 | [1,null]`,
		`12 | 5 | 2.5 | 1.2 | true | 2026-01-01T00:00:00 | NULL | NULL | NULL | NULL | NULL | NULL`,
		`NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL`,
		`bad 2: column i: "x" is not an INT`,
		`bad 3: column b: 1 is not a BOOLEAN`,
		`bad 4: invalid JSON at byte 0: "not json"`,
		`bad 6: column i: 3000000000 is out of range for INT`,
	)
}

// TestCSVIsFlinks: quotes, the NULL literal, short and long records and bad values as Flink 2.3 reads them under
// ignore-parse-errors.
func TestCSVIsFlinks(t *testing.T) {
	fields := []Field{null("i", typInt), null("s", typString), null("d", typDouble), null("ts", typTS3)}
	o := Options{IgnoreParseErrors: true, NullLiterals: []string{"NULL"}, Timestamps: TimestampSQL}
	same(t, decodeAll(t, "csv", fields, o,
		`1,abc,1.5,2026-01-01 00:00:00.123`,
		`2,"a,""q"" b",2e3,2026-01-01 00:00:00`,
		`NULL,NULL,NULL,NULL`,
		`3,,1,2026-01-01 00:00:00`,
		`x,bad,1,2026-01-01 00:00:00`,
		`4,short`,
		`5,long,1,2026-01-01 00:00:00,extra`,
		` 6 , sp ,1,2026-01-01 00:00:00`),
		`1 | abc | 1.5 | 2026-01-01T00:00:00.123`,
		`2 | a,"q" b | 2000 | 2026-01-01T00:00:00`,
		`NULL | NULL | NULL | NULL`,
		`3 |  | 1 | 2026-01-01T00:00:00`,
		`NULL | bad | 1 | 2026-01-01T00:00:00`,
		`4 | short | NULL | NULL`,
		`6 |  sp  | 1 | 2026-01-01T00:00:00`,
	)
	same(t, decodeAll(t, "csv", fields[:2], Options{NullLiterals: []string{"NA"}},
		`1,NA`, `2,"NA"`, `"NA",x`, `NA,"open`, `1,"a"b`, "1,a\r\n", "1,a\n2,b", `abc,d`, `99999999999,d`, ``),
		`1 | NULL`, `2 | NA`, `NULL | x`, `1 | a`,
		`bad 3: quote is not closed`, `bad 4: text after a closing quote`,
		`bad 6: more than one CSV record: 3 bytes after the first`,
		`bad 7: column i: "abc" is not an INT`, `bad 8: column i: "99999999999" is out of range for INT`,
		`bad 9: 1 fields, want 2`,
	)
}

// TestTimestampForms: which texts are timestamps in each form, down to the last digit of the unit.
func TestTimestampForms(t *testing.T) {
	for _, c := range []struct {
		form  TimestampFormat
		zoned bool
		text  string
		want  string
	}{
		{TimestampAny, false, "2013-01-01T10:00:00Z", "2013-01-01T10:00:00"},
		{TimestampAny, false, "2013-01-01 10:00", "2013-01-01T10:00:00"},
		{TimestampAny, false, "2013-01-01", "2013-01-01T00:00:00"},
		{TimestampAny, true, "2013-01-01T10:00:00+05:30", "2013-01-01T04:30:00Z"},
		{TimestampAny, true, "2013-01-01T10:00:00-0100", "2013-01-01T11:00:00Z"},
		{TimestampAny, false, "1969-12-31 23:59:59.9999", "1969-12-31T23:59:59.999"},
		{TimestampAny, false, "0001-01-01 00:00:00", "0001-01-01T00:00:00"},
		{TimestampAny, false, "0000-02-29 00:00:00", "0000-02-29T00:00:00"},
		{TimestampAny, false, "9999-12-31 23:59:59.999999999", "9999-12-31T23:59:59.999"},
		{TimestampAny, false, "2013-02-29 00:00:00", ""},
		{TimestampAny, false, "2013-13-01 00:00:00", ""},
		{TimestampAny, false, "2013-01-00 00:00:00", ""},
		{TimestampAny, false, "2013-01-01 24:00:00", ""},
		{TimestampAny, false, "2013-01-01 10:60:00", ""},
		{TimestampAny, false, "2013-01-01 10:00:00.", ""},
		{TimestampAny, false, "2013-01-01 10:00:00.1234567890", ""},
		{TimestampAny, false, "2013-01-01 1:00:00", ""},
		{TimestampAny, false, "2013-01-01x10:00:00", ""},
		{TimestampSQL, false, "2013-01-01 10:00:00.5", "2013-01-01T10:00:00.5"},
		{TimestampSQL, false, "2013-01-01T10:00:00", ""},
		{TimestampSQL, false, "2013-01-01 10:00:00Z", ""},
		{TimestampSQL, false, "2013-01-01 10:00", ""},
		{TimestampSQL, false, "2013-01-01", ""},
		{TimestampSQL, true, "2013-01-01 10:00:00Z", "2013-01-01T10:00:00Z"},
		{TimestampSQL, true, "2013-01-01 10:00:00", ""},
		{TimestampISO, false, "2013-01-01T10:00:00.123", "2013-01-01T10:00:00.123"},
		{TimestampISO, false, "2013-01-01T10:00:00Z", ""},
		{TimestampISO, true, "2013-01-01T10:00:00.1Z", "2013-01-01T10:00:00.1Z"},
		{TimestampISO, true, "2013-01-01 10:00:00Z", ""},
	} {
		typ := typTS3
		if c.zoned {
			typ = typLTZ3
		}
		got := decodeAll(t, "json", []Field{null("t", typ)}, Options{Timestamps: c.form}, `{"t":"`+c.text+`"}`)
		want := c.want
		if want == "" {
			want = `bad 0: column t: "` + c.text + `" is not a ` + TypeName(typ)
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%q: got %q, want %q", c.text, got, want)
		}
	}
	nanos := null("t", &arrow.TimestampType{Unit: arrow.Nanosecond})
	same(t, decodeAll(t, "json", []Field{nanos}, Options{},
		`{"t":"2013-01-01 10:00:00.123456789"}`, `{"t":"2263-01-01 00:00:00"}`),
		"2013-01-01T10:00:00.123456789", `bad 1: column t: "2263-01-01 00:00:00" is out of range for TIMESTAMP(9)`)
}

// TestDatesAgreeWithGo: the calendar is Go's, over 10,000 years, both ways.
func TestDatesAgreeWithGo(t *testing.T) {
	day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := days(0, 1, 1); n <= days(9999, 12, 31); n++ {
		text := day.Format("2006-01-02")
		if got := string(appendDate(nil, n)); got != text {
			t.Fatalf("day %d is written %s, want %s", n, got, text)
		}
		if got, ok := parseDate([]byte(text)); !ok || int(got) != n {
			t.Fatalf("%s is read as day %d, want %d", text, got, n)
		}
		if n%97 == 0 && int64(n)*secondsPerDay != day.Unix() {
			t.Fatalf("day %d (%s) begins at %d", n, text, day.Unix())
		}
		day = day.AddDate(0, 0, 1)
	}
}
