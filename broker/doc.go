// Package broker is the waist between protocol fronts and logs: topics and their partitions, producing, reading and
// waiting, and the metadata that outlives the process.
//
// It owns: the data directory and its lock, the table of topic configs, what is checked before a batch is appended, the
// group commit and what it makes visible (high watermark, last stable offset), long polls, the schedules of retention
// and compaction, ids of topics and producers, the configs of this node, the cluster and other resources, quotas as they
// are stored. It does not own: the bytes on disk (broker/commitlog), frames and codes of a protocol (broker/kafka,
// broker/kinesis), groups and transactions (broker/group, broker/txn), what a quota means (broker/quota).
//
// Types in reading order: Broker, Options, Topic, TopicSpec, ConfigKey, Partition, Appended, ReadResult, Waiter, flusher,
// metaLog.
//
// Files on disk, under the data directory:
//
//	.lock                          held while a process uses the directory
//	meta/                          the metadata log, see metadata.go
//	topics/<name>/<id>/<n>/        the log of partition n of the topic with that id
//
// Goroutines: Open starts none. Run owns maxSyncs that sync, one that drops old segments, one that compacts, one
// that syncs what durability os leaves. Everything else runs on the caller's.
//
// Invariants:
//
//	B1  What a Wait has answered with nil is durable as the topic's durability means it: with fsync, an fsync that began
//	    after the write has ended well.
//	B2  The high watermark never passes what B1 says, and never falls: nothing that was read can vanish in a power cut.
//	B3  A failed fsync takes its partition offline for good, and nothing else.
//	B4  A batch in a log passed validate, and the idempotence check under the same lock as its append.
//	B5  A change of metadata is durable before anybody sees it; it is seen whole or not at all after a crash.
//	B6  Files are removed only for topics whose deletion is on record, never because nothing names them.
package broker
