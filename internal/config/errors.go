package config

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/weirhub/weir/internal/secret"
)

// The codes of errors. They are stable: documents and editors refer to them.
const (
	CodeSyntax    = "WEIR-C001" // not YAML
	CodeRead      = "WEIR-C002" // a file that cannot be read
	CodeInclude   = "WEIR-C003" // includes that go in a circle or too deep
	CodeDuplicate = "WEIR-C010" // a key or name twice
	CodeKind      = "WEIR-C011" // a mapping, list or scalar where another is wanted
	CodeUnknown   = "WEIR-C012" // an unknown key
	CodeMissing   = "WEIR-C013" // a key that must be there
	CodeValue     = "WEIR-C014" // a value out of its range or not of its type
	CodeVariable  = "WEIR-C015" // ${...} that cannot be filled in
	CodeReference = "WEIR-C016" // a name that nothing declares
	CodePath      = "WEIR-C017" // a path where nothing is
	CodeSQL       = "WEIR-C018" // SQL that does not compile
	CodeExpr      = "WEIR-C019" // an expression that does not compile
	CodeRuntime   = "WEIR-C020" // a function runtime that this machine lacks
	CodeFailed    = "WEIR-C021" // a part that failed while it ran
)

// Error is one mistake in a configuration file. Its excerpt comes from the file as written, with secrets masked.
type Error struct {
	Pos
	Code   string
	Msg    string
	Hint   string // what to do: `did you mean "retention"?`
	Source string // the line at Pos
	Width  int    // characters to underline; 0: one
}

// Error is the mistake in one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: error %s: %s", e.File, e.Line, e.Col, e.Code, secret.Mask(e.Msg))
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// MarshalJSON is the mistake for editors and scripts, with secrets masked as in Render.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		File    string `json:"file"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
		Width   int    `json:"width"`
		Code    string `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitempty"`
		Source  string `json:"source,omitempty"`
	}{e.File, e.Line, e.Col, max(e.Width, 1), e.Code, secret.Mask(e.Msg), e.Hint, secret.Mask(strings.TrimRight(e.Source, "\r\n"))})
}

// Render is the mistake with the line it stands in and a caret.
func (e *Error) Render() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: error %s: %s\n", e.File, e.Line, e.Col, e.Code, e.Msg)
	line := strings.TrimRight(e.Source, "\r\n")
	if strings.TrimSpace(line) == "" {
		if e.Hint != "" {
			fmt.Fprintf(&b, "      = %s\n", e.Hint)
		}
		return b.String()
	}
	masked := secret.Mask(line)
	fmt.Fprintf(&b, "%5d | %s\n", e.Line, masked)
	width := max(e.Width, 1)
	if masked != line {
		width = 1 // the columns behind a masked secret have moved
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, prefix(line, e.Col-1))
	fmt.Fprintf(&b, "      | %s%s", pad, strings.Repeat("^", width))
	if e.Hint != "" {
		b.WriteString(" " + e.Hint)
	}
	b.WriteByte('\n')
	return b.String()
}

// prefix is the first n characters of s, or all of it.
func prefix(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Errors are all mistakes of a configuration, in the order of their places.
type Errors []*Error

// Error is all mistakes, one a line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Render is all mistakes with their lines and a closing count.
func (es Errors) Render() string {
	var b strings.Builder
	for _, e := range es {
		b.WriteString(e.Render())
	}
	noun := "errors"
	if len(es) == 1 {
		noun = "error"
	}
	fmt.Fprintf(&b, "%d %s\n", len(es), noun)
	return b.String()
}

// Sorted orders the mistakes by place.
func (es Errors) Sorted() Errors {
	sort.SliceStable(es, func(i, j int) bool {
		a, b := es[i], es[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
	return es
}
