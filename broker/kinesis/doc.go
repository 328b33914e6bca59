// Package kinesis is the Kinesis Data Streams API over the broker's topics.
//
// It owns: streams and their shards (a stream is a topic, shard n its partition n), the hashing of partition keys to
// shards, sequence numbers, iterators, the API's JSON and errors. It does not own: records and their durability (broker),
// the listener (internal/hub).
//
// One file per operation or family of operations; operations.go is the table. The API is Kinesis_20131202 in JSON 1.1.
//
// A record put here is a Kafka record: its key is the partition key, its timestamp the time of arrival. A record produced
// by a Kafka client shows up in the shard of its partition, whatever its key hashes to.
//
// Types in reading order: Server (server.go), Stream and Registry (stream.go), shard (shard.go), sequence numbers
// (sequence.go), iterator (iterator.go), apiError (errors.go).
//
// Invariants:
//
//	K1  A put is answered when its record is durable, as acks=all.
//	K2  Sequence numbers of a shard rise strictly; each names an offset exactly.
//	K3  An iterator holds the exact offset and needs no memory of the server: it survives a restart.
//	K4  A request that is refused has written nothing.
package kinesis
