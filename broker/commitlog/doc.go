// Package commitlog is the log of one partition: Kafka's record batches, one after another, in segment files that lie on
// the disk as Kafka lays them out. Bytes in, bytes out.
//
// It owns: segments, their sparse indexes, recovery, durability (Flush), retention, compaction, what idempotence and transactions
// need to know of a partition, and the tools that check, show and repair a log. It does not own: topics, groups,
// sockets, who may wait for a flush (broker), the layout of a batch (internal/record). It starts no goroutine.
//
// Types in reading order: Log, Options, segment, Slice, index, ProducerState, manifest; then recover.go, retention.go,
// compact.go (the passes), compact_filter.go (what stays), compact_output.go and compact_swap.go (how it gets to its
// place), check.go. Every file is drawn in docs/format/commitlog.md.
//
// Invariants:
//
//	L1  Offsets are dense: each batch begins where the one before it ended, across segments too. Below the manifest's
//	    sparse offset, where compaction was, batches may be missing, but never the last of a segment.
//	L2  FlushedOffset never exceeds what a crash leaves, and never falls, but by TruncateTo.
//	L3  A failed sync takes the log offline until it is opened again; nothing is retried.
//	L4  Recovery cuts only what no sync covered. Anything else that makes no sense is a CorruptError.
//	L5  Indexes, snapshots and the hint are caches: each has a checksum and is rebuilt from the segments when it is wrong
//	    or missing. Only the manifest's start offset, and how far compaction has come, are
//	    not in the segments.
//	L6  ProducerState is a function of the log's batches. Duplicates are known after a crash as before it; of a compacted
//	    log read without a snapshot, those of each producer's newest batch.
//	L7  Locks are taken in the order compacting, slow, load, mu, ProducerState.mu. No fsync happens under mu, but in TruncateTo.
//	L8  Compaction never loses the newest record of a key whose transaction was not aborted, but for a tombstone whose
//	    time is over; it changes no offset, and nothing in the last segment or above the last stable offset.
package commitlog
