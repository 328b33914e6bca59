package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
)

// Explain shows the plan of a Query or Insert: a node a line, inputs below and indented, each with the row kinds that it
// puts out; and what its windows wait for.
func (s *Statement) Explain() string {
	var b strings.Builder
	explainNode(&b, s.Plan, "", "")
	for _, w := range waits(s.Plan) {
		b.WriteString(w + "\n")
	}
	return b.String()
}

func explainNode(b *strings.Builder, n plan.Node, first, rest string) {
	fmt.Fprintf(b, "%s%s changes=[%s]\n", first, n.Describe(), n.Mode())
	inputs := n.Inputs()
	for i, in := range inputs {
		if i == len(inputs)-1 {
			explainNode(b, in, rest+"└─ ", rest+"   ")
		} else {
			explainNode(b, in, rest+"├─ ", rest+"│  ")
		}
	}
}

// waits says when each window of a plan comes out.
func waits(n plan.Node) []string {
	var out []string
	if w, ok := n.(*plan.WindowAggregate); ok {
		var sources []string
		scans(w, func(s *plan.Scan) {
			text := s.Table.Name + " (watermark: " + s.TimeText + ")"
			if s.Watermark != nil && !slices.Contains(sources, text) {
				sources = append(sources, text)
			}
		})
		out = append(out, fmt.Sprintf("%s comes out when the watermark of %s reaches window_end - 1 ms.",
			w.Window, strings.Join(sources, " and ")))
	}
	for _, in := range n.Inputs() {
		out = append(out, waits(in)...)
	}
	return out
}

func scans(n plan.Node, f func(*plan.Scan)) {
	if s, ok := n.(*plan.Scan); ok {
		f(s)
	}
	for _, in := range n.Inputs() {
		scans(in, f)
	}
}

func (e *Engine) explain(st *Statement, s *parse.Explain) []*Error {
	inner := &Statement{Span: st.Span, Text: st.Text}
	if errs := e.compile(inner, s.Stmt); len(errs) > 0 || inner.Plan == nil {
		return errs
	}
	st.Kind, st.Columns, st.Warnings = Rows, []string{"plan"}, inner.Warnings
	for line := range strings.Lines(inner.Explain()) {
		st.Cells = append(st.Cells, []string{strings.TrimSuffix(line, "\n")})
	}
	return nil
}
