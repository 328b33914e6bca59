package config

import (
	"time"

	"github.com/weirhub/weir/internal/secret"
)

// Pos is a place in a file of the configuration; Line and Col count from 1.
type Pos struct {
	File      string
	Line, Col int
}

// File is a whole configuration, includes merged. Lists keep the order of the file.
type File struct {
	Path    string // the file that was loaded first
	Dir     string // its directory: relative paths in the file start here
	Version int
	Brokers []string // an external Kafka cluster instead of the embedded broker
	Topics  []Topic
	Sources []Source
	Funcs   []Function
	Queries []Query
	Sinks   []Sink
	Streams []Stream

	lines   map[string][]string // of each file, by the name that errors show
	secrets secret.Values
}

// Mask hides in a text what is secret: values that came from a secret place of the file, and what looks like one.
func (f *File) Mask(text string) string { return f.secrets.Mask(text) }

// Hide hides the values alone, in text that is somebody else's.
func (f *File) Hide(text string) string { return f.secrets.Hide(text) }

// Line is the text at a place of the configuration, "" when there is none.
func (f *File) Line(p Pos) string {
	lines := f.lines[p.File]
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	return lines[p.Line-1]
}

// Topic declares a topic and, with Columns, the table that SQL and sinks see in it.
type Topic struct {
	Pos
	Name           string
	Partitions     int           // 0: the default
	Retention      time.Duration // 0: the default, -1: for ever
	RetentionBytes int64         // 0: the default, -1: unlimited
	Cleanup        string        // "", "delete" or "compact"
	Durability     string        // "", "fsync" or "os"
	Config         map[string]string
	Columns        []Column
	Watermark      Text   // an SQL expression over the columns: "time_hour - INTERVAL '1' DAY"
	WatermarkOn    string // its column; derived when Watermark names just one
	Format         string // "json" (default), "csv", "raw"
}

// Column is a column's name and SQL type.
type Column struct {
	Pos
	Name string
	Type string
}

// Text is a longer text of the file (SQL) with the place of its first character, so that an error inside it can be shown
// where it stands.
type Text struct {
	Pos
	Text   string
	Indent int // columns by which the file indents each line after the first; the first line of a block scalar too
	Block  bool
	folded []string // of a folded block (>): the lines of the file, without their indentation
}

// At gives the place in the file of a line and column (from 1) of the text.
func (t Text) At(line, col int) Pos {
	p := t.Pos
	if t.folded != nil {
		return t.unfold(line, col)
	}
	if t.Block {
		return Pos{p.File, p.Line + line, t.Indent + col}
	}
	if line == 1 {
		return Pos{p.File, p.Line, p.Col + col - 1}
	}
	return Pos{p.File, p.Line + line - 1, t.Indent + col}
}

// unfold finds a place in a folded block: its lines are joined by a space, and an empty one ends the text's line.
func (t Text) unfold(line, col int) Pos {
	at := 1
	for i, l := range t.folded {
		last := i == len(t.folded)-1
		switch {
		case l == "" && !last:
			at++
		case at == line && (col <= len([]rune(l))+1 || last):
			return Pos{t.File, t.Line + 1 + i, t.Indent + col}
		case at == line:
			col -= len([]rune(l)) + 1
		}
	}
	return t.Pos
}

// Source moves records from outside into a topic.
type Source struct {
	Pos
	Name     string
	Kind     string // "file" or "generate"
	File     FileSource
	Generate GenerateSource
	To       string
	Key      string // the column that becomes the record's key
	Time     string // the column that becomes the record's timestamp
}

// FileSource reads files that end: a bounded input.
type FileSource struct {
	Pos
	Path      string // absolute; may hold *
	Format    string // "csv", "json" (one object a line) or "raw" (lines)
	Header    bool
	Delimiter string
	Null      []string // texts that mean NULL
	Columns   []Column // nil: inferred from the file
}

// GenerateSource makes rows up.
type GenerateSource struct {
	Pos
	Rate  float64 // rows/s; 0: as fast as it can
	Count int64   // rows in all; 0: without an end
	// Fields are the columns; none: a default set.
	Fields []GenerateField
}

// GenerateField is a column that is made up.
type GenerateField struct {
	Pos
	Name     string
	Kind     string // "sequence", "random", "choice", "word", "flag" or "time"
	Double   bool
	Min, Max float64
	Choices  []string
	Length   int
	Nulls    float64 // share of NULLs
}

// Function is a handler and the topics that trigger it.
type Function struct {
	Pos
	Name        string
	Runtime     string // "python3", "nodejs", "provided", "expr"
	Code        string // absolute path of a directory
	Handler     string // "module.function"
	Expr        Text
	Timeout     time.Duration
	MemoryMiB   int
	Concurrency int
	Env         map[string]string
	Triggers    []Trigger
	To          string
}

// Trigger is what Lambda calls an event source mapping.
type Trigger struct {
	Pos
	Topic      string
	BatchSize  int
	Window     time.Duration
	MaxBytes   int64
	Filter     string // a pattern of Lambda's filter criteria as JSON; "": every record
	Start      string // "earliest" or "latest"
	Retries    int    // -1: without a limit
	MaxAge     time.Duration
	Bisect     bool
	Partial    bool
	DeadLetter string
}

// Query is a streaming SQL statement that runs for as long as the hub does.
type Query struct {
	Pos
	Name string
	SQL  Text
}

// Sink moves a topic's records outside.
type Sink struct {
	Pos
	Name    string
	From    string
	Kind    string // "parquet" or "stdout"
	Parquet ParquetSink
}

// ParquetSink writes a topic's table to Parquet files in Hive-partitioned folders.
type ParquetSink struct {
	Pos
	Path        string // absolute directory
	PartitionBy []string
	Compression string
	RollRows    int64
	RollBytes   int64
	RollEvery   time.Duration
	Metadata    bool // columns _topic, _partition, _offset, _timestamp
}

// Stream is a Kinesis stream over a topic.
type Stream struct {
	Pos
	Name   string
	Topic  string
	Shards int
}
