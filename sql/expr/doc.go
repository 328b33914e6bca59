// Package expr evaluates bound expressions over columns.
//
// Owns: the compiled form of a list of expressions (Program), the order of evaluation and what it leaves out (CASE,
// COALESCE, AND and OR evaluate a part only for the rows that reach it), CAST, and constant folding (Fold). Does not own:
// what functions compute (sql/funcs), nor what happens to the rows (sql/exec).
//
// Reading order: Program (program.go), the nodes (node.go), CASE and its kin (lazy.go), CAST (cast.go, cast_text.go,
// cast_number.go, cast_time.go), Fold (fold.go).
//
// Invariants:
//  1. An error on a row that does not reach the failing part is never reported: parts are evaluated for all rows, and
//     vec.Ctx.Active says whose errors count.
//  2. An expression that occurs twice is evaluated once, unless it is volatile or stands in a part that not all rows reach.
//  3. A Program belongs to one goroutine; its memory is reused from batch to batch, so results are good until the next Eval
//     (columns taken out with vec.Vec.Take excepted).
package expr
