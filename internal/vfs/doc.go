// Package vfs is the only door to files that must survive a crash: the log, state files, sinks that publish by rename.
//
// It owns: the FS and File interfaces, the operating system's implementation (OS), and a memory implementation (Mem)
// that can lose, tear and reorder what was not synced, and fail any call. It does not own: what the bytes mean.
//
// Types in reading order: FS, File, Info, OS, Mem, Op, ShortWriteError; then crash.go, which says what a power cut may
// leave of a Mem.
//
// Invariants:
//
//	V1  After File.Sync returned nil, every later CrashClone holds exactly the file's bytes of that moment, changed by
//	    whole sectors of later writes only.
//	V2  After SyncDir returned nil, every later CrashClone holds the directory's names of that moment, changed by whole
//	    later operations only. A rename is one operation: both names change or neither does.
//	V3  A name leads to its file only if every directory above it is durable too.
//	V4  Mem and OS differ in nothing that the conformance test in fs_test.go asks.
package vfs
