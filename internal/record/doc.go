// Package record is Kafka's RecordBatch v2 (magic 2), the one encoding of a record in this system: what producers send,
// what lies on disk, what fetches return and what pipelines decode.
//
// It owns: the header's layout, iteration over the records of a batch, building of batches, the codecs with a limit on
// what they may expand to, and the partitioner hash of Kafka's clients. It does not own: files, offsets of a log
// (broker/commitlog), typed values (stream/format).
//
// Types in reading order: Batch, Record, Reader, Builder, Header, Codec, Rewriter.
//
// Invariants:
//
//	R1  A Batch handed to Append passed Validate: its length, magic, CRC and counts agree.
//	R2  Only base offset and leader epoch are ever patched; both lie outside the CRC.
//	R3  A nil key, value or header value is Kafka's null; an empty one is not nil.
package record
