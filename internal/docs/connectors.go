package main

import (
	"strings"

	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/stream/format"
)

const connectorsIntro = `# Connectors

A connector is a source or a sink of a pipeline. Topics are one of them: a query, a function and a sink read them, a source, a
query and a function write them, all with the same code on the embedded broker and on a Kafka cluster.

`

const connectorsSQL = `## In SQL

Every topic is a table of its name, and every file is one by its path in quotes. CREATE TABLE makes others, with Flink's names:

| Connector | Is | Options |
|---|---|---|
| ` + "`kafka`" + ` | a topic; takes inserts | ` + "`topic`, `format`, `value.format`, `key.format`, `key.fields`, `scan.startup.mode`, `properties.*`" + `, the format's |
| ` + "`upsert-kafka`" + ` | a topic of the last row of each PRIMARY KEY; takes updates; a sink | the same |
| ` + "`filesystem`" + ` | CSV or JSON files; a source | ` + "`path`, `format`" + `, the format's |

## Formats

Options of CREATE TABLE, written with the format's name before them: ` + "`'csv.field-delimiter' = ';'`" + `.

`

// formatOptions says what each option means; a test holds it to the options that there are.
var formatOptions = map[string]string{
	"ignore-parse-errors":       "Leave out records that cannot be read, instead of sending them to the dead letters.",
	"fail-on-missing-field":     "A record without one of the columns is bad, instead of NULL there.",
	"timestamp-format.standard": "`SQL` (2013-01-01 10:00:00), `ISO-8601` (2013-01-01T10:00:00) or `ANY`.",
	"encode.ignore-null-fields": "Write no member for a NULL.",
	"field-delimiter":           "One character; `,` by default.",
	"quote-character":           "One character; `\"` by default.",
	"disable-quote-character":   "Quotes are ordinary characters.",
	"allow-comments":            "Lines that begin with `#` are passed over.",
	"null-literal":              "A text that means NULL.",
	"empty-is-null":             "An empty field without quotes is NULL.",
	"ragged-is-null":            "A line with too few fields has NULLs at its end.",
}

func connectorsPage() string {
	var b strings.Builder
	b.WriteString(generated + connectorsIntro)
	for _, kind := range []struct{ title, path string }{
		{"Source: file", "sources.NAME.file"},
		{"Source: generate", "sources.NAME.generate"},
		{"Columns of generate", "sources.NAME.generate.columns.NAME"},
		{"Sink: parquet", "sinks.NAME.parquet"},
		{"Rolling of parquet", "sinks.NAME.parquet.roll"},
	} {
		for _, s := range config.Reference() {
			if s.Path == kind.path {
				b.WriteString("## " + kind.title + "\n\n")
				section(&b, s)
			}
		}
	}
	b.WriteString("## Sink: stdout\n\nOne JSON object a line on the hub's standard output; it has no keys.\n\n")
	b.WriteString(connectorsSQL)
	var rows [][]string
	for _, f := range format.Names() {
		for _, o := range format.OptionNames(f) {
			rows = append(rows, []string{code(f + "." + o), formatOptions[o]})
		}
	}
	table(&b, []string{"Option", "Meaning"}, rows)
	b.WriteString("`raw` has no options: the value's bytes are one column.\n")
	return b.String()
}
