package main

import (
	"os"
	"path/filepath"
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
