// Package funcs is the table of SQL's functions, operators and aggregates: names, which arguments they take, the type of
// the result, a sentence for the documentation, and the kernel that computes a column of results.
//
// Owns: the table (one literal list per family, joined in table.go), overload resolution and the implicit casts it
// writes (Call), and the signatures of aggregates (Aggregate). Does not own: the evaluation of an expression tree, CASE
// and CAST (sql/expr), and the state of aggregates (sql/exec).
//
// Reading order: Func, Call, Bind (table.go), parameter classes (params.go), then a family: compare.go logic.go arith.go
// math.go round.go text.go pad.go like.go regex.go encode.go time.go time_arith.go format.go time_text.go conditional.go
// json.go misc.go, and aggregate.go.
//
// Invariants:
//  1. Call leaves no implicit conversion to the evaluator: every argument has exactly the class that the row asks for.
//  2. Call is idempotent: resolving a call made by Call gives the same row, so a kernel can be bound from the call alone.
//  3. A kernel gives the same answer for a constant and for a column that holds it in every row.
package funcs
