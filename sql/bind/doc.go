// Package bind gives a syntax tree its meaning: names become columns, functions are chosen, types are checked, windows
// are recognised, and the result is a plan.
//
// It owns: scopes, the rules of SQL that are not grammar (grouping, types, time attributes, which statements a streaming
// query refuses), and the wording of their errors. It does not own: overloads and casts of functions (funcs), the shape
// of the plan that runs (optimize).
//
// Types in reading order: Binder (binder.go), scope (scope.go), expressions (expr.go, call.go, literal.go, typename.go),
// inputs (from.go, window.go), SELECT (select.go, aggregate.go), queries (query.go, values.go), tables and INSERT
// (table.go, insert.go).
//
// Invariants:
//  1. Every mistake is reported at its place; binding goes on behind it, so that one run shows all of them.
//  2. A nil expression or node means that its mistake is already reported: whoever meets it stays silent.
//  3. A plan is returned only where there was no mistake.
package bind
