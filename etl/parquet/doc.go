// Package parquet writes Arrow columns to Parquet files in Hive-partitioned folders, exactly once.
//
// It owns: the mapping of types, the pages (columns go into them as they lie, without a value in between), the names of
// folders and files, rolling by size, and publishing by rename. It does not own: the format's structures, its run-length
// encoding and codecs (parquet-go), when a checkpoint is made and what it decides (stream).
//
// A file is written under `_tmp` inside the table's folder, closed and synced by Prepare, and renamed to its place by
// Commit. Readers of the folder never see `_tmp`: its files do not end in .parquet, and engines pass over names that
// begin with an underscore.
//
// Types in reading order: Options, Sink (sink.go), file (file.go), chunk (chunk.go), values (values.go), texts and dictionary
// (texts.go), column (layout.go, bounds.go), NewSchema (schema.go), EscapePartition (path.go).
//
// Invariants:
//
//	P1  A file outside _tmp is whole, synced and part of a committed checkpoint.
//	P2  A name holds the checkpoint and is never reused: a rename replaces nothing.
//	P3  A file under _tmp that no committed checkpoint names is garbage; Open removes it.
//	P4  No row lands outside the table's folder, whatever its partition value is.
//	P5  No value lies outside the bounds that statistics and indexes give for it; where a bound is not known or too long,
//	    there is none.
//	P5  What Prepare made durable does not vanish by itself: a committed file that is neither under _tmp nor in its place
//	    was published, and somebody has taken it away. It is not missed.
package parquet
