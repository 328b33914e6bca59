package sql

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/weirhub/weir/internal/suggest"
	"github.com/weirhub/weir/sql/bind"
	"github.com/weirhub/weir/sql/build"
	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/optimize"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/result"
	"github.com/weirhub/weir/sql/sqlerr"
)

// What the engine is given and gives, under the names by which other rooms know it.
type (
	// Error is a mistake in a text, with its place.
	Error = sqlerr.Error
	// Connector reads and writes tables of one kind.
	Connector = build.Connector
	// SourceSpec and SinkSpec are what a Connector is asked for; Field is one of their columns.
	SourceSpec = build.SourceSpec
	SinkSpec   = build.SinkSpec
	Field      = build.Field
)

// Engine compiles SQL for one session. It is used by one goroutine; sessions share tables through Catalog.Copy.
type Engine struct {
	// Catalog holds the session's tables and views.
	Catalog *catalog.Catalog
	// Connectors are all that WITH ('connector' = ...) can name.
	Connectors []Connector
	// File makes a table of a path in FROM ('flights.csv'), its columns found by looking at the file. Its Connector must
	// be in Connectors. Nil: files cannot be named.
	File func(path string) (*catalog.Table, error)

	// Bounded says that all tables end and results are shown at their end, as where files are read without a hub. A
	// query's outermost ORDER BY and LIMIT are then allowed, and say how its rows are shown. Changes on the way to the end
	// are folded: whoever shows the changelog leaves Bounded false.
	Bounded bool

	options map[string]string
	broken  map[string]bool
}

// New makes an engine with an empty catalog.
func New(connectors []Connector, file func(path string) (*catalog.Table, error)) *Engine {
	return &Engine{Catalog: &catalog.Catalog{}, Connectors: connectors, File: file, options: map[string]string{}}
}

// Fill replaces ${NAME} in a text by its values; what has none is an error.
func Fill(text string, vars map[string]string) (string, []*Error) { return parse.Fill(text, vars) }

// Compile reads a text of statements and compiles each. It gives those that are right, in order, and every error of the
// others. Nothing runs; CREATE, DROP and SET take effect at once.
func (e *Engine) Compile(text string) ([]*Statement, []*Error) {
	e.broken = map[string]bool{}
	parsed, errs := parse.Parse(text)
	e.findBroken(text, errs)
	var out []*Statement
	for _, p := range parsed {
		st := &Statement{Span: p.Span, Text: text[p.Off:p.End]}
		bad := e.compile(st, p.Stmt)
		errs = append(errs, bad...)
		if len(bad) == 0 && st.Kind != None {
			out = append(out, st)
		}
	}
	sqlerr.Sort(errs)
	return out, errs
}

// findBroken looks for the names of tables whose CREATE could not even be read.
func (e *Engine) findBroken(text string, errs []*Error) {
	lines := strings.Split(text, "\n")
	for _, err := range errs {
		for l := min(err.Line, len(lines)) - 1; l >= 0; l-- {
			words := strings.Fields(lines[l])
			if len(words) > 2 && strings.EqualFold(words[0], "CREATE") {
				i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, "TABLE") || strings.EqualFold(w, "VIEW") })
				if i > 0 && i+1 < len(words) {
					e.broken[strings.Trim(words[i+1], "`(")] = true
				}
				break
			}
		}
	}
}

func (e *Engine) binder() *bind.Binder {
	b := bind.New(e.Catalog, e.File)
	b.Broken = e.broken
	return b
}

func (e *Engine) compile(st *Statement, s parse.Statement) []*Error {
	switch s := s.(type) {
	case *parse.CreateTable:
		return e.createTable(st, s)
	case *parse.CreateView:
		return e.createView(st, s)
	case *parse.Drop:
		return e.drop(st, s)
	case *parse.Insert:
		st.Kind = Insert
		return e.compileInsert(st, s)
	case *parse.Query:
		st.Kind = Query
		return e.compileQuery(st, s)
	case *parse.Explain:
		return e.explain(st, s)
	case *parse.Show:
		return e.show(st, s)
	case *parse.Describe:
		return e.describe(st, s)
	case *parse.Set:
		return e.set(st, s)
	case *parse.Reset:
		return e.reset(st, s)
	}
	panic("BUG: a statement without a case")
}

func (e *Engine) compileQuery(st *Statement, q *parse.Query) []*Error {
	b := e.binder()
	b.Bounded = e.Bounded
	n, errs := b.Query(q)
	st.Skip, st.Count = b.Present.Skip, b.Present.Count
	for _, k := range b.Present.Order {
		st.Order = append(st.Order, result.Order(k))
	}
	return e.finish(st, n, b, errs)
}

func (e *Engine) compileInsert(st *Statement, s *parse.Insert) []*Error {
	b := e.binder()
	sink, errs := b.Insert(s, e.accepts)
	st.Target = s.Table.Last()
	if sink == nil {
		return e.finish(st, nil, b, errs)
	}
	return e.finish(st, sink, b, errs)
}

// finish optimizes a bound plan and keeps it with the statement. A nil plan without errors uses a broken table: the
// statement is left out.
func (e *Engine) finish(st *Statement, n plan.Node, b *bind.Binder, errs []*Error) []*Error {
	st.Warnings = b.Warnings()
	if n == nil {
		st.Kind = None
		return errs
	}
	best, err := optimize.Run(n)
	if err != nil {
		hint := ""
		var r *optimize.Refusal
		if errors.As(err, &r) {
			hint = r.Hint
		}
		at := st.Span
		at.End = at.Off + 1
		return append(errs, sqlerr.New(at, err.Error(), hint))
	}
	best = limitEarly(st, best)
	if errs = append(errs, e.checkConnectors(st, best)...); len(errs) > 0 {
		return errs
	}
	st.Plan, st.Schema, st.Mode = best, n.Schema(), best.Mode()
	st.connectors, st.options, st.bounded = e.Connectors, maps.Clone(e.options), e.Bounded
	return nil
}

// limitEarly drops rows that a LIMIT without an order does not show as soon as they come, where they do not change later.
func limitEarly(st *Statement, n plan.Node) plan.Node {
	if st.Kind != Query || st.Count < 0 || len(st.Order) > 0 || n.Mode().Updates() {
		return n
	}
	l := &plan.Limit{Base: plan.Base{Out: n.Schema(), Changes: n.Mode()}, Input: n, Skip: st.Skip, Count: st.Count}
	st.Skip, st.Count = 0, -1
	return l
}

// checkConnectors refuses to read or write where a connector cannot.
func (e *Engine) checkConnectors(st *Statement, n plan.Node) []*Error {
	var errs []*Error
	fail := func(msg string) {
		at := st.Span
		at.End = at.Off + 1
		errs = append(errs, sqlerr.New(at, msg, ""))
	}
	switch n := n.(type) {
	case *plan.Scan:
		if c := e.connector(n.Table.Connector); c == nil || c.Source == nil {
			fail("table " + n.Table.Name + " cannot be read: connector '" + n.Table.Connector + "' has no source")
		}
	case *plan.Sink:
		if c := e.connector(n.Table.Connector); c == nil || c.Sink == nil {
			fail("table " + n.Table.Name + " cannot be written: connector '" + n.Table.Connector + "' has no sink")
		}
	}
	for _, in := range n.Inputs() {
		errs = append(errs, e.checkConnectors(st, in)...)
	}
	return errs
}

func (e *Engine) connector(name string) *Connector {
	for i := range e.Connectors {
		if e.Connectors[i].Name == name {
			return &e.Connectors[i]
		}
	}
	return nil
}

func (e *Engine) accepts(connector string) plan.Accepts {
	if c := e.connector(connector); c != nil {
		return c.Accepts
	}
	return plan.AcceptsInserts
}

// connectorList is the engine's connectors as bind asks for them.
type connectorList struct{ e *Engine }

func (l connectorList) Options(name string) ([]string, bool) {
	c := l.e.connector(name)
	if c == nil {
		return nil, false
	}
	return c.Options, true
}

func (l connectorList) Names() []string {
	names := make([]string, len(l.e.Connectors))
	for i, c := range l.e.Connectors {
		names[i] = c.Name
	}
	return names
}

func (e *Engine) createTable(st *Statement, s *parse.CreateTable) []*Error {
	st.Kind, st.Target = Done, s.Name.Last()
	b := e.binder()
	t, errs := b.Table(s, connectorList{e})
	if len(errs) > 0 {
		e.broken[s.Name.Last()] = true
		return errs
	}
	return e.added(st, s.Name, e.Catalog.AddTable(t), s.IfNotExists)
}

func (e *Engine) added(st *Statement, name parse.Name, err error, ifNotExists bool) []*Error {
	if err == nil || ifNotExists && errors.Is(err, catalog.ErrExists) {
		return nil
	}
	return []*Error{sqlerr.New(name.Span(), name.Last()+" exists already", "DROP it first, or write IF NOT EXISTS")}
}

func (e *Engine) createView(st *Statement, s *parse.CreateView) []*Error {
	st.Kind, st.Target = Done, s.Name.Last()
	v := &catalog.View{Name: s.Name.Last(), Query: s.Query, Text: s.Text}
	for _, c := range s.Columns {
		v.Columns = append(v.Columns, c.Name)
	}
	b := e.binder()
	n, errs := b.Query(s.Query)
	st.Warnings = b.Warnings()
	if n != nil && len(v.Columns) > 0 && len(v.Columns) != len(n.Schema()) {
		errs = append(errs, sqlerr.New(s.Columns[0].Span, "the view names another number of columns than its query has", ""))
	}
	if n == nil || len(errs) > 0 {
		e.broken[v.Name] = true
		return errs
	}
	return e.added(st, s.Name, e.Catalog.AddView(v), s.IfNotExists)
}

func (e *Engine) drop(st *Statement, s *parse.Drop) []*Error {
	st.Kind, st.Target = Done, s.Name.Last()
	err := e.Catalog.Drop(s.Name.Last(), s.View)
	switch {
	case err == nil, errors.Is(err, catalog.ErrNotFound) && s.IfExists:
		return nil
	case errors.Is(err, catalog.ErrOther) && s.View:
		return []*Error{sqlerr.New(s.Name.Span(), s.Name.Last()+" is a table", "write DROP TABLE")}
	case errors.Is(err, catalog.ErrOther):
		return []*Error{sqlerr.New(s.Name.Span(), s.Name.Last()+" is a view", "write DROP VIEW")}
	}
	return []*Error{unknownName(e, s.Name)}
}

func unknownName(e *Engine, name parse.Name) *Error {
	hint := ""
	if near, ok := suggest.Nearest(name.Last(), append(e.Catalog.Tables(), e.Catalog.Views()...)); ok {
		hint = "did you mean " + near + "?"
	}
	err := sqlerr.New(name.Span(), "unknown table "+name.Last(), hint)
	err.Missing = name.Last()
	return err
}
