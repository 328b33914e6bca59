// Command docs writes the pages of docs/ that come from tables in the code: `make docs`.
//
// It owns: the pages' form. It does not own: what they say, which stands beside the code that does it. A test fails when a
// page on disk differs from what the tables give. The page of the command line, docs/cli.md, is written by a test of
// cmd/weir, since a program cannot be imported.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// page is one file of docs/ and what makes it.
type page struct {
	name string
	make func() string
}

// pages is the one list.
func pages() []page {
	return []page{
		{"kafka.md", kafkaPage}, {"sql.md", sqlPage}, {"config.md", configPage}, {"connectors.md", connectorsPage},
	}
}

func main() {
	for _, p := range pages() {
		path := filepath.Join("docs", p.name)
		if err := os.WriteFile(path, []byte(p.make()), 0o644); err != nil { //nolint:gosec // a page is for everybody
			fmt.Fprintf(os.Stderr, "docs: %v\n", err)
			os.Exit(1)
		}
		fmt.Println(path)
	}
}

// generated heads every page.
const generated = "<!-- Written by `make docs` from the tables in the code. Change those. -->\n\n"

// table writes rows in Markdown; bars inside cells are escaped.
func table(b *strings.Builder, header []string, rows [][]string) {
	line := func(cells []string) {
		b.WriteByte('|')
		for _, c := range cells {
			b.WriteString(" " + strings.ReplaceAll(c, "|", `\|`) + " |")
		}
		b.WriteByte('\n')
	}
	line(header)
	b.WriteString(strings.Repeat("|---", len(header)) + "|\n")
	for _, r := range rows {
		line(r)
	}
	b.WriteByte('\n')
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
