package parse

import "github.com/weirhub/weir/sql/sqlerr"

// Expr is an expression as written. Its kinds are the structs of this file.
type Expr interface{ At() sqlerr.Span }

type node struct{ Where sqlerr.Span }

// At is where the expression stands in the text.
func (n node) At() sqlerr.Span { return n.Where }

type (
	// Ref names a column: a, t.a, or a field of a row column.
	Ref struct {
		node
		Parts []Ident
	}
	// Star is * or t.*.
	Star struct {
		node
		Table *Ident
	}
	// NumberLit is an exact (1, 1.5) or approximate (1e0) number.
	NumberLit struct {
		node
		Text string
	}
	// StringLit is 'text'.
	StringLit struct {
		node
		Val string
	}
	// BytesLit is X'6869'.
	BytesLit struct {
		node
		Val string
	}
	// BoolLit is TRUE or FALSE.
	BoolLit struct {
		node
		Val bool
	}
	// NullLit is NULL (or UNKNOWN, of type BOOLEAN).
	NullLit struct {
		node
		Boolean bool
	}
	// TimeLit is DATE '...', TIME '...' or TIMESTAMP '...'.
	TimeLit struct {
		node
		Type string
		Val  string
	}
	// IntervalLit is INTERVAL [-]'text' from [TO to].
	IntervalLit struct {
		node
		Neg      bool
		Val      string
		From, To string // units; To is empty for one unit
	}
	// SymbolArg is a word that a function takes as an argument: a unit (DAY), a side (BOTH).
	SymbolArg struct {
		node
		Name string
	}
	// Unary is -x, +x, NOT x.
	Unary struct {
		node
		Op string
		X  Expr
	}
	// Binary is arithmetic, comparison, AND, OR, ||, IS DISTINCT FROM, IS NOT DISTINCT FROM.
	Binary struct {
		node
		Op   string
		OpAt sqlerr.Span
		L, R Expr
	}
	// Is is x IS [NOT] NULL, TRUE, FALSE, UNKNOWN.
	Is struct {
		node
		X    Expr
		Not  bool
		What string
	}
	// Between is x [NOT] BETWEEN [SYMMETRIC] lo AND hi.
	Between struct {
		node
		X, Lo, Hi Expr
		Not       bool
		Symmetric bool
	}
	// In is x [NOT] IN (list) or (query).
	In struct {
		node
		X     Expr
		List  []Expr
		Query *Query
		Not   bool
	}
	// Like is x [NOT] LIKE pattern [ESCAPE e], or SIMILAR TO.
	Like struct {
		node
		X, Pattern, Escape Expr
		Not, Similar       bool
	}
	// Case has an Operand in its simple form. Else may be nil.
	Case struct {
		node
		Operand Expr
		Whens   []When
		Else    Expr
	}
	// Cast is CAST(x AS type) or TRY_CAST.
	Cast struct {
		node
		X    Expr
		Type TypeName
		Try  bool
	}
	// Call is a function. Name is as written; special forms (EXTRACT(DAY FROM x)) become ordinary arguments in the order
	// of their text, units as SymbolArg.
	Call struct {
		node
		Name     Ident
		Distinct bool
		Star     bool // COUNT(*)
		Args     []Expr
		Filter   Expr
		Over     *WindowSpec
	}
	// SubqueryExpr is a query used as a value, or EXISTS (query).
	SubqueryExpr struct {
		node
		Query  *Query
		Exists bool
	}
	// RowExpr is (a, b) or ROW(a, b).
	RowExpr struct {
		node
		Items []Expr
	}
	// ArrayExpr is ARRAY[a, b].
	ArrayExpr struct {
		node
		Items []Expr
	}
	// Index is x[i].
	Index struct {
		node
		X, I Expr
	}
)

// When is a branch of CASE.
type When struct{ If, Then Expr }

// WindowSpec is OVER (...), or OVER name.
type WindowSpec struct {
	sqlerr.Span
	Name        string
	PartitionBy []Expr
	OrderBy     []OrderItem
	Frame       *Frame
}

// Frame is ROWS or RANGE BETWEEN From AND To. A bound without an expression is unbounded or the current row.
type Frame struct {
	Rows     bool
	From, To Bound
}

// Bound is one end of a frame: UNBOUNDED PRECEDING, x PRECEDING, CURRENT ROW, x FOLLOWING, UNBOUNDED FOLLOWING.
type Bound struct {
	X                    Expr
	Unbounded, Following bool
	Current              bool
}
