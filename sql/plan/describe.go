package plan

import (
	"fmt"
	"strings"

	"github.com/weirhub/weir/sql/types"
)

// Show writes an expression with the names of the columns instead of their numbers, for people.
func Show(e Expr, in types.Schema) string {
	switch e := e.(type) {
	case *Column:
		if e.Index < len(in) {
			return in[e.Index].Name
		}
		return e.Name
	case *Literal:
		return showLiteral(e)
	case *Cast:
		name := "CAST"
		if e.Try {
			name = "TRY_CAST"
		}
		return name + "(" + Show(e.X, in) + " AS " + e.T.WithNull(true).Plain().String() + ")"
	case *Case:
		s := "CASE"
		for _, w := range e.Whens {
			s += " WHEN " + Show(w.Cond, in) + " THEN " + Show(w.Then, in)
		}
		return s + " ELSE " + Show(e.Else, in) + " END"
	case *Call:
		return showCall(e, in)
	}
	return e.String()
}

func showLiteral(l *Literal) string {
	switch v := l.Value.(type) {
	case nil:
		return "NULL"
	case string:
		if l.T.IsBinary() {
			return l.String()
		}
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case bool:
		return strings.ToUpper(fmt.Sprint(v))
	case int64:
		switch l.T.Kind {
		case types.Date:
			return "DATE '" + string(types.AppendDate(nil, v)) + "'"
		case types.Time:
			return "TIME '" + string(types.AppendTime(nil, v, 1000, l.T.Precision)) + "'"
		case types.Timestamp, types.TimestampLTZ:
			return "TIMESTAMP '" + string(types.AppendTimestamp(nil, v, l.T)) + "'"
		case types.IntervalMillis:
			return "INTERVAL " + millis(v)
		case types.IntervalMonths:
			return fmt.Sprintf("INTERVAL %d months", v)
		}
	}
	s := l.String()
	return s[:strings.LastIndexByte(s, ':')]
}

func showCall(c *Call, in types.Schema) string {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = Show(a, in)
	}
	letters := strings.Trim(c.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789 ") == ""
	switch {
	case len(args) == 2 && (!letters || c.Name == "AND" || c.Name == "OR"):
		return "(" + args[0] + " " + c.Name + " " + args[1] + ")"
	case len(args) == 1 && strings.HasPrefix(c.Name, "IS "):
		return "(" + args[0] + " " + c.Name + ")"
	}
	return c.Name + "(" + strings.Join(args, ", ") + ")"
}

// ShowAgg writes an aggregate with the names of its columns.
func ShowAgg(a AggCall, in types.Schema) string {
	args := make([]string, len(a.Args))
	for i, c := range a.Args {
		args[i] = in[c].Name
	}
	s := strings.Join(args, ", ")
	if len(args) == 0 {
		s = "*"
	}
	if a.Distinct {
		s = "DISTINCT " + s
	}
	s = a.Func + "(" + s + ")"
	if a.Filter >= 0 {
		s += " FILTER (WHERE " + in[a.Filter].Name + ")"
	}
	return s
}

func names(s types.Schema) string {
	parts := make([]string, len(s))
	for i, f := range s {
		parts[i] = f.Name
	}
	return strings.Join(parts, ", ")
}

// Describe names the table and the columns that are decoded.
func (n *Scan) Describe() string {
	s := fmt.Sprintf("Scan %s fields=[%s]", n.Table.Name, names(n.Out))
	if n.Watermark != nil {
		s += " watermark=[" + n.TimeText + "]"
	}
	return s
}

// Describe shows how many rows there are.
func (n *Values) Describe() string { return fmt.Sprintf("Values rows=%d", len(n.Rows)) }

// Describe shows the condition.
func (n *Filter) Describe() string { return "Filter where=[" + Show(n.If, n.Input.Schema()) + "]" }

// Describe shows the expressions with their new names.
func (n *Project) Describe() string {
	parts := make([]string, len(n.Exprs))
	for i, e := range n.Exprs {
		parts[i] = Show(e, n.Input.Schema())
		if c, ok := e.(*Column); !ok || n.Input.Schema()[c.Index].Name != n.Out[i].Name {
			parts[i] += " AS " + n.Out[i].Name
		}
	}
	return "Project [" + strings.Join(parts, ", ") + "]"
}

// Describe names the operator; its inputs stand below it.
func (n *Union) Describe() string { return "Union" }

// Describe shows keys and aggregates.
func (n *Aggregate) Describe() string {
	return "GroupAggregate " + groupText(n.Keys, n.Aggs, n.Input.Schema())
}

func groupText(keys []int, aggs []AggCall, in types.Schema) string {
	var parts, calls []string
	for _, k := range keys {
		parts = append(parts, in[k].Name)
	}
	for _, a := range aggs {
		calls = append(calls, ShowAgg(a, in))
	}
	return "keys=[" + strings.Join(parts, ", ") + "] aggregates=[" + strings.Join(calls, ", ") + "]"
}

// Describe shows the number of rows.
func (n *Limit) Describe() string {
	if n.Skip > 0 {
		return fmt.Sprintf("Limit rows=%d offset=%d", n.Count, n.Skip)
	}
	return fmt.Sprintf("Limit rows=%d", n.Count)
}

// Describe names the table and how rows are written.
func (n *Sink) Describe() string {
	s := "Sink " + n.Table.Name + " columns=[" + names(n.Input.Schema()) + "]"
	if n.Upsert() {
		s += " upsert"
	}
	return s
}

// Describe shows the window.
func (n *WindowAssign) Describe() string {
	return fmt.Sprintf("WindowAssign %s of %s", n.Window, n.Input.Schema()[n.Window.Time].Name)
}

// Describe shows the window, keys and aggregates.
func (n *WindowAggregate) Describe() string {
	in := n.Input.Schema()
	return fmt.Sprintf("WindowAggregate %s of %s %s", n.Window, in[n.Window.Time].Name, groupText(n.Keys, n.Aggs, in))
}
