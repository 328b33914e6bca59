package format

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
)

// metaFields are a record's own parts as columns.
var metaFields = []Field{
	{Name: "topic", Type: typString, Source: FromTopic},
	{Name: "partition", Type: typInt, Source: FromPartition},
	{Name: "offset", Type: typBigint, Source: FromOffset},
	{Name: "timestamp", Type: typLTZ3, Source: FromTimestamp},
	{Name: "key", Type: typBytes, Nullable: true, Source: FromKey},
	{Name: "value", Type: typBytes, Nullable: true, Source: FromRawValue},
	{Name: "headers", Type: typBytes, Source: FromHeaders},
	{Name: "header_count", Type: typInt, Source: FromHeaderCount},
}

// batchOf builds a batch with base offset 100.
func batchOf(codec record.Codec, add func(b *record.Builder)) record.Batch {
	var b record.Builder
	b.Reset(codec)
	add(&b)
	batch := b.Build()
	batch.SetBaseOffset(100)
	return batch
}

// decodeWhole decodes a batch at one go.
func decodeWhole(d *Decoder, b record.Batch, topic string, partition int32, from int64) error {
	if err := d.Start(b, topic, partition, from); err != nil {
		return err
	}
	_, more, err := d.Decode(math.MaxInt, math.MaxInt)
	if more {
		panic("BUG: a decoder without limits stops within a batch")
	}
	return err
}

// TestNullAndEmptyStayApart: null and empty keys, values and header values arrive as they were sent, duplicates and the
// order of headers kept, with each record's place and time beside them.
func TestNullAndEmptyStayApart(t *testing.T) {
	h := func(v []byte) record.Header { return record.Header{Key: []byte("h"), Value: v} }
	sent := [][]record.Header{{h(nil)}, {h([]byte{})}, {h([]byte("1")), h([]byte("2")), h([]byte("1"))}, {}}
	batch := batchOf(record.Zstd, func(b *record.Builder) {
		b.Add(1000, nil, []byte("v"), sent[0]...)
		b.Add(1001, []byte{}, nil, sent[1]...)
		b.Add(1002, []byte("k"), []byte{}, sent[2]...)
		b.Add(1003, []byte("\xff"), []byte("\xfe"), sent[3]...)
	})
	d, err := NewDecoder("raw", metaFields, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := decodeWhole(d, batch, "t", 3, 101); err != nil { // the first record lies before the position
		t.Fatal(err)
	}
	rec, bad := d.Take()
	defer rec.Release()
	same(t, rows(rec),
		"t | 3 | 101 | 1970-01-01T00:00:01.001Z |  | NULL | 026800 | 1",
		"t | 3 | 102 | 1970-01-01T00:00:01.002Z | 6b |  | 026802310268023202680231 | 3",
		"t | 3 | 103 | 1970-01-01T00:00:01.003Z | ff | fe |  | 0")
	if len(bad) > 0 {
		t.Errorf("bad records: %v", bad)
	}
	for row, want := range sent[1:] {
		var got []record.Header
		err := record.EachHeader(rec.Column(6).(*array.Binary).Value(row), int(rec.Column(7).(*array.Int32).Value(row)),
			func(h record.Header) error { got = append(got, h); return nil })
		if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", append([]record.Header(nil), want...)) {
			t.Errorf("row %d: headers %#v, %v, want %#v", row, got, err, want)
		}
	}
}

// TestBadRecordsKeepEverything: a bad record carries its key, value, headers, place and time, and leaves no trace in the
// rows around it.
func TestBadRecordsKeepEverything(t *testing.T) {
	batch := batchOf(record.None, func(b *record.Builder) {
		b.Add(1, nil, []byte(`{"n":1,"s":"one"}`))
		b.Add(2, []byte("k"), []byte(`{"s":"two","n":"x"}`), record.Header{Key: []byte("h"), Value: []byte("v")})
		b.Add(3, nil, []byte(`{"s":null,"n":null`))
		b.Add(4, nil, nil)
		b.Add(5, nil, []byte(`{"n":5,"s":"five"}`))
	})
	d, err := NewDecoder("json", []Field{null("s", typString), null("n", typBigint)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := decodeWhole(d, batch, "t", 2, 0); err != nil {
		t.Fatal(err)
	}
	rec, bad := d.Take()
	defer rec.Release()
	same(t, rows(rec), "one | 1", "five | 5")
	if n := rec.Column(0).NullN() + rec.Column(1).NullN(); n != 0 {
		t.Errorf("%d NULLs left behind by a bad record", n)
	}
	want := []stream.BadRecord{
		{
			Topic: "t", Partition: 2, Offset: 101, Timestamp: 2, Key: []byte("k"), Value: []byte(`{"s":"two","n":"x"}`),
			Headers: []byte("\x02h\x02v"), HeaderCount: 1, Reason: `column n: "x" is not a BIGINT`,
		},
		{
			Topic: "t", Partition: 2, Offset: 102, Timestamp: 3, Value: []byte(`{"s":null,"n":null`), Headers: []byte{},
			Reason: "invalid JSON: cut off after 18 bytes",
		},
	}
	if fmt.Sprintf("%#v", bad) != fmt.Sprintf("%#v", want) {
		t.Errorf("bad records\n got %#v\nwant %#v", bad, want)
	}
}

// TestTombstonesAreKeptOnRequest: a null value is no row, or one of NULLs beside its key.
func TestTombstonesAreKeptOnRequest(t *testing.T) {
	batch := batchOf(record.None, func(b *record.Builder) { b.Add(1, []byte("k"), nil) })
	fields := []Field{{Name: "key", Type: typString, Source: FromKey}, null("n", typBigint)}
	for keep, want := range map[bool][]string{false: nil, true: {"k | NULL"}} {
		d, err := NewDecoder("json", fields, Options{KeepNullValues: keep})
		if err != nil {
			t.Fatal(err)
		}
		if err := decodeWhole(d, batch, "t", 0, 0); err != nil {
			t.Fatal(err)
		}
		var got []string
		if rec, _ := d.Take(); rec != nil {
			got = rows(rec)
			rec.Release()
		}
		same(t, got, want...)
	}
}

// TestControlBatchesGiveNoRows: transaction markers are not records of the user.
func TestControlBatchesGiveNoRows(t *testing.T) {
	d, err := NewDecoder("raw", metaFields, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := decodeWhole(d, record.EndTxnMarker(1, 0, true, 0, 5), "t", 0, 0); err != nil || d.Rows() != 0 {
		t.Errorf("%d rows, %v", d.Rows(), err)
	}
}

// TestBrokenBatchIsAnError: a batch whose records are cut is not a bad record but an error of the log.
func TestBrokenBatchIsAnError(t *testing.T) {
	batch := batchOf(record.None, func(b *record.Builder) { b.Add(1, nil, []byte(`{}`)); b.Add(1, nil, []byte(`{}`)) })
	d, err := NewDecoder("json", nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := decodeWhole(d, batch[:len(batch)-3], "t", 0, 0); !errors.Is(err, record.ErrInvalid) {
		t.Errorf("error %v", err)
	}
}

// TestMissingFields: NULL, or bad by option or for a NOT NULL column; the last of two members counts, also when it is
// null, and a second object replaces the first whole.
func TestMissingFields(t *testing.T) {
	fields := []Field{
		null("a", typBigint),
		{Name: "b", Type: typString, Nullable: true, Path: []string{"o", "b"}},
		{Name: "c", Type: typString, Nullable: true, Path: []string{"o", "c"}},
	}
	values := []string{
		`{"a":1,"o":{"b":"x","c":"y"}}`, `{}`, `{"a":1,"a":2,"o":{"b":"x"},"o":{"c":"y"}}`, `{"a":1,"a":null,"o":{"b":"x"},"o":null}`,
		`{"a":null,"a":3,"o":null,"o":{"b":null,"b":"z"}}`,
	}
	same(t, decodeAll(t, "json", fields, Options{}, append(values, `{"a":1,"o":[1]}`)...),
		"1 | x | y", "NULL | NULL | NULL", "2 | NULL | y", "NULL | NULL | NULL", "3 | z | NULL",
		"bad 5: column b: [1] is not an object")
	same(t, decodeAll(t, "json", fields, Options{FailOnMissingField: true}, values[:2]...),
		"1 | x | y", "bad 1: column a: missing")
	fields[0].Nullable = false
	for _, o := range []Options{{}, {IgnoreParseErrors: true}} {
		got := decodeAll(t, "json", fields, o, values[0], values[1], `{"a":null}`, `{"a":"x"}`)
		if o.IgnoreParseErrors {
			same(t, got, "1 | x | y")
		} else {
			same(t, got, "1 | x | y", "bad 1: column a: NULL in a NOT NULL column",
				"bad 2: column a: NULL in a NOT NULL column", `bad 3: column a: "x" is not a BIGINT`)
		}
	}
}

// TestSamePathTwice: one member may fill several columns, and an object both a column and the columns within it.
func TestSamePathTwice(t *testing.T) {
	fields := []Field{
		{Name: "text", Type: typString, Nullable: true, Path: []string{"a"}},
		{Name: "number", Type: typBigint, Nullable: true, Path: []string{"a"}},
		null("o", typString),
		{Name: "b", Type: typBigint, Nullable: true, Path: []string{"o", "b"}},
	}
	same(t, decodeAll(t, "json", fields, Options{}, `{"a":"7","o":{"b": 1}}`, `{"o":{"b":2}}`),
		`7 | 7 | {"b":1} | 1`, `NULL | NULL | {"b":2} | 2`)
}

// TestManyUnknownNames: names that never come again are not remembered without end, and do not disturb known ones.
func TestManyUnknownNames(t *testing.T) {
	d, err := NewDecoder("json", []Field{null("a", typBigint)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxLearned {
		v := fmt.Sprintf(`{"x%d":1,"a":%d,"%s%d":[{}]}`, i, i, strings.Repeat("y", i), i)
		if err := d.DecodeRecord(&record.Record{Value: []byte(v)}, "t", 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.values.(*jsonDecoder).root.names); n > maxLearned {
		t.Errorf("%d names are remembered", n)
	}
	rec, bad := d.Take()
	defer rec.Release()
	for i, v := range rec.Column(0).(*array.Int64).Int64Values() {
		if int(v) != i {
			t.Fatalf("row %d is %d", i, v)
		}
	}
	if rec.NumRows() != 3*maxLearned || len(bad) > 0 {
		t.Errorf("%d rows, %d bad records", rec.NumRows(), len(bad))
	}
}

// TestNothingIsAllocatedPerRecord: once names are known and buffers are large enough, a batch is decoded without any
// allocation.
func TestNothingIsAllocatedPerRecord(t *testing.T) {
	values := clicks(500)
	fields := append([]Field{
		{Name: "raw", Type: typBytes, Source: FromRawValue},
		{Name: "key", Type: typString, Nullable: true, Source: FromKey},
		{Name: "d", Type: dec(10, 2), Nullable: true, Path: []string{"amount"}},
		{Name: "g", Type: typString, Nullable: true, Path: []string{"geo"}},
	}, clickFields...)
	batch := batchOf(record.None, func(b *record.Builder) {
		for _, v := range values {
			b.Add(1, nil, v)
		}
	})
	d, err := NewDecoder("json", fields, Options{Timestamps: TimestampISO})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() {
		d.Reset()
		if err := decodeWhole(d, batch, "clicks", 0, 0); err != nil || d.Rows() != 500 {
			t.Fatal(d.Rows(), err)
		}
	}); n > 0 {
		t.Errorf("json: %v allocations for a batch of 500 records", n)
	}
	c, err := NewDecoder("csv", []Field{null("a", typBigint), null("b", typString), null("c", typTS3)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	line := []byte("12,\"say \"\"hi\"\"\",2013-01-01T10:00:00Z\n")
	if n := testing.AllocsPerRun(10, func() {
		c.Reset()
		for range 500 {
			if s, err := c.DecodeNext(line, true, "f.csv", 1); err != nil || s.Bytes != len(line) {
				t.Fatal(s, err)
			}
		}
	}); n > 0 || c.Rows() != 500 {
		t.Errorf("csv: %v allocations for %d records", n, c.Rows())
	}
}

// TestColumnsAreReleased: what Take hands over goes back to its allocator when it is released, and Close gives back what
// was not taken; rows that grow many times keep their values.
func TestColumnsAreReleased(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	d, err := NewDecoder("json", clickFields, Options{Mem: mem, Timestamps: TimestampISO})
	if err != nil {
		t.Fatal(err)
	}
	values := clicks(1000)
	var kept []arrow.RecordBatch
	for i, v := range values {
		if err := d.DecodeRecord(&record.Record{Value: v}, "t", 0); err != nil {
			t.Fatal(err)
		}
		if i%300 == 299 {
			rec, _ := d.Take()
			kept = append(kept, rec)
		}
	}
	for n, rec := range kept {
		for i := range int(rec.NumRows()) {
			id := rec.Column(0).(*array.String).Value(i)
			if want := fmt.Sprintf("%08x-", 300*n+i); !strings.HasPrefix(id, want) {
				t.Fatalf("row %d of batch %d is %s", i, n, id)
			}
		}
		rec.Release()
	}
	d.Close()
}

// TestUnusableFields: what no record can fill is refused when the decoder is made.
func TestUnusableFields(t *testing.T) {
	for _, c := range []struct {
		format string
		field  Field
		o      Options
		want   string
	}{
		{"xml", null("a", typString), Options{}, `unknown format "xml": use json, csv or raw`},
		{"json", null("a", arrow.ListOf(typInt)), Options{}, "column a: type list<item: int32, nullable> has no place in a record"},
		{"json", Field{Name: "o", Type: typString, Source: FromOffset}, Options{}, "column o: STRING cannot be filled from a record's offset"},
		{"raw", null("a", typBigint), Options{}, "column a: format raw fills BYTES or STRING, not BIGINT"},
		{"csv", null("a", typBigint), Options{Header: []string{"x", "y"}}, "column a: not in the header (x, y)"},
		{
			"json", null("a", typBigint),
			Options{IgnoreParseErrors: true, FailOnMissingField: true},
			"options ignore-parse-errors and fail-on-missing-field exclude each other",
		},
	} {
		if _, err := NewDecoder(c.format, []Field{c.field}, c.o); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

// TestOptionWords: options are read as Flink spells them; unknown and impossible ones are refused by name.
func TestOptionWords(t *testing.T) {
	o, err := ParseOptions("csv", map[string]string{
		"ignore-parse-errors": "true", "field-delimiter": `\t`, "null-literal": "NA", "timestamp-format.standard": "iso-8601",
	})
	if err != nil || !o.IgnoreParseErrors || o.Delimiter != '\t' || o.NullLiterals[0] != "NA" || o.Timestamps != TimestampISO {
		t.Errorf("%+v, %v", o, err)
	}
	for name, want := range map[string]string{
		"field-delimiter": `option csv.field-delimiter: "" is not one ASCII character`,
		"x":               "format csv has no option x", "fail-on-missing-field": "format csv has no option fail-on-missing-field",
		"allow-comments": `option csv.allow-comments: "" is neither true nor false`,
	} {
		if _, err := ParseOptions("csv", map[string]string{name: ""}); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// TestBatchOfColumnsIsBounded: before the offsets of a column could overflow, decoding asks for a Take, and goes on after.
func TestBatchOfColumnsIsBounded(t *testing.T) {
	d, err := NewDecoder("raw", []Field{null("v", typBytes)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.b.bytes = maxBatchBytes // as if a gibibyte had been decoded
	r := record.Record{Value: []byte("x")}
	if err := d.DecodeRecord(&r, "t", 0); err != nil {
		t.Fatal(err)
	}
	if err := d.DecodeRecord(&r, "t", 0); !errors.Is(err, errBatchFull) {
		t.Errorf("error %v", err)
	}
	rec, _ := d.Take()
	rec.Release()
	if err := d.DecodeRecord(&r, "t", 0); err != nil || d.Rows() != 1 {
		t.Errorf("after Take: %d rows, %v", d.Rows(), err)
	}
}
