package catalog

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/types"
)

// Column is one column of a table. It is physical (a field of the record's value) when both Metadata and Computed are
// empty.
type Column struct {
	Name     string
	Type     types.Type
	Metadata string     // the record's part that it shows: key, headers, timestamp, partition, offset, topic
	Virtual  bool       // a metadata column that is read and never written
	Computed parse.Expr // over the columns that are not computed
	Text     string     // Computed as written
	Comment  string
}

// Stored reports whether the column comes from the source rather than from an expression.
func (c Column) Stored() bool { return c.Computed == nil }

// Written reports whether INSERT gives the column a value.
func (c Column) Written() bool { return c.Computed == nil && !c.Virtual }

// Watermark says up to which event time a table's rows have come: the greatest value of As over the rows so far.
type Watermark struct {
	Column int
	As     parse.Expr
	Text   string // As as written
}

// Table is a table over a connector.
type Table struct {
	Name       string
	Columns    []Column
	Watermark  *Watermark // nil: no event time
	PrimaryKey []int      // columns; empty: none
	Connector  string
	Options    map[string]string // without 'connector'
	Comment    string
}

// Schema is all columns as a query sees them; the watermark's column is an event time attribute.
func (t *Table) Schema() types.Schema {
	s := make(types.Schema, len(t.Columns))
	for i, c := range t.Columns {
		s[i] = types.Field{Name: c.Name, Type: c.Type}
		s[i].Type.RowTime = t.Watermark != nil && t.Watermark.Column == i
	}
	return s
}

// View is a named query. Its tables are looked up when it is used.
type View struct {
	Name    string
	Columns []string // new names of the query's columns; empty: its own
	Query   *parse.Query
	Text    string // the query as written
}

// The reasons why a change of a Catalog is refused.
var (
	ErrExists   = errors.New("the name is taken")
	ErrNotFound = errors.New("no such table or view")
	ErrOther    = errors.New("the name is of the other kind") // DROP TABLE of a view, DROP VIEW of a table
)

// Catalog finds tables and views by name. The zero Catalog is empty and ready.
type Catalog struct {
	mu struct {
		sync.Mutex
		tables map[string]*Table
		views  map[string]*View
	}
}

// AddTable adds a table; ErrExists when the name is taken.
func (c *Catalog) AddTable(t *Table) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken(t.Name) {
		return ErrExists
	}
	if c.mu.tables == nil {
		c.mu.tables = map[string]*Table{}
	}
	c.mu.tables[t.Name] = t
	return nil
}

// AddView adds a view; ErrExists when the name is taken.
func (c *Catalog) AddView(v *View) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken(v.Name) {
		return ErrExists
	}
	if c.mu.views == nil {
		c.mu.views = map[string]*View{}
	}
	c.mu.views[v.Name] = v
	return nil
}

func (c *Catalog) taken(name string) bool { return c.mu.tables[name] != nil || c.mu.views[name] != nil }

// Drop removes a table or view of the kind asked for.
func (c *Catalog) Drop(name string, view bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.taken(name):
		return ErrNotFound
	case view != (c.mu.views[name] != nil):
		return ErrOther
	}
	delete(c.mu.tables, name)
	delete(c.mu.views, name)
	return nil
}

// Table is the table of that name, or nil.
func (c *Catalog) Table(name string) *Table {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.tables[name]
}

// View is the view of that name, or nil.
func (c *Catalog) View(name string) *View {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.views[name]
}

// Tables are the names of all tables, sorted.
func (c *Catalog) Tables() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.mu.tables))
}

// Views are the names of all views, sorted.
func (c *Catalog) Views() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.mu.views))
}

// Copy is a catalog with the same tables and views that can change by itself: a session's own.
func (c *Catalog) Copy() *Catalog {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &Catalog{}
	n.mu.tables, n.mu.views = maps.Clone(c.mu.tables), maps.Clone(c.mu.views)
	return n
}
