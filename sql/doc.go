// Package sql is the SQL room: text in Flink's dialect goes in, pipelines come out.
//
// It owns: the session (catalog, options), the statements of a text and their errors, EXPLAIN. It does not own: reading
// and writing tables (connectors, given from outside), moving rows (stream), nor how results are shown (cmd).
//
// The journey of a query: parse (text to tree), bind (tree to plan: names, types), optimize (the plan that runs and its
// changelog modes), build (plan to stream nodes), exec (operators). Types in reading order: Engine (engine.go), Statement
// (statement.go), EXPLAIN (explain.go), SHOW and DESCRIBE (show.go).
//
// Invariants:
//  1. Compile reports the mistakes of all statements of a text at once, each with its place.
//  2. A statement that uses a table whose CREATE was refused is not reported again.
//  3. CREATE and DROP take effect on the engine's catalog when they are compiled, in the order of the text.
package sql
