package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	pq "github.com/parquet-go/parquet-go"

	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
)

// everyType has a column of each type that a table can have, and of each way in which texts are spread.
func everyType() *arrow.Schema {
	p := arrow.PrimitiveTypes
	return arrow.NewSchema([]arrow.Field{
		field("n", p.Int64), field("i8", p.Int8), field("i16", p.Int16), field("i32", p.Int32), field("f32", p.Float32), field("f64", p.Float64),
		field("b", arrow.FixedWidthTypes.Boolean), field("d", arrow.FixedWidthTypes.Date32), field("t", arrow.FixedWidthTypes.Time32ms),
		field("ts", &arrow.TimestampType{Unit: arrow.Microsecond}), field("d9", &arrow.Decimal128Type{Precision: 9, Scale: 2}),
		field("d18", &arrow.Decimal128Type{Precision: 18, Scale: 2}), field("d38", &arrow.Decimal128Type{Precision: 38, Scale: 2}),
		field("few", arrow.BinaryTypes.String), field("unique", arrow.BinaryTypes.String), field("long", arrow.BinaryTypes.String),
		field("bytes", arrow.BinaryTypes.Binary), field("nothing", p.Int64), field("nan", p.Float64),
	}, nil)
}

// randomBatch makes n rows; of each column a share is NULL, in some batches all or none.
func randomBatch(r *rand.Rand, schema *arrow.Schema, first, n int) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for c := range schema.NumFields() {
		share := []float64{0, 0, 0.01, 0.5, 0.99, 1}[r.IntN(6)]
		for i := range n {
			if c > 0 && r.Float64() < share || schema.Field(c).Name == "nothing" {
				b.Field(c).AppendNull()
				continue
			}
			appendRandom(r, b.Field(c), schema.Field(c).Name, first+i)
		}
	}
	return b.NewRecordBatch()
}

func appendRandom(r *rand.Rand, b array.Builder, name string, row int) {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), math.MaxFloat64, -math.SmallestNonzeroFloat64}
	switch b := b.(type) {
	case *array.Int64Builder:
		b.Append(int64(row))
	case *array.Int8Builder:
		b.Append(int8(r.Uint32()))
	case *array.Int16Builder:
		b.Append(int16(r.Uint32()))
	case *array.Int32Builder:
		b.Append(int32(r.Uint32()))
	case *array.Float32Builder:
		b.Append(float32(r.NormFloat64()))
	case *array.Float64Builder:
		switch {
		case name == "nan":
			b.Append(math.NaN())
		case r.IntN(10) == 0:
			b.Append(odd[r.IntN(len(odd))])
		default:
			b.Append(r.NormFloat64())
		}
	case *array.BooleanBuilder:
		b.Append(r.IntN(3) == 0)
	case *array.Date32Builder:
		b.Append(arrow.Date32(r.Int32()))
	case *array.Time32Builder:
		b.Append(arrow.Time32(r.IntN(86_400_000)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(row) * 1_000_000)
	case *array.Decimal128Builder:
		// Half of them negative; within 9 digits, or within 18, or beyond 64 bits.
		v := decimal128.FromI64(r.Int64N(2_000_000_000-2) - 999_999_999)
		if name == "d18" {
			v = decimal128.FromI64(r.Int64N(2e18) - 1e18)
		}
		if name == "d38" {
			v = decimal128.New(r.Int64N(1<<40)-1<<39, r.Uint64())
		}
		b.Append(v)
	case *array.StringBuilder:
		b.Append(randomText(r, name, row))
	case *array.BinaryBuilder:
		v := make([]byte, r.IntN(60))
		for i := range v {
			v[i] = byte(r.Uint32() >> 5 << r.IntN(8))
		}
		b.Append(v)
	}
}

func randomText(r *rand.Rand, name string, row int) string {
	switch name {
	case "few":
		return []string{"", "a", "ab", "\x00", "zebra", "ä", "a\x00", strings.Repeat("x", 40) + "1", strings.Repeat("x", 40) + "0"}[r.IntN(9)]
	case "unique":
		return fmt.Sprintf("%x-%d", r.Uint32(), row)
	}
	// Long ones: around the length where bounds are cut, with characters across it, and beyond what statistics keep.
	text := strings.Repeat([]string{"x", "é", "😀", "\x7f"}[r.IntN(4)], r.IntN(45))
	if r.IntN(2000) == 0 {
		text += strings.Repeat("y", 3*maxStatisticBytes)
	}
	return text
}

// readBack reads a column with parquet-go: each value as text, "NULL" for none; and checks P5 against the row groups'
// statistics and the pages' indexes.
func readBack(t *testing.T, f *pq.File, c int) (out []string) {
	t.Helper()
	for g, group := range f.RowGroups() {
		chunk := group.ColumnChunks()[c]
		stats := f.Metadata().RowGroups[g].Columns[c].MetaData
		typ, values := chunk.Type(), []pq.Value{}
		index, err := chunk.ColumnIndex()
		if err != nil && !errors.Is(err, pq.ErrMissingColumnIndex) {
			t.Fatal(err)
		}
		pages := chunk.Pages()
		for n := 0; ; n++ {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("column %d, row group %d, page %d: %v", c, g, n, err)
			}
			page2 := make([]pq.Value, page.NumValues())
			if k, err := page.Values().ReadValues(page2); k != len(page2) || err != nil && !errors.Is(err, io.EOF) {
				t.Fatalf("column %d: %d values of %d: %v", c, k, len(page2), err)
			}
			if err == nil && index != nil && !errors.Is(err, pq.ErrMissingColumnIndex) {
				checkPage(t, typ, index, n, page2)
			}
			for _, v := range page2 {
				values = append(values, v.Clone())
			}
			pq.Release(page)
		}
		_ = pages.Close()
		nulls := int64(0)
		for _, v := range values {
			if v.IsNull() {
				nulls++
			} else if s := stats.Statistics; s.MinValue != nil && !isNaN(v) {
				if outside(typ, v, typ.Kind().Value(s.MinValue), typ.Kind().Value(s.MaxValue)) {
					t.Fatalf("column %d: %v lies outside the row group's bounds", c, v)
				}
			}
			out = append(out, text(v))
		}
		if stats.NumValues != int64(len(values)) || stats.Statistics.NullCount != nulls {
			t.Fatalf("column %d: %d values and %d NULLs, the footer says %d and %d", c, len(values), nulls, stats.NumValues, stats.Statistics.NullCount)
		}
	}
	return out
}

func checkPage(t *testing.T, typ pq.Type, index pq.ColumnIndex, n int, page []pq.Value) {
	t.Helper()
	nulls := int64(0)
	for _, v := range page {
		if v.IsNull() {
			nulls++
		} else if !isNaN(v) && outside(typ, v, index.MinValue(n), index.MaxValue(n)) {
			t.Fatalf("%v lies outside its page's bounds %v and %v", v, index.MinValue(n), index.MaxValue(n))
		}
	}
	if index.NullCount(n) != nulls || index.NullPage(n) != (nulls == int64(len(page))) {
		t.Fatalf("page %d has %d NULLs of %d, its index says %d, all NULL %t", n, nulls, len(page), index.NullCount(n), index.NullPage(n))
	}
}

// outside compares by the format's rules; parquet-go's own comparison of decimals in bytes takes them for unsigned.
func outside(typ pq.Type, v, lo, hi pq.Value) bool {
	if v.Kind() == pq.FixedLenByteArray {
		x := signed(v.ByteArray())
		return x.Cmp(signed(lo.ByteArray())) < 0 || x.Cmp(signed(hi.ByteArray())) > 0
	}
	return typ.Compare(v, lo) < 0 || typ.Compare(v, hi) > 0
}

func signed(b []byte) *big.Int {
	x := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return x
}

func isNaN(v pq.Value) bool { return v.Kind() == pq.Double && math.IsNaN(v.Double()) }

func text(v pq.Value) string {
	if v.IsNull() {
		return "NULL"
	}
	if v.Kind() == pq.Double {
		return fmt.Sprintf("%x", math.Float64bits(v.Double()))
	}
	if v.Kind() == pq.Float {
		return fmt.Sprintf("%x", math.Float32bits(v.Float()))
	}
	if v.Kind() == pq.ByteArray || v.Kind() == pq.FixedLenByteArray {
		return fmt.Sprintf("%x", v.ByteArray())
	}
	return v.String()
}

// expected is the same of an Arrow value.
func expected(arr arrow.Array, r int) string {
	if arr.IsNull(r) {
		return "NULL"
	}
	switch a := arr.(type) {
	case *array.Boolean:
		return fmt.Sprint(a.Value(r))
	case *array.Float32:
		return fmt.Sprintf("%x", math.Float32bits(a.Value(r)))
	case *array.Float64:
		return fmt.Sprintf("%x", math.Float64bits(a.Value(r)))
	case *array.String:
		return fmt.Sprintf("%x", a.Value(r))
	case *array.Binary:
		return fmt.Sprintf("%x", a.Value(r))
	case *array.Date32:
		return fmt.Sprint(int32(a.Value(r)))
	case *array.Time32:
		return fmt.Sprint(int32(a.Value(r)))
	case *array.Timestamp:
		return fmt.Sprint(int64(a.Value(r)))
	case *array.Decimal128:
		v := a.Value(r)
		if a.DataType().(*arrow.Decimal128Type).Precision <= 18 {
			return fmt.Sprint(v.BigInt())
		}
		return fmt.Sprintf("%016x%016x", uint64(v.HighBits()), v.LowBits())
	}
	return arr.ValueStr(r)
}

// What goes in comes out of parquet-go's reader, bit for bit: every type, NULLs in any pattern, batches that are slices of
// others, rows picked by a partition, pages and row groups that end anywhere, dictionaries that pay and that do not. No
// value lies outside its bounds (P5).
func TestFilesReadBackAsTheyWereWritten(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		schema := everyType()
		o := Options{
			FS: vfs.NewMem(), Compression: []string{"zstd", "snappy", "none", "gzip"}[r.IntN(4)],
			PageBytes: []int{100, 4 << 10, 256 << 10}[r.IntN(3)], RowGroupRows: []int64{1000, 30_000, 1 << 20}[r.IntN(3)],
		}.withDefaults()
		l, err := newLayout(schema, o)
		if err != nil {
			t.Fatal(err)
		}
		f, err := createFile(o.FS, "/t", "/t", l, o)
		if err != nil {
			t.Fatal(err)
		}
		from := make([]int, schema.NumFields())
		for i := range from {
			from[i] = i
		}
		want := make([][]string, len(from))
		for rows := 0; rows < 40_000; {
			rec := randomBatch(r, schema, rows, 1+r.IntN([]int{3, 500, 20_000}[r.IntN(3)]))
			rows += int(rec.NumRows())
			var sel []int32
			switch r.IntN(3) {
			case 0:
				at := r.Int64N(rec.NumRows())
				rec = rec.NewSlice(at, at+r.Int64N(rec.NumRows()-at)+1)
			case 1:
				for i := range int32(rec.NumRows()) {
					if r.IntN(3) > 0 {
						sel = append(sel, i)
					}
				}
				if sel == nil {
					continue
				}
			}
			if err := f.write(rec, from, sel, o.RowGroupRows); err != nil {
				t.Fatal(err)
			}
			picked := sel
			for i := range int32(rec.NumRows()) {
				if sel == nil {
					picked = append(picked, i)
				}
			}
			for c := range from {
				for _, i := range picked {
					want[c] = append(want[c], expected(rec.Column(c), int(i)))
				}
			}
		}
		if err := f.finish(); err != nil {
			t.Fatal(err)
		}
		compareFile(t, o.FS, "/t", want)
	}
}

func compareFile(t *testing.T, fs vfs.FS, name string, want [][]string) {
	t.Helper()
	in, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	size, err := in.Size()
	if err != nil {
		t.Fatal(err)
	}
	f, err := pq.OpenFile(in, size)
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != int64(len(want[0])) {
		t.Fatalf("%d rows, want %d", f.NumRows(), len(want[0]))
	}
	for c := range want {
		got := readBack(t, f, c)
		for i := range want[c] {
			if got[i] != want[c][i] {
				t.Fatalf("column %d, row %d is %s, want %s", c, i, got[i], want[c][i])
			}
		}
	}
}

// The same through DuckDB and pyarrow: counts and sums equal those of the rows that were written, and filters, which skip
// row groups by their statistics, find what they should.
func TestOtherReadersAgree(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		field("n", arrow.PrimitiveTypes.Int64), field("f", arrow.PrimitiveTypes.Float64), field("b", arrow.FixedWidthTypes.Boolean),
		field("few", arrow.BinaryTypes.String), field("unique", arrow.BinaryTypes.String),
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	const rows = 40_000
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		if i%3 == 0 || i > 30_000 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.Float64Builder).Append(float64(i) / 4)
		}
		b.Field(2).(*array.BooleanBuilder).Append(i%5 == 0)
		b.Field(3).(*array.StringBuilder).Append([]string{"EWR", "JFK", "LGA", ""}[i%4])
		b.Field(4).(*array.StringBuilder).Append(fmt.Sprintf("%d-%s", i, strings.Repeat("é", i%30)))
	}
	rec := b.NewRecordBatch()
	for _, codec := range []string{"zstd", "snappy", "none"} {
		dir := filepath.Join(t.TempDir(), "table")
		write(t, Options{Dir: dir, Name: "p", Compression: codec, PageBytes: 8 << 10, RowGroupRows: 1}, rec.NewSlice(0, 25_000), rec.NewSlice(25_000, rows))
		s := read(t, dir, "n",
			"SELECT COUNT(*) FROM TABLE", "SELECT COUNT(f) FROM TABLE", "SELECT CAST(SUM(f) AS BIGINT) FROM TABLE", "SELECT COUNT(*) FROM TABLE WHERE b",
			"SELECT COUNT(*) FROM TABLE WHERE few = 'JFK'", "SELECT COUNT(*) FROM TABLE WHERE few = ''", "SELECT COUNT(DISTINCT \"unique\") FROM TABLE",
			"SELECT n FROM TABLE WHERE \"unique\" = '31000-éééééééééé'", "SELECT COUNT(*) FROM TABLE WHERE n BETWEEN 24990 AND 25009")
		var values, sum int64
		var total float64
		for i := range rows {
			if i%3 != 0 && i <= 30_000 {
				values++
				total += float64(i) / 4
			}
		}
		sum = int64(math.RoundToEven(total))
		for i, want := range []int64{rows, values, sum, rows / 5, rows / 4, rows / 4, rows, 31_000, 20} {
			if got, _ := s.Queries[i].Int64(); got != want {
				t.Errorf("%s: query %d gives %d, want %d", codec, i, got, want)
			}
		}
		if len(s.PyArrow) != rows || deref(s.PyArrow[31_000]["unique"]) != "31000-éééééééééé" || s.PyArrow[31_000]["f"] != nil || deref(s.PyArrow[29_999]["f"]) != "7499.75" {
			t.Errorf("%s: pyarrow sees %d rows, of row 31000 %s and %s", codec, len(s.PyArrow), deref(s.PyArrow[31_000]["unique"]), deref(s.PyArrow[31_000]["f"]))
		}
	}
}

// Decimals of both signs in one row group are found by their sign: the bounds are by signed value also where they are bytes.
func TestDecimalsOfBothSignsAreFound(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int32), field("d", &arrow.Decimal128Type{Precision: 30, Scale: 2})}, nil)
	dir := filepath.Join(t.TempDir(), "table")
	write(t, Options{Dir: dir, Name: "p"}, rows(t, schema, `[{"n":1,"d":"-5.00"},{"n":2,"d":"0.00"},{"n":3,"d":"7.25"}]`))
	s := read(t, dir, "n", "SELECT COUNT(*) FROM TABLE WHERE d < 0", "SELECT COUNT(*) FROM TABLE WHERE d > 1", "SELECT COUNT(*) FROM TABLE WHERE d = -5")
	for i, got := range s.Queries {
		if got.String() != "1" {
			t.Errorf("query %d finds %s rows, want 1", i, got)
		}
	}
	if got := fmt.Sprint(s.Statistics); got != "[map[d:[-5.00 7.25] n:[1 3]]]" {
		t.Errorf("statistics %s", got)
	}
}

// A dictionary ends where it does not pay: unique values leave no trace of one, few values have one, and one that grows
// beyond its limit is written once and followed by plain pages.
func TestDictionariesEndWhereTheyDoNotPay(t *testing.T) {
	for name, c := range map[string]struct {
		value           func(i int) string
		dictionary, raw bool
	}{
		"few":    {func(i int) string { return fmt.Sprint(i % 7) }, true, false},
		"unique": {func(i int) string { return fmt.Sprint(i) }, false, true},
		"large":  {func(i int) string { return fmt.Sprintf("%0200d", i/4) }, true, true},
		"long":   {func(i int) string { return fmt.Sprintf("%02000d", i) }, false, true},
	} {
		schema := arrow.NewSchema([]arrow.Field{field("c", arrow.BinaryTypes.String)}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		want := make([][]string, 1)
		for i := range 200_000 {
			if name == "long" && i == 5000 {
				break
			}
			b.Field(0).(*array.StringBuilder).Append(c.value(i))
			want[0] = append(want[0], fmt.Sprintf("%x", c.value(i)))
		}
		fs := vfs.NewMem()
		s := NewSink(Options{FS: fs, Dir: "/t", Name: "p", Compression: "none"}, stream.Task{Of: 1}, "n", nil)
		if err := s.Open(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := s.Write(context.Background(), stream.Batch{Rec: b.NewRecordBatch()}); err != nil {
			t.Fatal(err)
		}
		f := s.open["."]
		if err := f.finish(); err != nil {
			t.Fatal(err)
		}
		kinds := map[string]bool{}
		for _, e := range f.groups[0].Columns[0].MetaData.EncodingStats {
			kinds[fmt.Sprint(e.PageType, " ", e.Encoding)] = true
		}
		if kinds["DATA_PAGE_V2 RLE_DICTIONARY"] != c.dictionary || kinds["DICTIONARY_PAGE PLAIN"] != c.dictionary || kinds["DATA_PAGE_V2 PLAIN"] != c.raw {
			t.Errorf("%s: pages %v", name, kinds)
		}
		compareFile(t, fs, f.tmp, want)
	}
}

// Bounds of texts are cut to a lower and a higher text, both whole characters; where no higher one can be made there is none.
func TestCutBoundsStillBound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b []byte
		for range r.IntN(50) {
			b = append(b, []string{"a", "~", "\x7f", "é", "😀", "z"}[r.IntN(6)]...)
		}
		low := cutBelow(b)
		high, ok := cutAbove(b)
		if bytes.Compare(low, b) > 0 || ok && bytes.Compare(high, b) < 0 || len(low) > maxIndexBytes || len(high) > maxIndexBytes {
			t.Fatalf("%q is cut to %q and %q", b, low, high)
		}
		if !strings.HasPrefix(string(b), string(low)) || strings.ToValidUTF8(string(low), "?") != string(low) || ok && strings.ToValidUTF8(string(high), "?") != string(high) {
			t.Fatalf("%q is cut to %q and %q, not both text", b, low, high)
		}
	}
	if _, ok := cutAbove([]byte(strings.Repeat("😀", 20))); ok {
		t.Error("a text without ASCII has no bound above it that is shorter")
	}
}

// Texts that differ in one byte anywhere, in their length, or in nothing but what follows them in memory, are told apart, and
// equal ones are not.
func TestDictionaryTellsTextsApart(t *testing.T) {
	d := &newTexts(true).dict
	number := map[string]int32{}
	var words []string
	for n := range 40 {
		words = append(words, strings.Repeat("\x00", n), strings.Repeat("a", n))
		for at := range n {
			w := []byte(strings.Repeat("a", n))
			w[at] = 'b'
			words = append(words, string(w))
		}
	}
	for round, behind := range []string{"", "\x00\x00\x00\x00\x00\x00\x00\x00\x00", "aaaaaaaaaaaaaaaa"} {
		for _, w := range words {
			got := d.index([]byte("xyz"+w+behind), 3, 3+len(w))
			want, known := number[w]
			if !known {
				want = int32(len(number))
				number[w] = want
			}
			if got != want || round > 0 && !known || string(d.entry(got)[4:]) != w {
				t.Fatalf("%q has the number %d, want %d", w, got, want)
			}
		}
	}
}

// The first 8 bytes as a number are in the order of the texts, also when a text ends within them.
func TestPrefixKeepsTheOrder(t *testing.T) {
	words := []string{"", "\x00", "\x00\x00", "a", "a\x00", "aa", "abcdefg", "abcdefgh", "abcdefghi", "b", "\xff"}
	for _, x := range words {
		for _, y := range words {
			p, q := prefix(append([]byte(x), "zzzzzzzzz"...), len(x)), prefix([]byte(y), len(y))
			if p < q && x >= y || p > q && x <= y {
				t.Errorf("%q and %q are in another order as numbers %x and %x", x, y, p, q)
			}
		}
	}
	if got := prefix([]byte("ab"), 2); got != binary.BigEndian.Uint64([]byte("ab\x00\x00\x00\x00\x00\x00")) {
		t.Errorf("prefix of ab is %x", got)
	}
}
