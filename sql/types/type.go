package types

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
)

// Kind is the root of a type, without length, precision or nullability.
type Kind uint8

// The kinds. The order of the numeric ones is the order in which they widen.
const (
	Null Kind = iota // the type of an untyped NULL
	Boolean
	TinyInt
	SmallInt
	Int
	BigInt
	Decimal
	Float
	Double
	Char
	Varchar
	Binary
	Varbinary
	Date
	Time
	Timestamp
	TimestampLTZ
	IntervalMonths // INTERVAL YEAR TO MONTH, counted in months
	IntervalMillis // INTERVAL DAY TO SECOND, counted in milliseconds
)

// MaxLength is the length of STRING and BYTES.
const MaxLength = math.MaxInt32

// MaxDecimal is the highest precision of a DECIMAL.
const MaxDecimal = 38

// Type is one SQL type.
type Type struct {
	Kind     Kind
	Nullable bool
	// RowTime marks an event time attribute: the column that the table's watermark speaks about.
	RowTime bool
	// Precision is the length of CHAR, VARCHAR, BINARY, VARBINARY, the digits of DECIMAL and the fractional digits of TIME
	// and the TIMESTAMPs; 0 for the others.
	Precision int32
	Scale     int32 // DECIMAL
}

// The types without parameters, nullable.
var (
	NullT     = Type{Kind: Null, Nullable: true}
	BooleanT  = Type{Kind: Boolean, Nullable: true}
	TinyIntT  = Type{Kind: TinyInt, Nullable: true}
	SmallIntT = Type{Kind: SmallInt, Nullable: true}
	IntT      = Type{Kind: Int, Nullable: true}
	BigIntT   = Type{Kind: BigInt, Nullable: true}
	FloatT    = Type{Kind: Float, Nullable: true}
	DoubleT   = Type{Kind: Double, Nullable: true}
	StringT   = Type{Kind: Varchar, Nullable: true, Precision: MaxLength}
	BytesT    = Type{Kind: Varbinary, Nullable: true, Precision: MaxLength}
	DateT     = Type{Kind: Date, Nullable: true}
	MonthsT   = Type{Kind: IntervalMonths, Nullable: true}
	MillisT   = Type{Kind: IntervalMillis, Nullable: true}
)

// DecimalOf is DECIMAL(p, s), nullable.
func DecimalOf(p, s int32) Type { return Type{Kind: Decimal, Nullable: true, Precision: p, Scale: s} }

// CharOf is CHAR(n), nullable.
func CharOf(n int32) Type { return Type{Kind: Char, Nullable: true, Precision: n} }

// VarcharOf is VARCHAR(n), nullable.
func VarcharOf(n int32) Type { return Type{Kind: Varchar, Nullable: true, Precision: n} }

// TimeOf is TIME(p), nullable.
func TimeOf(p int32) Type { return Type{Kind: Time, Nullable: true, Precision: p} }

// TimestampOf is TIMESTAMP(p), nullable.
func TimestampOf(p int32) Type { return Type{Kind: Timestamp, Nullable: true, Precision: p} }

// TimestampLTZOf is TIMESTAMP_LTZ(p), nullable.
func TimestampLTZOf(p int32) Type { return Type{Kind: TimestampLTZ, Nullable: true, Precision: p} }

// NotNull is the type without NULL.
func (t Type) NotNull() Type { return t.WithNull(false) }

// WithNull is the type with the nullability given.
func (t Type) WithNull(nullable bool) Type {
	t.Nullable = nullable || t.Kind == Null
	return t
}

// Plain is the type without its time attribute.
func (t Type) Plain() Type {
	t.RowTime = false
	return t
}

// Same reports whether values of both types lie in memory alike and mean the same: equal but for nullability and time
// attribute.
func (t Type) Same(o Type) bool {
	t.Nullable, o.Nullable, t.RowTime, o.RowTime = false, false, false, false
	return t == o
}

// IsInteger reports TINYINT, SMALLINT, INT or BIGINT.
func (t Type) IsInteger() bool { return t.Kind >= TinyInt && t.Kind <= BigInt }

// IsExact reports an integer or DECIMAL.
func (t Type) IsExact() bool { return t.Kind >= TinyInt && t.Kind <= Decimal }

// IsApprox reports FLOAT or DOUBLE.
func (t Type) IsApprox() bool { return t.Kind == Float || t.Kind == Double }

// IsNumeric reports any number.
func (t Type) IsNumeric() bool { return t.Kind >= TinyInt && t.Kind <= Double }

// IsString reports CHAR or VARCHAR.
func (t Type) IsString() bool { return t.Kind == Char || t.Kind == Varchar }

// IsBinary reports BINARY or VARBINARY.
func (t Type) IsBinary() bool { return t.Kind == Binary || t.Kind == Varbinary }

// IsTimestamp reports TIMESTAMP or TIMESTAMP_LTZ.
func (t Type) IsTimestamp() bool { return t.Kind == Timestamp || t.Kind == TimestampLTZ }

// IsTemporal reports a date, a time or a timestamp.
func (t Type) IsTemporal() bool { return t.Kind >= Date && t.Kind <= TimestampLTZ }

// IsInterval reports either interval.
func (t Type) IsInterval() bool { return t.Kind == IntervalMonths || t.Kind == IntervalMillis }

// UnitsPerSecond is the resolution in which values of a TIMESTAMP(p) are stored: 1e3 to p = 3, 1e6 to 6, 1e9 to 9.
func (t Type) UnitsPerSecond() int64 {
	switch {
	case t.Precision <= 3:
		return 1e3
	case t.Precision <= 6:
		return 1e6
	default:
		return 1e9
	}
}

// String is the type as Flink prints it in a schema: `VARCHAR(5) NOT NULL`, `TIMESTAMP(3) *ROWTIME*`.
func (t Type) String() string {
	s := t.root()
	if !t.Nullable {
		s += " NOT NULL"
	}
	if t.RowTime {
		s += " *ROWTIME*"
	}
	return s
}

func (t Type) root() string {
	names := [...]string{
		Null: "NULL", Boolean: "BOOLEAN", TinyInt: "TINYINT", SmallInt: "SMALLINT", Int: "INT", BigInt: "BIGINT",
		Float: "FLOAT", Double: "DOUBLE", Date: "DATE", IntervalMonths: "INTERVAL YEAR TO MONTH",
		IntervalMillis: "INTERVAL DAY TO SECOND(3)", Char: "CHAR", Varchar: "VARCHAR", Binary: "BINARY",
		Varbinary: "VARBINARY", Decimal: "DECIMAL", Time: "TIME", Timestamp: "TIMESTAMP", TimestampLTZ: "TIMESTAMP_LTZ",
	}
	switch t.Kind {
	case Varchar, Varbinary:
		if t.Precision == MaxLength {
			return map[Kind]string{Varchar: "STRING", Varbinary: "BYTES"}[t.Kind]
		}
		return fmt.Sprintf("%s(%d)", names[t.Kind], t.Precision)
	case Char, Binary, Time, Timestamp, TimestampLTZ:
		return fmt.Sprintf("%s(%d)", names[t.Kind], t.Precision)
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d, %d)", t.Precision, t.Scale)
	default:
		return names[t.Kind]
	}
}

// Arrow is how a column of the type lies in memory. The untyped NULL is kept as booleans that are all null.
func (t Type) Arrow() arrow.DataType {
	switch t.Kind {
	case TinyInt:
		return arrow.PrimitiveTypes.Int8
	case SmallInt:
		return arrow.PrimitiveTypes.Int16
	case Int:
		return arrow.PrimitiveTypes.Int32
	case BigInt:
		return arrow.PrimitiveTypes.Int64
	case Float:
		return arrow.PrimitiveTypes.Float32
	case Double:
		return arrow.PrimitiveTypes.Float64
	case Decimal:
		return &arrow.Decimal128Type{Precision: t.Precision, Scale: t.Scale}
	case Char, Varchar:
		return arrow.BinaryTypes.String
	case Binary, Varbinary:
		return arrow.BinaryTypes.Binary
	case Date:
		return arrow.FixedWidthTypes.Date32
	case Time:
		return arrow.FixedWidthTypes.Time32ms
	case Timestamp:
		return t.timestampArrow("")
	case TimestampLTZ:
		return t.timestampArrow("UTC")
	case IntervalMonths:
		return arrow.FixedWidthTypes.MonthInterval
	case IntervalMillis:
		return arrow.FixedWidthTypes.Duration_ms
	default:
		return arrow.FixedWidthTypes.Boolean
	}
}

func (t Type) timestampArrow(zone string) arrow.DataType {
	switch t.UnitsPerSecond() {
	case 1e3:
		return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: zone}
	case 1e6:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: zone}
	default:
		return &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: zone}
	}
}
