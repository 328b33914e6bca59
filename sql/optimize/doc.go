// Package optimize turns the plan that was written into the one that runs.
//
// It owns: the passes over a plan and their order. It does not own: meaning and types (bind), operators (exec).
//
// Reading order: Run (optimize.go), then the passes in their order: fold.go (constants are computed once), filter.go
// (conditions move towards the sources), project.go (computing steps become one), prune.go (only what is asked for is
// decoded), changelog.go (which row kinds each node puts out, and who needs -U).
//
// Invariants:
//  1. A pass never changes what a query means: names and types of the result stay, and so do its rows.
//  2. Passes make new nodes; the plan that came in is not written to.
//  3. Expressions that may differ from one evaluation to the next are neither folded, moved nor doubled.
package optimize
