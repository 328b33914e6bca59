// Package parse reads Flink's SQL dialect: text in, syntax trees with positions out.
//
// It owns: the lexer, the grammar, the syntax tree, and the errors of form. It does not own: names, types and meaning
// (bind), nor filling in ${NAME} beyond putting the values into the text (Fill).
//
// Types in reading order: Token (lex.go), Statement and its kinds (ast.go), Expr and its kinds (ast_expr.go), Parse
// (parse.go); the grammar is in statement.go, create.go, query.go, from.go,
// expr.go, special.go, literal.go. Fill
// (fill.go) puts values for ${NAME} into a text before it is parsed.
//
// Invariants:
//  1. Parse never panics and always ends, whatever the text.
//  2. Each statement gives either a tree or exactly one error; a mistake in one statement hides none of the others.
//  3. Names keep their case; keywords have none. A back-ticked name is never a keyword.
package parse
