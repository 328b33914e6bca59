// Package stdout prints rows as lines of JSON.
//
// It owns: the sink. It does not own: when rows are committed (stream), tables for people (cmd).
//
// Types in reading order: Options, Sink.
//
// Invariants:
//
//	O1  Lines are printed when their checkpoint is committed, so no line is of a row that is taken back by a failure. A crash
//	    between the commit and the end of printing prints some again: a terminal cannot be asked what it has shown.
//	O2  One line a row, whole: tasks that print at the same time do not mix.
package stdout
