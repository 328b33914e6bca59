package sql

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirhub/weir/sql/bind"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/result"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

// memory is a connector whose sink keeps what it gets and whose source gives rows of (k STRING, v BIGINT).
func memory(t *testing.T, accepts plan.Accepts, rows string) (Connector, *lineSink) {
	sink := &lineSink{}
	return Connector{
		Name: "memory", Accepts: accepts,
		Source: func(spec SourceSpec) (func(stream.Task) (stream.Source, error), error) {
			schema := types.Schema{}
			for _, f := range spec.Fields {
				schema = append(schema, types.Field{Name: f.Name, Type: f.SQL})
			}
			data := map[string][]stream.Batch{"rows": {streamtest.Rows(t, schema.Arrow(), rows)}}
			return func(t stream.Task) (stream.Source, error) {
				return &streamtest.Source{Data: data, MaxRows: 1, Task: t, Steps: &streamtest.Steps{}}, nil
			}, nil
		},
		Sink: func(spec SinkSpec) (func(stream.Task) (stream.Sink, error), error) {
			sink.schema = nil
			for _, f := range spec.Fields {
				sink.schema = append(sink.schema, types.Field{Name: f.Name, Type: f.SQL})
			}
			return func(stream.Task) (stream.Sink, error) { return sink, nil }, nil
		},
	}, sink
}

// An upsert sink gets no -U from a grouping by its key: the +U replaces the row. A condition above the grouping asks for
// them, because a row that no longer passes must be removed.
func TestUpsertSinkGetsWhatItNeeds(t *testing.T) {
	const rows = `[{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "a", "v": 3}]`
	for query, want := range map[string][]string{
		"INSERT INTO s SELECT k, SUM(v) FROM r GROUP BY k": {
			`{"op":"+I","row":["a",1]}`, `{"op":"+I","row":["b",2]}`, `{"op":"+U","row":["a",4]}`,
		},
		"INSERT INTO s SELECT k, SUM(v) FROM r GROUP BY k HAVING SUM(v) < 3": {
			`{"op":"+I","row":["a",1]}`, `{"op":"+I","row":["b",2]}`, `{"op":"-U","row":["a",1]}`,
		},
		"INSERT INTO s SELECT k, v FROM r ON CONFLICT DO DEDUPLICATE": {
			`{"op":"+I","row":["a",1]}`, `{"op":"+I","row":["b",2]}`, `{"op":"+I","row":["a",3]}`,
		},
	} {
		c, sink := memory(t, plan.AcceptsUpserts, rows)
		stmts, errs := New([]Connector{c}, nil).Compile(`
			CREATE TABLE r (k STRING, v BIGINT) WITH ('connector' = 'memory');
			CREATE TABLE s (k STRING, v BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'memory'); ` + query)
		if len(errs) > 0 {
			t.Fatalf("%s: %v", query, errs)
		}
		root, err := stmts[2].Pipeline()
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) { err = stream.Run(t.Context(), stream.Spec{Name: "insert", Root: root}) })
		if err != nil || !slices.Equal(sink.lines, want) {
			t.Errorf("%s: error %v, changes\n%s\nwant\n%s", query, err, strings.Join(sink.lines, "\n"), strings.Join(want, "\n"))
		}
	}
}

// What SET says is kept with the statements behind it, and only with those.
func TestStatementsKeepTheirOptions(t *testing.T) {
	stmts, errs := New(nil, nil).Compile(`SELECT 1; SET 'pipeline.name' = 'p'; SET 'parallelism.default' = '4';
		SET 'execution.checkpointing.interval' = '2 s'; SELECT 2; RESET; SELECT 3`)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var got []string
	for _, s := range stmts {
		if s.Kind == Query {
			got = append(got, fmt.Sprint(s.Name(), " ", s.Parallelism(), " ", s.CheckpointEvery()))
		}
	}
	if want := []string{" 0 0s", "p 4 " + (2 * time.Second).String(), " 0 0s"}; !slices.Equal(got, want) {
		t.Errorf("options %q, want %q", got, want)
	}
}

// A session's tables are its own; those that it was given stay as they are.
func TestSessionsShareNoChanges(t *testing.T) {
	hub := testEngine(t)
	session := New(testConnectors(), nil)
	session.Catalog = hub.Catalog.Copy()
	if _, errs := session.Compile("DROP TABLE airlines; CREATE VIEW mine AS SELECT carrier FROM flights"); len(errs) > 0 {
		t.Fatal(errs)
	}
	if hub.Catalog.Table("airlines") == nil || hub.Catalog.View("mine") != nil {
		t.Error("the session changed the hub's catalog")
	}
	if session.Catalog.Table("airlines") != nil || session.Catalog.View("mine") == nil {
		t.Error("the session's catalog did not change")
	}
}

// Types are read from text with Flink's names and defaults.
func TestTypesFromText(t *testing.T) {
	for text, want := range map[string]string{
		"int": "INT", "DECIMAL": "DECIMAL(10, 0)", "timestamp": "TIMESTAMP(6)", "varchar(3) not null": "VARCHAR(3) NOT NULL",
		"TIMESTAMP(3) WITH LOCAL TIME ZONE": "TIMESTAMP_LTZ(3)", "CHAR": "CHAR(1)", "double precision": "DOUBLE",
	} {
		got, err := bind.TypeOf(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"INTT", "DECIMAL(39)", "DECIMAL(2, 3)", "INT(", "TIMESTAMP(10)", "ARRAY<INT>", ""} {
		if got, err := bind.TypeOf(text); err == nil {
			t.Errorf("%s gave %v", text, got)
		}
	}
}

// Rows are written as JSON objects with the columns' names; names and texts are escaped.
func TestRowsAsObjects(t *testing.T) {
	schema := types.Schema{{Name: `a"b`, Type: types.StringT}, {Name: "n", Type: types.DecimalOf(5, 2)}, {Name: "f", Type: types.DoubleT}}
	b := streamtest.Rows(t, schema.Arrow(), `[{"a\"b": "x\n\u0001", "n": "1.5", "f": null}]`)
	got := string(result.AppendObject(nil, b.Rec, 0, schema))
	if want := `{"a\"b":"x\n\u0001","n":"1.50","f":null}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
