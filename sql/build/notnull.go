package build

import (
	"fmt"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/stream"
)

// notNull ends a query that gives NULL to a NOT NULL column of its table, as Flink's sinks do. It stands before sinks
// whose input may hold such NULLs.
type notNull struct {
	table   string
	columns []int
}

// nullable are the NOT NULL columns of a sink whose values may be NULL.
func nullable(n *plan.Sink) []int {
	var out []int
	for i, f := range n.Out {
		if !f.Type.Nullable && givesNull(n.Input, i) {
			out = append(out, i)
		}
	}
	return out
}

// givesNull reports whether a node's column may hold NULL. A projection's schema says what the table declares, its
// expressions say what comes.
func givesNull(n plan.Node, column int) bool {
	switch n := n.(type) {
	case *plan.Project:
		return n.Exprs[column].Type().Nullable
	case *plan.Values:
		for _, row := range n.Rows {
			if l, ok := row[column].(*plan.Literal); !ok || l.Value == nil {
				return true
			}
		}
		return false
	}
	return n.Schema()[column].Type.Nullable
}

// Process passes a batch on that has no NULL in the columns.
func (n *notNull) Process(_ int, in stream.Batch, out stream.Emitter) error {
	if in.Rows() == 0 {
		return nil
	}
	for _, c := range n.columns {
		if in.Rec.Column(c).NullN() > 0 {
			return fmt.Errorf("write %s: column %s is NOT NULL and the query gives NULL", n.table, in.Rec.ColumnName(c))
		}
	}
	return out.Emit(stream.Batch{Rec: in.Rec, Ops: in.Ops})
}

// Advance does nothing.
func (n *notNull) Advance(stream.Watermark, stream.Emitter) error { return nil }

// Snapshot writes nothing.
func (n *notNull) Snapshot(*stream.StateWriter) error { return nil }

// Restore reads nothing.
func (n *notNull) Restore(*stream.StateReader) error { return nil }

// Close gives nothing back.
func (n *notNull) Close() error { return nil }
