package sql

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weirhub/weir/internal/secret"
	"github.com/weirhub/weir/sql/bind"
	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

func (e *Engine) show(st *Statement, s *parse.Show) []*Error {
	st.Kind = Rows
	switch s.What {
	case "TABLES":
		st.ListsTables = true
		st.Columns = []string{"table name"}
		st.Cells = cells(slices.Sorted(slices.Values(append(e.Catalog.Tables(), e.Catalog.Views()...))))
	case "VIEWS":
		st.Columns, st.Cells = []string{"view name"}, cells(e.Catalog.Views())
	case "FUNCTIONS":
		st.Columns, st.Cells = []string{"function name"}, cells(functionNames())
	case "CREATE TABLE":
		t := e.Catalog.Table(s.Name.Last())
		if t == nil {
			return []*Error{unknownName(e, s.Name)}
		}
		st.Columns, st.Cells = []string{"create table"}, [][]string{{CreateTable(t)}}
	case "CREATE VIEW":
		v := e.Catalog.View(s.Name.Last())
		if v == nil {
			return []*Error{unknownName(e, s.Name)}
		}
		st.Columns, st.Cells = []string{"create view"}, [][]string{{"CREATE VIEW " + quoteName(v.Name) + " AS\n" + v.Text}}
	}
	return nil
}

// functionNames leaves out operators and the forms of TRIM, which are not called by name.
func functionNames() []string {
	isOperator := func(n string) bool {
		return strings.Trim(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || slices.Contains([]string{"AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "NEGATE", "SIMILAR"}, n)
	}
	return slices.Sorted(slices.Values(slices.DeleteFunc(funcs.Names(), isOperator)))
}

func cells(names []string) [][]string {
	out := make([][]string, len(names))
	for i, n := range names {
		out[i] = []string{n}
	}
	return out
}

func (e *Engine) describe(st *Statement, s *parse.Describe) []*Error {
	st.Kind = Rows
	st.Columns = []string{"name", "type", "null", "key", "extras", "watermark"}
	if t := e.Catalog.Table(s.Name.Last()); t != nil {
		st.Cells = describeTable(t)
		return nil
	}
	v := e.Catalog.View(s.Name.Last())
	if v == nil {
		return []*Error{unknownName(e, s.Name)}
	}
	n, errs := bind.New(e.Catalog, e.File).Query(v.Query)
	if len(errs) > 0 {
		return []*Error{sqlerr.New(s.Name.Span(), "view "+v.Name+" does not work any more: "+errs[0].Msg, errs[0].Hint)}
	}
	for i, f := range n.Schema() {
		name := f.Name
		if len(v.Columns) > 0 {
			name = v.Columns[i]
		}
		st.Cells = append(st.Cells, []string{name, typeText(f.Type), nullText(f.Type), "", "", ""})
	}
	return nil
}

func typeText(t types.Type) string { return t.WithNull(true).String() }

func nullText(t types.Type) string { return strings.ToUpper(fmt.Sprint(t.Nullable)) }

func describeTable(t *catalog.Table) [][]string {
	var out [][]string
	var key []string
	for _, i := range t.PrimaryKey {
		key = append(key, t.Columns[i].Name)
	}
	for i, f := range t.Schema() {
		c := t.Columns[i]
		row := []string{f.Name, typeText(f.Type), nullText(f.Type), "", "", ""}
		if slices.Contains(t.PrimaryKey, i) {
			row[3] = "PRI(" + strings.Join(key, ", ") + ")"
		}
		switch {
		case c.Computed != nil:
			row[4] = "AS " + c.Text
		case c.Metadata != "":
			row[4] = "METADATA FROM '" + c.Metadata + "'"
			if c.Virtual {
				row[4] += " VIRTUAL"
			}
		}
		if t.Watermark != nil && t.Watermark.Column == i {
			row[5] = t.Watermark.Text
		}
		out = append(out, row)
	}
	return out
}

func quoteName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// shownOption hides a secret.
func shownOption(key, value string) string {
	if secret.Names(key) {
		return secret.Hidden
	}
	return secret.Mask(value)
}

// CreateTable is the statement that makes a table, with its secrets hidden.
func CreateTable(t *catalog.Table) string {
	var lines []string
	for _, c := range t.Columns {
		line := "  " + quoteName(c.Name) + " " + c.Type.Plain().String()
		switch {
		case c.Computed != nil:
			line = "  " + quoteName(c.Name) + " AS " + c.Text
		case c.Metadata != "":
			line += " METADATA FROM " + quoteText(c.Metadata)
			if c.Virtual {
				line += " VIRTUAL"
			}
		}
		if c.Comment != "" {
			line += " COMMENT " + quoteText(c.Comment)
		}
		lines = append(lines, line)
	}
	if w := t.Watermark; w != nil {
		lines = append(lines, "  WATERMARK FOR "+quoteName(t.Columns[w.Column].Name)+" AS "+w.Text)
	}
	if len(t.PrimaryKey) > 0 {
		var key []string
		for _, i := range t.PrimaryKey {
			key = append(key, quoteName(t.Columns[i].Name))
		}
		lines = append(lines, "  PRIMARY KEY ("+strings.Join(key, ", ")+") NOT ENFORCED")
	}
	options := []string{"  'connector' = " + quoteText(t.Connector)}
	for _, k := range slices.Sorted(maps.Keys(t.Options)) {
		options = append(options, "  "+quoteText(k)+" = "+quoteText(shownOption(k, t.Options[k])))
	}
	return "CREATE TABLE " + quoteName(t.Name) + " (\n" + strings.Join(lines, ",\n") + "\n) WITH (\n" + strings.Join(options, ",\n") + "\n)"
}
