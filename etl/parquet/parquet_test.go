package parquet

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/test/peers"
)

// seen is what the readers of testdata/read.py saw.
type seen struct {
	DuckDB     []map[string]*string  `json:"duckdb"`
	PyArrow    []map[string]*string  `json:"pyarrow"`
	Schema     map[string][]string   `json:"schema"`
	Arrow      map[string]string     `json:"arrow"`
	Statistics []map[string][]string `json:"statistics"`
	Queries    []json.Number         `json:"queries"`
}

func read(t *testing.T, dir, order string, queries ...string) seen {
	t.Helper()
	cmd := exec.Command(peers.Python(t), append([]string{"testdata/read.py", dir, order}, queries...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("read %s: %v\n%s", dir, err, stderr.String())
	}
	var s seen
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// rows makes a batch from JSON rows.
func rows(t *testing.T, schema *arrow.Schema, text string) arrow.RecordBatch {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// write sends batches through a sink and one checkpoint.
func write(t *testing.T, o Options, batches ...arrow.RecordBatch) {
	t.Helper()
	o.FS = vfs.OS()
	s := NewSink(o, stream.Task{Index: 0, Of: 1}, "n", nil)
	ctx := context.Background()
	if err := s.Open(ctx); err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := s.Write(ctx, stream.Batch{Rec: b}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := s.Prepare(ctx, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(ctx, p); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func field(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

// Partition values with characters that mean something in paths come back as they went in, by both readers, and no file
// lands outside the table (P4). The empty text reads as NULL, as in Hive.
func TestPartitionValuesComeBack(t *testing.T) {
	values := []string{
		"a/b", "x=y", "50%", "50%25", "café", "NULL", "a:b", "a b", ".", "..", "../up", "A", "a", `#?*"\`, "new\nline", "😀",
		"'q'", "[x]{y}",
	}
	schema := arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int64), field("c", arrow.BinaryTypes.String)}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i, v := range values {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(v)
	}
	for i, null := range []bool{true, false} { // then NULL and the empty text
		b.Field(0).(*array.Int64Builder).Append(int64(len(values) + i))
		if null {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append("")
		}
	}
	dir := filepath.Join(t.TempDir(), "parent", "table")
	write(t, Options{Dir: dir, Name: "p", PartitionBy: []string{"c"}}, b.NewRecordBatch())
	s := read(t, dir, "n")
	for reader, got := range map[string][]map[string]*string{"duckdb": s.DuckDB, "pyarrow": s.PyArrow} {
		if len(got) != len(values)+2 {
			t.Fatalf("%s: %d rows, want %d", reader, len(got), len(values)+2)
		}
		for i, r := range got {
			switch {
			case i >= len(values) && r["c"] != nil:
				t.Errorf("%s: row %d is %q, want NULL", reader, i, *r["c"])
			case i < len(values) && (r["c"] == nil || *r["c"] != values[i]):
				t.Errorf("%s: row %d is %v, want %q", reader, i, deref(r["c"]), values[i])
			}
		}
	}
	for name, want := range map[string]string{"a/b": "c=a%2Fb", "x=y": "c=x%3Dy", "50%": "c=50%25", "a:b": "c=a%3Ab"} {
		if _, err := os.Stat(filepath.Join(dir, want)); err != nil {
			t.Errorf("%q is not in %s: %v", name, want, err)
		}
	}
	outside, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(outside) != 1 {
		t.Errorf("beside the table there is %v, %v", outside, err)
	}
}

func deref(s *string) string {
	if s == nil {
		return "NULL"
	}
	return *s
}

// Times keep their meaning: a TIMESTAMP is local (isAdjustedToUTC=false), a TIMESTAMP_LTZ an instant, in the unit of its
// precision, before 1970 and at the ends of the calendar.
func TestTimesKeepTheirMeaning(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		field("n", arrow.PrimitiveTypes.Int32), field("d", arrow.FixedWidthTypes.Date32), field("t", arrow.FixedWidthTypes.Time32ms),
		field("ms", &arrow.TimestampType{Unit: arrow.Millisecond}), field("us", &arrow.TimestampType{Unit: arrow.Microsecond}),
		field("ns", &arrow.TimestampType{Unit: arrow.Nanosecond}), field("ltz", &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}),
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	at := func(text string) time.Time {
		v, err := time.Parse("2006-01-02 15:04:05.999999999", text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for i, texts := range [][]string{ // d, t, ms, us, ns, ltz; "" is NULL
		{"1969-12-31 00:00:00", "1970-01-01 23:59:59.999", "1969-12-31 23:59:59.999", "1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999999", "1969-12-31 23:59:59.999"},
		{"1970-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 00:00:00"},
		{"0001-01-01 00:00:00", "1970-01-01 00:00:00.001", "0001-01-01 00:00:00", "0001-01-01 00:00:00", "", "0001-01-01 00:00:00"},
		{"9999-12-31 00:00:00", "", "9999-12-31 23:59:59.999", "9999-12-31 23:59:59.999", "", "9999-12-31 23:59:59.999"},
		{"1582-10-10 00:00:00", "", "1582-10-10 00:00:00", "1582-10-10 00:00:00", "", ""},
		{"", "", "", "", "", ""},
	} {
		b.Field(0).(*array.Int32Builder).Append(int32(i))
		for c, text := range texts {
			if text == "" {
				b.Field(c + 1).AppendNull()
				continue
			}
			switch f := b.Field(c + 1).(type) {
			case *array.Date32Builder:
				f.Append(arrow.Date32FromTime(at(text)))
			case *array.Time32Builder:
				f.Append(arrow.Time32(at(text).UnixMilli()))
			case *array.TimestampBuilder:
				f.AppendTime(at(text))
			}
		}
	}
	rec := b.NewRecordBatch()
	dir := filepath.Join(t.TempDir(), "table")
	write(t, Options{Dir: dir, Name: "p"}, rec)
	s := read(t, dir, "n")
	for col, want := range map[string]string{"d": "date32[day]", "t": "time32[ms]", "ms": "timestamp[ms]", "us": "timestamp[us]", "ns": "timestamp[ns]", "ltz": "timestamp[ms, tz=UTC]"} {
		if s.Arrow[col] != want {
			t.Errorf("%s reads as %s, want %s", col, s.Arrow[col], want)
		}
	}
	want := map[string][]string{
		"d":   {"1969-12-31", "1970-01-01", "0001-01-01", "9999-12-31", "1582-10-10", ""},
		"t":   {"23:59:59.999", "00:00:00", "00:00:00.001", "", "", ""},
		"ms":  {"1969-12-31 23:59:59.999", "1970-01-01 00:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999", "1582-10-10 00:00:00", ""},
		"us":  {"1969-12-31 23:59:59.999999", "1970-01-01 00:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999", "1582-10-10 00:00:00", ""},
		"ns":  {"1969-12-31 23:59:59.999999999", "1970-01-01 00:00:00", "", "", "", ""},
		"ltz": {"1969-12-31 23:59:59.999+00", "1970-01-01 00:00:00+00", "0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999+00", "", ""},
	}
	for col, values := range want {
		for i, v := range values {
			if got := s.DuckDB[i][col]; v == "" && got != nil || v != "" && deref(got) != v {
				t.Errorf("duckdb: %s of row %d is %s, want %q", col, i, deref(got), v)
			}
		}
	}
}

// Negative decimals of each physical type equal themselves in both readers, and a row group's statistics are by signed
// value, so that a filter finds the same rows with them.
func TestDecimalsAndTheirStatistics(t *testing.T) {
	type dec struct{ p, s int32 }
	for name, c := range map[string]struct {
		dec
		physical string
		negative []string
		positive []string
	}{
		"int32": {dec{5, 2}, "INT32", []string{"-999.99", "-1.00", "-0.01"}, []string{"0.00", "1.00", "999.99"}},
		"int64": {dec{18, 6}, "INT64", []string{"-999999999999.999999", "-1.000000", "-0.000001"}, []string{"0.000000", "1.000000", "999999999999.999999"}},
		"fixed": {dec{25, 5}, "FIXED_LEN_BYTE_ARRAY", []string{"-99999999999999999999.99999", "-1.00000", "-0.00001"}, []string{"0.00000", "1.00000", "99999999999999999999.99999"}},
		"whole": {dec{38, 0}, "FIXED_LEN_BYTE_ARRAY", []string{"-99999999999999999999999999999999999999", "-1"}, []string{"0", "99999999999999999999999999999999999999"}},
	} {
		schema := arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int32), field("d", &arrow.Decimal128Type{Precision: c.p, Scale: c.s})}, nil)
		batch := func(first int, values []string) arrow.RecordBatch {
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
			for i, v := range values {
				b.Field(0).(*array.Int32Builder).Append(int32(first + i))
				if err := b.Field(1).(*array.Decimal128Builder).AppendValueFromString(v); err != nil {
					t.Fatal(err)
				}
			}
			return b.NewRecordBatch()
		}
		dir := filepath.Join(t.TempDir(), "table")
		write(t, Options{Dir: dir, Name: "p", RowGroupRows: 1}, batch(0, c.negative), batch(100, c.positive))
		s := read(t, dir, "n", "SELECT COUNT(*) FROM TABLE WHERE d < 0", "SELECT COUNT(*) FROM TABLE WHERE d = -1", "SELECT COUNT(*) FROM TABLE WHERE d > 0")
		if got := s.Schema["d"][1]; got != c.physical {
			t.Errorf("%s: physical type %s, want %s", name, got, c.physical)
		}
		all := append(append([]string{}, c.negative...), c.positive...)
		for i, want := range all {
			if got := deref(s.DuckDB[i]["d"]); got != want {
				t.Errorf("%s: duckdb reads %s, want %s", name, got, want)
			}
			if got := deref(s.PyArrow[i]["d"]); got != want && !(strings.Trim(want, "0.") == "" && strings.Trim(got, "0.E-") == "") {
				t.Errorf("%s: pyarrow reads %s, want %s", name, got, want)
			}
		}
		if len(s.Statistics) != 2 || s.Statistics[0]["d"][0] != c.negative[0] || s.Statistics[1]["d"][1] != c.positive[len(c.positive)-1] {
			t.Errorf("%s: statistics %v", name, s.Statistics)
		}
		for i, want := range []string{string(rune('0' + len(c.negative))), "1", string(rune('0' + len(c.positive) - 1))} {
			if s.Queries[i].String() != want {
				t.Errorf("%s: query %d gives %s, want %s", name, i, s.Queries[i], want)
			}
		}
	}
}

// A kill at any operation of the file system, followed by a restart that commits what the checkpoint recorded, leaves
// each committed row once and nothing else (P1, P3).
func TestKillLeavesNeitherHalfAFileNorARowTwice(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int64), field("c", arrow.BinaryTypes.String)}, nil)
	rec := rows(t, schema, `[{"n":1,"c":"a"},{"n":2,"c":"b"},{"n":3,"c":null}]`)
	whole := vfs.NewMem()
	total := 0
	whole.SetHook(func(vfs.Op) error { total++; return nil })
	if _, err := scripted(whole, rec); err != nil {
		t.Fatal(err)
	}
	if total < 20 {
		t.Fatalf("the script makes only %d operations", total)
	}
	for cut := range total {
		mem := vfs.NewMem()
		mem.CrashAfter(cut)
		committed, _ := scripted(mem, rec)
		for seed := range uint64(3) {
			after := mem.CrashClone(rand.New(rand.NewPCG(uint64(cut), seed)))
			s := NewSink(Options{FS: after, Dir: "/t", Name: "p", PartitionBy: []string{"c"}}, stream.Task{Of: 1}, "m", nil)
			ctx := context.Background()
			if len(committed) > 0 {
				if err := s.Commit(ctx, committed[len(committed)-1]); err != nil {
					t.Fatalf("cut %d: %v", cut, err)
				}
			}
			if err := s.Open(ctx); err != nil {
				t.Fatalf("cut %d: %v", cut, err)
			}
			want := 3 * len(committed)
			if got := countFiles(t, after, "/t"); got != want {
				t.Fatalf("cut %d, seed %d: %d files for %d committed checkpoints, want %d", cut, seed, got, len(committed), want)
			}
		}
	}
}

// A reader that takes published files away, or a user who removes the whole table, does not keep the pipeline from starting
// again: the last checkpoint still names those files, and publishing them is done once more (P5).
func TestFilesTakenAwayAreNotMissed(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{field("n", arrow.PrimitiveTypes.Int64), field("c", arrow.BinaryTypes.String)}, nil)
	rec := rows(t, schema, `[{"n":1,"c":"a"},{"n":2,"c":"b"},{"n":3,"c":null}]`)
	for _, takeAway := range []string{"/t/c=a", "/t"} {
		fs := vfs.NewMem()
		committed, err := scripted(fs, rec)
		if err != nil {
			t.Fatal(err)
		}
		if err := fs.RemoveAll(takeAway); err != nil {
			t.Fatal(err)
		}
		s := NewSink(Options{FS: fs, Dir: "/t", Name: "p", PartitionBy: []string{"c"}}, stream.Task{Of: 1}, "m", nil)
		if err := s.Commit(t.Context(), committed[1]); err != nil {
			t.Fatalf("without %s: %v", takeAway, err)
		}
		if err := s.Open(t.Context()); err != nil {
			t.Fatalf("without %s: %v", takeAway, err)
		}
		if _, err := fs.Stat("/t/c=a"); err == nil {
			t.Errorf("without %s: a folder came back", takeAway)
		}
	}
}

// scripted runs two checkpoints; each is committed (its Pending recorded) once Prepare has answered.
func scripted(fs vfs.FS, rec arrow.RecordBatch) (committed []stream.Pending, err error) {
	s := NewSink(Options{FS: fs, Dir: "/t", Name: "p", PartitionBy: []string{"c"}}, stream.Task{Of: 1}, "n", nil)
	ctx := context.Background()
	defer func() { _ = s.Close() }()
	if err := s.Open(ctx); err != nil {
		return committed, err
	}
	for id := range stream.CheckpointID(2) {
		if err := s.Write(ctx, stream.Batch{Rec: rec}); err != nil {
			return committed, err
		}
		p, err := s.Prepare(ctx, id, false)
		if err != nil {
			return committed, err
		}
		committed = append(committed, p)
		if err := s.Commit(ctx, p); err != nil {
			return committed, err
		}
	}
	return committed, nil
}

func countFiles(t *testing.T, fs vfs.FS, dir string) (n int) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		p := dir + "/" + name
		info, err := fs.Stat(p)
		switch {
		case err != nil:
			t.Fatal(err)
		case info.Dir:
			n += countFiles(t, fs, p)
		case !strings.HasSuffix(name, ".parquet"):
			t.Errorf("%s is left over", p)
		default:
			n++
		}
	}
	return n
}

// A value that no folder can be named by goes to the dead-letter topic; its neighbours go on.
func TestRowsWithoutAFolderAreGivenUp(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{field("c", arrow.BinaryTypes.String)}, nil)
	rec := rows(t, schema, `[{"c":"a"},{"c":"`+strings.Repeat("x", 300)+`"},{"c":"`+strings.Repeat("é", 50)+`"}]`)
	g := NewGuard([]string{"c"}, "flights", func(rec arrow.RecordBatch, row int) ([]byte, error) { return []byte(rec.Column(0).ValueStr(row)), nil })
	var out collector
	if err := g.Process(0, stream.Batch{Rec: rec}, &out); err != nil {
		t.Fatal(err)
	}
	if out.rows != 2 || len(out.bad) != 1 || !strings.Contains(out.bad[0].Reason, "column c: the folder's name would have 302 bytes") {
		t.Errorf("%d rows, dead letters %+v", out.rows, out.bad)
	}
}

type collector struct {
	rows int
	bad  []stream.BadRecord
}

func (c *collector) Emit(b stream.Batch) error           { c.rows += b.Rows(); return nil }
func (c *collector) DeadLetter(r stream.BadRecord) error { c.bad = append(c.bad, r); return nil }
