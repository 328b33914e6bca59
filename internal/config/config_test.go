package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// env is the environment of the tests.
func env(name string) (string, bool) {
	v, ok := map[string]string{"SECRET": "S3cr3t-Zq!", "TOPIC": "orders", "EMPTY": ""}[name]
	return v, ok
}

// Each mistake of a file is told with its place, a code, the line and what to do; all of a file at once. The golden files
// show one mistake a case (mistakes), and many in one file (together).
func TestMistakesAreToldWithTheirPlace(t *testing.T) {
	for _, name := range []string{"mistakes", "together", "sound"} {
		datadriven.RunTest(t, filepath.Join("testdata", name), func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd != "load" {
				t.Fatalf("unknown command %s", td.Cmd)
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("testdata/files")); err != nil {
				t.Fatal(err)
			}
			text := strings.NewReplacer(`<TAB>`, "\t", `<CR>`, "\r", `<BOM>`, "\ufeff").Replace(td.Input)
			path := filepath.Join(dir, "weir.yaml")
			if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Load(path, env)
			var es Errors
			if errors.As(err, &es) {
				return strings.ReplaceAll(es.Render(), dir+"/", "")
			}
			if err != nil {
				return err.Error()
			}
			return strings.ReplaceAll(show(f), dir+"/", "")
		})
	}
}

// show prints what the sound cases assert: values as they were understood.
func show(f *File) string {
	var b strings.Builder
	for _, t := range f.Topics {
		fmt.Fprintf(&b, "topic %q partitions=%d retention=%s bytes=%d cleanup=%q config=%q columns=%d watermark=%q\n",
			t.Name, t.Partitions, t.Retention, t.RetentionBytes, t.Cleanup, t.Config, len(t.Columns), t.Watermark.Text)
	}
	for _, s := range f.Sources {
		fmt.Fprintf(&b, "source %q kind=%s path=%q null=%q to=%q key=%q count=%d rate=%g\n",
			s.Name, s.Kind, s.File.Path, s.File.Null, s.To, s.Key, s.Generate.Count, s.Generate.Rate)
	}
	for _, fn := range f.Funcs {
		fmt.Fprintf(&b, "function %q runtime=%s handler=%q expr=%q env=%q to=%q\n", fn.Name, fn.Runtime, fn.Handler, fn.Expr.Text, fn.Env, fn.To)
		for _, t := range fn.Triggers {
			fmt.Fprintf(&b, "  trigger %q size=%d window=%s retries=%d\n", t.Topic, t.BatchSize, t.Window, t.Retries)
		}
	}
	for _, s := range f.Sinks {
		fmt.Fprintf(&b, "sink %q kind=%s from=%q path=%q by=%q roll=%d\n", s.Name, s.Kind, s.From, s.Parquet.Path, s.Parquet.PartitionBy, s.Parquet.RollBytes)
	}
	for _, s := range f.Streams {
		fmt.Fprintf(&b, "stream %q topic=%q shards=%d\n", s.Name, s.Topic, s.Shards)
	}
	if b.Len() == 0 {
		return "ok\n"
	}
	return b.String()
}

// A secret that the environment or a file gave is shown by no error, in no excerpt (F3).
func TestSecretsStayHidden(t *testing.T) {
	const secret = "S3cr3t-Zq!"
	texts := []string{
		"version: 1\ntopics: {a: {partitions: \"${SECRET}\"}}\n",
		"version: 1\ntopics: {a: {retention: \"${SECRET}\", cleanup: \"${SECRET}\"}}\n",
		"version: 1\nbrokers: [\"kafka://u:" + secret + "@h:9092\"]\nnope: 1\n",
		"version: 1\nfunctions:\n  f: {runtime: python3, code: fn, handler: a.b, triggers: x, env: {PASSWORD: " + secret + "}, nope: 1}\n",
		"version: 1\ntopics: {\"nats://u:" + secret + "@h:4222\": {}}\n",
		"version: 1\npassword: " + secret + "\n",
		"version: 1\npassword: [" + secret + "\n",
	}
	for _, text := range texts {
		path := filepath.Join(t.TempDir(), "weir.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, env)
		var es Errors
		if !errors.As(err, &es) {
			t.Errorf("%q: no errors", text)
			continue
		}
		asJSON, err := json.Marshal(es)
		if err != nil {
			t.Fatal(err)
		}
		if all := es.Render() + es.Error() + string(asJSON); strings.Contains(all, secret) || strings.Contains(all, "S3cr3t-Zq%21") {
			t.Errorf("%q shows the secret:\n%s", text, all)
		}
	}
}

// A place inside a long text is a place in the file, whichever way YAML wrote the text.
func TestPlacesInsideTexts(t *testing.T) {
	file := "version: 1\nqueries:\n  a: |\n    SELECT\n      x\n  b: SELECT y\n  c:\n    sql: \"SELECT z\"\n  d: >\n    SELECT\n    u,\n    v\n\n    FROM w\n  e: SELECT 1\n"
	path := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path, env)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(file, "\n")
	for _, c := range []struct {
		query, line, col int
		want             string
	}{{0, 2, 3, "x"}, {1, 1, 8, "y"}, {2, 1, 8, "z"}, {3, 1, 1, "SELECT"}, {3, 1, 8, "u"}, {3, 1, 11, "v"}, {3, 2, 6, "w"}} {
		i := c.query
		p := f.Queries[i].SQL.At(c.line, c.col)
		if got := lines[p.Line-1][p.Col-1:]; !strings.HasPrefix(got, c.want) {
			t.Errorf("query %s: %d:%d is at %d:%d, where %q stands, want %q", f.Queries[i].Name, c.line, c.col, p.Line, p.Col, got, c.want)
		}
	}
}

// An include that comes back to its own file is told, not followed for ever; what includes declare is merged, and a name that
// two files declare is told with both places.
func TestIncludes(t *testing.T) {
	write := func(dir, name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	write(dir, "weir.yaml", "version: 1\ninclude: [part.yaml]\ntopics: {a: {}}\n")
	write(dir, "part.yaml", "topics: {b: {}}\n")
	f, err := Load(filepath.Join(dir, "weir.yaml"), env)
	if err != nil || len(f.Topics) != 2 {
		t.Fatalf("merged %d topics, %v", len(f.Topics), err)
	}
	write(dir, "part.yaml", "topics: {a: {}}\n")
	if _, err = Load(filepath.Join(dir, "weir.yaml"), env); err == nil || !strings.Contains(err.Error(), "declared twice") {
		t.Fatalf("a name in two files: %v", err)
	}
	write(dir, "part.yaml", "include: weir.yaml\n")
	if _, err = Load(filepath.Join(dir, "weir.yaml"), env); err == nil || !strings.Contains(err.Error(), "goes in a circle") {
		t.Fatalf("a circle of includes: %v", err)
	}
	write(dir, "weir.yaml", "version: 1\ninclude: [nowhere.yaml]\n")
	if _, err = Load(filepath.Join(dir, "weir.yaml"), env); err == nil || !strings.Contains(err.Error(), "weir.yaml:2:11") {
		t.Fatalf("a missing include: %v", err)
	}
}
