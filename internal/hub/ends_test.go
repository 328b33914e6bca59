package hub_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/hub"
)

// What would keep a bounded run from ending is refused before it starts, at its place; the same file is fine for a hub
// that has no end.
func TestRunsWithoutEndAreRefused(t *testing.T) {
	const topics = "version: 1\ntopics: {a: {columns: {n: INT}}, b: {columns: {n: INT}}, c: {columns: {n: INT}}, \"a.dlq\": {}}\n"
	for _, c := range []struct{ name, text, want string }{
		{
			"two functions", "functions:\n  f: {expr: \"true\", triggers: a, to: b}\n  g: {expr: \"true\", triggers: b, to: a}\n",
			"4:31 functions.f goes in a circle, so `weir run` would never end: functions.f -> functions.g -> functions.f",
		},
		{
			"one query", "queries:\n  q: INSERT INTO a SELECT n + 1 FROM a\n",
			"4:3 queries.q goes in a circle, so `weir run` would never end: queries.q -> queries.q",
		},
		{
			"a function and a query", "functions:\n  f: {expr: \"true\", triggers: a, to: b}\nqueries:\n  q: INSERT INTO c SELECT n FROM b\n  r: INSERT INTO a SELECT n FROM c\n",
			"4:31 functions.f goes in a circle, so `weir run` would never end: functions.f -> queries.q -> queries.r -> functions.f",
		},
		{
			"dead letters that are tried again", "functions:\n  f: {expr: \"true\", triggers: a, to: b}\n  again: {expr: \"true\", triggers: a.dlq, to: a}\n",
			"4:31 functions.f goes in a circle, so `weir run` would never end: functions.f -> functions.again -> functions.f",
		},
		{
			"rows without an end", "sources:\n  g: {generate: {rate: 10}, to: a}\n",
			"4:3 sources.g makes rows without an end, so `weir run` would never end",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(newDir(t, "weir.yaml", topics+c.text).load())
			o.Bounded = true
			_, err := hub.Open(t.Context(), o)
			var es config.Errors
			if !errors.As(err, &es) || len(es) != 1 {
				t.Fatalf("Open: %v, want one mistake", err)
			}
			if got := fmt.Sprintf("%d:%d %s", es[0].Line, es[0].Col, es[0].Msg); got != c.want || es[0].Hint == "" {
				t.Errorf("\n got %s (%s)\nwant %s", got, es[0].Hint, c.want)
			}
			o.Bounded = false
			open(t, o).up().sound()
		})
	}
}

// Branches that meet again are no circle.
func TestBranchesAreNoCircle(t *testing.T) {
	d := newDir(t, "weir.yaml", `version: 1
topics: {orders: {columns: {id: BIGINT}}, a: {columns: {id: BIGINT}}, b: {columns: {id: BIGINT}}, c: {columns: {id: BIGINT}}}
sources: {input: {file: orders.csv, to: orders}}
queries:
  left: INSERT INTO a SELECT id FROM orders
  right: INSERT INTO b SELECT id FROM orders
  joined: INSERT INTO c SELECT id FROM a UNION ALL SELECT id FROM b
sinks: {out: {from: c, stdout: {}}}
`, "orders.csv", orders(50))
	r := runToEnd(t, options(d.load())).sound()
	if p := r.part(admin.KindSink, "out"); p.RecordsOut != 100 {
		t.Errorf("%d rows came through both branches, want 100", p.RecordsOut)
	}
	if p := r.part(admin.KindQuery, "joined"); p.From != "a, b" || p.To != "c" || p.RecordsIn != 100 {
		t.Errorf("the query that reads both: from %q to %q, %d in", p.From, p.To, p.RecordsIn)
	}
}

// Who reads dead letters waits in a bounded run for those who may write some (H3), and the topic is there before the first
// comes. A bad record is counted and stops nothing.
func TestDeadLettersAreReadInARun(t *testing.T) {
	d := newDir(t, "weir.yaml", `version: 1
topics: {lines: {}, orders: {columns: {id: BIGINT}}, copied: {columns: {id: BIGINT}}}
sources: {input: {file: {path: lines.txt, format: raw}, to: lines}}
functions:
  forward: {expr: "value", triggers: lines, to: orders}
  report: {expr: "{reason: 'seen', value: value}", triggers: orders.dlq, to: reports}
  refuse:
    expr: int(value.id) > 0
    triggers: {topic: orders, errors: {retries: 0, dead_letter: refused}}
  after: {expr: "true", triggers: refused, to: last}
queries: {copy: INSERT INTO copied SELECT id FROM orders}
`, "lines.txt", "{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":3}\n")
	r := runToEnd(t, options(d.load())).sound()
	for _, w := range []struct {
		kind, name    string
		in, out, dead int64
	}{
		{admin.KindFunction, "forward", 3, 3, 0},
		{admin.KindQuery, "copy", 2, 2, 1},
		{admin.KindFunction, "report", 1, 1, 0},
		{admin.KindFunction, "refuse", 3, 0, 1},
		{admin.KindFunction, "after", 1, 1, 0},
	} {
		if p := r.part(w.kind, w.name); p.RecordsIn != w.in || p.RecordsOut != w.out || p.DeadLetters != w.dead {
			t.Errorf("%s %s: in=%d out=%d dead=%d, want in=%d out=%d dead=%d", w.kind, w.name, p.RecordsIn, p.RecordsOut, p.DeadLetters, w.in, w.out, w.dead)
		}
	}
}

// A function with several triggers runs as one part for each, each with its own position.
func TestSeveralTriggersOfOneFunction(t *testing.T) {
	d := newDir(t, "weir.yaml", "version: 1\ntopics: {a: {}, b: {}, out: {}}\nfunctions: {f: {expr: \"true\", triggers: [a, b], to: out}}\n")
	r := open(t, options(d.load())).up()
	r.produce("a", `"a1"`)
	r.produce("b", `"b1"`)
	equal(t, "out", values(r.records("out", 2)), []string{`"a1"`, `"b1"`})
	var names []string
	for _, p := range r.Status().Parts {
		names = append(names, p.Name+" <- "+p.From)
	}
	equal(t, "parts", names, []string{"f/a <- a", "f/b <- b"})
}

// A trigger's filter keeps records from the function; those that it lets pass are in.
func TestFilteredTrigger(t *testing.T) {
	d := newDir(t, "weir.yaml", `version: 1
topics: {orders: {columns: {id: BIGINT, city: STRING, amount: DOUBLE}}}
sources: {input: {file: orders.csv, to: orders}}
functions:
  f: {expr: "true", triggers: {topic: orders, filter: {value: {city: [city3]}}}, to: out}
`, "orders.csv", orders(70))
	r := runToEnd(t, options(d.load())).sound()
	if p := r.part(admin.KindFunction, "f"); p.RecordsIn != 70 || p.RecordsOut != 10 || p.DeadLetters != 0 {
		t.Errorf("in=%d out=%d dead=%d, want 70, 10 and none", p.RecordsIn, p.RecordsOut, p.DeadLetters)
	}
}

// Made-up rows end after their count, and are printed by a stdout sink as JSON lines.
func TestGenerateToStdout(t *testing.T) {
	d := newDir(t, "weir.yaml", `version: 1
topics: {r: {columns: {n: BIGINT, c: STRING}}}
sources: {g: {generate: {count: 3, columns: {n: sequence, c: {kind: choice, choices: [x]}}}, to: r}}
sinks: {print: {from: r, stdout: {}}}
`)
	r := runToEnd(t, options(d.load())).sound()
	got := strings.Split(strings.TrimSpace(r.out.String()), "\n")
	slices.Sort(got)
	equal(t, "printed", got, []string{`{"n":0,"c":"x"}`, `{"n":1,"c":"x"}`, `{"n":2,"c":"x"}`})
}
