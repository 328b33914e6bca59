package config

import "slices"

// Key describes one key of the file for its documentation.
type Key struct {
	Name    string
	Type    string
	Default string // "" where there is none; "required" where the key must be there
	Doc     string
}

// Section is a mapping of the file and its keys.
type Section struct {
	Path string // "topics.NAME"; NAME is free
	Doc  string
	Keys []Key
}

const required = "required"

// Reference is the whole file, in the order in which one writes it. A test compares it with what the decoder takes.
func Reference() []Section { return slices.Concat(inputs(), work()) }

// inputs are the top level, topics and what comes into them.
func inputs() []Section {
	return []Section{
		{"", "The top level. Keys that begin with `x-` are passed over everywhere: they are for notes and YAML anchors.", []Key{
			{"version", "1", "", "The version of this format."},
			{"include", "list of paths", "", "Other files whose parts are added; relative to this file."},
			{"brokers", "text or list", "", "Bootstrap addresses of a Kafka cluster that is used instead of the embedded broker. `--brokers` wins over it."},
			{"topics", "mapping", "", "Topics by name. A topic that a source, function or stream writes needs no entry."},
			{"sources", "mapping", "", "What comes in: by name."},
			{"functions", "mapping", "", "Functions with their triggers: by name."},
			{"queries", "mapping", "", "Streaming SQL: by name."},
			{"sinks", "mapping", "", "What goes out: by name."},
			{"streams", "mapping", "", "Kinesis streams over topics: by name."},
		}},
		{"topics.NAME", "A topic and, with `columns`, the table that SQL and sinks see in it. `NAME:` alone is a topic with the defaults.", []Key{
			{"partitions", "1 to 10000", "1", "Fixed when the topic is made."},
			{"retention", "duration or -1", "7d", "How long records are kept; -1: for ever."},
			{"retention_bytes", "size or -1", "-1", "Size of a partition above which old segments go; -1: no limit."},
			{"cleanup", "delete, compact", "delete", "As Kafka's `cleanup.policy`."},
			{"durability", "fsync, os", "fsync", "`fsync`: acks=all is answered when the disk has the records. `os`: as Kafka, when the page cache has them."},
			{"format", "json, csv, raw", "json", "How values are read and written where `columns` are declared."},
			{"columns", "mapping of name: SQL type", "", "The table. Without it SQL sees key, value, timestamp, partition and offset."},
			{"watermark", "SQL", "", "Event time: `column - INTERVAL '5' SECOND`. The column becomes the table's time attribute."},
			{"config", "mapping of texts", "", "Any other topic config of Kafka by its own name; see [kafka.md](kafka.md)."},
		}},
		{"sources.NAME", "Moves rows from outside into a topic as JSON objects. Exactly one of `file` and `generate`.", []Key{
			{"file", "mapping or path", "", "Files, each read once to its end."},
			{"generate", "mapping", "", "Made-up rows."},
			{"to", "topic", required, "Where the rows go."},
			{"key", "column", "", "The column that becomes the record's key."},
			{"time", "column", "", "The column that becomes the record's timestamp; otherwise it is the time of writing."},
		}},
		{"sources.NAME.file", "", []Key{
			{"path", "path", required, "Relative to this file; `*` matches several."},
			{"format", "csv, json, raw", "by the file's ending", "json: one object a line; raw: each line is a value."},
			{"header", "true, false", "true", "CSV: the first line names the columns."},
			{"delimiter", "one character", ",", "CSV."},
			{"null_value", "text or list", "", "CSV: texts that mean NULL, such as `NA`."},
			{"columns", "mapping of name: SQL type", "the topic's, else inferred", "The columns and their types."},
		}},
		{"sources.NAME.generate", "Without columns the rows are readings of ten devices (id, device, temp, ts).", []Key{
			{"rate", "number", "0", "Rows a second; 0: as fast as it can."},
			{"count", "whole number", "0", "Rows in all; 0: without an end."},
			{"columns", "mapping", "", "Columns by name: a kind, or a mapping."},
		}},
		{"sources.NAME.generate.columns.NAME", "", []Key{
			{"kind", "sequence, random, choice, word, flag, time", required, "How values are made."},
			{"double", "true, false", "false", "random: fractions instead of whole numbers."},
			{"min", "number", "0", "random: the smallest value."},
			{"max", "number", "100", "random: the largest value."},
			{"choices", "list of texts", "", "choice: what to choose from."},
			{"length", "whole number", "8", "word: letters."},
			{"nulls", "0 to 1", "0", "Share of NULLs."},
		}},
	}
}

// work is what is done with topics, and streams.
func work() []Section {
	return []Section{
		{"functions.NAME", "Code that is invoked with the records of topics as AWS Lambda would invoke it, or one expression.", []Key{
			{"runtime", "python3, nodejs, provided, expr", "", "provided: the program `bootstrap` in `code`. `expr` is implied by the key of that name."},
			{"code", "directory", "", "The handler's directory."},
			{"handler", "text", "", "`module.function`."},
			{"expr", "expression", "", "A rule such as `value.x > 60`, or an object that becomes the new value; see [expr-lang.org](https://expr-lang.org)."},
			{"timeout", "duration up to 15m", "3s", "Of one invocation."},
			{"memory", "128 to 32768", "128", "MiB, told to the function."},
			{"concurrency", "1 to 1000", "1", "How many instances run at once."},
			{"env", "mapping of texts", "", "Environment variables."},
			{"triggers", "topic, mapping, or list of them", required, "What invokes it."},
			{"to", "topic", "", "Where its answers go; without it they are dropped."},
		}},
		{"functions.NAME.triggers", "Lambda's event source mapping. A topic's name alone takes the defaults.", []Key{
			{"topic", "topic", required, "What is read."},
			{"batch", "mapping", "", "How records are gathered."},
			{"start", "earliest, latest", "earliest", "Where a trigger begins that has committed nothing."},
			{"errors", "mapping", "", "What follows a failure."},
			{"filter", "list of Lambda filter patterns", "", "Only records that match one of them are given to the function."},
		}},
		{"functions.NAME.triggers.batch", "", []Key{
			{"size", "1 to 10000", "100", "Records of one invocation at the most."},
			{"window", "duration", "0", "How long to wait for a batch to fill."},
			{"max_bytes", "size up to 6MiB", "6MiB", "Size of one invocation's event."},
		}},
		{"functions.NAME.triggers.errors", "", []Key{
			{"retries", "-1 to 10000", "3", "-1: without an end, which holds up the partition."},
			{"max_age", "duration", "0", "Records older than this are not tried again; 0: no limit."},
			{"bisect", "true, false", "true", "Split a failing batch to find the record that fails."},
			{"partial", "true, false", "false", "The function reports failed records by `batchItemFailures`."},
			{"dead_letter", "topic", "TOPIC.dlq", "Where records go that failed for good."},
		}},
		{"queries.NAME", "A text is the statement itself.", []Key{
			{"sql", "SQL", required, "`INSERT INTO topic SELECT ...`, with CREATE TABLE, CREATE VIEW and SET before it as needed; see [sql.md](sql.md)."},
		}},
		{"sinks.NAME", "Moves a topic's rows outside. Exactly one of `parquet` and `stdout`.", []Key{
			{"from", "topic", required, "What is read; it needs `columns` for Parquet."},
			{"parquet", "mapping or path", "", "Parquet files in Hive-partitioned folders."},
			{"stdout", "empty", "", "One JSON object a line on standard output."},
		}},
		{"sinks.NAME.parquet", "", []Key{
			{"path", "directory", required, "Relative to this file."},
			{"partition_by", "column or list", "", "Columns that become folders: `origin=EWR/`."},
			{"compression", "zstd, snappy, gzip, none", "zstd", ""},
			{"metadata_columns", "true, false", "false", "Adds `_topic`, `_partition`, `_offset` and `_timestamp`."},
			{"roll", "mapping", "", "When a file ends and is published."},
		}},
		{"sinks.NAME.parquet.roll", "", []Key{
			{"rows", "whole number", "", "After so many rows."},
			{"bytes", "size", "128MiB", "After so many bytes."},
			{"every", "duration", "5m", "After so much time. It is the pipeline's cadence of checkpoints as well."},
		}},
		{"streams.NAME", "A Kinesis stream over a topic: shard n is partition n. `NAME:` alone takes the defaults.", []Key{
			{"topic", "topic", "the stream's name", ""},
			{"shards", "1 to 10000", "the topic's partitions, else 1", ""},
		}},
	}
}
