package format

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
)

// Source says from which part of a record a column is filled.
type Source uint8

// The parts of a record. FromValue is the zero value: the format decodes the record's value.
const (
	FromValue       Source = iota
	FromKey                // Binary or String; null key is NULL
	FromHeaders            // Binary: the headers as encoded in record.Record, without their count
	FromHeaderCount        // Int32
	FromTimestamp          // Timestamp in ms, any zone or none
	FromPartition          // Int32
	FromOffset             // Int64
	FromTopic              // String
	FromRawValue           // Binary or String: the value's bytes as they came; a null value is NULL
)

var sourceNames = [...]string{
	"value", "key", "headers", "header_count", "timestamp", "partition", "offset", "topic", "raw value",
}

func (s Source) String() string { return sourceNames[s] }

// Field is one column that a plan asks for.
type Field struct {
	Name string
	Type arrow.DataType
	// Nullable false makes a record bad whose value for this column is NULL or missing.
	Nullable bool
	Source   Source
	// Path leads to the value in nested JSON objects; nil is [Name]. CSV takes its first element as the header's name.
	Path []string
}

// path is Path with its default.
func (f *Field) path() []string {
	if len(f.Path) == 0 {
		return []string{f.Name}
	}
	return f.Path
}

// Schema is the Arrow schema of the batches that a decoder of these fields makes.
func Schema(fields []Field) *arrow.Schema {
	out := make([]arrow.Field, len(fields))
	for i, f := range fields {
		out[i] = arrow.Field{Name: f.Name, Type: f.Type, Nullable: f.Nullable}
	}
	return arrow.NewSchema(out, nil)
}

// TypeName is the SQL name of a column type, for messages: BIGINT, TIMESTAMP(3), DECIMAL(5, 2).
func TypeName(t arrow.DataType) string {
	switch t := t.(type) {
	case *arrow.TimestampType:
		name := "TIMESTAMP"
		if t.TimeZone != "" {
			name = "TIMESTAMP_LTZ"
		}
		return fmt.Sprintf("%s(%d)", name, 3*int(t.Unit))
	case *arrow.Decimal128Type:
		return fmt.Sprintf("DECIMAL(%d, %d)", t.Precision, t.Scale)
	}
	if name, ok := typeNames[t.ID()]; ok {
		return name
	}
	return t.String()
}

var typeNames = map[arrow.Type]string{
	arrow.BOOL: "BOOLEAN", arrow.INT8: "TINYINT", arrow.INT16: "SMALLINT", arrow.INT32: "INT", arrow.INT64: "BIGINT",
	arrow.FLOAT32: "FLOAT", arrow.FLOAT64: "DOUBLE", arrow.STRING: "STRING", arrow.BINARY: "BYTES", arrow.DATE32: "DATE",
	arrow.TIME32: "TIME",
}

// kind is the storage of a column: what the hot loops switch on.
type kind uint8

const (
	kindBool kind = iota
	kindInt8
	kindInt16
	kindInt32
	kindInt64
	kindFloat32
	kindFloat64
	kindDecimal
	kindString
	kindBinary
	kindDate
	kindTime
	kindTimestamp
)

// widths are the bytes of one value; 0 for bits and for variable length.
var widths = [...]int{
	kindInt8: 1, kindInt16: 2, kindInt32: 4, kindInt64: 8, kindFloat32: 4, kindFloat64: 8, kindDecimal: 16,
	kindString: 0, kindBinary: 0, kindDate: 4, kindTime: 4, kindTimestamp: 8,
}

func kindOf(t arrow.DataType) (kind, error) {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return kindBool, nil
	case *arrow.Int8Type:
		return kindInt8, nil
	case *arrow.Int16Type:
		return kindInt16, nil
	case *arrow.Int32Type:
		return kindInt32, nil
	case *arrow.Int64Type:
		return kindInt64, nil
	case *arrow.Float32Type:
		return kindFloat32, nil
	case *arrow.Float64Type:
		return kindFloat64, nil
	case *arrow.Decimal128Type:
		return kindDecimal, nil
	case *arrow.StringType:
		return kindString, nil
	case *arrow.BinaryType:
		return kindBinary, nil
	case *arrow.Date32Type:
		return kindDate, nil
	case *arrow.Time32Type:
		if t.Unit == arrow.Millisecond {
			return kindTime, nil
		}
	case *arrow.TimestampType:
		if t.Unit != arrow.Second {
			return kindTimestamp, nil
		}
	}
	return 0, fmt.Errorf("type %s has no place in a record", t)
}

// checkSource says whether a column of this kind can be filled from s.
func checkSource(f *Field, k kind) error {
	ok := true
	switch f.Source {
	case FromValue:
	case FromKey, FromRawValue:
		ok = k == kindBinary || k == kindString
	case FromHeaders:
		ok = k == kindBinary
	case FromHeaderCount, FromPartition:
		ok = k == kindInt32
	case FromTimestamp:
		ok = k == kindTimestamp && f.Type.(*arrow.TimestampType).Unit == arrow.Millisecond
	case FromOffset:
		ok = k == kindInt64
	case FromTopic:
		ok = k == kindString
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("column %s: %s cannot be filled from a record's %s", f.Name, TypeName(f.Type), f.Source)
	}
	return nil
}
