package result

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// Order is one column by which a Table is sorted.
type Order struct {
	Column     int
	Desc       bool
	NullsFirst bool
}

// Table is the rows that a changelog leaves: what a query shows live, or at its end. It is used by one goroutine, and
// holds all rows in memory.
type Table struct {
	schema types.Schema
	order  []Order
	rows   map[string]*tableRow
	next   int
	key    []byte
}

type tableRow struct {
	count int
	seq   int // of the row's last arrival: unsorted tables keep that order
	json  string
	cells []string
	sort  []sortValue
}

// sortValue is a value that compares by its parts in turn; each type uses one of them, DECIMAL two (the high and the low
// half of its digits).
type sortValue struct {
	null   bool
	exact  int64
	number float64
	text   string
}

func (v sortValue) compare(o sortValue) int {
	return cmp.Or(cmp.Compare(v.exact, o.exact), compareFloat(v.number, o.number), strings.Compare(v.text, o.text))
}

// compareFloat puts NaN above all numbers, as Flink does.
func compareFloat(a, b float64) int {
	if math.IsNaN(a) || math.IsNaN(b) {
		return -cmp.Compare(boolInt(!math.IsNaN(a)), boolInt(!math.IsNaN(b)))
	}
	return cmp.Compare(a, b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// NewTable makes an empty table. Without an order, rows are in order of arrival.
func NewTable(schema types.Schema, order []Order) *Table {
	return &Table{schema: schema, order: order, rows: map[string]*tableRow{}}
}

// Apply takes the changes of a batch. A row that is taken back must be there.
func (t *Table) Apply(b stream.Batch) error {
	for i := range b.Rows() {
		t.key = AppendRow(t.key[:0], b.Rec, i, t.schema)
		r := t.rows[string(t.key)]
		if b.Ops.At(i).Retracts() {
			if r == nil {
				return fmt.Errorf("show result: row %s is taken back and was never there", t.key)
			}
			if r.count--; r.count == 0 {
				delete(t.rows, string(t.key))
			}
			continue
		}
		if r == nil {
			r = t.row(b.Rec, i)
			t.rows[r.json] = r
		}
		r.count++
		t.next++
		r.seq = t.next
	}
	return nil
}

func (t *Table) row(rec arrow.RecordBatch, i int) *tableRow {
	r := &tableRow{json: string(t.key)}
	for c, f := range t.schema {
		r.cells = append(r.cells, string(AppendText(nil, rec.Column(c), i, f.Type)))
	}
	for _, o := range t.order {
		r.sort = append(r.sort, sortValueOf(rec.Column(o.Column), i))
	}
	return r
}

func sortValueOf(col arrow.Array, i int) sortValue {
	if col.IsNull(i) {
		return sortValue{null: true}
	}
	switch a := col.(type) {
	case *array.String:
		return sortValue{text: a.Value(i)}
	case *array.Binary:
		return sortValue{text: string(a.Value(i))}
	case *array.Boolean:
		if a.Value(i) {
			return sortValue{exact: 1}
		}
		return sortValue{}
	case *array.Float32:
		return sortValue{number: float64(a.Value(i))}
	case *array.Float64:
		return sortValue{number: a.Value(i)}
	case *array.Decimal128:
		d := a.Value(i)
		return sortValue{exact: d.HighBits(), text: string(binary.BigEndian.AppendUint64(nil, d.LowBits()))}
	case *array.Int8:
		return sortValue{exact: int64(a.Value(i))}
	case *array.Int16:
		return sortValue{exact: int64(a.Value(i))}
	case *array.Int32:
		return sortValue{exact: int64(a.Value(i))}
	case *array.Int64:
		return sortValue{exact: a.Value(i)}
	case *array.Date32:
		return sortValue{exact: int64(a.Value(i))}
	case *array.Time32:
		return sortValue{exact: int64(a.Value(i))}
	case *array.Timestamp:
		return sortValue{exact: int64(a.Value(i))}
	case *array.Duration:
		return sortValue{exact: int64(a.Value(i))}
	case *array.MonthInterval:
		return sortValue{exact: int64(a.Value(i))}
	}
	panic("BUG: a column of type " + col.DataType().String())
}

// Cells are the rows as text, sorted, without the first skip, and at most count of them (-1: all).
func (t *Table) Cells(skip, count int64) [][]string {
	var out [][]string
	t.each(skip, count, func(r *tableRow) { out = append(out, r.cells) })
	return out
}

// JSON are the same rows as JSON arrays.
func (t *Table) JSON(skip, count int64) []string {
	var out []string
	t.each(skip, count, func(r *tableRow) { out = append(out, r.json) })
	return out
}

// Len is the number of rows.
func (t *Table) Len() int {
	n := 0
	for _, r := range t.rows {
		n += r.count
	}
	return n
}

func (t *Table) each(skip, count int64, f func(*tableRow)) {
	rows := make([]*tableRow, 0, len(t.rows))
	for _, r := range t.rows {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, t.compare)
	for _, r := range rows {
		for range r.count {
			switch {
			case skip > 0:
				skip--
			case count != 0:
				count--
				f(r)
			}
		}
	}
}

func (t *Table) compare(a, b *tableRow) int {
	for i, o := range t.order {
		x, y := a.sort[i], b.sort[i]
		c := 0
		switch {
		case x.null && y.null:
		case x.null || y.null:
			if c = 1; x.null == o.NullsFirst {
				c = -1
			}
		default:
			if c = x.compare(y); o.Desc {
				c = -c
			}
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(a.seq, b.seq)
}
