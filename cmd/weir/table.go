package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// textTable aligns rows under a header; numeric columns stand to the right.
type textTable struct {
	header []string
	right  []bool
	rows   [][]string
}

func newTable(header ...string) *textTable {
	t := &textTable{right: make([]bool, len(header))}
	for i, h := range header {
		name, numeric := strings.CutPrefix(h, "#")
		t.header = append(t.header, name)
		t.right[i] = numeric
	}
	return t
}

func (t *textTable) add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = fmt.Sprint(c)
	}
	t.rows = append(t.rows, row)
}

// widths are those of the columns.
func (t *textTable) widths() []int {
	width := make([]int, len(t.header))
	for _, r := range append([][]string{t.header}, t.rows...) {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	return width
}

// width is that of the whole table.
func (t *textTable) width() int {
	n := 2 * (len(t.header) - 1)
	for _, w := range t.widths() {
		n += w
	}
	return n
}

func (t *textTable) write(w io.Writer) error {
	width := t.widths()
	for _, r := range append([][]string{t.header}, t.rows...) {
		var b strings.Builder
		for i, c := range r {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i > 0 {
				b.WriteString("  ")
			}
			if t.right[i] {
				b.WriteString(pad + c)
			} else {
				b.WriteString(c + pad)
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// printJSON writes one indented JSON value.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// count writes an integer with thin groups: 336,776.
func count(n int64) string {
	s := fmt.Sprint(n)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if neg {
		return "-" + s
	}
	return s
}

// number counts things in words: 1 row, 2 rows.
func number(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(int64(n)) + " " + more
}

// did says what a command has done: to people on standard error, with -o json as one line on standard output.
func (a *app) did(text string, fields map[string]any) error {
	if a.output == "json" {
		return json.NewEncoder(a.out).Encode(fields)
	}
	_, err := fmt.Fprintln(a.err, text)
	return err
}
