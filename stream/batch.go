package stream

import (
	"github.com/apache/arrow-go/v18/arrow"
)

// Op is the kind of one row of a changelog.
type Op uint8

// The row kinds of Flink's changelogs. Insert is the zero value.
const (
	Insert       Op = iota // +I
	UpdateBefore           // -U
	UpdateAfter            // +U
	Delete                 // -D
)

func (o Op) String() string { return [...]string{"+I", "-U", "+U", "-D"}[o] }

// Retracts reports whether the row takes an earlier one back (-U, -D).
func (o Op) Retracts() bool { return o == UpdateBefore || o == Delete }

// Changes gives the kind of each row of a batch. Nil means that all rows are inserts.
type Changes []Op

// At is the kind of row i.
func (c Changes) At(i int) Op {
	if c == nil {
		return Insert
	}
	return c[i]
}

// Batch is Arrow columns and what moves with them.
//
// Memory: the creator releases Rec; a callee borrows it for the call and calls Retain only if it keeps it.
type Batch struct {
	Rec arrow.RecordBatch // nil: no rows
	Ops Changes           // nil, or one per row
	// Pos says where the source's split stands after this batch; the zero Position in batches that operators make.
	Pos Position
	// Bad are the records of the source that could not become rows; the task sends them to the dead-letter topic in the
	// same transaction as the batch's output. Only sources set it.
	Bad []BadRecord
	// End says that the split has ended: it no longer holds event time back. Only bounded sources set it.
	End bool
}

// Rows is the number of rows.
func (b Batch) Rows() int {
	if b.Rec == nil {
		return 0
	}
	return int(b.Rec.NumRows())
}

// Position is where one split of a source stands: everything before it has been read. Splits are the units of which a
// source's input is made (a topic's partition, a file).
type Position struct {
	Split  string // "flights-3", a file's path; unique within the source
	Offset int64  // the next offset of the partition, or the next byte of the file
	Line   int64  // lines read so far, for files
	// Origin tells the split from another one of that name: a topic's id, which changes when a topic is deleted and made
	// anew. Empty when the source knows none.
	Origin string
}

// BadRecord is a record that a decoder or an operator gave up on, with where it came from and why.
type BadRecord struct {
	Topic     string // the topic, or the file's path
	Partition int32  // -1 for a file
	Offset    int64  // offset, or line number (1-based) of a file
	Timestamp int64  // ms
	Key       []byte
	Value     []byte // the record as it came
	// Headers are the original headers, encoded as in record.Record.
	Headers     []byte
	HeaderCount int
	Reason      string // "column dep_delay: \"abc\" is not a BIGINT"
	Attempts    int    // how often it was tried, 0 for decoders
}
