package hub

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/suggest"
	"github.com/weirhub/weir/sql"
	"github.com/weirhub/weir/stream/format"
)

// A topic of the file is a table of the same name: the hub writes the CREATE TABLE that a person would, one column a line,
// so that SQL knows one way to declare a table and a mistake in a type is found where all are.

// rawTable shows the records of a topic of which nothing is declared.
const rawTable = "`key` STRING METADATA,\n`value` STRING,\n`timestamp` TIMESTAMP_LTZ(3) METADATA VIRTUAL,\n" +
	"`partition` INT METADATA VIRTUAL,\n`offset` BIGINT METADATA VIRTUAL"

// createTable is the statement that declares a topic's table.
func createTable(t *config.Topic) string {
	lines, valueFormat := []string{}, cmp.Or(t.Format, "json")
	for _, c := range t.Columns {
		line := quoteName(c.Name) + " " + c.Type
		if t.Watermark.Text != "" && c.Name == watermarkColumn(t) && !strings.Contains(strings.ToUpper(c.Type), "NULL") {
			line += " NOT NULL" // a record without its event time goes to the dead letters; Flink would end the query
		}
		lines = append(lines, line)
	}
	if t.Watermark.Text != "" {
		lines = append(lines, watermarkPrefix(t)+t.Watermark.Text)
	}
	if len(t.Columns) == 0 {
		lines, valueFormat = []string{rawTable}, "raw"
	}
	return fmt.Sprintf("CREATE TABLE %s (\n%s\n) WITH ('connector' = '%s', 'topic' = %s, 'format' = '%s')",
		quoteName(t.Name), strings.Join(lines, ",\n"), topicConnector, quoteText(t.Name), valueFormat)
}

func watermarkPrefix(t *config.Topic) string {
	return "WATERMARK FOR " + quoteName(watermarkColumn(t)) + " AS "
}

// watermarkColumn is the column that a watermark's expression begins from: the first of the table's that it names.
func watermarkColumn(t *config.Topic) string {
	first, name := len(t.Watermark.Text)+1, ""
	for _, c := range t.Columns {
		at := regexp.MustCompile(`(^|[^A-Za-z0-9_])` + regexp.QuoteMeta(c.Name) + `($|[^A-Za-z0-9_])`).FindStringIndex(t.Watermark.Text)
		if at != nil && at[0] < first {
			first, name = at[0], c.Name
		}
	}
	return name
}

func quoteName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }
func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// checkTables compiles the table of each topic by itself, so that mistakes of all are told.
func (d *declared) checkTables() {
	for _, name := range sortedKeys(d.byName) {
		t := d.byName[name]
		if t.Watermark.Text != "" && watermarkColumn(t) == "" {
			d.fail(t.Watermark.Pos, config.CodeSQL, "write `column - INTERVAL '1' DAY`", "topics.%s.watermark names no column of the topic", name)
			t.Watermark.Text = ""
		}
		_, errs := sql.New(newConnectors(nil, nil, nil).list(), nil).Compile(createTable(t))
		for _, e := range errs {
			d.errs = append(d.errs, d.tableProblem(t, e))
		}
		if len(errs) > 0 {
			t.Columns, t.Watermark.Text = nil, "" // what uses the table would only repeat the mistake
		}
	}
}

// tableProblem finds the place in the file of a mistake in the statement that createTable wrote.
func (d *declared) tableProblem(t *config.Topic, e *sql.Error) *config.Error {
	line := e.Line - 2 // the columns begin in the second line
	at, where := t.Pos, ""
	switch {
	case line >= 0 && line < len(t.Columns):
		c := t.Columns[line]
		at, where = c.Pos, ".columns."+c.Name
		at.Col += max(e.Col-1-len(quoteName(c.Name)+" "), 0)
	case line == len(t.Columns) && t.Watermark.Text != "":
		at, where = t.Watermark.At(1, max(e.Col-len(watermarkPrefix(t)), 1)), ".watermark"
	}
	return d.problem(at, config.CodeSQL, e.Hint, "topics.%s%s: %s", t.Name, where, e.Msg)
}

// compile compiles statements over the file's tables. An engine is made for each: its connectors belong to one pipeline.
func (d *declared) compile(c *connectors, text string) ([]*sql.Statement, []*sql.Error) {
	return d.engine(c, nil).Compile(text)
}

// engine knows the file's tables, and those of the other topics named.
func (d *declared) engine(c *connectors, others []string) *sql.Engine {
	e := sql.New(c.list(), c.fileTable)
	for _, name := range sortedKeys(d.byName) {
		_, _ = e.Compile(createTable(d.byName[name])) // mistakes were told by checkTables
	}
	for _, name := range others {
		if d.byName[name] == nil {
			_, _ = e.Compile(createTable(&config.Topic{Name: name}))
		}
	}
	return e
}

// columnFields gives the columns of a topic as a decoder's fields.
func columnFields(d *declared, name string, cols []config.Column) ([]format.Field, config.Errors) {
	t := &config.Topic{Name: name, Columns: cols}
	e := sql.New(newConnectors(nil, nil, nil).list(), nil)
	_, errs := e.Compile(createTable(t))
	if len(errs) > 0 {
		var out config.Errors
		for _, err := range errs {
			out = append(out, d.tableProblem(t, err))
		}
		return nil, out
	}
	table := e.Catalog.Table(name)
	if table == nil {
		panic("BUG: a table that was just created is not there: " + name)
	}
	fields := make([]format.Field, len(table.Columns))
	for i, c := range table.Columns {
		fields[i] = format.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: true}
	}
	return fields, nil
}

func nearest(name string, known []string) string {
	if s, ok := suggest.Nearest(name, known); ok {
		return fmt.Sprintf("did you mean %q?", s)
	}
	return "there are: " + strings.Join(known, ", ")
}

func contains(names []string, name string) bool { return slices.Contains(names, name) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// millis is a duration in ms, -1 for ever.
func millis(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Milliseconds()
}
