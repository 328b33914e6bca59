package bind

import (
	"errors"
	"strings"

	"github.com/weirhub/weir/internal/suggest"
	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/sqlerr"
)

// Binder binds one statement. It is used once.
type Binder struct {
	catalog *catalog.Catalog
	// file makes a table of a path in FROM; nil where there are no files.
	file func(path string) (*catalog.Table, error)

	// Bounded says that the query's input ends and its rows are shown afterwards: its outermost ORDER BY and LIMIT then
	// say how they are shown (see Present) instead of being refused.
	Bounded bool
	// Present is how the rows of a bounded query are shown.
	Present Presentation

	errs     []*sqlerr.Error
	warnings []*sqlerr.Error
	ctes     []cte
	views    []string // being bound, to find a view that uses itself
	// Broken names tables whose CREATE was refused: statements that use one are not reported again, and have no plan.
	Broken map[string]bool
	// places remembers where a column reference stood, for errors that are found after binding.
	places map[*plan.Column]sqlerr.Span
}

type cte struct {
	name string
	node plan.Node
}

// Presentation is the order and number of rows to show once a bounded query has ended.
type Presentation struct {
	Order []SortKey
	Skip  int64
	Count int64 // -1: all
}

// SortKey is one column of an order.
type SortKey struct {
	Column     int
	Desc       bool
	NullsFirst bool
}

// New makes a Binder over a catalog. file makes a table of a path in FROM, and may be nil.
func New(c *catalog.Catalog, file func(path string) (*catalog.Table, error)) *Binder {
	return &Binder{catalog: c, file: file, places: map[*plan.Column]sqlerr.Span{}, Present: Presentation{Count: -1}}
}

// Warnings are remarks about a statement that is right but probably not meant so.
func (b *Binder) Warnings() []*sqlerr.Error { return b.warnings }

// Query binds a query. The plan is nil where there are errors.
func (b *Binder) Query(q *parse.Query) (plan.Node, []*sqlerr.Error) {
	if b.Bounded {
		inner := *q
		inner.OrderBy, inner.Limit, inner.Offset = nil, nil, nil
		n := b.query(&inner)
		b.present(n, q)
		return b.checked(n)
	}
	return b.checked(b.query(q))
}

func (b *Binder) checked(n plan.Node) (plan.Node, []*sqlerr.Error) {
	if len(b.errs) > 0 {
		sqlerr.Sort(b.errs)
		return nil, b.errs
	}
	return n, nil
}

func (b *Binder) fail(at sqlerr.Span, msg, hint string) {
	b.errs = append(b.errs, sqlerr.New(at, msg, hint))
}

// failMissing reports a table that the catalog does not have.
func (b *Binder) failMissing(at sqlerr.Span, name, hint string) {
	b.fail(at, "unknown table "+name, hint)
	b.errs[len(b.errs)-1].Missing = name
}

func (b *Binder) warn(at sqlerr.Span, msg, hint string) {
	b.warnings = append(b.warnings, sqlerr.New(at, msg, hint))
}

// failCall reports what funcs says about a call.
func (b *Binder) failCall(at sqlerr.Span, name string, err error) {
	var fe *funcs.Error
	if !errors.As(err, &fe) {
		b.fail(at, err.Error(), "")
		return
	}
	if !fe.Unknown {
		b.fail(at, fe.Msg, fe.Hint)
		return
	}
	hint := "the functions are listed by SHOW FUNCTIONS"
	if other, ok := elsewhere(strings.ToUpper(name)); ok {
		hint = "here it is " + other
	} else if near, ok := suggest.Nearest(name, funcs.Names()); ok {
		hint = didYouMean(near)
	}
	b.fail(at, "unknown function "+name, hint)
}

func didYouMean(name string) string { return "did you mean " + name + "?" }

// nearest is the hint for a name that is not among the candidates, or otherwise.
func nearest(name string, candidates []string, otherwise string) string {
	if near, ok := suggest.Nearest(name, candidates); ok {
		return didYouMean(near)
	}
	return otherwise
}

// elsewhere translates functions of other dialects.
func elsewhere(name string) (string, bool) {
	s, ok := map[string]string{
		"LENGTH": "CHAR_LENGTH(s)", "LEN": "CHAR_LENGTH(s)", "STRPOS": "POSITION(x IN s)", "CHARINDEX": "LOCATE(x, s)",
		"NVL": "COALESCE(a, b)", "ISNULL": "x IS NULL", "TO_CHAR": "DATE_FORMAT(t, 'yyyy-MM-dd')",
		"DATE_TRUNC": "FLOOR(t TO HOUR)", "DATEDIFF": "TIMESTAMPDIFF(DAY, a, b)", "DATE_DIFF": "TIMESTAMPDIFF(DAY, a, b)",
		"DATE_ADD": "t + INTERVAL '1' DAY", "DATEADD": "t + INTERVAL '1' DAY", "DATE_PART": "EXTRACT(DAY FROM t)",
		"STRING_AGG": "LISTAGG(s, ',')", "GROUP_CONCAT": "LISTAGG(s, ',')", "TIME_BUCKET": "TABLE(TUMBLE(...))",
		"TRUNC": "TRUNCATE(x, digits)", "POW": "POWER(x, y)", "RANDOM": "RAND()", "IIF": "IF(condition, a, b)",
		"SAFE_CAST": "TRY_CAST(x AS type)", "ANY_VALUE": "FIRST_VALUE(x)", "COUNT_IF": "COUNT(*) FILTER (WHERE ...)",
	}[name]
	return s, ok
}
