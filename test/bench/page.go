package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/weirhub/weir/test/peers"
)

// report is a table of a section, and the page that keeps it.
type report struct {
	page  string // file in docs/bench
	title string
	note  string // a sentence below the table
	head  []string
	rows  [][]string
}

// text is the table for a terminal.
func (r report) text() string {
	width := make([]int, len(r.head))
	for _, row := range append([][]string{r.head}, r.rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range append([][]string{r.head}, r.rows...) {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteString("\n")
	}
	if r.note != "" {
		b.WriteString(r.note + "\n")
	}
	return b.String()
}

// markdown is the table for a page.
func (r report) markdown() string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(r.head)
	line(slices.Repeat([]string{"---"}, len(r.head)))
	for _, row := range r.rows {
		line(row)
	}
	if r.note != "" {
		b.WriteString("\n" + r.note + "\n")
	}
	return b.String()
}

// What stands between these lines of a page is the program's; the rest is people's.
const (
	figuresBegin = "<!-- figures: written by go run ./test/bench -->"
	figuresEnd   = "<!-- end of figures -->"
)

func writePages(all []report, machine string) error {
	for _, r := range all {
		path := filepath.Join(peers.Root(), "docs", "bench", r.page)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			text, err = []byte("# "+r.title+"\n\n"+figuresBegin+"\n"+figuresEnd+"\n"), nil
		}
		if err != nil {
			return fmt.Errorf("write figures: %w", err)
		}
		page, err := replaceFigures(string(text), machine+".\n\n"+r.markdown())
		if err != nil {
			return fmt.Errorf("write figures into %s: %w", path, err)
		}
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			return fmt.Errorf("write figures: %w", err)
		}
		fmt.Println("wrote", path)
	}
	return nil
}

func replaceFigures(page, figures string) (string, error) {
	before, rest, ok := strings.Cut(page, figuresBegin)
	if !ok {
		return "", fmt.Errorf("the page has no line %q", figuresBegin)
	}
	_, after, ok := strings.Cut(rest, figuresEnd)
	if !ok {
		return "", fmt.Errorf("the page has no line %q", figuresEnd)
	}
	return before + figuresBegin + "\n\n" + figures + "\n" + figuresEnd + after, nil
}

// median of the rounds; it sorts its argument.
func median[T cmp.Ordered](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}

// spread writes a median with the lowest and the highest, "5 [4-7]"; a single round stands alone.
func spread(v []float64, format func(float64) string) string {
	m := format(median(v))
	lo, hi := format(v[0]), format(v[len(v)-1])
	if lo == hi {
		return m
	}
	return fmt.Sprintf("%s [%s-%s]", m, lo, hi)
}

// grouped writes a whole number with commas.
func grouped(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// decimals writes a number with so many digits after the point.
func decimals(n int) func(float64) string {
	return func(v float64) string { return fmt.Sprintf("%.*f", n, v) }
}

// ratio writes how often b goes into a.
func ratio(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2fx", a/b)
}
