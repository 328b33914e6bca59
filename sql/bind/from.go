package bind

import (
	"strings"

	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

// from binds the input of a SELECT.
func (b *Binder) from(list []parse.From) (plan.Node, *scope) {
	if len(list) == 0 {
		// One row with a column that no name reaches.
		zero := &plan.Literal{Value: int64(0), T: types.IntT.NotNull()}
		n := &plan.Values{Rows: [][]plan.Expr{{zero}}}
		n.Out = types.Schema{{Name: "$zero", Type: zero.T}}
		return n, &scope{}
	}
	if len(list) > 1 {
		b.fail(fromSpan(list[1]), "a second table in FROM is not supported", "a query reads one table, or several by UNION ALL")
		return nil, nil
	}
	n, name := b.fromOne(list[0])
	if n == nil {
		return nil, nil
	}
	return n, newScope(n, name)
}

func fromSpan(f parse.From) sqlerr.Span {
	switch f := f.(type) {
	case *parse.Table:
		return f.Span
	case *parse.Derived:
		return f.Span
	case *parse.WindowTable:
		return f.Span
	case *parse.Join:
		return f.Span
	}
	return sqlerr.Span{}
}

// fromOne binds one input and gives the name by which its columns are qualified.
func (b *Binder) fromOne(f parse.From) (plan.Node, string) {
	switch f := f.(type) {
	case *parse.Table:
		n := b.table(f)
		name := f.File
		if f.Name != nil {
			name = f.Name.Last()
		}
		return b.alias(n, f.Alias, name)
	case *parse.Derived:
		return b.alias(b.query(f.Query), f.Alias, "")
	case *parse.WindowTable:
		return b.alias(b.windowTable(f), f.Alias, "")
	case *parse.Join:
		b.fail(f.Span, "JOIN is not supported", "")
		b.fromOne(f.L)
		b.fromOne(f.R)
	}
	return nil, ""
}

// alias renames an input and its columns.
func (b *Binder) alias(n plan.Node, a parse.Alias, name string) (plan.Node, string) {
	if a.Name != nil {
		name = a.Name.Name
	}
	if n == nil || len(a.Columns) == 0 {
		return n, name
	}
	return b.rename(n, a.Columns), name
}

func (b *Binder) rename(n plan.Node, to []parse.Ident) plan.Node {
	if len(to) != len(n.Schema()) {
		b.fail(to[0].Span.To(to[len(to)-1].Span), countText(len(to), "name")+" for "+countText(len(n.Schema()), "column"), "")
		return nil
	}
	out := append(types.Schema(nil), n.Schema()...)
	for i, id := range to {
		out[i].Name = id.Name
	}
	return project(n, columnsOf(n), out)
}

// columnsOf are references to all columns of a node.
func columnsOf(n plan.Node) []plan.Expr {
	s := n.Schema()
	out := make([]plan.Expr, len(s))
	for i, f := range s {
		out[i] = &plan.Column{Index: i, Name: f.Name, T: f.Type}
	}
	return out
}

func project(n plan.Node, exprs []plan.Expr, out types.Schema) plan.Node {
	return &plan.Project{Base: plan.Base{Out: out}, Input: n, Exprs: exprs}
}

// table finds a name: a WITH query, a table, a view, or a file.
func (b *Binder) table(t *parse.Table) plan.Node {
	if t.Name == nil {
		return b.fileTable(t)
	}
	name := t.Name.Last()
	if !b.database(t.Name) {
		return nil
	}
	for i := len(b.ctes) - 1; i >= 0; i-- {
		if b.ctes[i].name == name && len(t.Name) == 1 {
			return b.ctes[i].node
		}
	}
	if v := b.catalog.View(name); v != nil {
		return b.view(t, v)
	}
	if tab := b.catalog.Table(name); tab != nil {
		return b.scan(withHints(tab, t.Hints))
	}
	if b.Broken[name] {
		return nil
	}
	candidates := append(b.catalog.Tables(), b.catalog.Views()...)
	for _, c := range b.ctes {
		candidates = append(candidates, c.name)
	}
	hint := "there are no tables: CREATE TABLE makes one"
	if len(candidates) > 0 {
		hint = "there are: " + strings.Join(firstFew(candidates), ", ")
	}
	b.failMissing(t.Name.Span(), joinName(t.Name), nearest(name, candidates, hint))
	return nil
}

// database checks what stands before a table's name: there is one catalog with one database, named as Flink's are.
func (b *Binder) database(n parse.Name) bool {
	want := []string{"default_catalog", "default_database"}
	before := n[:len(n)-1]
	if len(before) > len(want) {
		before = nil
	}
	for i, id := range before {
		if id.Name != want[len(want)-len(before)+i] {
			hint := "a table has no database before its name; a file is written in single quotes: '" + joinName(n) + "'"
			if b.catalog.Table(joinName(n)) != nil || b.catalog.View(joinName(n)) != nil {
				hint = "a name with a dot is written in back-ticks: `" + joinName(n) + "`"
			}
			b.fail(id.Span, "unknown database "+id.Name, hint)
			return false
		}
	}
	return true
}

func joinName(n parse.Name) string {
	parts := make([]string, len(n))
	for i, p := range n {
		parts[i] = p.Name
	}
	return strings.Join(parts, ".")
}

func (b *Binder) fileTable(t *parse.Table) plan.Node {
	if b.file == nil {
		b.fail(t.Span, "files cannot be read here", "declare a table over the file with CREATE TABLE")
		return nil
	}
	tab, err := b.file(t.File)
	if err != nil {
		b.fail(t.Span, err.Error(), "")
		return nil
	}
	return b.scan(withHints(tab, t.Hints))
}

// withHints is the table with the options of /*+ OPTIONS(...) */ in place of its own.
func withHints(t *catalog.Table, hints []parse.Option) *catalog.Table {
	if len(hints) == 0 {
		return t
	}
	c := *t
	c.Options = map[string]string{}
	for k, v := range t.Options {
		c.Options[k] = v
	}
	for _, h := range hints {
		c.Options[h.Key] = h.Value
	}
	return &c
}

func (b *Binder) view(t *parse.Table, v *catalog.View) plan.Node {
	if contains(b.views, v.Name) {
		b.fail(t.Span, "view "+v.Name+" uses itself", "")
		return nil
	}
	inner := New(b.catalog, b.file)
	inner.Broken = b.Broken
	inner.views = append(append([]string(nil), b.views...), v.Name)
	n, errs := inner.Query(v.Query)
	b.warnings = append(b.warnings, inner.warnings...)
	if n == nil && len(errs) == 0 {
		return nil
	}
	if len(errs) > 0 {
		b.fail(t.Span, "view "+v.Name+" does not work any more: "+errs[0].Msg, errs[0].Hint)
		return nil
	}
	if len(v.Columns) == 0 {
		return n
	}
	out := append(types.Schema(nil), n.Schema()...)
	for i, name := range v.Columns {
		out[i].Name = name
	}
	return project(n, columnsOf(n), out)
}

// scan reads the stored columns of a table and computes the others. The watermark is bound over the stored columns, so
// that the source can make it before anything else runs.
func (b *Binder) scan(t *catalog.Table) plan.Node {
	s := &plan.Scan{Table: t}
	all := t.Schema()
	var stored []plan.Expr // by column of the table, nil where computed
	converted := false
	for i, c := range t.Columns {
		if !c.Stored() {
			stored = append(stored, nil)
			continue
		}
		field := all[i]
		if c.Metadata != "" {
			field.Type = scannedType(c)
		}
		var x plan.Expr = &plan.Column{Index: len(s.Columns), Name: c.Name, T: field.Type}
		if !field.Type.Same(all[i].Type) {
			x = &plan.Cast{X: x, T: all[i].Type}
			converted = true
		}
		stored = append(stored, x)
		s.Columns = append(s.Columns, i)
		s.Out = append(s.Out, field)
	}
	exprs := b.tableExprs(t, stored)
	if t.Watermark != nil {
		s.Watermark = b.overTable(t, exprs, t.Watermark.As)
		s.TimeText = t.Watermark.Text
	}
	if len(s.Columns) == len(all) && !converted {
		return s
	}
	return project(s, exprs, all)
}

// tableExprs gives each column of a table as an expression over the stored ones.
func (b *Binder) tableExprs(t *catalog.Table, stored []plan.Expr) []plan.Expr {
	out := append([]plan.Expr(nil), stored...)
	for i, c := range t.Columns {
		if c.Computed != nil {
			out[i] = b.overTable(t, stored, c.Computed)
		}
	}
	return out
}

// overTable binds an expression over a table's columns and puts the columns' own expressions in their places.
func (b *Binder) overTable(t *catalog.Table, columns []plan.Expr, e parse.Expr) plan.Expr {
	s := &scope{schema: t.Schema(), tables: make([]string, len(t.Columns))}
	x := b.expr(place{scope: s, clause: "a column of a table"}, e)
	if x == nil {
		return nil
	}
	return plan.Map(x, func(e plan.Expr) plan.Expr {
		if c, ok := e.(*plan.Column); ok {
			return columns[c.Index]
		}
		return e
	})
}
