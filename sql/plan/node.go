package plan

import (
	"strings"

	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/types"
)

// Node is one step of a query's plan. Nodes form a tree; a node never changes once the optimizer is done.
type Node interface {
	// Schema is the columns that the node puts out.
	Schema() types.Schema
	Inputs() []Node
	// Mode is the kinds of changes that the node puts out; the optimizer's last pass sets it.
	Mode() Mode
	// Describe is the node's line in EXPLAIN, without its mode.
	Describe() string
}

// Mode is a set of row kinds.
type Mode uint8

// The row kinds that a node can put out.
const (
	ModeInsert Mode = 1 << iota
	ModeUpdateBefore
	ModeUpdateAfter
	ModeDelete
)

// Updates reports whether rows that were put out are changed or taken back later.
func (m Mode) Updates() bool { return m&^ModeInsert != 0 }

// String is I,UB,UA,D as Flink's EXPLAIN CHANGELOG_MODE writes it.
func (m Mode) String() string {
	var parts []string
	for i, name := range [...]string{"I", "UB", "UA", "D"} {
		if m&(1<<i) != 0 {
			parts = append(parts, name)
		}
	}
	return strings.Join(parts, ",")
}

// Base is what all nodes hold.
type Base struct {
	Out     types.Schema
	Changes Mode
}

// Schema is the node's columns.
func (b *Base) Schema() types.Schema { return b.Out }

// Mode is the kinds of changes that the node puts out.
func (b *Base) Mode() Mode { return b.Changes }

// SetMode is for the optimizer's changelog pass.
func (b *Base) SetMode(m Mode) { b.Changes = m }

// Scan reads a table. Only the columns in Columns are decoded.
type Scan struct {
	Base
	Table     *catalog.Table
	Columns   []int // of Table.Columns; all of them stored
	Watermark Expr  // over the scan's columns; nil: nobody asks for event time
	TimeText  string
}

// Values is constant rows.
type Values struct {
	Base
	Rows [][]Expr
}

// Filter keeps the rows for which If is TRUE.
type Filter struct {
	Base
	Input Node
	If    Expr
}

// Project computes columns.
type Project struct {
	Base
	Input Node
	Exprs []Expr
}

// Union puts out the rows of all inputs; their schemas are equal.
type Union struct {
	Base
	All []Node
}

// Aggregate is an unbounded GROUP BY: it puts out the groups' changes. Its columns are the keys, then the aggregates.
type Aggregate struct {
	Base
	Input Node
	Keys  []int
	Aggs  []AggCall
	// UpdateBefore: the consumer needs -U before each +U.
	UpdateBefore bool
}

// Limit puts out the first Count rows after Skip, in arrival order.
type Limit struct {
	Base
	Input       Node
	Skip, Count int64
}

// Accepts is what a connector's sink does with changes.
type Accepts uint8

// The kinds of sinks.
const (
	AcceptsInserts Accepts = iota // rows are added, never taken back
	AcceptsUpserts                // with a primary key: a row replaces the one of its key; -D removes it
	AcceptsAll                    // every change is written as such
)

// Sink writes rows into a table. Its input has the table's written columns, in the table's order.
type Sink struct {
	Base
	Input   Node
	Table   *catalog.Table
	Accepts Accepts
	// Conflict is what ON CONFLICT DO says, where two rows of the query have one primary key; empty: nothing was said.
	Conflict string
	// ByKey: rows must meet by primary key first, so that the last row of a key is the last written.
	ByKey bool
}

// Upsert reports whether rows replace each other by primary key.
func (n *Sink) Upsert() bool { return n.Accepts == AcceptsUpserts && len(n.Table.PrimaryKey) > 0 }

// Inputs of a Scan: none.
func (*Scan) Inputs() []Node { return nil }

// Inputs of Values: none.
func (*Values) Inputs() []Node { return nil }

// Inputs of a Filter: one.
func (n *Filter) Inputs() []Node { return []Node{n.Input} }

// Inputs of a Project: one.
func (n *Project) Inputs() []Node { return []Node{n.Input} }

// Inputs of a Union: all.
func (n *Union) Inputs() []Node { return n.All }

// Inputs of an Aggregate: one.
func (n *Aggregate) Inputs() []Node { return []Node{n.Input} }

// Inputs of a Limit: one.
func (n *Limit) Inputs() []Node { return []Node{n.Input} }

// Inputs of a Sink: one.
func (n *Sink) Inputs() []Node { return []Node{n.Input} }
