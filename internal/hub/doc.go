// Package hub puts the rooms together: a file becomes a running system.
//
// It owns: which pipeline each part of the file becomes, the listeners, the order of start and shutdown, and what the admin
// API shows. It does not own: what happens inside a pipeline (stream and the rooms), the file's grammar
// (internal/config), the admin API's form (internal/admin).
//
// It is the only package that knows all rooms. Where one needs another, it asks for one to three methods, and this package
// hands them over.
//
// Reading order: hub.go (Options, Hub, Open, Run), declare.go (what a file declares, checked), tables.go (topics as
// SQL tables), connectors.go (what SQL reads and writes), ends.go (who waits for whom in a bounded run), pipeline.go (a
// part and its life), parts.go (which pipeline each part becomes), adhoc.go (statements of `weir sql`), status.go,
// metrics.go, listen.go.
//
// Invariants:
//
//	H1  A part that fails stops nothing but itself.
//	H2  Shutdown ends pipelines first, with a last checkpoint, while the broker still serves; then the doors, then the log.
//	H3  In a bounded run a part ends when all parts that write its topic have ended and it has read what they wrote;
//	    parts that wait for each other are refused before it starts.
package hub
