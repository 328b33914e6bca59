package sql

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// The files of testdata/rows hold statements with the rows of their tables; the changes below them were computed by hand
// from SQL's rules (or are Flink's). `script` sets the input, `sql` the tables, `rows` runs each query in batches of one
// row, and checks that the folded result is the same in whole batches, at parallelism 3 and after kills (but for
// `once`, where the result depends on the watermark before each row). `sorted` is for results that have no order.
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
