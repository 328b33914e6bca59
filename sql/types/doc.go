// Package types is SQL's type system as Flink has it, and how each type lies in Arrow memory.
//
// Owns: Type, its text form, its Arrow type, and the rules by which two types merge (the common type of CASE branches,
// the result of decimal arithmetic). Does not own: casts of values (sql/expr), function signatures (sql/funcs).
//
// Reading order: Kind, Type (type.go), Field and Schema (schema.go), Common and the decimal rules (merge.go).
//
// Invariants:
//  1. A Type is a comparable value: two types are the same exactly when == says so.
//  2. Every Type but the untyped NULL has one Arrow type, and Arrow() of equal types is equal.
package types
