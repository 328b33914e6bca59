// Package config reads the one YAML file that declares a hub: topics, sources, functions, queries, sinks, streams.
//
// It owns: the file's grammar, filling in of ${...}, checking, and errors that name their place. It reports every mistake
// of a file at once. It does not own: what the parts do (the rooms), and how they are put together (internal/hub).
//
// Types in reading order: File and its parts (file.go), Load (load.go), decoder (decode.go), the sections
// (sections.go), the checks across sections (check.go), Error (errors.go).
//
// Invariants:
//
//	F1  An unknown or repeated key, a value of the wrong kind and a reference to nothing are errors, never guesses.
//	F2  ${...} is filled in after parsing and in scalars only, so a value can never change the file's structure.
//	F3  An error's text and excerpt never show what ${...} was replaced by (paths apart), nor a password in a URL or a key that names
//	    a secret.
//	F4  A text field keeps a scalar as it is written: 0123, 1.10 and on stay text.
package config
