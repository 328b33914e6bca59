package sql

import (
	"errors"
	"strings"
	"testing"

	"github.com/weirhub/weir/stream"
)

// stateID is the id of the node of a query that holds groups, and those of its aggregates do not matter here.
func stateID(t *testing.T, query string) string {
	t.Helper()
	e := testEngine(t)
	for i := range e.Connectors {
		e.Connectors[i].Source = func(SourceSpec) (func(stream.Task) (stream.Source, error), error) {
			return func(stream.Task) (stream.Source, error) { return nil, errors.New("never opened") }, nil
		}
	}
	stmts, errs := e.Compile(query)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", query, errs)
	}
	n, err := stmts[0].Pipeline()
	if err != nil {
		t.Fatal(err)
	}
	for ; n != nil; n = n.Inputs[0] {
		if strings.HasSuffix(n.Name, "Aggregate") {
			return n.ID
		}
	}
	t.Fatalf("%s: no aggregate", query)
	return ""
}

// State is found again by what it means: names, other aggregates and what is done with the result do not matter; keys,
// windows and the rows that are read do.
func TestStateIsNamedByItsMeaning(t *testing.T) {
	const from = " FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(time_hour), INTERVAL '1' HOUR))"
	for _, c := range []struct {
		what, a, b string
		same       bool
	}{
		{
			"aliases and order", "SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin",
			"SELECT COUNT(*) AS flights, origin AS o FROM flights GROUP BY origin", true,
		},
		{
			"one more aggregate", "SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin",
			"SELECT origin, COUNT(*) AS n, MAX(dep_delay) AS m FROM flights GROUP BY origin", true,
		},
		{
			"HAVING on the result", "SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin",
			"SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin HAVING COUNT(*) > 3", true,
		},
		{
			"through a sub-query", "SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin",
			"SELECT o, COUNT(*) AS n FROM (SELECT dest AS d, origin AS o FROM flights) GROUP BY o", true,
		},
		{
			"another key", "SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin",
			"SELECT dest, COUNT(*) AS n FROM flights GROUP BY dest", false,
		},
		{
			"other rows", "SELECT origin, COUNT(*) AS n FROM flights GROUP BY origin",
			"SELECT origin, COUNT(*) AS n FROM flights WHERE dep_delay > 0 GROUP BY origin", false,
		},
		{
			"windows: another column", "SELECT origin, COUNT(*) AS n" + from + " GROUP BY origin, window_start, window_end",
			"SELECT window_end, origin, SUM(distance) AS s" + from + " GROUP BY window_end, window_start, origin", true,
		},
		{
			"windows: another size", "SELECT COUNT(*) AS n" + from + " GROUP BY window_start, window_end",
			"SELECT COUNT(*) AS n" + strings.Replace(from, "'1' HOUR", "'2' HOUR", 1) + " GROUP BY window_start, window_end", false,
		},
	} {
		if a, b := stateID(t, c.a), stateID(t, c.b); (a == b) != c.same {
			t.Errorf("%s: ids %s and %s, want them the same: %v", c.what, a, b, c.same)
		}
	}
}
