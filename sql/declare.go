package sql

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weirhub/weir/sql/parse"
)

// TableSpec declares a table without SQL, as a configuration file does.
type TableSpec struct {
	Name       string
	Columns    []ColumnSpec
	Watermark  WatermarkSpec // empty Column: the table has no event time
	PrimaryKey []string
	Connector  string
	Options    map[string]string
}

// ColumnSpec is one column: of a Type, from the record's Metadata where that is set, or Computed by an expression.
type ColumnSpec struct {
	Name     string
	Type     string // as in SQL: BIGINT, TIMESTAMP(3) NOT NULL
	Metadata string
	Computed string
}

// WatermarkSpec is WATERMARK FOR Column AS As.
type WatermarkSpec struct {
	Column, As string
}

// SpecError is a mistake in a TableSpec. Field leads to it: "columns[2].type", "watermark.as", "options.topic".
type SpecError struct {
	Field, Msg, Hint string
}

func (e SpecError) Error() string { return e.Field + ": " + e.Msg }

// Declare adds the table to the catalog, with the checks of CREATE TABLE. All mistakes are given at once.
func (e *Engine) Declare(spec TableSpec) []SpecError {
	t := &specText{}
	t.add("name", "CREATE TABLE "+quoteName(spec.Name)+" (")
	elements := 0
	element := func(field, text string) {
		if elements++; elements > 1 {
			text = ", " + text
		}
		t.add(field, text)
	}
	for i, c := range spec.Columns {
		field := fmt.Sprintf("columns[%d]", i)
		switch {
		case c.Computed != "":
			t.check(field+".computed", exprErrors(c.Computed))
			element(field+".computed", quoteName(c.Name)+" AS "+c.Computed)
		case c.Metadata != "":
			t.check(field+".type", typeErrors(c.Type))
			element(field+".metadata", quoteName(c.Name)+" "+c.Type+" METADATA FROM "+quoteText(c.Metadata))
		default:
			t.check(field+".type", typeErrors(c.Type))
			element(field+".type", quoteName(c.Name)+" "+c.Type)
		}
	}
	if w := spec.Watermark; w.Column != "" {
		t.check("watermark.as", exprErrors(w.As))
		element("watermark.column", "WATERMARK FOR "+quoteName(w.Column))
		t.add("watermark.as", " AS "+w.As)
	}
	if len(spec.PrimaryKey) > 0 {
		keys := make([]string, len(spec.PrimaryKey))
		for i, k := range spec.PrimaryKey {
			keys[i] = quoteName(k)
		}
		element("primary_key", "PRIMARY KEY ("+strings.Join(keys, ", ")+") NOT ENFORCED")
	}
	t.add("connector", ") WITH ('connector' = "+quoteText(spec.Connector))
	for _, k := range slices.Sorted(maps.Keys(spec.Options)) {
		t.add("options."+k, ", "+quoteText(k)+" = "+quoteText(spec.Options[k]))
	}
	t.add("name", ")")
	if len(t.errs) > 0 {
		return t.errs
	}
	_, errs := e.Compile(strings.Join(t.lines, "\n"))
	for _, err := range errs {
		t.errs = append(t.errs, SpecError{t.fields[err.Line-1], err.Msg, err.Hint})
	}
	return t.errs
}

// specText is the CREATE TABLE of a TableSpec with one part of it a line, so that a place in the text leads back to the
// part.
type specText struct {
	lines, fields []string
	errs          []SpecError
}

func (t *specText) add(field, line string) {
	reported := slices.ContainsFunc(t.errs, func(e SpecError) bool { return e.Field == field })
	if !reported && (strings.ContainsAny(line, "\n;") || strings.Contains(line, "--")) {
		t.errs = append(t.errs, SpecError{field, "a line break, a semicolon or a comment cannot stand here", ""})
	}
	t.lines, t.fields = append(t.lines, line), append(t.fields, field)
}

// check notes the mistakes of a part that is read by itself first: in the whole text it would end where it should not.
func (t *specText) check(field string, errs []*Error) {
	for _, err := range errs {
		t.errs = append(t.errs, SpecError{field, err.Msg, err.Hint})
	}
}

func exprErrors(text string) []*Error {
	_, errs := parse.ParseExpr(text)
	return errs
}

func typeErrors(text string) []*Error {
	_, errs := parse.ParseType(text)
	return errs
}
