package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/datadriven"

	"github.com/weirhub/weir/sql/result"
	"github.com/weirhub/weir/stream"
)

// The files of testdata/rows hold statements with the rows of their tables; the changes below them were computed by hand
// from SQL's rules (or are Flink's). `script` sets the input, `sql` the tables, `rows` runs each query in batches of one
// row, and checks that the folded result is the same in whole batches, at parallelism 3 and after kills (but for
// `once`, where the result depends on the watermark before each row). `sorted` is for results that have no order.
// `table` runs a bounded query and shows its result in its order.
func TestRows(t *testing.T) {
	datadriven.Walk(t, "testdata/rows", func(t *testing.T, path string) {
		input := filepath.Join(t.TempDir(), "input.jsonl")
		s := &script{t: t}
		e := New([]Connector{s.connector()}, nil)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t = t
			switch d.Cmd {
			case "script":
				writeScript(t, input, d.Input)
			case "sql":
				text, _ := Fill(d.Input, map[string]string{"INPUT": input})
				if _, errs := e.Compile(text); len(errs) > 0 {
					return errs[0].Render("", text)
				}
			case "table":
				return tableOf(t, e, s, d.Input)
			case "rows":
				out := rowsOf(t, e, s, d.Input, !d.HasArg("once"))
				if d.HasArg("sorted") {
					out = strings.Join(slices.Sorted(strings.Lines(out)), "")
				}
				return out
			}
			return ""
		})
	})
}

// writeScript turns `{"ts": ..., "v": 1}` lines into the script's form.
func writeScript(t *testing.T, path, rows string) {
	var out strings.Builder
	for line := range strings.Lines(rows) {
		if !json.Valid([]byte(line)) {
			t.Fatalf("not JSON: %s", line)
		}
		fmt.Fprintf(&out, "{\"t\": \"t\", \"row\": %s}\n", strings.TrimSpace(line))
	}
	if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rowsOf(t *testing.T, e *Engine, s *script, text string, robust bool) string {
	stmts, errs := e.Compile(text)
	var out strings.Builder
	for _, st := range stmts {
		lines, err := collect(t, st, s, 1)
		for _, l := range lines {
			fmt.Fprintln(&out, l)
		}
		if err != nil {
			fmt.Fprintln(&out, "error:", err)
		} else if robust && s.used() {
			flinkCase{e: e, script: s}.checkRobust(t, st)
		}
	}
	for _, err := range errs {
		out.WriteString(err.Render("", text))
	}
	return out.String()
}

// tableOf runs a bounded query and shows what is left at its end, in the query's order.
func tableOf(t *testing.T, e *Engine, s *script, text string) string {
	e.Bounded = true
	defer func() { e.Bounded = false }()
	stmts, errs := e.Compile(text)
	var out strings.Builder
	for _, st := range stmts {
		table := result.NewTable(st.Schema, st.Order)
		n, err := st.Pipeline()
		if err != nil {
			t.Fatal(err)
		}
		s.maxRows = 2
		synctest.Test(t, func(t *testing.T) {
			err = stream.Run(t.Context(), stream.Spec{Name: "table", Root: Attach(n, "table", func(stream.Task) (stream.Sink, error) {
				return &tableSink{Table: table}, nil
			})})
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range table.Cells(st.Skip, st.Count) {
			fmt.Fprintln(&out, strings.Join(row, " | "))
		}
	}
	for _, err := range errs {
		out.WriteString(err.Render("", text))
	}
	return out.String()
}

// tableSink folds changes into a table.
type tableSink struct {
	lineSink
	*result.Table
}

func (s *tableSink) Write(_ context.Context, b stream.Batch) error { return s.Apply(b) }
