// Package topic reads and writes topics: of the broker in this process, or of any Kafka cluster.
//
// It owns: the requests that a pipeline makes of a cluster and their retries, reading of committed records, the one
// transaction of a pipeline with its checkpoint record, and what is written in it. It does not own: what the bytes of a
// record mean (stream/format decodes and encodes), when a checkpoint is made (stream).
//
// Types in reading order: Requester (all that is needed of a cluster; Dial gives one over a socket, the broker in this
// process is one itself), Cluster (topics, leaders, offsets), Source with its Decoder, Transaction (the pipeline's
// stream.Committer), Sink with its EncodeRow.
//
// Invariants:
//
//	T1  A pipeline has one transactional id, `weir-<pipeline>`. Whoever initialises it last can commit, all others cannot.
//	T2  Topic output, dead letters, consumed offsets and the checkpoint's record of one checkpoint are in one transaction,
//	    and nothing of the next one is sent before that has ended.
//	T3  Positions come from the checkpoint's record. The offsets committed for the group are for people and lag tools, and
//	    say in their metadata where that record lies; they are never read as positions.
//	T4  A source gives only records of committed transactions, each once, and none at or above the end it noted.
//	T5  A batch is sent again with the same sequence numbers until its fate is known, so a retry never doubles it.
//	T6  What a source gives at a time is bounded in rows and bytes, however many records one batch of the log expands to;
//	    it holds one decompressed batch. A position may lie within a batch.
package topic
