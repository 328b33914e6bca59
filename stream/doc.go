// Package stream moves data: a pipeline is a tree of sources, operators and one sink, with one checkpoint.
//
// It owns: tasks and the channels between them, event time, the keyed exchange, checkpoints and what lies in state files,
// restarts, the counters of a pipeline. It does not own: what operators mean (sql/exec, functions, etl), bytes of records
// (stream/format), the transaction that decides a checkpoint (connectors/topic).
//
// Types in reading order: Batch, Position, BadRecord; Source, Operator, Emitter, Flusher, Sink; Node, Task; Spec and Run;
// Checkpoint and Committer; StateWriter and StateReader with KeyGroup and HashKeys; Metrics.
//
// Files: stage.go cuts the tree into chains; make_tasks.go makes their tasks and channels; task.go and source_task.go are
// what a task does; exchange.go, take.go and hash.go move rows by key; watermark.go is event time; attempt.go coordinates
// checkpoints; statefile.go and stateformat.go keep state; restart.go decides what follows an error.
//
// A checkpoint, step by step: the coordinator gives a barrier to every source's task; a task that has it from all its
// channels flushes what its operators hold back, writes their state, lets the sink prepare, passes the barrier on, and
// stands still; when all tasks stand, state files are synced and Committer.Commit decides; sinks make visible what they
// prepared; the tasks go on.
//
// Invariants:
//
//	P1  Between a task's share of a checkpoint and the decision no row moves through it. So everything written since the
//	    last decision, by whichever task, belongs to exactly one checkpoint.
//	P2  A position in a checkpoint is behind exactly those rows whose effects are in it: in operators' state, in what the
//	    sink prepared, in dead letters.
//	P3  Rows of one key keep their order through every exchange, and rows that were neighbours of one key stay so (-U, +U).
//	P4  Event time never falls, in a task and over a restore; operators hear it before the first row that comes after it.
//	P5  A state file is never changed, and is removed only when no committed checkpoint names it.
//	P6  Every goroutine of a pipeline has ended when Run returns, and every row is released.
package stream
