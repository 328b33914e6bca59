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

// rawColumns show the records of a topic of which nothing is declared.
var rawColumns = []sql.ColumnSpec{
	{Name: "key", Type: "STRING", Metadata: "key"},
	{Name: "value", Type: "STRING"},
	{Name: "timestamp", Type: "TIMESTAMP_LTZ(3)", Metadata: "timestamp"},
	{Name: "partition", Type: "INT", Metadata: "partition"},
	{Name: "offset", Type: "BIGINT", Metadata: "offset"},
}

// table is a topic as SQL sees it: a table of the same name.
func table(t *config.Topic) sql.TableSpec {
	spec := sql.TableSpec{
		Name: t.Name, Connector: topicConnector, Columns: rawColumns,
		Options: map[string]string{"topic": t.Name, "format": "raw"},
	}
	if len(t.Columns) == 0 {
		return spec
	}
	spec.Options["format"] = cmp.Or(t.Format, "json")
	spec.Columns = nil
	if t.Watermark.Text != "" {
		spec.Watermark = sql.WatermarkSpec{Column: watermarkColumn(t), As: t.Watermark.Text}
	}
	for _, c := range t.Columns {
		if c.Name == spec.Watermark.Column && !strings.Contains(strings.ToUpper(c.Type), "NULL") {
			c.Type += " NOT NULL" // a record without its event time goes to the dead letters; Flink would end the query
		}
		spec.Columns = append(spec.Columns, sql.ColumnSpec{Name: c.Name, Type: c.Type})
	}
	return spec
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

// checkTables declares the table of each topic by itself, so that mistakes of all are told.
func (d *declared) checkTables() {
	for _, name := range sortedKeys(d.byName) {
		t := d.byName[name]
		if t.Watermark.Text != "" && watermarkColumn(t) == "" {
			d.fail(t.Watermark.Pos, config.CodeSQL, "write `column - INTERVAL '1' DAY`", "topics.%s.watermark names no column of the topic", name)
			t.Watermark.Text = ""
		}
		errs := sql.New(newConnectors(nil, nil, nil).list(), nil).Declare(table(t))
		for _, e := range errs {
			d.errs = append(d.errs, d.tableProblem(t, e))
		}
		if len(errs) > 0 {
			t.Columns, t.Watermark.Text = nil, "" // what uses the table would only repeat the mistake
		}
	}
}

// tableProblem finds the place in the file of a mistake in a topic's table.
func (d *declared) tableProblem(t *config.Topic, e sql.SpecError) *config.Error {
	at, where := t.Pos, ""
	var column int
	if n, err := fmt.Sscanf(e.Field, "columns[%d]", &column); n == 1 && err == nil && column < len(t.Columns) {
		at, where = t.Columns[column].Pos, ".columns."+t.Columns[column].Name
	} else if strings.HasPrefix(e.Field, "watermark") {
		at, where = t.Watermark.Pos, ".watermark"
	}
	return d.problem(at, config.CodeSQL, e.Hint, "topics.%s%s: %s", t.Name, where, e.Msg)
}

// compile compiles statements over the file's tables. An engine is made for each: its connectors belong to one pipeline.
func (d *declared) compile(c *connectors, text string) ([]*sql.Statement, []*sql.Error) {
	return d.engine(c, nil).Compile(text)
}

// engine knows the file's tables, and those of the other topics named.
func (d *declared) engine(c *connectors, others []string) *sql.Engine {
	c.dir = cmp.Or(c.dir, d.f.Dir)
	e := sql.New(c.list(), c.fileTable)
	for _, name := range sortedKeys(d.byName) {
		_ = e.Declare(table(d.byName[name])) // mistakes were told by checkTables
	}
	for _, name := range others {
		if d.byName[name] == nil {
			_ = e.Declare(table(&config.Topic{Name: name})) // a table of rawColumns has none
		}
	}
	return e
}

// columnFields gives the columns of a topic as a decoder's fields.
func columnFields(d *declared, name string, cols []config.Column) ([]format.Field, config.Errors) {
	t := &config.Topic{Name: name, Columns: cols}
	e := sql.New(newConnectors(nil, nil, nil).list(), nil)
	if errs := e.Declare(table(t)); len(errs) > 0 {
		var out config.Errors
		for _, err := range errs {
			out = append(out, d.tableProblem(t, err))
		}
		return nil, out
	}
	columns := e.Catalog.Table(name).Columns
	fields := make([]format.Field, len(columns))
	for i, c := range columns {
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
