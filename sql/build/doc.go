// Package build turns a plan into the nodes of a pipeline.
//
// It owns: which operator runs a plan node, the exchange keys between tasks, watermarks of sources, and the ids by which
// state is found again (id.go). It does not own: the operators (exec), the engine that runs them (stream), nor how tables
// are read and written: connectors come from outside.
//
// Types in reading order: Connector and its specs (connector.go), Pipeline (build.go), ids (id.go).
//
// Invariants:
//  1. A node's id depends on what the node means: its kind, its keys, the lineage of its columns, which rows it reads and
//     its window. Its aggregates have ids of their own; what stands above it and its place in the plan change nothing.
//  2. Rows that must meet are exchanged by exactly the columns that the operator groups by.
package build
