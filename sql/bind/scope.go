package bind

import (
	"slices"
	"strings"

	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
)

// scope is the columns that an expression can name: those of the input, each with the table that it comes from.
type scope struct {
	schema types.Schema
	tables []string // by column; empty: no name
	// aliases of the SELECT list, for hints only: SQL does not let WHERE and GROUP BY use them.
	aliases []string
}

func newScope(n plan.Node, table string) *scope {
	s := &scope{schema: n.Schema(), tables: make([]string, len(n.Schema()))}
	for i := range s.tables {
		s.tables[i] = table
	}
	return s
}

// names are all column names, for "did you mean".
func (s *scope) names() []string {
	out := make([]string, len(s.schema))
	for i, f := range s.schema {
		out[i] = f.Name
	}
	return out
}

// column resolves a reference; nil when it was reported.
func (b *Binder) column(s *scope, r *parse.Ref) plan.Expr {
	name := r.Parts[len(r.Parts)-1].Name
	table := ""
	if len(r.Parts) > 1 {
		table = r.Parts[len(r.Parts)-2].Name
	}
	found := -1
	for i, f := range s.schema {
		if f.Name != name || table != "" && s.tables[i] != table {
			continue
		}
		if found >= 0 {
			b.fail(r.At(), "column "+name+" is ambiguous", "write the table before it: "+s.tables[found]+"."+name)
			return nil
		}
		found = i
	}
	if found < 0 {
		b.unknownColumn(s, r, table, name)
		return nil
	}
	c := &plan.Column{Index: found, Name: name, T: s.schema[found].Type}
	b.places[c] = r.At()
	return c
}

// nearestTable is the hint for a table that FROM does not name.
func (s *scope) nearestTable(name string) string {
	return nearest(name, s.tables, "there is "+strings.Join(slices.Compact(slices.Clone(s.tables)), ", "))
}

func (b *Binder) unknownColumn(s *scope, r *parse.Ref, table, name string) {
	if table != "" && !contains(s.tables, table) {
		b.fail(r.Parts[len(r.Parts)-2].Span, "FROM has no table "+table, s.nearestTable(table))
		return
	}
	hint := "there is no FROM"
	if len(s.schema) > 0 {
		hint = "there are: " + strings.Join(firstFew(s.names()), ", ")
	}
	if contains(s.aliases, name) {
		hint = "it is an alias of SELECT: write its expression here, or use it in an outer query"
	} else {
		hint = nearest(name, s.names(), hint)
	}
	b.fail(r.Parts[len(r.Parts)-1].Span, "unknown column "+name, hint)
}

// maxListed is how many names a hint lists: more do not fit on a line.
const maxListed = 8

func firstFew(names []string) []string {
	if len(names) > maxListed {
		return append(names[:maxListed:maxListed], "...")
	}
	return names
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
