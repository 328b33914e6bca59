package parse

import "github.com/weirhub/weir/sql/sqlerr"

// Ident is one part of a name.
type Ident struct {
	sqlerr.Span
	Name string
}

// Name is a name of one or more parts: table, database.table, catalog.database.table.
type Name []Ident

// Span is where the name stands.
func (n Name) Span() sqlerr.Span { return n[0].Span.To(n[len(n)-1].Span) }

// Last is the part that names the thing itself.
func (n Name) Last() string { return n[len(n)-1].Name }

// Statement is one statement of a text. Its kinds are the structs of this file.
type Statement interface{ stmt() }

// CreateTable declares a table over a connector.
type CreateTable struct {
	sqlerr.Span
	Name        Name
	IfNotExists bool
	Columns     []ColumnDef
	Watermark   *WatermarkDef
	PrimaryKey  []Ident
	Comment     string
	Options     []Option
}

// ColumnDef is a column of CREATE TABLE. Exactly one of Type with no more (a physical column), Type and Metadata, or
// Computed is given.
type ColumnDef struct {
	Ident
	Type     TypeName
	Metadata *Metadata
	Computed Expr
	Text     string // Computed as written
	Comment  string
}

// Metadata marks a column that is not part of the value but of the record around it.
type Metadata struct {
	sqlerr.Span
	Key     string // empty: the column's name
	Virtual bool   // read, never written
}

// WatermarkDef is WATERMARK FOR column AS expression.
type WatermarkDef struct {
	sqlerr.Span
	Column Ident
	As     Expr
	Text   string // As as written
}

// Option is 'key' = 'value' of WITH and of hints.
type Option struct {
	sqlerr.Span // of the key
	Key, Value  string
	ValueAt     sqlerr.Span
}

// CreateView names a query.
type CreateView struct {
	sqlerr.Span
	Name        Name
	IfNotExists bool
	Columns     []Ident
	Query       *Query
	Text        string // the query as written
}

// Drop removes a table or view from the catalog; the data stays.
type Drop struct {
	sqlerr.Span
	View     bool
	Name     Name
	IfExists bool
}

// Insert runs a query into a table.
type Insert struct {
	sqlerr.Span
	Table      Name
	Columns    []Ident
	Query      *Query
	OnConflict string // "", NOTHING, ERROR, DEDUPLICATE
}

// Explain shows the plan of a query or insert.
type Explain struct {
	sqlerr.Span
	Stmt Statement
}

// Show lists what the catalog holds: TABLES, VIEWS, FUNCTIONS, or CREATE TABLE of one table.
type Show struct {
	sqlerr.Span
	What string // "TABLES", "VIEWS", "FUNCTIONS", "CREATE TABLE", "CREATE VIEW"
	Name Name
}

// Describe lists the columns of a table.
type Describe struct {
	sqlerr.Span
	Name Name
}

// Set gives a session option a value; an empty Key lists all.
type Set struct {
	sqlerr.Span
	Key, Value string
}

// Reset takes a session option back; an empty Key takes all back.
type Reset struct {
	sqlerr.Span
	Key string
}

func (*CreateTable) stmt() {}
func (*CreateView) stmt()  {}
func (*Drop) stmt()        {}
func (*Insert) stmt()      {}
func (*Explain) stmt()     {}
func (*Show) stmt()        {}
func (*Describe) stmt()    {}
func (*Set) stmt()         {}
func (*Reset) stmt()       {}
func (*Query) stmt()       {}

// Query is a query expression with what stands around its body.
type Query struct {
	sqlerr.Span
	With    []CTE
	Body    Body
	OrderBy []OrderItem
	Limit   Expr
	Offset  Expr
}

// CTE is name [(columns)] AS (query).
type CTE struct {
	Name    Ident
	Columns []Ident
	Query   *Query
}

// OrderItem is one expression of ORDER BY. NullsFirst is nil where the text does not say.
type OrderItem struct {
	X          Expr
	Desc       bool
	NullsFirst *bool
}

// Body is *Select, *SetOp, *Values or *Query (in parentheses).
type Body interface{ body() }

// Select is one SELECT block.
type Select struct {
	sqlerr.Span
	Distinct bool
	Items    []SelectItem
	From     []From // empty: one row without columns
	Where    Expr
	GroupBy  []Expr
	Having   Expr
	Windows  []NamedWindow
}

// SelectItem is an expression with its alias, or a Star.
type SelectItem struct {
	X     Expr
	Alias *Ident
}

// NamedWindow is WINDOW name AS (specification).
type NamedWindow struct {
	Name Ident
	Spec WindowSpec
}

// SetOp joins two bodies: UNION, INTERSECT, EXCEPT.
type SetOp struct {
	sqlerr.Span
	Op   string
	All  bool
	L, R Body
}

// Values is VALUES (row), (row).
type Values struct {
	sqlerr.Span
	Rows [][]Expr
}

func (*Select) body() {}
func (*SetOp) body()  {}
func (*Values) body() {}
func (*Query) body()  {}

// From is one input of a Select: *Table, *Derived, *WindowTable, *Join.
type From interface{ from() }

// Alias is AS name (columns).
type Alias struct {
	Name    *Ident
	Columns []Ident
}

// Table is a table by its name, or a file by its path ('flights.csv').
type Table struct {
	sqlerr.Span
	Name  Name
	File  string // set instead of Name
	Hints []Option
	Alias Alias
}

// Derived is a query in FROM.
type Derived struct {
	sqlerr.Span
	Query *Query
	Alias Alias
}

// WindowTable is TABLE(TUMBLE(TABLE input, DESCRIPTOR(time), ...)). Args are the intervals in order, without names.
type WindowTable struct {
	sqlerr.Span
	Kind        Ident
	Input       From
	PartitionBy []Expr
	Time        Ident
	Args        []WindowArg
	Alias       Alias
}

// WindowArg is one interval of a window function, with the name it was given (SIZE => ...).
type WindowArg struct {
	Name *Ident
	X    Expr
}

// Join is two inputs and a condition.
type Join struct {
	sqlerr.Span
	Kind  string // INNER, LEFT, RIGHT, FULL, CROSS
	L, R  From
	On    Expr
	Using []Ident
}

func (*Table) from()       {}
func (*Derived) from()     {}
func (*WindowTable) from() {}
func (*Join) from()        {}

// TypeName is a type as written.
type TypeName struct {
	sqlerr.Span
	Name    string // upper case: INT, DECIMAL, TIMESTAMP, TIMESTAMP_LTZ, ...
	Args    []int  // precision and scale, or length
	NotNull bool
	Elem    []TypeName // ARRAY<t>, MAP<k, v>, MULTISET<t>, ROW<...>
	Fields  []Ident    // names of ROW's fields
}
