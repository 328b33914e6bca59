// Package exec is SQL's operators: each takes record batches from the engine (package stream) and puts batches out.
//
// Owns: Calc (filter and projection), GroupAggregate (unbounded, a changelog), WindowAggregate and WindowAssign (event
// time), Union, Limit, Values, and the state of aggregates. Does not own: expressions (sql/expr), which operator stands
// where (sql/build), moving rows between tasks (stream).
//
// Reading order: Calc (calc.go); the parts of aggregation: keys (keys.go), groupTable (table.go), acc and its kinds
// (acc*.go), aggSet (aggset.go); GroupAggregate (aggregate.go); windows (window.go), pane (pane.go), WindowAggregate
// (window_aggregate.go), WindowAssign (window_assign.go); Union, Limit, Values (union.go, limit.go, values.go).
//
// Invariants:
//  1. What an operator puts out does not depend on how its input is cut into batches (Fold excepted, which says so).
//  2. Rows of one key keep their order; -U stands directly before its +U.
//  3. A group of a GroupAggregate exists exactly while its input has rows; the -D that ends it is the last row put out.
//  4. State is written per key group (stream.KeyGroup of stream.HashKeys), keys and each aggregate in sections of their own;
//     an aggregate's section is named by what it computes, so a query that gains or loses one keeps the others.
//  5. Timers are derived: which windows are due follows from the panes and the watermark.
package exec
