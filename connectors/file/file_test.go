package file

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
	"github.com/weirhub/weir/stream/streamtest"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, o Options) *Input {
	t.Helper()
	in, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// readAll reads an input from positions and gives its rows, bad records, and the position after each batch.
func readAll(t *testing.T, in *Input, fields []format.Field, from ...stream.Position) (rows, bad []string, at []stream.Position) {
	t.Helper()
	src, err := in.Source(fields)(stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := src.Open(ctx, from); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}()
	for {
		b, err := src.Read(ctx)
		if errors.Is(err, io.EOF) {
			return rows, bad, at
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			var cells []string
			for _, c := range b.Rec.Columns() {
				cells = append(cells, c.ValueStr(i))
			}
			rows = append(rows, strings.Join(cells, "|"))
		}
		if b.Rec != nil {
			b.Rec.Release()
		}
		for _, r := range b.Bad {
			bad = append(bad, fmt.Sprintf("%d %q %s", r.Offset, r.Value, r.Reason))
		}
		at = append(at, b.Pos)
	}
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func describe(fields []format.Field) (out []string) {
	for _, f := range fields {
		out = append(out, f.Name+" "+format.TypeName(f.Type))
	}
	return out
}

// TestCSVWithByteOrderMarkAndCRLF: neither a byte order mark, nor quotes in the header, nor CRLF, nor line breaks within
// fields, nor an empty line, nor a missing last line end change what the records are.
func TestCSVWithByteOrderMarkAndCRLF(t *testing.T) {
	const text = "\xEF\xBB\xBF\"id\",\"a,b\"\r\n1,\"x\r\ny\"\r\n2,\"say \"\"hi\"\"\"\r\n\r\n3,"
	for _, delimiter := range []string{",", ";"} {
		o := Options{Path: write(t, "f.csv", strings.ReplaceAll(strings.ReplaceAll(text, ",", delimiter), "a"+delimiter, "a,"))}
		o.Decode.Delimiter = delimiter[0]
		in := open(t, o)
		equal(t, "columns", describe(in.Columns()), "id BIGINT", "a,b STRING")
		rows, bad, at := readAll(t, in, in.Columns())
		equal(t, "rows", rows, "1|x\r\ny", `2|say "hi"`, "3|")
		equal(t, "bad", bad)
		if p := at[len(at)-1]; p.Offset != int64(len(text)) || p.Line != 6 {
			t.Errorf("position %+v, want byte %d, line 6", p, len(text))
		}
	}
	o := Options{Path: write(t, "f.csv", text)}
	o.Decode.EmptyIsNull = true
	rows, _, _ := readAll(t, open(t, o), open(t, o).Columns())
	equal(t, "rows with empty-is-null", rows, "1|x\r\ny", `2|say "hi"`, "3|(null)")
}

// TestCSVWithoutRecords: a header alone gives its columns and no rows; a byte order mark alone gives nothing.
func TestCSVWithoutRecords(t *testing.T) {
	for content, want := range map[string][]string{
		"id,name\n": {"id STRING", "name STRING"}, "id,name": {"id STRING", "name STRING"}, "\xEF\xBB\xBF": nil, "": nil,
	} {
		in := open(t, Options{Path: write(t, "f.csv", content)})
		equal(t, "columns", describe(in.Columns()), want...)
		rows, bad, _ := readAll(t, in, in.Columns())
		equal(t, "rows", rows)
		equal(t, "bad", bad)
	}
}

// TestCSVLongField: a field is not cut at any buffer's size.
func TestCSVLongField(t *testing.T) {
	long := strings.Repeat("0123456789abcde\n", 2<<20/16)
	in := open(t, Options{Path: write(t, "f.csv", "id,text\n1,\""+long+"\"\n2,short\n")})
	rows, bad, _ := readAll(t, in, in.Columns())
	if len(rows) != 2 || rows[0] != "1|"+long || rows[1] != "2|short" || len(bad) > 0 {
		t.Errorf("%d rows, %d bad", len(rows), len(bad))
	}
}

// TestUnclosedQuoteCostsOneRecord: a quote that is left open makes its record bad, with its line's number, and no other.
func TestUnclosedQuoteCostsOneRecord(t *testing.T) {
	for _, rest := range []string{"4,d\n5,e\n", "4,\"d\"\n5,e\n", "4,d\n5,\"e\"\n"} {
		in := open(t, Options{Path: write(t, "f.csv", "id,s\n1,a\n2,b\n3,\"open\n"+rest)})
		rows, bad, _ := readAll(t, in, in.Columns())
		equal(t, "rows", rows, "1|a", "2|b", "4|d", "5|e")
		if len(bad) != 1 || !strings.HasPrefix(bad[0], `4 "3,\"open" `) {
			t.Errorf("bad: %q", bad)
		}
	}
}

// TestRaggedRecords: a record with too few or too many fields is bad, or filled with NULLs and cut, as configured.
func TestRaggedRecords(t *testing.T) {
	path := write(t, "f.csv", "id,s\n1,a\n2\n3,c,extra\n4,d\n")
	in := open(t, Options{Path: path})
	rows, bad, _ := readAll(t, in, in.Columns())
	equal(t, "rows", rows, "1|a", "4|d")
	equal(t, "bad", bad, `3 "2" 1 fields, want 2`, `4 "3,c,extra" 3 fields, want 2`)
	in = open(t, Options{Path: path, Decode: format.Options{RaggedIsNull: true}})
	rows, bad, _ = readAll(t, in, in.Columns())
	equal(t, "rows", rows, "1|a", "2|(null)", "3|c", "4|d")
	equal(t, "bad", bad)
}

// TestResumesAtEveryPosition: whatever batch a run ended with, a run from there reads exactly the rest.
func TestResumesAtEveryPosition(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	content := "id,s\r\n"
	for i := range 50 {
		content += fmt.Sprintf("%d,\"x\n%d\"\r\n", i, i)
		if i%7 == 0 {
			content += "\r\nbad,1,2\r\n"
		}
	}
	plain := write(t, "f.csv", content)
	zipped := plain + ".gz"
	f, err := os.Create(zipped)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	if _, err := io.WriteString(z, content); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{plain, zipped} {
		o := Options{Path: path, BatchRows: 3, Decode: format.Options{Mem: mem}}
		in := open(t, o)
		all, allBad, at := readAll(t, in, in.Columns())
		if len(all) != 50 || len(allBad) != 8 {
			t.Fatalf("%d rows and %d bad records, want 50 and 8", len(all), len(allBad))
		}
		if n, total := in.Progress(); n != total {
			t.Errorf("progress %d of %d at the end", n, total)
		}
		for i, p := range at {
			rows, bad, _ := readAll(t, in, in.Columns(), p)
			equal(t, fmt.Sprintf("rows after batch %d", i), rows, all[min(3*(i+1), 50):]...)
			equal(t, "bad", bad, allBad[len(allBad)-len(bad):]...)
		}
	}
}

// TestJSONLines: each line is a record; bad lines carry their number; empty lines are none.
func TestJSONLines(t *testing.T) {
	in := open(t, Options{Path: write(t, "f.jsonl", "{\"a\":1,\"t\":\"2013-01-01T10:00:00Z\"}\n\n{\"a\":\n{\"a\":2,\"b\":{\"x\": [1, 2]}}")})
	equal(t, "columns", describe(in.Columns()), "a BIGINT", "t TIMESTAMP(3)", "b STRING")
	rows, bad, _ := readAll(t, in, in.Columns())
	equal(t, "rows", rows, "1|2013-01-01T10:00:00|(null)", `2|(null)|{"x":[1,2]}`)
	equal(t, "bad", bad, `3 "{\"a\":" invalid JSON: cut off after 5 bytes`)
}

// TestRawLines: a raw file's records are its lines, empty ones too, and metadata says where each stands.
func TestRawLines(t *testing.T) {
	in := open(t, Options{Path: write(t, "f.log", "one\r\n\ntwo")})
	fields := append(slices.Clone(in.Columns()), format.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64, Source: format.FromOffset})
	rows, _, _ := readAll(t, in, fields)
	equal(t, "rows", rows, "one|1", "|2", "two|3")
}

// TestPatternsAreSplits: the files of a pattern are read in order, shared out among tasks, each with its own header.
func TestPatternsAreSplits(t *testing.T) {
	dir := filepath.Dir(write(t, "b.csv", "s,id\nx,1\n"))
	if err := os.WriteFile(filepath.Join(dir, "a.csv"), []byte("id,s\n2,y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := open(t, Options{Path: filepath.Join(dir, "*.csv")})
	rows, _, at := readAll(t, in, in.Columns())
	equal(t, "rows", rows, "2|y", "1|x")
	if at[0].Split != filepath.Join(dir, "a.csv") || at[len(at)-1].Split != filepath.Join(dir, "b.csv") {
		t.Errorf("splits %v", at)
	}
}

// TestClearErrors: what cannot be read is named, with what to do.
func TestClearErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(Options{Path: filepath.Join(dir, "none.csv")})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.csv") {
		t.Errorf("missing file: %v", err)
	}
	for path, want := range map[string]string{
		dir:                                    "is a directory",
		filepath.Join(dir, "*.csv"):            "no file matches",
		write(t, "f.dat", "x"):                 "does not tell the format",
		write(t, "f.csv", "id,id\n1,2\n"):      `column "id" stands twice`,
		write(t, "f.csv", "\"id\"x,id\n1,2\n"): "header: text after a closing quote",
	} {
		if _, err := Open(Options{Path: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
}

// TestShrunkFileIsNoticed: a position beyond the end means that the file is not the one that was read.
func TestShrunkFileIsNoticed(t *testing.T) {
	in := open(t, Options{Path: write(t, "f.csv", "id\n1\n")})
	src, err := in.Source(in.Columns())(stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := src.Open(context.Background(), []stream.Position{{Split: in.Paths()[0], Offset: 100}}); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Read(context.Background()); !errors.Is(err, errShorter) {
		t.Errorf("error %v", err)
	}
}

// TestSourceConformance: every source's contract, over files of each format.
func TestSourceConformance(t *testing.T) {
	csv, lines := "id,s\n", ""
	for i := range 20 {
		csv += fmt.Sprintf("%d,\"a\nb\"\n", i)
		lines += fmt.Sprintf("{\"id\":%d,\"s\":\"x\"}\n", i)
	}
	dir := filepath.Dir(write(t, "a.csv", csv))
	for _, name := range []string{"b.csv", "c.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(csv), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]int{
		filepath.Join(dir, "*.csv"): 60, write(t, "f.jsonl", lines): 20, write(t, "f.txt", lines): 20,
	} {
		in := open(t, Options{Path: path, BatchRows: 7})
		if rows := streamtest.CheckSource(t, in.Source(in.Columns())); len(rows) != want {
			t.Errorf("%s: %d rows, want %d", path, len(rows), want)
		}
	}
}

// TestOverlongRecordIsPassedOver: a line beyond the limit, or a quote that stays open beyond it, is a bad record of one
// line, and memory stays bounded.
func TestOverlongRecordIsPassedOver(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for name, content := range map[string]string{
		"f.jsonl": "{\"n\":1}\n{\"n\":2,\"s\":\"" + long + "\"}\n{\"n\":3}\n",
		"f.csv":   "n\n1\n\"2" + long + "\n3\n",
		"g.csv":   "n\n1\n\"2\n" + strings.Repeat("3\n", 1000),
		"h.csv":   "n\n1\n" + long,
	} {
		in := open(t, Options{Path: write(t, name, content), Columns: []format.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}})
		in.maxLine, in.firstBuffer = 1000, 100
		rows, bad, _ := readAll(t, in, in.Columns())
		want := strings.Count(content, "\n") - 2
		if name == "f.jsonl" {
			want++
		}
		if name == "h.csv" {
			want++
		}
		if len(rows) != want || len(bad) != 1 || !strings.HasSuffix(bad[0], "record of more than 1000 bytes") {
			t.Errorf("%s: %d rows, want %d; bad %.200q", name, len(rows), want, bad)
		}
	}
}

// TestManyBadRecordsEnd: a file without one good record is read to its end, however much longer it is than what one
// batch may take.
func TestManyBadRecordsEnd(t *testing.T) {
	const lines = 6000
	line := "{" + strings.Repeat("x", 1000) + "\n"
	in := open(t, Options{Path: write(t, "f.jsonl", strings.Repeat(line, lines)), Columns: []format.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}})
	src, err := in.Source(in.Columns())(stream.Task{Of: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if err := src.Open(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	bad := 0
	for {
		b, err := src.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || b.Rows() > 0 || len(b.Bad) == 0 && !b.End {
			t.Fatalf("after %d bad records: %d rows, %d bad records, %v", bad, b.Rows(), len(b.Bad), err)
		}
		bad += len(b.Bad)
	}
	if bad != lines {
		t.Errorf("%d bad records, want %d", bad, lines)
	}
}
