package parquet

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// column is what is fixed about one column of a table's files.
type column struct {
	name      string
	physical  format.Type
	newValues func() values
}

// layout is what all files of a sink have in common.
type layout struct {
	footer  format.FileMetaData // without row groups
	columns []column
	scratch scratch
	spare   [][]*chunk // of files that are finished: their buffers serve the next ones. There are as many as files were open at once.
}

// chunks are the columns of a new file.
func (l *layout) chunks(o Options) (out []*chunk) {
	if n := len(l.spare); n > 0 {
		out, l.spare = l.spare[n-1], l.spare[:n-1]
		for _, c := range out {
			if texts, ok := c.vals.(*texts); ok {
				texts.begin()
			}
		}
		return out
	}
	for _, c := range l.columns {
		out = append(out, newChunk(c, o.codec(), o.PageBytes, &l.scratch))
	}
	return out
}

// newLayout lets parquet-go write a file without rows and takes the schema as it stands in the footer.
func newLayout(s *arrow.Schema, o Options) (*layout, error) {
	schema, err := NewSchema(s)
	if err != nil {
		return nil, err
	}
	cfg := []pq.WriterOption{schema, pq.CreatedBy("weir", o.Version, "")}
	for k, v := range o.KeyValues {
		cfg = append(cfg, pq.KeyValueMetadata(k, v))
	}
	var empty bytes.Buffer
	if err := pq.NewGenericWriter[any](&empty, cfg...).Close(); err != nil {
		return nil, fmt.Errorf("lay out columns: %w", err)
	}
	f, err := pq.OpenFile(bytes.NewReader(empty.Bytes()), int64(empty.Len()))
	if err != nil {
		return nil, fmt.Errorf("lay out columns: %w", err)
	}
	l := &layout{footer: *f.Metadata()}
	for i, f := range s.Fields() {
		// The first element is the root.
		l.columns = append(l.columns, column{f.Name, l.footer.Schema[i+1].Type.V, newValues(f.Type)})
	}
	return l, nil
}

// newValues gives the way in which a type's values are gathered; NewSchema has accepted the type.
func newValues(t arrow.DataType) func() values {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return func() values { return &booleans{} }
	case *arrow.Int8Type:
		return of(func(dst []int32, a *array.Int8, rows rowSet) []int32 { return gather(dst, a.Int8Values(), rows) })
	case *arrow.Int16Type:
		return of(func(dst []int32, a *array.Int16, rows rowSet) []int32 { return gather(dst, a.Int16Values(), rows) })
	case *arrow.Int32Type:
		return of(func(dst []int32, a *array.Int32, rows rowSet) []int32 { return gather(dst, a.Int32Values(), rows) })
	case *arrow.Int64Type:
		return of(func(dst []int64, a *array.Int64, rows rowSet) []int64 { return gather(dst, a.Int64Values(), rows) })
	case *arrow.Float32Type:
		return of(func(dst []float32, a *array.Float32, rows rowSet) []float32 {
			return gather(dst, a.Float32Values(), rows)
		})
	case *arrow.Float64Type:
		return of(func(dst []float64, a *array.Float64, rows rowSet) []float64 {
			return gather(dst, a.Float64Values(), rows)
		})
	case *arrow.Date32Type:
		return of(func(dst []int32, a *array.Date32, rows rowSet) []int32 { return gather(dst, a.Date32Values(), rows) })
	case *arrow.Time32Type:
		return of(func(dst []int32, a *array.Time32, rows rowSet) []int32 { return gather(dst, a.Time32Values(), rows) })
	case *arrow.TimestampType:
		return of(func(dst []int64, a *array.Timestamp, rows rowSet) []int64 {
			return gather(dst, a.TimestampValues(), rows)
		})
	case *arrow.StringType:
		return func() values { return newTexts(true) }
	case *arrow.BinaryType:
		return func() values { return newTexts(false) }
	case *arrow.Decimal128Type:
		return newDecimals(int(t.Precision))
	}
	panic(fmt.Sprintf("BUG: column of type %s, which has no Parquet type", t))
}

func newDecimals(precision int) func() values {
	switch {
	case precision <= maxInt32Digits:
		return of(func(dst []int32, a *array.Decimal128, rows rowSet) []int32 { return gatherLow(dst, a, rows) })
	case precision <= maxInt64Digits:
		return of(func(dst []int64, a *array.Decimal128, rows rowSet) []int64 { return gatherLow(dst, a, rows) })
	}
	return func() values { return &decimals{} }
}

// of makes columns of numbers from arrays of one type.
func of[P number, A arrow.Array](take func(dst []P, arr A, rows rowSet) []P) func() values {
	return func() values {
		return &numbers[P]{take: func(dst []P, arr arrow.Array, rows rowSet) []P { return take(dst, arr.(A), rows) }}
	}
}

// gather copies rows of src to the end of dst.
func gather[S ~int8 | ~int16 | ~int32 | ~int64 | ~float32 | ~float64, P number](dst []P, src []S, rows rowSet) []P {
	dst, out := extend(dst, rows.n)
	if rows.sel == nil {
		for i, v := range src[rows.first : rows.first+rows.n] {
			out[i] = P(v)
		}
		return dst
	}
	for i, r := range rows.sel {
		out[i] = P(src[r])
	}
	return dst
}

// gatherLow is gather for decimals that fit into their low bits.
func gatherLow[P int32 | int64](dst []P, src *array.Decimal128, rows rowSet) []P {
	dst, out := extend(dst, rows.n)
	for i := range out {
		r := rows.first + i
		if rows.sel != nil {
			r = int(rows.sel[i])
		}
		out[i] = P(src.Value(r).LowBits())
	}
	return dst
}
