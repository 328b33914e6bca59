package build

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// Connector reads and writes tables of one kind. It is a row of the list that the engine is given.
type Connector struct {
	Name    string
	Options []string // the options of WITH, without 'connector'
	Accepts plan.Accepts
	Source  func(SourceSpec) (SourceFunc, error) // nil: its tables cannot be read
	Sink    func(SinkSpec) (SinkFunc, error)     // nil: its tables cannot be written
}

// SourceFunc and SinkFunc make the source or sink of one task.
type (
	SourceFunc = func(stream.Task) (stream.Source, error)
	SinkFunc   = func(stream.Task) (stream.Sink, error)
)

// Field is one column that a source fills or a sink takes.
type Field struct {
	Name     string
	Type     arrow.DataType
	SQL      types.Type
	Metadata string // the record's part (key, timestamp, ...); empty: a field of the value
}

// SourceSpec asks for a source. The source gives batches with exactly these columns in this order, of these Arrow types.
type SourceSpec struct {
	Table  *catalog.Table
	Fields []Field
}

// SinkSpec asks for a sink. It gets batches with exactly these columns.
type SinkSpec struct {
	Table  *catalog.Table
	Fields []Field
	// Key are the fields of the primary key.
	Key []int
	// Upsert: +I and +U write the row of a key, -U and -D remove it. A -U need not be followed by its +U: a condition may
	// have dropped that.
	Upsert bool
}
