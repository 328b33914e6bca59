package hub

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/connectors/file"
	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/sql"
	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
)

// topicConnector is the name by which SQL knows topics: Flink's, so that a statement runs on both.
const (
	topicConnector  = "kafka"
	upsertConnector = "upsert-kafka"
	fileConnector   = "filesystem"
)

// connectors are what the SQL of one pipeline reads and writes. Without a cluster they only check.
type connectors struct {
	cluster *topic.Cluster
	x       *topic.Transaction      // of the pipeline; nil: it writes no topic
	until   func(topic string) read // how its topics end
	dir     string                  // where relative paths of files start; "": the working directory
}

// read says how a topic is read.
type read struct {
	bounded bool
	until   <-chan struct{}
	start   int64
}

func newConnectors(c *topic.Cluster, x *topic.Transaction, until func(string) read) *connectors {
	return &connectors{cluster: c, x: x, until: until}
}

// list is the table of connectors.
func (c *connectors) list() []sql.Connector {
	// The properties say how Flink's client finds the cluster and who it is; here the cluster is the hub's.
	topicOptions := append([]string{
		"topic", "properties.bootstrap.servers", "properties.group.id", "properties.*", "scan.startup.mode", "format", "value.format",
		"key.format", "key.fields",
	}, formatOptions()...)
	return []sql.Connector{
		{Name: topicConnector, Options: topicOptions, Accepts: plan.AcceptsInserts, Source: c.topicSource, Sink: c.topicSink},
		{Name: upsertConnector, Options: topicOptions, Accepts: plan.AcceptsUpserts, Sink: c.topicSink},
		{Name: fileConnector, Options: append([]string{"path", "format"}, formatOptions()...), Source: c.fileSource},
	}
}

// formatOptions are the options of all formats with their prefixes ("json.", "csv.").
func formatOptions() (out []string) {
	for _, f := range format.Names() {
		for _, o := range format.OptionNames(f) {
			out = append(out, f+"."+o)
		}
	}
	return out
}

// formatOf reads a table's format and its options.
func formatOf(t *catalog.Table) (string, format.Options, error) {
	name := cmp.Or(t.Options["value.format"], t.Options["format"], "json")
	words := map[string]string{}
	for k, v := range t.Options {
		if word, ok := strings.CutPrefix(k, name+"."); ok {
			words[word] = v
		}
	}
	o, err := format.ParseOptions(name, words)
	return name, o, err
}

// metadataSources are the record's parts by the names that SQL has for them.
var metadataSources = map[string]format.Source{
	"": format.FromValue, "key": format.FromKey, "topic": format.FromTopic, "partition": format.FromPartition,
	"offset": format.FromOffset, "timestamp": format.FromTimestamp, "headers": format.FromHeaders,
	"header-count": format.FromHeaderCount, "value": format.FromRawValue,
}

func decoderFields(fields []sql.Field) ([]format.Field, error) {
	out := make([]format.Field, len(fields))
	for i, f := range fields {
		src, ok := metadataSources[f.Metadata]
		if !ok {
			return nil, fmt.Errorf("column %s: records have no metadata %q", f.Name, f.Metadata)
		}
		out[i] = format.Field{Name: f.Name, Type: f.Type, Nullable: f.SQL.Nullable, Source: src}
	}
	return out, nil
}

func topicName(t *catalog.Table) string { return cmp.Or(t.Options["topic"], t.Name) }

func (c *connectors) topicSource(s sql.SourceSpec) (func(stream.Task) (stream.Source, error), error) {
	name, options, err := formatOf(s.Table)
	if err != nil {
		return nil, err
	}
	fields, err := decoderFields(s.Fields)
	if err != nil {
		return nil, err
	}
	if c.cluster == nil {
		return nil, fmt.Errorf("read table %s: topics need a hub: start one with `weir up`", s.Table.Name)
	}
	t := topicName(s.Table)
	o := sourceOptions(t, c.until(t), func() (topic.Decoder, error) { return format.NewDecoder(name, fields, options) })
	switch mode := s.Table.Options["scan.startup.mode"]; mode {
	case "", "earliest-offset", "group-offsets":
	case "latest-offset":
		o.Start = topic.Latest
	default:
		return nil, fmt.Errorf("read table %s: scan.startup.mode '%s' is none of earliest-offset, latest-offset, group-offsets", s.Table.Name, mode)
	}
	return func(task stream.Task) (stream.Source, error) { return topic.NewSource(c.cluster, o, task) }, nil
}

func sourceOptions(name string, r read, decoder func() (topic.Decoder, error)) topic.SourceOptions {
	start := r.start
	if start == 0 {
		start = topic.Earliest
	}
	return topic.SourceOptions{Topic: name, Start: start, Bounded: r.bounded, Until: r.until, NewDecoder: decoder}
}

func (c *connectors) topicSink(s sql.SinkSpec) (func(stream.Task) (stream.Sink, error), error) {
	name, options, err := formatOf(s.Table)
	if err != nil {
		return nil, err
	}
	if c.x == nil {
		return nil, fmt.Errorf("write table %s: topics need a hub: start one with `weir up`", s.Table.Name)
	}
	schema, value, key := sinkColumns(s)
	o := topic.SinkOptions{
		Topic: topicName(s.Table), NewValue: rowEncoder(name, schema, value, options), Upsert: s.Upsert,
		Timestamp: metadataColumn(s, "timestamp"), Headers: topic.NoColumn, HeaderCount: topic.NoColumn,
	}
	switch {
	case metadataColumn(s, "key") != topic.NoColumn:
		o.NewKey = func() (topic.EncodeRow, error) { return topic.BytesColumn(metadataColumn(s, "key")), nil }
	case len(key) > 0:
		o.NewKey = keyEncoder(schema, key)
	}
	return func(task stream.Task) (stream.Sink, error) { return topic.NewSink(c.x, o, task) }, nil
}

// sinkColumns gives the schema of a sink's rows, the columns of its value and those of its key.
func sinkColumns(s sql.SinkSpec) (schema *arrow.Schema, value, key []int) {
	fields := make([]arrow.Field, len(s.Fields))
	for i, f := range s.Fields {
		fields[i] = arrow.Field{Name: f.Name, Type: f.Type, Nullable: true}
		if f.Metadata == "" {
			value = append(value, i)
		}
	}
	return arrow.NewSchema(fields, nil), value, s.Key
}

func metadataColumn(s sql.SinkSpec, name string) int {
	for i, f := range s.Fields {
		if f.Metadata == name {
			return i
		}
	}
	return topic.NoColumn
}

// rowEncoder makes encoders of rows. The encoder keeps the batch it was pointed at last, so that a batch is not mistaken
// for an earlier one at the same address.
func rowEncoder(name string, schema *arrow.Schema, columns []int, o format.Options) func() (topic.EncodeRow, error) {
	return func() (topic.EncodeRow, error) {
		e, err := format.NewEncoder(name, schema, columns, o)
		if err != nil {
			return nil, err
		}
		var last arrow.RecordBatch
		return func(dst []byte, rec arrow.RecordBatch, row int) ([]byte, error) {
			if rec != last {
				e.Reset(rec)
				last = rec
			}
			out, ok := e.Append(dst, row)
			if !ok {
				return nil, nil
			}
			return out, nil
		}, nil
	}
}

// keyEncoder makes record keys: the bytes of one text column as they are, anything else as JSON (as Flink's upsert-kafka
// with key.format json).
func keyEncoder(schema *arrow.Schema, columns []int) func() (topic.EncodeRow, error) {
	if len(columns) == 1 {
		switch schema.Field(columns[0]).Type.ID() {
		case arrow.STRING, arrow.BINARY:
			return func() (topic.EncodeRow, error) { return topic.BytesColumn(columns[0]), nil }
		}
	}
	return rowEncoder("json", schema, columns, format.Options{})
}

// fileTable makes a table of a path in FROM.
func (c *connectors) fileTable(path string) (*catalog.Table, error) {
	path = c.path(path)
	in, delimiter, err := openNamed(path)
	if err != nil {
		return nil, err
	}
	// The columns are declared by numbers and named afterwards: a header may hold what no SQL text can.
	spec := sql.TableSpec{Name: "file", Connector: fileConnector}
	seen := map[string]bool{}
	for i, f := range in.Columns() {
		if seen[f.Name] {
			return nil, fmt.Errorf("read %s: the column %q stands twice in the header", path, f.Name)
		}
		seen[f.Name] = true
		spec.Columns = append(spec.Columns, sql.ColumnSpec{Name: fmt.Sprint("c", i), Type: format.TypeName(f.Type)})
	}
	if len(spec.Columns) == 0 {
		return nil, fmt.Errorf("read %s: the file is empty, so nothing names its columns", path)
	}
	e := sql.New(c.list(), nil)
	if errs := e.Declare(spec); len(errs) > 0 {
		return nil, fmt.Errorf("read %s: %s", path, errs[0].Msg)
	}
	t := e.Catalog.Table(spec.Name)
	t.Name, t.Options = filepath.Base(path), map[string]string{"path": path, "format": in.Format()}
	if delimiter != 0 {
		t.Options["csv.field-delimiter"] = string(delimiter)
	}
	for i, f := range in.Columns() {
		t.Columns[i].Name = f.Name
	}
	return t, nil
}

// otherDelimiters are what programs that write "CSV" put between fields when it is not a comma.
const otherDelimiters = ";\t|"

// openNamed opens a file that a query names. The delimiter of CSV is a comma, unless the header then is one column or none
// that can be read, and another delimiter makes several of it; it is given when it is not a comma.
func openNamed(path string) (in *file.Input, delimiter byte, err error) {
	o := file.Options{Path: path, Decode: fileOptions()}
	in, err = file.Open(o)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (in.Format() != "csv" || len(in.Columns()) != 1) {
		return in, 0, err
	}
	for _, d := range []byte(otherDelimiters) {
		o.Decode.Delimiter = d
		if again, err := file.Open(o); err == nil && len(again.Columns()) > 1 {
			return again, d, nil
		}
	}
	return in, 0, err
}

// fileOptions: a file named in a query is read as generously as a person would read it.
func fileOptions() format.Options {
	return format.Options{NullLiterals: []string{"NA", "NULL"}, EmptyIsNull: true}
}

// path makes a path of a statement one of the process.
func (c *connectors) path(p string) string {
	p = strings.TrimPrefix(p, "file://")
	if p == "" || filepath.IsAbs(p) || strings.Contains(p, "://") { // a URL is no file, and is told as it was written
		return p
	}
	return filepath.Join(c.dir, p)
}

func (c *connectors) fileSource(s sql.SourceSpec) (func(stream.Task) (stream.Source, error), error) {
	path := c.path(s.Table.Options["path"])
	if path == "" {
		return nil, fmt.Errorf("read table %s: option 'path' is missing", s.Table.Name)
	}
	name, options, err := formatOf(s.Table)
	if err != nil {
		return nil, err
	}
	if len(options.NullLiterals) == 0 {
		options.NullLiterals, options.EmptyIsNull = fileOptions().NullLiterals, true
	}
	all := make([]format.Field, 0, len(s.Table.Columns))
	for _, col := range s.Table.Columns {
		if col.Stored() && col.Metadata == "" {
			all = append(all, format.Field{Name: col.Name, Type: col.Type.Arrow(), Nullable: col.Type.Nullable})
		}
	}
	in, err := file.Open(file.Options{Path: path, Format: name, Columns: all, Decode: options})
	if err != nil {
		return nil, err
	}
	fields, err := decoderFields(s.Fields)
	if err != nil {
		return nil, err
	}
	return in.Source(fields), nil
}
