package bind

import (
	"strings"

	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

// windowForm is how a window function takes its intervals.
type windowForm struct {
	kind plan.WindowKind
	args []string // names in order; the last is optional, but for SESSION
	form string
}

func windowForms() map[string]windowForm {
	return map[string]windowForm{
		"TUMBLE":   {plan.Tumble, []string{"SIZE", "OFFSET"}, "TUMBLE(TABLE t, DESCRIPTOR(time), size [, offset])"},
		"HOP":      {plan.Hop, []string{"SLIDE", "SIZE", "OFFSET"}, "HOP(TABLE t, DESCRIPTOR(time), slide, size [, offset])"},
		"CUMULATE": {plan.Cumulate, []string{"STEP", "SIZE", "OFFSET"}, "CUMULATE(TABLE t, DESCRIPTOR(time), step, size [, offset])"},
		"SESSION":  {plan.Session, []string{"GAP"}, "SESSION(TABLE t PARTITION BY key, DESCRIPTOR(time), gap)"},
	}
}

// windowTable binds TABLE(TUMBLE(...)): the input with three more columns.
func (b *Binder) windowTable(w *parse.WindowTable) plan.Node {
	in, _ := b.fromOne(w.Input)
	form, ok := windowForms()[strings.ToUpper(w.Kind.Name)]
	if !ok {
		b.fail(w.Kind.Span, "unknown window function "+w.Kind.Name,
			nearest(w.Kind.Name, []string{"TUMBLE", "HOP", "CUMULATE"}, "there are TUMBLE, HOP and CUMULATE"))
		return nil
	}
	win := plan.Window{Kind: form.kind}
	good := b.windowArgs(w, form, &win)
	if form.kind == plan.Session {
		b.fail(w.Kind.Span, "SESSION windows are not supported", "")
		good = false
	}
	if len(w.PartitionBy) > 0 && form.kind != plan.Session {
		b.fail(w.PartitionBy[0].At(), "PARTITION BY belongs to SESSION only", "put the column into GROUP BY")
		good = false
	}
	if in == nil {
		return nil
	}
	win.Time = b.timeColumn(in.Schema(), w.Time)
	if !good || win.Time < 0 {
		return nil
	}
	out := append(types.Schema(nil), in.Schema()...)
	out[win.Time].Type.RowTime = false
	for _, f := range plan.WindowFields() {
		if out.Index(f.Name) >= 0 {
			b.fail(w.Span, "the input has a column "+f.Name+" already", "rename it in a sub-query")
			return nil
		}
		out = append(out, f)
	}
	return &plan.WindowAssign{Base: plan.Base{Out: out}, Input: in, Window: win}
}

// timeColumn finds the event time that DESCRIPTOR names; -1 when it was reported.
func (b *Binder) timeColumn(s types.Schema, id parse.Ident) int {
	i := s.Index(id.Name)
	if i < 0 {
		var names []string
		for _, f := range s {
			names = append(names, f.Name)
		}
		b.fail(id.Span, "unknown column "+id.Name, nearest(id.Name, names, "there are: "+strings.Join(firstFew(names), ", ")))
		return -1
	}
	if !s[i].Type.RowTime {
		hint := "declare WATERMARK FOR " + id.Name + " AS " + id.Name + " - INTERVAL '5' SECOND in the table"
		for _, f := range s {
			if f.Type.RowTime {
				hint = "the event time of this input is " + f.Name
			}
		}
		b.fail(id.Span, "column "+id.Name+" is not an event time", hint)
		return -1
	}
	return i
}

// windowArgs reads the intervals, by place or by name, and checks that they fit together.
func (b *Binder) windowArgs(w *parse.WindowTable, form windowForm, win *plan.Window) bool {
	given := map[string]int64{}
	places := map[string]sqlerr.Span{}
	for i, a := range w.Args {
		var name string
		switch {
		case a.Name != nil:
			name = strings.ToUpper(a.Name.Name)
			if !contains(form.args, name) {
				b.fail(a.Name.Span, "unknown argument "+a.Name.Name, nearest(name, form.args, "it is written "+form.form))
				return false
			}
		case i >= len(form.args):
			b.fail(a.X.At(), form.kind.String()+" has no further argument", "it is written "+form.form)
			return false
		default:
			name = form.args[i]
		}
		ms, ok := b.duration(a.X)
		if !ok {
			return false
		}
		given[name], places[name] = ms, a.X.At()
	}
	for _, name := range form.args {
		_, ok := given[name]
		if !ok && name != "OFFSET" {
			b.fail(w.Kind.Span, form.kind.String()+" lacks its "+strings.ToLower(name), "it is written "+form.form)
			return false
		}
		if ok && name != "OFFSET" && given[name] <= 0 {
			b.fail(places[name], "the "+strings.ToLower(name)+" must be positive", "")
			return false
		}
	}
	win.Size, win.Offset = given["SIZE"]+given["GAP"], given["OFFSET"]
	win.Slide = given["SLIDE"] + given["STEP"]
	if win.Slide != 0 && win.Size%win.Slide != 0 {
		b.fail(places["SIZE"], "the size must be a multiple of the "+strings.ToLower(form.args[0]), "")
		return false
	}
	return true
}

// duration reads an interval of days to seconds as ms.
func (b *Binder) duration(e parse.Expr) (int64, bool) {
	x := b.expr(place{scope: &scope{}, clause: "a window"}, e)
	if x == nil {
		return 0, false
	}
	if c, ok := x.(*plan.Call); ok && c.Name == "NEGATE" {
		if l, ok := c.Args[0].(*plan.Literal); ok && l.T.Kind == types.IntervalMillis {
			return -l.Value.(int64), true
		}
	}
	if l, ok := x.(*plan.Literal); ok && l.T.Kind == types.IntervalMillis {
		return l.Value.(int64), true
	}
	hint := "write INTERVAL '1' HOUR"
	if x.Type().Kind == types.IntervalMonths {
		hint = "months differ in length: write days, such as INTERVAL '30' DAY"
	}
	b.fail(e.At(), "a window needs an interval of days to seconds", hint)
	return 0, false
}

// windowPart says which of the three window columns a column of a node is, followed through renaming and filters.
type windowPart int

const (
	noWindow windowPart = iota - 1
	windowStart
	windowEnd
	windowTime
)

func windowPartOf(n plan.Node, column int) (*plan.WindowAssign, windowPart) {
	switch n := n.(type) {
	case *plan.WindowAssign:
		if k := column - len(n.Input.Schema()); k >= 0 {
			return n, windowPart(k)
		}
	case *plan.Filter:
		return windowPartOf(n.Input, column)
	case *plan.Project:
		if c, ok := n.Exprs[column].(*plan.Column); ok {
			return windowPartOf(n.Input, c.Index)
		}
	}
	return nil, noWindow
}

// pulled is an input from which the window function was taken out: the aggregate assigns windows itself.
type pulled struct {
	node plan.Node
	time int          // the event time column
	to   []plan.Expr  // by old column: its new place; nil for window columns
	part []windowPart // by old column
}

// pullWindow takes the window function out of an input. It gives false where something in between computes with window
// columns.
func pullWindow(n plan.Node) (pulled, bool) {
	switch n := n.(type) {
	case *plan.WindowAssign:
		p := pulled{node: n.Input, time: n.Window.Time}
		for i, f := range n.Out {
			if k := i - len(n.Input.Schema()); k >= 0 {
				p.to, p.part = append(p.to, nil), append(p.part, windowPart(k))
				continue
			}
			p.to = append(p.to, &plan.Column{Index: i, Name: f.Name, T: f.Type})
			p.part = append(p.part, noWindow)
		}
		return p, true
	case *plan.Filter:
		p, ok := pullWindow(n.Input)
		if !ok {
			return p, false
		}
		cond, ok := p.move(n.If)
		p.node = &plan.Filter{Base: plan.Base{Out: p.node.Schema()}, Input: p.node, If: cond}
		return p, ok
	case *plan.Project:
		return pullProject(n)
	}
	return pulled{}, false
}

func pullProject(n *plan.Project) (pulled, bool) {
	p, ok := pullWindow(n.Input)
	if !ok {
		return p, false
	}
	var exprs []plan.Expr
	var out types.Schema
	next := pulled{}
	for i, e := range n.Exprs {
		if c, isColumn := e.(*plan.Column); isColumn && p.part[c.Index] != noWindow {
			next.to, next.part = append(next.to, nil), append(next.part, p.part[c.Index])
			continue
		}
		moved, ok := p.move(e)
		if !ok {
			return p, false
		}
		next.to = append(next.to, &plan.Column{Index: len(exprs), Name: n.Out[i].Name, T: n.Out[i].Type})
		next.part = append(next.part, noWindow)
		exprs, out = append(exprs, moved), append(out, n.Out[i])
	}
	timeField := p.node.Schema()[p.time]
	next.time = len(exprs)
	exprs = append(exprs, &plan.Column{Index: p.time, Name: timeField.Name, T: timeField.Type})
	next.node = project(p.node, exprs, append(out, timeField))
	return next, true
}

// move rewrites an expression for the node without the window function; false where it uses a window column.
func (p *pulled) move(e plan.Expr) (plan.Expr, bool) {
	ok := true
	moved := plan.Map(e, func(e plan.Expr) plan.Expr {
		c, isColumn := e.(*plan.Column)
		if !isColumn {
			return e
		}
		if p.part[c.Index] != noWindow {
			ok = false
			return e
		}
		return p.to[c.Index]
	})
	return moved, ok
}
