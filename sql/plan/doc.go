// Package plan is the form of a query between its text and its operators: bound expressions and a tree of nodes.
//
// It owns: Expr and its kinds, Node and its kinds, the row kinds that a node puts out (Mode), and their text forms. It
// does not own: how plans are made (bind), improved (optimize) or run (build, exec).
//
// Types in reading order: Expr (expr.go), Node and the plain nodes (node.go), windows (window.go), text (describe.go).
//
// Invariants:
//  1. An expression's columns are numbers of its node's input; its types are complete.
//  2. Expr.String and Window.String are canonical: they go into operator ids, and so into the format of state.
//  3. Nodes are built by bind, rebuilt by optimize, and not changed afterwards.
package plan
