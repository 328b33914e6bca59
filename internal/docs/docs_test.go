package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/weirhub/weir/sql"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
)

// The pages say what the code's tables say.
func TestPagesAreCurrent(t *testing.T) {
	for _, p := range pages() {
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", p.name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != p.make() {
			t.Errorf("docs/%s is out of date: run `make docs`", p.name)
		}
	}
}

// Every statement and option that the page of SQL names is one.
func TestStatementsOfThePageCompile(t *testing.T) {
	sink := func(sql.SinkSpec) (func(stream.Task) (stream.Sink, error), error) { return nil, nil }
	connectors := []sql.Connector{{Name: "kafka", Sink: sink}}
	for _, s := range statements {
		if _, errs := sql.New(connectors, nil).Compile(s.example); len(errs) > 0 {
			t.Errorf("%s: %v", s.example, errs[0])
		}
	}
	for _, s := range settings {
		if _, errs := sql.New(connectors, nil).Compile("SET '" + s.name + "' = '" + s.value + "'"); len(errs) > 0 {
			t.Errorf("SET %s: %v", s.name, errs[0])
		}
	}
}

// Every option of a format is explained, and none that is not there.
func TestFormatOptionsAreExplained(t *testing.T) {
	known := map[string]bool{}
	for _, f := range format.Names() {
		for _, o := range format.OptionNames(f) {
			known[o] = true
			if formatOptions[o] == "" {
				t.Errorf("%s.%s has no explanation", f, o)
			}
		}
	}
	for o := range formatOptions {
		if !known[o] {
			t.Errorf("%s is explained, and no format has it", o)
		}
	}
}

// ARCHITECTURE.md names files, directories and functions that exist: each path in back-ticks is there, and in a row of a table
// the function stands in the file before it.
func TestArchitectureNamesWhatExists(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile("`((?:cmd|broker|stream|sql|functions|etl|connectors|internal|test|docs)(?:/[a-z0-9_]+)*(?:\\.go)?)`")
	row := regexp.MustCompile("(?m)^\\|[^|]*\\| `([a-z0-9_/]+\\.go)` \\| `(\\w+)` \\|")
	found := path.FindAllSubmatch(text, -1)
	if len(found) < 30 {
		t.Fatalf("only %d paths: the expression has lost the text", len(found))
	}
	for _, m := range found {
		if _, err := os.Stat(filepath.Join(root, string(m[1]))); err != nil {
			t.Errorf("%s is not there", m[1])
		}
	}
	for _, m := range row.FindAllSubmatch(text, -1) {
		code, err := os.ReadFile(filepath.Join(root, string(m[1])))
		if err != nil {
			t.Error(err)
		} else if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + string(m[2]) + `\(`).Match(code) {
			t.Errorf("%s has no function %s", m[1], m[2])
		}
	}
}
