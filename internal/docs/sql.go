package main

import (
	"strings"

	"github.com/weirhub/weir/sql/funcs"
)

const sqlIntro = `# SQL

The dialect is Apache Flink's. Queries run over topics as they grow, or over files that end; ` + "`weir sql`" + ` runs them by hand and the
` + "`queries`" + ` of the YAML file for as long as the hub does. Names keep their case, keywords have none, back-ticks quote a name.

## Statements

`

// statement is one kind of statement with an example that compiles.
type statement struct{ syntax, doc, example string }

var statements = []statement{
	{"SELECT ...", "A query: WHERE, GROUP BY, HAVING, DISTINCT, FILTER (WHERE ...), UNION [ALL], INTERSECT, EXCEPT, WITH, CASE, CAST, and where the input ends ORDER BY, LIMIT and OFFSET.", "SELECT 1 AS one"},
	{"VALUES (...), ...", "Rows written out.", "VALUES (1, 'a'), (2, 'b')"},
	{"INSERT INTO table SELECT ...", "A pipeline that writes a table until it is stopped.", "CREATE TABLE t (a INT) WITH ('connector' = 'kafka'); INSERT INTO t SELECT 1"},
	{
		"CREATE TABLE name (...) WITH (...)", "A table over a connector, with computed columns, METADATA columns, WATERMARK FOR and PRIMARY KEY ... NOT ENFORCED.",
		"CREATE TABLE t (a INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kafka')",
	},
	{"CREATE VIEW name AS SELECT ...", "A query with a name.", "CREATE VIEW v AS SELECT 1 AS a"},
	{"DROP TABLE name, DROP VIEW name", "Forget it; a topic stays.", "CREATE VIEW v AS SELECT 1 AS a; DROP VIEW v"},
	{"EXPLAIN SELECT ...", "The plan, with the row kinds of each step.", "EXPLAIN SELECT 1"},
	{"DESCRIBE name", "The columns of a table.", "CREATE VIEW v AS SELECT 1 AS a; DESCRIBE v"},
	{"SHOW TABLES, VIEWS, FUNCTIONS, CREATE TABLE name, CREATE VIEW name", "What there is.", "SHOW TABLES; SHOW VIEWS; SHOW FUNCTIONS"},
	{"SET 'option' = 'value'", "An option of the statements that follow; see below.", "SET 'parallelism.default' = '2'"},
	{"RESET", "Back to the defaults.", "RESET"},
}

// settings are the options of SET with a value that each takes.
var settings = []struct{ name, value, doc string }{
	{"parallelism.default", "2", "Tasks of a keyed step, 1 to 128."},
	{"execution.checkpointing.interval", "5 s", "Time between two commits of a pipeline."},
	{"table.exec.source.idle-timeout", "10 s", "A partition without rows for so long holds the watermark back no more."},
	{"table.exec.mini-batch.enabled", "true", "Put an updating aggregate's changes out batch by batch instead of row by row."},
	{"pipeline.name", "daily", "The pipeline's name."},
	{"execution.runtime-mode", "streaming", "Only this value."},
	{"table.local-time-zone", "UTC", "Only this value."},
	{"table.exec.state.ttl", "0", "Only this value: state is kept."},
}

const sqlWindows = `## Windows

` + "`TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR))`" + ` adds window_start, window_end and window_time to the rows of t, where ts is
its time attribute. Grouped by both ends, a window is put out once, when the watermark has passed its end; rows that come
later are dropped and counted.

| Window | Is |
|---|---|
| ` + "`TUMBLE(TABLE t, DESCRIPTOR(ts), size[, offset])`" + ` | one after the other |
| ` + "`HOP(TABLE t, DESCRIPTOR(ts), slide, size[, offset])`" + ` | overlapping, one every slide |
| ` + "`CUMULATE(TABLE t, DESCRIPTOR(ts), step, size[, offset])`" + ` | growing by a step up to the size |

## Row kinds

A query puts out +I (a row), -U and +U (a row's old and new form) and -D (a row is gone). A table in a terminal, JSON and
CSV show the rows that are left; ` + "`--format changelog`" + ` shows the changes. A ` + "`kafka`" + ` table takes +I only, an ` + "`upsert-kafka`" + ` table all.

## Differences from Flink

What is not listed on this page is not there: joins, subqueries in expressions, OVER, ORDER BY over a stream, GROUPING SETS, MATCH_RECOGNIZE,
user-defined functions, ROW, ARRAY and MAP types. A statement that uses them is refused at the place where it does.

`

func sqlPage() string {
	var b strings.Builder
	b.WriteString(generated + sqlIntro)
	var rows [][]string
	for _, s := range statements {
		rows = append(rows, []string{code(s.syntax), s.doc})
	}
	table(&b, []string{"Statement", "Meaning"}, rows)
	b.WriteString(sqlWindows)
	b.WriteString("## Options of SET\n\n")
	rows = nil
	for _, s := range settings {
		rows = append(rows, []string{code(s.name), code(s.value), s.doc})
	}
	table(&b, []string{"Option", "Such as", "Meaning"}, rows)
	b.WriteString("## Aggregates\n\n")
	rows = nil
	for _, a := range funcs.Aggregates() {
		rows = append(rows, []string{code(a.Syntax), a.Doc})
	}
	table(&b, []string{"Aggregate", "Result"}, rows)
	family := ""
	rows = nil
	flush := func() {
		if len(rows) > 0 {
			b.WriteString("## " + family + "\n\n")
			table(&b, []string{"Function", "Result"}, rows)
		}
		rows = nil
	}
	for _, f := range funcs.All() {
		if f.Family != family {
			flush()
			family = f.Family
		}
		row := []string{code(f.Syntax), f.Doc}
		if f.Doc != "" && (len(rows) == 0 || rows[len(rows)-1][0] != row[0]) {
			rows = append(rows, row)
		}
	}
	flush()
	return b.String()
}
