package sql

import (
	"slices"
	"testing"
)

// A table that a configuration file declares is the same as one made by CREATE TABLE.
func TestDeclareMakesTheTable(t *testing.T) {
	e := New(testConnectors(), nil)
	errs := e.Declare(TableSpec{
		Name: "weather", Connector: "topic", Options: map[string]string{"topic": "weather", "format": "json"},
		Columns: []ColumnSpec{
			{Name: "origin", Type: "STRING NOT NULL"},
			{Name: "temp", Type: "DECIMAL(5, 2)"},
			{Name: "at", Type: "TIMESTAMP(3)"},
			{Name: "partition", Type: "INT", Metadata: "partition"},
			{Name: "celsius", Computed: "(temp - 32) / 1.8"},
		},
		Watermark: WatermarkSpec{Column: "at", As: "`at` - INTERVAL '5' SECOND"}, PrimaryKey: []string{"origin"},
	})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := "CREATE TABLE `weather` (\n  `origin` STRING NOT NULL,\n  `temp` DECIMAL(5, 2),\n  `at` TIMESTAMP(3),\n" +
		"  `partition` INT METADATA FROM 'partition' VIRTUAL,\n  `celsius` AS (temp - 32) / 1.8,\n" +
		"  WATERMARK FOR `at` AS `at` - INTERVAL '5' SECOND,\n  PRIMARY KEY (`origin`) NOT ENFORCED\n) WITH (\n" +
		"  'connector' = 'topic',\n  'format' = 'json',\n  'topic' = 'weather'\n)"
	if got := CreateTable(e.Catalog.Table("weather")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Each mistake names the part of the declaration in which it is.
func TestDeclareNamesThePartThatIsWrong(t *testing.T) {
	spec := func(change func(*TableSpec)) TableSpec {
		s := TableSpec{
			Name: "t", Connector: "topic", Options: map[string]string{"topic": "t"},
			Columns: []ColumnSpec{{Name: "a", Type: "STRING"}, {Name: "ts", Type: "TIMESTAMP(3)"}},
		}
		change(&s)
		return s
	}
	for _, c := range []struct {
		name   string
		spec   TableSpec
		fields []string
	}{
		{"type and option", spec(func(s *TableSpec) {
			s.Columns[1].Type = "TIMESTMP(3)"
			s.Options["formt"] = "json"
		}), []string{"columns[1].type", "options.formt"}},
		{"metadata", spec(func(s *TableSpec) { s.Columns[0].Metadata = "kye" }), []string{"columns[0].metadata"}},
		{"computed", spec(func(s *TableSpec) { s.Columns[0].Computed = "nope + 1" }), []string{"columns[0].computed"}},
		{"computed of bad form", spec(func(s *TableSpec) { s.Columns[0].Computed = "1 +" }), []string{"columns[0].computed"}},
		{"type of bad form", spec(func(s *TableSpec) { s.Columns[0].Type = "INT) WITH (" }), []string{"columns[0].type"}},
		{"watermark", spec(func(s *TableSpec) { s.Watermark = WatermarkSpec{"ts", "ts - 5"} }), []string{"watermark.as"}},
		{"watermark's column", spec(func(s *TableSpec) { s.Watermark = WatermarkSpec{"tz", "ts"} }), []string{"watermark.column"}},
		{"key", spec(func(s *TableSpec) { s.PrimaryKey = []string{"b"} }), []string{"primary_key"}},
		{"connector", spec(func(s *TableSpec) { s.Connector = "tpoic" }), []string{"connector"}},
		{"two lines", spec(func(s *TableSpec) { s.Columns[0].Type = "INT;\nDROP TABLE t" }), []string{"columns[0].type"}},
	} {
		var fields []string
		for _, err := range New(testConnectors(), nil).Declare(c.spec) {
			fields = append(fields, err.Field)
		}
		if !slices.Equal(fields, c.fields) {
			t.Errorf("%s: mistakes in %v, want %v", c.name, fields, c.fields)
		}
	}
}
