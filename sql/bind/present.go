package bind

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
)

// present reads the outermost ORDER BY, LIMIT and OFFSET of a bounded query. It orders by columns of the result: by
// name, or by number.
func (b *Binder) present(n plan.Node, q *parse.Query) {
	if q.Limit != nil {
		b.Present.Count, _ = b.wholeNumber(q.Limit, "LIMIT")
	}
	if q.Offset != nil {
		b.Present.Skip, _ = b.wholeNumber(q.Offset, "OFFSET")
	}
	if n == nil {
		return
	}
	for _, o := range q.OrderBy {
		column, ok := b.sortColumn(n, q, o.X)
		if !ok {
			continue
		}
		k := SortKey{Column: column, Desc: o.Desc, NullsFirst: !o.Desc} // NULL is the lowest value, as in Flink
		if o.NullsFirst != nil {
			k.NullsFirst = *o.NullsFirst
		}
		b.Present.Order = append(b.Present.Order, k)
	}
}

func (b *Binder) sortColumn(n plan.Node, q *parse.Query, e parse.Expr) (int, bool) {
	schema := n.Schema()
	switch e := e.(type) {
	case *parse.NumberLit:
		i, err := strconv.Atoi(e.Text)
		if err != nil || i < 1 || i > len(schema) {
			b.fail(e.At(), fmt.Sprintf("the result has no column %s", e.Text), fmt.Sprintf("it has %s", countText(len(schema), "column")))
			return 0, false
		}
		return i - 1, true
	case *parse.Ref:
		name := e.Parts[len(e.Parts)-1].Name
		if i := schema.Index(name); i >= 0 {
			return i, true
		}
	}
	if i, ok := itemLike(q, e); ok {
		return i, true
	}
	b.fail(e.At(), "ORDER BY takes columns of the result", "name the expression in SELECT with AS, and order by that name")
	return 0, false
}

// itemLike finds an aggregate that stands in ORDER BY as it stands in SELECT: ORDER BY COUNT(*).
func itemLike(q *parse.Query, e parse.Expr) (int, bool) {
	s, ok := q.Body.(*parse.Select)
	call, isCall := e.(*parse.Call)
	if !ok || !isCall {
		return 0, false
	}
	for i, it := range s.Items {
		if _, star := it.X.(*parse.Star); star {
			return 0, false // columns are not numbered as the items are
		}
		if c, ok := it.X.(*parse.Call); ok && sameCall(c, call) {
			return i, true
		}
	}
	return 0, false
}

func sameCall(a, b *parse.Call) bool {
	if !strings.EqualFold(a.Name.Name, b.Name.Name) || a.Star != b.Star || a.Distinct != b.Distinct || len(a.Args) != len(b.Args) ||
		a.Filter != nil || b.Filter != nil || a.Over != nil || b.Over != nil {
		return false
	}
	for i := range a.Args {
		x, ok1 := a.Args[i].(*parse.Ref)
		y, ok2 := b.Args[i].(*parse.Ref)
		if !ok1 || !ok2 || joinName(x.Parts) != joinName(y.Parts) {
			return false
		}
	}
	return true
}
