// Package expr runs functions that are one expression (https://expr-lang.org), evaluated in this process for each record.
//
//	value.arr_delay > 60 and topic != "test"
//	{"carrier": value.carrier, "late": value.arr_delay > 60}
//
// It owns what an expression sees and what its result means. It does not own the language (expr-lang/expr) or batches and
// dead letters (functions).
//
// An expression sees value (the record's JSON), key (text, or nil), headers (name: text, the last one of a name), topic,
// partition, offset and timestamp (ms). Its result decides: true passes the record as it is, byte for byte; false
// or null drops it; a map becomes the JSON value of a record with the same key, headers and timestamp. Any other result, a value
// that is not JSON although the expression asks for it, and an operation that the values do not allow ("a" > 1) give the record to
// the dead-letter topic with the reason: the same input would fail again.
//
// Null is SQL's unknown: a member that is missing or null is nil, and comparing it by order, reckoning with it, taking
// a member of it or asking whether it starts with something gives nil, where expr by itself would stop with an error. and, or and
// not follow three-valued logic, so neither value.x > 60 nor not (value.x > 60) passes a record without x. == and != compare
// with nil like with any value (value.x == nil), and ?? gives a default.
//
// Types in reading order: Handler, program, nulls, fields.
//
// Invariants:
//  1. Only the members that the expression names are decoded; the rest is checked to be JSON and skipped.
//  2. A number without fraction and exponent that fits is an int and keeps its digits; others are float64.
package expr
