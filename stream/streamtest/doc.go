// Package streamtest checks what stream's contracts promise: suites for pipelines of operators, for sources and for sinks,
// and small real sources, sinks and emitters in memory to test with.
//
// It owns: the harness. It does not own: what a particular operator should answer; callers compare the rows.
//
// Types in reading order: Rows (batches from JSON), Emitter and RunOperator (one operator, step by step), Case and Check
// (a whole pipeline: in batches of one row, in parallel, and killed and restored at every kind of step), CheckSource,
// CheckSink.
//
// Pipelines run in a testing/synctest bubble: time is simulated and nothing waits for real.
package streamtest
