package sql

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/result"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
	"github.com/weirhub/weir/stream/streamtest"
)

// later names the statements of the cases (by case and number) whose features do not exist, with the feature. Their
// refusal is checked, so that a feature that comes cannot be forgotten here.
var later = map[string]string{
	"34-null-logic/2": "ROW_NUMBER", "34-null-logic/3": "ROW_NUMBER", "34-null-logic/4": "ROW_NUMBER",
	"37-string-functions/4": "arrays and maps",
}

// timed names the cases whose results depend on the watermark before each row: they hold only where each row is a batch.
var timed = map[string]bool{"05-late-data": true}

// expected is what Flink answered to one statement.
type expected struct {
	columns [][]string
	changes []string // normalised
	final   []string
	fails   bool
}

// The cases were run on Flink 2.3.0, row by row; the same statements must give the same names, types and changes here.
// Then each is run in whole batches, at parallelism 3, and killed and restored at random steps: the folded changelog must
// stay the same.
func TestFlinkCases(t *testing.T) {
	dirs, err := filepath.Glob("testdata/flink/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) { runCase(t, dir) })
	}
}

func runCase(t *testing.T, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "case.sql"))
	if err != nil {
		t.Fatal(err)
	}
	mode := strings.TrimPrefix(strings.Split(string(text), "\n")[1], "-- compare: ")
	want := readExpected(t, filepath.Join(dir, "expected.jsonl"))
	filled, errs := Fill(string(text), map[string]string{"DIR": dir})
	stmts, more := parse.Parse(filled)
	if errs = append(errs, more...); len(errs) > 0 {
		t.Fatalf("parse: %v", errs)
	}
	script := &script{t: t}
	e := New([]Connector{script.connector()}, nil)
	number := 0
	for _, p := range stmts {
		if _, ok := p.Stmt.(*parse.Query); !ok {
			if _, errs := e.Compile(filled[p.Off:p.End]); len(errs) > 0 {
				t.Fatalf("%v", errs)
			}
			continue
		}
		w := want[number]
		number++
		name := fmt.Sprintf("%s/%d", filepath.Base(dir), number)
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			script.t = t
			c := flinkCase{e: e, script: script, text: filled[p.Off:p.End], want: w, mode: mode}
			if feature, ok := later[name]; ok {
				if _, errs := e.Compile(c.text); len(errs) == 0 {
					t.Errorf("%s works now: take the statement out of the list", feature)
				}
				return
			}
			c.run(t, !timed[filepath.Base(dir)])
		})
	}
}

type flinkCase struct {
	e      *Engine
	script *script
	text   string
	want   expected
	mode   string
}

func (c flinkCase) run(t *testing.T, robust bool) {
	stmts, errs := c.e.Compile(c.text)
	if len(errs) > 0 {
		if !c.want.fails {
			t.Errorf("refused: %v", errs)
		}
		return
	}
	st := stmts[0]
	var columns [][]string
	for _, f := range st.Schema {
		columns = append(columns, []string{f.Name, f.Type.String()})
	}
	if c.want.columns != nil && !slices.EqualFunc(columns, c.want.columns, slices.Equal) {
		t.Errorf("columns\n%v\nwant\n%v", columns, c.want.columns)
	}
	got, err := collect(t, st, c.script, 1)
	if (err != nil) != c.want.fails {
		t.Fatalf("error %v, want one: %v", err, c.want.fails)
	}
	if c.want.fails {
		return
	}
	c.compare(t, got)
	if robust && c.script.used() {
		c.checkRobust(t, st)
	}
}

func (c flinkCase) compare(t *testing.T, got []string) {
	want := c.want.changes
	switch c.mode {
	case "changelog":
	case "changelog-sorted":
		got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	case "final":
		got, want = fold(t, got), c.want.final
		if want == nil {
			want = fold(t, c.want.changes)
		}
	default:
		t.Fatalf("unknown mode %q", c.mode)
	}
	if !slices.Equal(got, want) {
		t.Errorf("changes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// checkRobust runs the statement in the other ways.
func (c flinkCase) checkRobust(t *testing.T, st *Statement) {
	streamtest.Check(t, streamtest.Case{
		Inputs: c.script.inputs(),
		Build: func(inputs []*stream.Node) *stream.Node {
			c.script.instead = inputs
			defer func() { c.script.instead = nil }()
			c.script.next = 0
			n, err := st.Pipeline()
			if err != nil {
				t.Fatal(err)
			}
			return n
		},
	})
}

// collect runs a query to its end in batches of maxRows and gives its changes as the cases write them.
func collect(t *testing.T, st *Statement, s *script, maxRows int64) (lines []string, err error) {
	t.Helper()
	s.specs = nil
	n, err := st.Pipeline()
	if err != nil {
		t.Fatal(err)
	}
	sink := &lineSink{schema: st.Schema}
	s.maxRows = maxRows
	synctest.Test(t, func(t *testing.T) {
		err = stream.Run(t.Context(), stream.Spec{
			Name: "case", Root: Attach(n, "collect", func(stream.Task) (stream.Sink, error) { return sink, nil }),
			Restart: stream.RestartPolicy{MaxFailures: -1},
		})
	})
	return sink.lines, err
}

// lineSink keeps changes as lines.
type lineSink struct {
	schema types.Schema
	lines  []string
}

func (s *lineSink) Open(context.Context) error { return nil }

func (s *lineSink) Write(_ context.Context, b stream.Batch) error {
	for i := range b.Rows() {
		s.lines = append(s.lines, normal(result.AppendChange(nil, b.Ops.At(i), b.Rec, i, s.schema)))
	}
	return nil
}

func (s *lineSink) Prepare(context.Context, stream.CheckpointID, bool) (stream.Pending, error) {
	return nil, nil
}
func (s *lineSink) Commit(context.Context, stream.Pending) error { return nil }
func (s *lineSink) Close() error                                 { return nil }

// normal writes JSON in one form: 1000.0 and 1.0E3 are one number.
func normal(line []byte) string {
	var v any
	if err := json.Unmarshal(line, &v); err != nil {
		panic(fmt.Sprintf("%s: %v", line, err))
	}
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// fold applies changes to an empty table.
func fold(t *testing.T, changes []string) []string {
	rows := []string{}
	for _, c := range changes {
		var v struct {
			Op  string          `json:"op"`
			Row json.RawMessage `json:"row"`
		}
		if err := json.Unmarshal([]byte(c), &v); err != nil {
			t.Fatal(err)
		}
		row := string(v.Row)
		if v.Op == "+I" || v.Op == "+U" {
			rows = append(rows, row)
			continue
		}
		i := slices.Index(rows, row)
		if i < 0 {
			t.Fatalf("%s takes back what is not there", c)
		}
		rows = slices.Delete(rows, i, i+1)
	}
	slices.Sort(rows)
	return rows
}

func readExpected(t *testing.T, path string) []expected {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []expected
	for line := range bytes.Lines(data) {
		var v struct {
			Stmt    int
			Columns [][]string
			Op      string
			Final   []json.RawMessage
			Error   string
		}
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if v.Stmt > 0 {
			out = append(out, expected{})
			continue
		}
		e := &out[len(out)-1]
		switch {
		case v.Columns != nil:
			e.columns = v.Columns
		case v.Op != "":
			e.changes = append(e.changes, normal(line))
		case v.Error != "":
			e.fails = true
		default:
			e.final = []string{}
			for _, r := range v.Final {
				e.final = append(e.final, normal(r))
			}
			slices.Sort(e.final)
		}
	}
	return out
}

// script is the connector that plays input.jsonl: the rows of its table, in the order of the file.
type script struct {
	t       *testing.T
	maxRows int64
	specs   []SourceSpec
	// instead gives sources of another harness, in the order in which tables are opened.
	instead []*stream.Node
	next    int
}

func (s *script) connector() Connector {
	return Connector{
		Name: "script", Options: []string{"path", "table", "format"}, Accepts: plan.AcceptsAll,
		Source: func(spec SourceSpec) (func(stream.Task) (stream.Source, error), error) {
			if s.instead != nil {
				s.next++
				return s.instead[s.next-1].Source, nil
			}
			s.specs = append(s.specs, spec)
			split := s.rows(spec)
			return func(t stream.Task) (stream.Source, error) {
				return &streamtest.Source{Data: split, MaxRows: s.maxRows, Task: t, Steps: &streamtest.Steps{}}, nil
			}, nil
		},
	}
}

func (s *script) used() bool { return len(s.specs) > 0 }

// inputs are the tables that the last query read, with the columns that it read.
func (s *script) inputs() []streamtest.Input {
	var out []streamtest.Input
	for _, spec := range s.specs {
		out = append(out, streamtest.Input{Splits: s.rows(spec)})
	}
	return out
}

func (s *script) rows(spec SourceSpec) map[string][]stream.Batch {
	rec := readScript(s.t, spec)
	if rec.NumRows() == 0 {
		return map[string][]stream.Batch{"script": nil}
	}
	return map[string][]stream.Batch{"script": {{Rec: rec}}}
}

func readScript(t *testing.T, spec SourceSpec) arrow.RecordBatch {
	f, err := os.Open(spec.Table.Options["path"])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var fields []format.Field
	for _, x := range spec.Fields {
		fields = append(fields, format.Field{Name: x.Name, Type: x.Type, Nullable: x.SQL.Nullable})
	}
	d, err := format.NewDecoder("json", fields, format.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var row struct {
			T   string
			Row json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		if row.T != spec.Table.Options["table"] {
			continue
		}
		if err := d.DecodeRecord(&record.Record{Value: row.Row}, "script", 0); err != nil {
			t.Fatal(err)
		}
	}
	rec, bad := d.Take()
	if len(bad) > 0 {
		t.Fatalf("bad rows: %v", bad)
	}
	t.Cleanup(rec.Release)
	return rec
}
