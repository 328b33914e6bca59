// Package file reads files as bounded input: csv, lines of JSON, lines of text; plain or gzip.
//
// It owns: finding the files, their headers, positions and progress. It does not own: what the bytes mean
// (stream/format), what happens to bad records (stream).
//
// Types in reading order: Options, Input, source.
//
// Invariants:
//
//	L1  A split is one file. Its position is the byte after the last record that was read, counted in the text
//	    (decompressed), so that a restart goes on exactly there.
//	L2  A record is read whole: a batch ends between records.
//	L3  Bad records carry the number of their (first) line and their text; Topic is the file's path, Partition -1.
package file
