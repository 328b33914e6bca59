// Package functions runs a user's code over topics: AWS Lambda's event source mappings without AWS.
//
// It owns the contract of a function (Handler), Lambda's events (aws:kafka, aws:kinesis), what an answer means, and
// Mapping, which forms batches, retries, bisects and gives records up. Runtimes are folders: process (children that speak
// Lambda's Runtime API), expr (an expression in this process). lambdaapi serves the Runtime API, functest is the suite
// that every runtime passes.
//
// It does not own topics, offsets or transactions (stream and connectors/topic do): Operator is one operator of a
// pipeline, and what it puts out is committed together with the offsets it has read.
//
// Types in reading order: Record, Event, Handler, Result, FunctionError, Spec, Mapping, Filter, Operator, Pool.
//
// # What a handler gets
//
// The event that Lambda sends for a Kafka trigger: see AppendKafkaEvent. A key or a value that is null is JSON null, an
// empty one is "", so the two differ. Header values are arrays of signed bytes (-128 to 127), a null header is null.
//
// # What a handler may return
//
// Null, an empty string, {} and [] put out nothing. A list of items puts out one record each; so does an object whose
// member "records" is a list, or an object of lists like the event's own (topic-partition: records). The order is kept.
// Any other answer is an error of the function, since somebody expected output from it; a mapping without an output topic
// ignores the answer. An item is one of two things.
//
// A record of the event, told by its members topic, partition and offset. Key and value are base64, as they came, so a
// handler that returns a filtered list of what it received puts out the same bytes: key, value, headers and timestamp.
// A value that the handler has replaced by an object, a list, a number or a boolean becomes that JSON text; one
// replaced by a string has to be base64 still. Members other than key, value, headers, timestamp and isBase64Encoded
// are ignored.
//
// A new record: an object with the members value (required), key, headers, timestamp and isBase64Encoded, and no others
// (a stray member would be lost silently, so it is an error). A string is put out as its text in UTF-8, or as the bytes it
// encodes with "isBase64Encoded": true, which applies to key and value. Null is null: a value of null is a tombstone. Anything
// else is its JSON text without space between tokens. Headers are an object of name: value or a list of such objects,
// where a value is a string, a list of bytes (signed or not), or null. Timestamp is in ms; without one the record gets the
// highest timestamp of the event's records, which is the same when the input is processed again.
//
// So base64 is never guessed from the text: strings of the event's own records are base64, strings of new records are
// text unless isBase64Encoded says otherwise.
//
// With Mapping.ReportItemFailures the answer may hold "batchItemFailures", alone or beside "records": see failures.go.
// The records of such an answer are put out; a handler leaves out those that it reports, since it gets them again.
//
// # Invariants
//
//  1. A record is decided inside Operator before its offset can be committed: put out, dropped by the function, or given to
//     the dead-letter topic. A position has no holes.
//  2. Records of one partition are handed to the function in order, and its output keeps that order; with
//     Mapping.ParallelizationFactor above 1 this holds for the records of one key.
//  3. What an invocation puts out is all of its answer or nothing.
//  4. An error that no record caused (a runtime is missing, a module cannot be imported) ends the pipeline and gives no record
//     up: see InitError.
//  5. An instance is used by one invocation at a time, and never again after a time-out, a crash or a broken answer.
package functions
