// Package catalog holds what a SQL text can name: tables over connectors, and views.
//
// It owns: Table, Column, View, and the Catalog that finds them by name. It does not own: how a table is read or written
// (connectors, through the engine's hooks), nor the meaning of its expressions (bind).
//
// Types in reading order: Column, Table, View, Catalog.
//
// Invariants:
//  1. A Table does not change once it is in a Catalog; it is replaced as a whole.
//  2. Names are case-sensitive. A name belongs to one table or one view.
//  3. All methods of Catalog may be called from several goroutines.
package catalog
