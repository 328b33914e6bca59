// Package format is the one crossing between the bytes of Kafka's records and Arrow columns: it decodes values of a
// format (json, csv, raw) into typed columns, with the record's own parts (key, headers, offset...) beside them, and
// encodes rows back into values.
//
// It owns: the formats and their options, the text forms of all types, what makes a record bad, the inference of column
// types from a sample. It does not own: where records come from and go to (connectors), what happens to bad records
// (stream), the meaning of columns (sql).
//
// Types in reading order: Field, Options, Decoder (builder below it), Encoder.
//
// Invariants:
//
//	F1  Decoding is directed by the fields: nothing else is stored, and nothing is allocated per good record.
//	F2  A record gives one row or one bad record, never half of either. Exceptions: a null value (json, csv) and a
//	    record dropped by IgnoreParseErrors give nothing.
//	F3  Whether a JSON value is bad as JSON does not depend on the fields: it is exactly when it is not one object of
//	    RFC 8259 in valid UTF-8, with paired surrogates, nested at most 1000 deep. Repeated names are allowed, the last
//	    one counts.
//	F4  Integers and decimals never pass through a floating-point number.
//	F5  Columns are handed over without copying; they are released to the allocator they came from.
//	F6  What a batch of records takes as columns is bounded by what the caller asks for, not by the records in it: it is
//	    decompressed once and decoded in parts.
package format
