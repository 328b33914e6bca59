package bind

import (
	"fmt"

	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

// Insert binds INSERT INTO. accepts says what the table's connector does with changes.
func (b *Binder) Insert(s *parse.Insert, accepts func(connector string) plan.Accepts) (*plan.Sink, []*sqlerr.Error) {
	t := b.catalog.Table(s.Table.Last())
	if t == nil && b.Broken[s.Table.Last()] {
		b.query(s.Query)
		sqlerr.Sort(b.errs)
		return nil, b.errs
	}
	if t == nil {
		hint := nearest(s.Table.Last(), b.catalog.Tables(), "CREATE TABLE makes one")
		if b.catalog.View(s.Table.Last()) != nil {
			hint = "it is a view: only tables can be written"
		}
		b.failMissing(s.Table.Span(), s.Table.Last(), hint)
	}
	n := b.query(s.Query)
	if len(b.errs) > 0 || n == nil {
		sqlerr.Sort(b.errs)
		return nil, b.errs
	}
	sink := &plan.Sink{Table: t, Accepts: accepts(t.Connector), Conflict: s.OnConflict}
	targets := b.targets(t, s)
	if targets != nil && len(targets) != len(n.Schema()) {
		b.fail(s.Query.Span, fmt.Sprintf("the query has %s, %s takes %d", countText(len(n.Schema()), "column"), t.Name, len(targets)),
			"name the columns: INSERT INTO "+t.Name+" (...) SELECT ...")
	}
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	sink.Input = b.sinkColumns(t, n, targets, s)
	if len(b.errs) > 0 {
		sqlerr.Sort(b.errs)
		return nil, b.errs
	}
	sink.Out = sink.Input.Schema()
	return sink, nil
}

// targets are the columns of the table that the query's columns go to, in order.
func (b *Binder) targets(t *catalog.Table, s *parse.Insert) []int {
	var all []int
	for i, c := range t.Columns {
		if c.Written() {
			all = append(all, i)
		}
	}
	if len(s.Columns) == 0 {
		return all
	}
	sc := &scope{schema: t.Schema()}
	var out []int
	for _, id := range s.Columns {
		i := sc.schema.Index(id.Name)
		switch {
		case i < 0:
			b.fail(id.Span, "unknown column "+id.Name, nearest(id.Name, sc.names(), "it is not a column of "+t.Name))
		case !t.Columns[i].Written():
			b.fail(id.Span, "column "+id.Name+" is not written", "it is computed or virtual")
		}
		for _, other := range out {
			if other == i && i >= 0 {
				b.fail(id.Span, "column "+id.Name+" is there twice", "")
			}
		}
		out = append(out, i)
	}
	return out
}

// sinkColumns brings the query's columns to the table's types and order; what the query does not give is NULL.
func (b *Binder) sinkColumns(t *catalog.Table, n plan.Node, targets []int, s *parse.Insert) plan.Node {
	from := columnsOf(n)
	var exprs []plan.Expr
	var out types.Schema
	for i, c := range t.Columns {
		if !c.Written() {
			continue
		}
		at := -1
		for k, target := range targets {
			if target == i {
				at = k
			}
		}
		switch {
		case at >= 0:
			x, ok := storeAs(from[at], c.Type)
			if !ok {
				b.fail(itemSpan(s.Query, at), fmt.Sprintf("column %s of %s is %s, the query gives %s", c.Name, t.Name,
					c.Type.WithNull(true), from[at].Type().WithNull(true).Plain()), "convert it with CAST")
				continue
			}
			exprs = append(exprs, x)
		case c.Type.Nullable:
			exprs = append(exprs, &plan.Literal{T: c.Type})
		default:
			b.fail(s.Span, "column "+c.Name+" of "+t.Name+" is NOT NULL and gets no value", "")
			continue
		}
		out = append(out, types.Field{Name: c.Name, Type: c.Type})
	}
	return project(n, exprs, out)
}

// storeAs converts a value for a column, where that loses nothing but what Flink's sinks lose silently: the length of
// texts and the fraction of a second.
func storeAs(e plan.Expr, t types.Type) (plan.Expr, bool) {
	from := e.Type()
	common, ok := types.Common(from.Plain(), t.Plain())
	fits := ok && (common.Same(t) || from.IsString() && t.IsString() || from.IsBinary() && t.IsBinary() ||
		from.IsTimestamp() && t.IsTimestamp() || from.Kind == types.Decimal && t.Kind == types.Decimal)
	switch {
	case !fits && !(from.IsNumeric() && t.IsNumeric() && t.IsApprox()):
		return nil, false
	case from.Same(t), from.IsString() && t.IsString(), from.IsBinary() && t.IsBinary():
		return e, true
	}
	return &plan.Cast{X: e, T: t.WithNull(from.Nullable || t.Kind == types.Decimal)}, true
}

// itemSpan is where the query writes its column i, as far as that is one place.
func itemSpan(q *parse.Query, i int) sqlerr.Span {
	if s, ok := q.Body.(*parse.Select); ok && i < len(s.Items) {
		for _, it := range s.Items[:i+1] {
			if _, star := it.X.(*parse.Star); star {
				return it.X.At()
			}
		}
		return s.Items[i].X.At()
	}
	if v, ok := q.Body.(*parse.Values); ok && i < len(v.Rows[0]) {
		return v.Rows[0][i].At()
	}
	return q.Span
}
