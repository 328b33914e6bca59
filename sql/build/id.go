package build

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
)

// lineage is what a node's columns mean, and which rows it has, in words that do not depend on the shape of the plan.
type lineage struct {
	columns []string
	rows    string
}

// origin is a column by what it means, standing in an expression for the column itself.
type origin struct {
	text string
	t    types.Type
}

func (o *origin) Type() types.Type { return o.t }
func (o *origin) String() string   { return o.text }

// over writes an expression over columns of the meanings given.
func over(e plan.Expr, in []string) string {
	return plan.Map(e, func(e plan.Expr) plan.Expr {
		if c, ok := e.(*plan.Column); ok {
			return &origin{in[c.Index], c.T}
		}
		return e
	}).String()
}

func lineageOf(n plan.Node) lineage {
	switch n := n.(type) {
	case *plan.Scan:
		l := lineage{rows: n.Table.Name}
		for _, f := range n.Out {
			l.columns = append(l.columns, n.Table.Name+"."+f.Name+":"+f.Type.WithNull(true).Plain().String())
		}
		return l
	case *plan.Values:
		l := lineage{rows: fmt.Sprintf("values%v", rowTexts(n))}
		for i := range n.Out {
			l.columns = append(l.columns, fmt.Sprintf("values.%d", i))
		}
		return l
	case *plan.Filter:
		in := lineageOf(n.Input)
		in.rows += " where " + over(n.If, in.columns)
		return in
	case *plan.Project:
		in := lineageOf(n.Input)
		l := lineage{rows: in.rows}
		for _, e := range n.Exprs {
			l.columns = append(l.columns, over(e, in.columns))
		}
		return l
	case *plan.Limit:
		in := lineageOf(n.Input)
		in.rows += fmt.Sprintf(" limit %d %d", n.Skip, n.Count)
		return in
	case *plan.Union:
		return unionLineage(n)
	case *plan.Aggregate:
		in := lineageOf(n.Input)
		return lineage{append(pick(in.columns, n.Keys), aggTexts(n.Aggs, in.columns)...), groups("group", in, n.Keys)}
	case *plan.WindowAssign:
		in := lineageOf(n.Input)
		win := windowText(n.Window, in.columns)
		return lineage{append(in.columns, "start "+win, "end "+win, "time "+win), in.rows}
	case *plan.WindowAggregate:
		in := lineageOf(n.Input)
		win := windowText(n.Window, in.columns)
		columns := append(pick(in.columns, n.Keys), "start "+win, "end "+win, "time "+win)
		return lineage{append(columns, aggTexts(n.Aggs, in.columns)...), groups(win, in, n.Keys)}
	case *plan.Sink:
		return lineageOf(n.Input)
	}
	panic(fmt.Sprintf("BUG: a plan node of type %T", n))
}

func rowTexts(n *plan.Values) []string {
	var out []string
	for _, row := range n.Rows {
		for _, e := range row {
			out = append(out, e.String())
		}
	}
	return out
}

func unionLineage(n *plan.Union) lineage {
	var l lineage
	parts := make([][]string, len(n.Out))
	var rows []string
	for _, in := range n.All {
		il := lineageOf(in)
		rows = append(rows, il.rows)
		for i, c := range il.columns {
			parts[i] = append(parts[i], c)
		}
	}
	for _, p := range parts {
		l.columns = append(l.columns, "union("+strings.Join(p, " | ")+")")
	}
	l.rows = "union(" + strings.Join(rows, " | ") + ")"
	return l
}

func pick(columns []string, which []int) []string {
	out := make([]string, len(which))
	for i, c := range which {
		out[i] = columns[c]
	}
	return out
}

func windowText(w plan.Window, in []string) string { return w.String() + " of " + in[w.Time] }

func groups(kind string, in lineage, keys []int) string {
	k := pick(in.columns, keys)
	return kind + "(" + strings.Join(k, ", ") + ") from " + in.rows
}

// aggTexts writes aggregates by what their columns mean.
func aggTexts(aggs []plan.AggCall, in []string) []string {
	out := make([]string, len(aggs))
	for i, a := range aggs {
		s := a.Func + "(" + strings.Join(pick(in, a.Args), ", ") + ")"
		if a.Distinct {
			s = "distinct " + s
		}
		if a.Func == "LISTAGG" {
			s += " by " + a.Sep
		}
		if a.Filter >= 0 {
			s += " where " + in[a.Filter]
		}
		out[i] = s
	}
	return out
}

// named gives aggregates the ids of their states: what they compute of which columns.
func named(aggs []plan.AggCall, input plan.Node) []plan.AggCall {
	texts := aggTexts(aggs, lineageOf(input).columns)
	out := append([]plan.AggCall(nil), aggs...)
	for i := range out {
		out[i].ID = texts[i]
	}
	return out
}

// ids gives nodes their ids; a second node of one meaning gets a number.
type ids struct {
	seen map[string]int
}

func (i *ids) of(kind string, parts ...string) string {
	h := fnv.New64a()
	for _, p := range append([]string{kind}, parts...) {
		_, _ = h.Write([]byte(p)) // a hash takes everything
		_, _ = h.Write([]byte{0})
	}
	id := kind + "-" + hex.EncodeToString(h.Sum(nil))
	if i.seen == nil {
		i.seen = map[string]int{}
	}
	i.seen[id]++
	if n := i.seen[id]; n > 1 {
		return fmt.Sprintf("%s-%d", id, n)
	}
	return id
}
