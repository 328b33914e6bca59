// Package sqlerr is the form of every mistake in a SQL text: its place, what is wrong, and what to do.
//
// It owns: positions, the Error type, and its rendering under the source line. It does not own: the wording, which
// belongs to the package that finds the mistake, and errors of running queries.
//
// Invariants:
//  1. Lines and columns count from 1; a column is a character, not a byte.
//  2. A mistake gives one Error. Several mistakes give several, in the order of the text.
package sqlerr

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/weirhub/weir/internal/secret"
)

// Pos is a place in a text. The zero Pos is "nowhere in particular".
type Pos struct {
	Line, Col int
}

// Span is a stretch of a text: where it begins, and its bytes text[Off:End].
type Span struct {
	Pos
	Off, End int
}

// To joins two spans of one text, s being the first.
func (s Span) To(e Span) Span { return Span{Pos: s.Pos, Off: s.Off, End: max(s.End, e.End)} }

// Error is a mistake of the user with its place in the SQL text.
type Error struct {
	Line, Col int
	Width     int // characters to underline; 0 or 1: one caret
	Msg       string
	Hint      string // what to do, or empty
	// Missing is the table that the catalog does not have; empty: the mistake is another one.
	Missing string
}

// New makes an Error for a span of the text.
func New(at Span, msg, hint string) *Error {
	return &Error{Line: at.Line, Col: at.Col, Width: at.End - at.Off, Msg: msg, Hint: hint}
}

func (e *Error) Error() string {
	s := e.Msg
	if e.Line > 0 {
		s = fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Msg)
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Render shows the error with the line of src, secrets hidden, and a caret below the place:
//
//	q.sql:2:8: unknown column orgin
//	  2 | SELECT orgin FROM flights
//	    |        ^^^^^ did you mean origin?
//
// file names the text; empty: the name is left out.
func (e *Error) Render(file, src string) string {
	var b strings.Builder
	if file != "" {
		b.WriteString(file + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Col)
	}
	if b.Len() > 0 {
		b.WriteString(" ")
	}
	b.WriteString(secret.Mask(e.Msg) + "\n")
	lines, shown := strings.Split(src, "\n"), strings.Split(secret.Mask(src), "\n")
	if e.Line < 1 || e.Line > len(lines) {
		if e.Hint != "" {
			b.WriteString("  " + e.Hint + "\n")
		}
		return b.String()
	}
	line := strings.TrimRight(lines[e.Line-1], "\r")
	width := e.Width
	if masked := strings.TrimRight(shown[e.Line-1], "\r"); masked != line {
		line, width = masked, 1 // the columns behind a secret that is hidden have moved
	}
	number := fmt.Sprint(e.Line)
	fmt.Fprintf(&b, "  %s | %s\n", number, line)
	fmt.Fprintf(&b, "  %s | %s%s", strings.Repeat(" ", len(number)), indent(line, e.Col), carets(line, e.Col, width))
	if e.Hint != "" {
		b.WriteString(" " + e.Hint)
	}
	b.WriteString("\n")
	return b.String()
}

// indent is the blank text that stands above the column's left neighbour: tabs stay tabs, so that the caret is below its
// character however wide the terminal shows them.
func indent(line string, col int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i >= col-1 {
			break
		}
		if r == '\t' {
			b.WriteRune('\t')
		} else {
			b.WriteRune(' ')
		}
	}
	return b.String()
}

func carets(line string, col, width int) string {
	rest := utf8.RuneCountInString(line) - (col - 1)
	return strings.Repeat("^", max(1, min(width, rest)))
}

// Sort puts errors in the order of the text.
func Sort(errs []*Error) {
	slices.SortStableFunc(errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}

// List is several mistakes as one Go error.
type List []*Error

func (l List) Error() string {
	texts := make([]string, len(l))
	for i, e := range l {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "\n")
}
