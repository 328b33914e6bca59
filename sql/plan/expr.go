package plan

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/weirhub/weir/sql/types"
)

// Expr is a bound expression: names are columns of the input, functions are chosen, implicit conversions are written
// out as Casts. Expressions are immutable and may be shared between plans.
type Expr interface {
	Type() types.Type
	// String is canonical: equal text means an equal value over the same input. It goes into operator ids, so its form
	// is part of the state's format.
	String() string
}

// Column is a column of the operator's input.
type Column struct {
	Index int
	Name  string
	T     types.Type
}

// Type is the column's type.
func (c *Column) Type() types.Type { return c.T }

func (c *Column) String() string { return "$" + strconv.Itoa(c.Index) }

// Literal is a constant. Value is nil for NULL and otherwise, by type: bool; int64 for the integers, DATE (days), TIME
// (ms), TIMESTAMP (in the unit of its precision, see types.Type.UnitsPerSecond) and intervals (months or ms); float64
// for FLOAT and DOUBLE; decimal128.Num for DECIMAL; string for text and for binary strings.
type Literal struct {
	Value any
	T     types.Type
}

// Type is the literal's type.
func (l *Literal) Type() types.Type { return l.T }

func (l *Literal) String() string {
	switch v := l.Value.(type) {
	case nil:
		return "NULL:" + l.T.WithNull(true).String()
	case string:
		if l.T.IsBinary() {
			return "X'" + hex.EncodeToString([]byte(v)) + "'"
		}
		return "'" + strings.ReplaceAll(v, "'", "''") + "':" + l.T.WithNull(true).String()
	case decimal128.Num:
		return v.ToString(l.T.Scale) + ":" + l.T.WithNull(true).String()
	default:
		return fmt.Sprintf("%v:%s", v, l.T.WithNull(true))
	}
}

// Text makes a CHAR(n) NOT NULL literal, the type of a string in SQL text.
func Text(s string) *Literal {
	return &Literal{Value: s, T: types.CharOf(int32(len([]rune(s)))).NotNull()}
}

// Call applies a function or an operator of sql/funcs. Made by funcs.Call, which resolves the overload and casts the
// arguments.
type Call struct {
	Name string // as in the table of sql/funcs: upper case, or the operator's sign
	Args []Expr
	T    types.Type
}

// Type is the type of the result.
func (c *Call) Type() types.Type { return c.T }

func (c *Call) String() string {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = a.String()
	}
	return c.Name + "(" + strings.Join(args, ", ") + ")"
}

// Cast converts X to T. Try gives NULL where Cast fails.
type Cast struct {
	X   Expr
	T   types.Type
	Try bool
}

// Type is the target type.
func (c *Cast) Type() types.Type { return c.T }

func (c *Cast) String() string {
	name := "CAST"
	if c.Try {
		name = "TRY_CAST"
	}
	return name + "(" + c.X.String() + " AS " + c.T.WithNull(true).Plain().String() + ")"
}

// When is one branch of a Case: Then where Cond is TRUE.
type When struct {
	Cond, Then Expr
}

// Case is the searched CASE. All branches have the type T but for nullability; Else is never nil (a NULL literal where
// SQL has no ELSE). A branch is evaluated only for the rows that reach it.
type Case struct {
	Whens []When
	Else  Expr
	T     types.Type
}

// Type is the common type of the branches.
func (c *Case) Type() types.Type { return c.T }

func (c *Case) String() string {
	var b strings.Builder
	b.WriteString("CASE")
	for _, w := range c.Whens {
		b.WriteString(" WHEN " + w.Cond.String() + " THEN " + w.Then.String())
	}
	b.WriteString(" ELSE " + c.Else.String() + " END")
	return b.String()
}

// AggCall is one aggregate of an aggregation. Made by funcs.Aggregate.
type AggCall struct {
	Func     string // as in the table of sql/funcs: COUNT, SUM, ...
	Args     []int  // columns of the input; none for COUNT(*)
	Distinct bool
	Filter   int    // a BOOLEAN column of the input: only its TRUE rows count; -1 for all
	Sep      string // LISTAGG's separator
	T        types.Type
	// ID names the aggregate's state, so that a changed query finds it again: the aggregate with the lineage of its
	// columns in place of their numbers. Empty: String.
	ID string
}

// String is canonical as Expr.String: it names the aggregate's state.
func (a AggCall) String() string {
	var b strings.Builder
	b.WriteString(a.Func + "(")
	if a.Distinct {
		b.WriteString("DISTINCT ")
	}
	if len(a.Args) == 0 {
		b.WriteByte('*')
	}
	for i, c := range a.Args {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(c))
	}
	if a.Func == "LISTAGG" {
		b.WriteString(", " + strconv.Quote(a.Sep))
	}
	b.WriteByte(')')
	if a.Filter >= 0 {
		b.WriteString(" FILTER $" + strconv.Itoa(a.Filter))
	}
	return b.String()
}

// Walk calls f for e and everything in it, parents first, as long as f returns true.
func Walk(e Expr, f func(Expr) bool) {
	if !f(e) {
		return
	}
	for _, c := range Children(e) {
		Walk(c, f)
	}
}

// Children are the direct parts of an expression.
func Children(e Expr) []Expr {
	switch e := e.(type) {
	case *Call:
		return e.Args
	case *Cast:
		return []Expr{e.X}
	case *Case:
		cs := make([]Expr, 0, 2*len(e.Whens)+1)
		for _, w := range e.Whens {
			cs = append(cs, w.Cond, w.Then)
		}
		return append(cs, e.Else)
	}
	return nil
}

// Map rebuilds an expression bottom-up: f gets each node with its parts already mapped.
func Map(e Expr, f func(Expr) Expr) Expr {
	switch x := e.(type) {
	case *Call:
		args := make([]Expr, len(x.Args))
		for i, a := range x.Args {
			args[i] = Map(a, f)
		}
		return f(&Call{Name: x.Name, Args: args, T: x.T})
	case *Cast:
		return f(&Cast{X: Map(x.X, f), T: x.T, Try: x.Try})
	case *Case:
		c := &Case{Else: Map(x.Else, f), T: x.T}
		for _, w := range x.Whens {
			c.Whens = append(c.Whens, When{Cond: Map(w.Cond, f), Then: Map(w.Then, f)})
		}
		return f(c)
	}
	return f(e)
}
