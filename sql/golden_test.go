package sql

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// tables are what the golden files name without declaring it.
const tables = `
CREATE TABLE flights (
  carrier STRING, origin STRING, dest STRING, dep_delay DOUBLE, arr_delay DOUBLE, distance INT, price DECIMAL(10, 2),
  time_hour TIMESTAMP(3), cancelled BOOLEAN,
  WATERMARK FOR time_hour AS time_hour - INTERVAL '2' HOUR
) WITH ('connector' = 'topic', 'topic' = 'flights', 'format' = 'json');
CREATE TABLE airlines (carrier STRING, name STRING) WITH ('connector' = 'topic', 'topic' = 'airlines', 'format' = 'json');
CREATE TABLE delays (
  origin STRING, window_start TIMESTAMP(3), flights BIGINT, delay DOUBLE
) WITH ('connector' = 'topic', 'topic' = 'delays', 'format' = 'json');
CREATE TABLE totals (
  origin STRING, n BIGINT, PRIMARY KEY (origin) NOT ENFORCED
) WITH ('connector' = 'upsert-kafka', 'topic' = 'totals', 'format' = 'json');
CREATE TABLE printed (a STRING, b BIGINT) WITH ('connector' = 'print');
CREATE VIEW late AS SELECT carrier, dep_delay FROM flights WHERE dep_delay > 60;
`

func testConnectors() []Connector {
	source := func(SourceSpec) (func(stream.Task) (stream.Source, error), error) {
		return nil, errors.New("open: this connector only compiles")
	}
	sink := func(SinkSpec) (func(stream.Task) (stream.Sink, error), error) {
		return nil, errors.New("open: this connector only compiles")
	}
	topic := []string{"topic", "format", "scan.startup.mode", "json.ignore-parse-errors", "properties.bootstrap.servers"}
	return []Connector{
		{Name: "topic", Options: topic, Source: source, Sink: sink},
		{Name: "upsert-kafka", Options: topic, Accepts: plan.AcceptsUpserts, Sink: sink},
		{Name: "print", Accepts: plan.AcceptsAll, Sink: sink},
		{Name: "file", Options: []string{"path", "format"}, Source: source},
	}
}

func testFile(path string) (*catalog.Table, error) {
	if path != "data/flights.csv" {
		return nil, fmt.Errorf("open %s: no such file", path)
	}
	return &catalog.Table{
		Name: path, Connector: "file", Options: map[string]string{"path": path},
		Columns: []catalog.Column{{Name: "carrier", Type: types.StringT}, {Name: "dep_delay", Type: types.BigIntT}},
	}, nil
}

func testEngine(t *testing.T) *Engine {
	t.Helper()
	e := New(testConnectors(), testFile)
	if _, errs := e.Compile(tables); len(errs) > 0 {
		t.Fatalf("tables: %v", errs)
	}
	return e
}

// The golden files show, for each statement, its plan with changelog modes and what its windows wait for, or each of its
// mistakes with place and hint. Every test case starts from the same tables.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			stmts, errs := testEngine(t).Compile(d.Input)
			var b strings.Builder
			for _, s := range stmts {
				showStatement(&b, s, d)
			}
			for _, err := range errs {
				b.WriteString(err.Render("", d.Input))
			}
			return b.String()
		})
	})
}

func showStatement(b *strings.Builder, s *Statement, d *datadriven.TestData) {
	for _, w := range s.Warnings {
		b.WriteString("warning " + w.Render("", d.Input))
	}
	if d.Cmd == "schema" {
		fmt.Fprintln(b, s.Schema)
		return
	}
	switch s.Kind {
	case Query, Insert:
		b.WriteString(s.Explain())
	case Rows:
		fmt.Fprintln(b, strings.Join(s.Columns, " | "))
		for _, row := range s.Cells {
			fmt.Fprintln(b, strings.Join(row, " | "))
		}
	case Done:
		fmt.Fprintln(b, "done", s.Target)
	}
}

// Whatever the text, Compile ends without a panic, and each query that it accepts can be explained and built.
func FuzzCompile(f *testing.F) {
	for _, name := range []string{"plans", "windows", "errors", "statements"} {
		data, err := os.ReadFile("testdata/golden/" + name)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(data), "\n\n") {
			_, text, _ := strings.Cut(part, "\n")
			text, _, _ = strings.Cut(text, "\n----")
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		stmts, _ := testEngine(t).Compile(text)
		for _, s := range stmts {
			if s.Plan != nil && s.Explain() == "" {
				t.Fatalf("%q: no plan to show", text)
			}
		}
	})
}
