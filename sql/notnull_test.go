package sql

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// A NULL for a NOT NULL column ends the query with the column's name; other NULLs are written.
func TestNullIntoNotNullColumnEndsTheQuery(t *testing.T) {
	for query, want := range map[string]string{
		"INSERT INTO s VALUES ('a', 1), ('b', 2)":                                        "",
		"INSERT INTO s SELECT k, v FROM (VALUES ('a', 1), ('b', NULL)) AS x (k, v)":      "write s: column v is NOT NULL and the query gives NULL",
		"INSERT INTO s SELECT v, 1 FROM (VALUES ('a'), (CAST(NULL AS STRING))) AS x (v)": "",
	} {
		sink := &lineSink{}
		e := New([]Connector{{Name: "memory", Accepts: plan.AcceptsAll, Sink: func(spec SinkSpec) (func(stream.Task) (stream.Sink, error), error) {
			for _, f := range spec.Fields {
				sink.schema = append(sink.schema, types.Field{Name: f.Name, Type: f.SQL})
			}
			return func(stream.Task) (stream.Sink, error) { return sink, nil }, nil
		}}}, nil)
		stmts, errs := e.Compile("CREATE TABLE s (k STRING, v BIGINT NOT NULL) WITH ('connector' = 'memory'); " + query)
		if len(errs) > 0 {
			t.Fatalf("%s: %v", query, errs)
		}
		root, err := stmts[1].Pipeline()
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) { err = stream.Run(t.Context(), stream.Spec{Name: "insert", Root: root}) })
		if want == "" && (err != nil || len(sink.lines) != 2) {
			t.Errorf("%s: error %v, rows %v", query, err, sink.lines)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %s", query, err, want)
		}
	}
}
