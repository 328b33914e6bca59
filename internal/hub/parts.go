package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/connectors/file"
	"github.com/weirhub/weir/connectors/generate"
	"github.com/weirhub/weir/connectors/stdout"
	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/etl/parquet"
	"github.com/weirhub/weir/functions"
	"github.com/weirhub/weir/functions/expr"
	"github.com/weirhub/weir/functions/process"
	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/sql"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
)

// makeParts turns the file into parts, in the order in which summaries show them.
func (h *Hub) makeParts(ctx context.Context) {
	for _, s := range h.o.File.Sources {
		h.parts = append(h.parts, h.sourcePart(s))
	}
	for _, fn := range h.o.File.Funcs {
		h.parts = append(h.parts, h.functionParts(ctx, fn)...)
	}
	for _, q := range h.o.File.Queries {
		h.parts = append(h.parts, h.queryPart(q))
	}
	for _, s := range h.o.File.Sinks {
		h.parts = append(h.parts, h.sinkPart(s))
	}
	for _, s := range h.o.File.Streams {
		p := newPart(admin.KindStream, s.Name, s.Pos)
		p.from, p.to, p.detail = "kinesis", s.Topic, "kinesis"
		if h.client != nil {
			p.detail = "not served: the topics are in an external cluster"
		}
		h.parts = append(h.parts, p)
	}
}

// sourcePart moves a file or made-up rows into a topic.
func (h *Hub) sourcePart(s config.Source) *part {
	p := newPart(admin.KindSource, s.Name, s.Pos)
	p.to, p.writes = s.To, sourceWrites(s)
	var fields []format.Field
	var source func(stream.Task) (stream.Source, error)
	switch s.Kind {
	case "file":
		in := h.declared.inputs[s.Name]
		p.from, p.detail, p.progress = s.File.Path, "file "+in.Format(), in.Progress
		fields = in.Columns()
		source = in.Source(fields)
	case "generate":
		p.from, p.detail = "generate", "generate"
		o := generateOptions(s.Generate)
		fields = generatedColumns(o.Fields)
		source = func(t stream.Task) (stream.Source, error) { return generate.NewSource(o, t) }
	}
	valueFormat := cmp.Or(h.declared.byName[s.To].Format, "json")
	if len(fields) == 1 && fields[0].Name == file.RawLine.Name && s.Kind == "file" && h.declared.inputs[s.Name].Format() == "raw" {
		valueFormat = "raw"
	}
	p.spec = func(func(string) read) (stream.Spec, error) {
		schema := format.Schema(fields)
		o := topic.SinkOptions{
			Topic: s.To, NewValue: rowEncoder(valueFormat, schema, nil, format.Options{Timestamps: format.TimestampISO}),
			Timestamp: topic.NoColumn, Headers: topic.NoColumn, HeaderCount: topic.NoColumn,
		}
		if s.Time != "" {
			o.Timestamp = schema.FieldIndices(s.Time)[0]
		}
		if s.Key != "" {
			o.NewKey = textKey(schema, schema.FieldIndices(s.Key)[0])
		}
		x := h.transaction(p, s.To+topic.DeadLetterSuffix, topicCadence)
		return h.pipeline(p, x, h.toTopic(x, o, &stream.Node{ID: "source", Name: "FileSource", Source: source}), topicCadence), nil
	}
	return p
}

// textKey makes a record's key of one column: text as it is, other types as SQL writes them.
func textKey(schema *arrow.Schema, column int) func() (topic.EncodeRow, error) {
	switch schema.Field(column).Type.ID() {
	case arrow.STRING, arrow.BINARY:
		return func() (topic.EncodeRow, error) { return topic.BytesColumn(column), nil }
	}
	return rowEncoder("csv", schema, []int{column}, format.Options{})
}

// toTopic puts a topic sink behind a node.
func (h *Hub) toTopic(x *topic.Transaction, o topic.SinkOptions, from *stream.Node) *stream.Node {
	return &stream.Node{
		ID: "sink", Name: "TopicSink", Inputs: []*stream.Node{from},
		Sink: func(t stream.Task) (stream.Sink, error) { return topic.NewSink(x, o, t) },
	}
}

// functionParts gives one part for each trigger; they share the function's instances.
func (h *Hub) functionParts(ctx context.Context, fn config.Function) []*part {
	handler, err := h.openFunction(ctx, fn)
	if err != nil {
		h.problems = append(h.problems, h.functionProblem(fn, err))
	}
	var parts []*part
	for i, t := range fn.Triggers {
		name := fn.Name
		if len(fn.Triggers) > 1 {
			name += "/" + t.Topic
		}
		p := newPart(admin.KindFunction, name, t.Pos)
		p.from, p.to, p.detail, p.reads, p.writes = t.Topic, fn.To, h.o.File.Mask(title(fn)), []string{t.Topic}, triggerWrites(fn, t)
		if err != nil {
			p.fail(err)
			p.told = true
		} else {
			p.spec = h.triggerSpec(p, fn, t, handler)
			if i == 0 {
				p.close = handler.Close
			}
		}
		parts = append(parts, p)
	}
	return parts
}

// openFunction finds what runs a function and starts it once, so that code which cannot be loaded is told at its trigger
// before any record is read.
func (h *Hub) openFunction(ctx context.Context, fn config.Function) (functions.Handler, error) {
	spec := functions.Spec{
		Name: fn.Name, Runtime: fn.Runtime, Code: fn.Code, Handler: fn.Handler, Expr: fn.Expr.Text, Timeout: fn.Timeout,
		MemoryMiB: fn.MemoryMiB, Concurrency: fn.Concurrency, Env: fn.Env,
	}
	if fn.Runtime == "expr" {
		return expr.Open(spec)
	}
	o := process.Options{Logger: h.log, Log: func(l process.Line) { h.o.Log(l.Function + ": " + l.Text) }}
	if h.listeners.aws != nil {
		o.AWSEndpoint = "http://" + addr(h.listeners.aws)
	}
	handler, err := process.Open(ctx, spec, o)
	if err != nil {
		return nil, err
	}
	if err := handler.Warm(ctx); err != nil {
		return nil, errors.Join(err, handler.Close())
	}
	return handler, nil
}

// functionProblem places an error of a function at its triggers: they are what does not run.
func (h *Hub) functionProblem(fn config.Function, err error) *config.Error {
	at := fn.Pos
	if len(fn.Triggers) > 0 {
		at = fn.Triggers[0].Pos
	}
	var missing *functions.RuntimeMissingError
	if errors.As(err, &missing) {
		return h.declared.problem(at, config.CodeRuntime, "install it; everything else runs without it", "functions.%s does not run: %v", fn.Name, err)
	}
	return h.declared.problem(at, config.CodeFailed, "", "functions.%s does not run: %v", fn.Name, err)
}

func (h *Hub) triggerSpec(p *part, fn config.Function, t config.Trigger, handler functions.Handler) func(func(string) read) (stream.Spec, error) {
	return func(until func(string) read) (stream.Spec, error) {
		m := functions.Mapping{
			BatchSize: t.BatchSize, Window: t.Window, MaxBytes: int(t.MaxBytes), Retries: t.Retries, MaxAge: t.MaxAge, Bisect: t.Bisect,
			ReportItemFailures: t.Partial, ParallelizationFactor: 1, Output: fn.To != "", Filters: triggerFilters(t),
			Source: functions.EventSource{BootstrapServers: strings.Join(h.Hub().Kafka, ","), ARN: clusterARN},
		}
		x := h.transaction(p, t.DeadLetter, openFor(fn))
		r := until(t.Topic)
		if t.Start == "latest" {
			r.start = topic.Latest
		}
		o := sourceOptions(t.Topic, r, func() (topic.Decoder, error) {
			return format.NewDecoder("raw", functions.InputFields(), format.Options{KeepNullValues: true})
		})
		node := &stream.Node{
			ID: "source", Name: "TopicSource",
			Source: func(task stream.Task) (stream.Source, error) { return topic.NewSource(h.cluster, o, task) },
		}
		node = &stream.Node{
			ID: "function", Name: "Function", Inputs: []*stream.Node{node},
			Operator: func(stream.Task) (stream.Operator, error) {
				return functions.NewOperator(handler, m, functions.Options{Stop: h.stop, Logger: h.log.With("function", fn.Name)})
			},
		}
		if fn.To == "" {
			spec := h.pipeline(p, x, discard(node), topicCadence)
			spec.Parallelism = fn.Concurrency
			return spec, nil
		}
		schema := functions.OutputSchema()
		at := func(name string) int { return schema.FieldIndices(name)[0] }
		bytes := func(column int) func() (topic.EncodeRow, error) {
			return func() (topic.EncodeRow, error) { return topic.BytesColumn(column), nil }
		}
		out := topic.SinkOptions{
			Topic: fn.To, NewKey: bytes(at(functions.ColumnKey)), NewValue: bytes(at(functions.ColumnValue)),
			Timestamp: at(functions.ColumnTimestamp), Headers: at(functions.ColumnHeaders), HeaderCount: at(functions.ColumnHeaderCount),
		}
		spec := h.pipeline(p, x, h.toTopic(x, out, node), topicCadence)
		spec.Parallelism = fn.Concurrency
		return spec, nil
	}
}

// openFor is how long a trigger's transaction may be open. A checkpoint waits until the function has been invoked for all
// records that were fetched at once, a hundred invocations perhaps, each of which may take its whole time-out.
func openFor(fn config.Function) time.Duration {
	if fn.Runtime == "expr" {
		return topicCadence
	}
	return maxTransaction
}

// triggerFilters compiles a trigger's pattern, which the file's check let pass.
func triggerFilters(t config.Trigger) []*functions.Filter {
	if t.Filter == "" {
		return nil
	}
	f, err := functions.CompileFilter(t.Filter)
	if err != nil {
		panic("BUG: the file's check let a pattern pass: " + err.Error())
	}
	return []*functions.Filter{f}
}

// queryPart runs a statement of SQL.
func (h *Hub) queryPart(q config.Query) *part {
	p := newPart(admin.KindQuery, q.Name, q.Pos)
	p.sql = h.o.File.Mask(q.SQL.Text)
	p.reads, p.writes = h.declared.queryTopics(q)
	p.from, p.to = strings.Join(p.reads, ", "), strings.Join(p.writes, ", ")
	p.writes = append(p.writes, deadLetters(p.reads)...)
	p.spec = func(until func(string) read) (stream.Spec, error) {
		x := h.transaction(p, "", topicCadence)
		st, err := h.insertOf(newConnectors(h.cluster, x, until), q)
		if err != nil {
			return stream.Spec{}, err
		}
		root, err := st.Pipeline()
		if err != nil {
			return stream.Spec{}, err
		}
		spec := h.pipeline(p, x, root, cmp.Or(st.CheckpointEvery(), topicCadence))
		spec.Parallelism = st.Parallelism()
		return spec, nil
	}
	return p
}

// insertOf compiles a query's text and gives its INSERT.
func (h *Hub) insertOf(c *connectors, q config.Query) (*sql.Statement, error) {
	statements, errs := h.declared.compile(c, q.SQL.Text)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	for _, st := range statements {
		if st.Kind == sql.Insert {
			return st, nil
		}
	}
	return nil, fmt.Errorf("query %s inserts into nothing", q.Name)
}

// Cadence of a table whose file does not say: few files, and a rerun after a crash that takes minutes at the most.
const defaultRollEvery = 5 * time.Minute

// sinkPart moves a topic's table outside.
func (h *Hub) sinkPart(s config.Sink) *part {
	p := newPart(admin.KindSink, s.Name, s.Pos)
	p.from, p.reads, p.writes, p.to, p.detail = s.From, []string{s.From}, deadLetters([]string{s.From}), s.Kind, s.Kind
	if s.Kind == "parquet" {
		p.to, p.detail = s.Parquet.Path, "parquet "+cmp.Or(s.Parquet.Compression, "zstd")
	}
	p.spec = func(until func(string) read) (stream.Spec, error) {
		t := h.declared.byName[s.From]
		every := topicCadence
		if s.Kind == "parquet" {
			every = cmp.Or(s.Parquet.RollEvery, defaultRollEvery)
		}
		x := h.transaction(p, "", every)
		node, fields, err := h.tableSource(t, until(s.From), s.Parquet.Metadata)
		if err != nil {
			return stream.Spec{}, err
		}
		if s.Kind == "stdout" {
			return h.pipeline(p, x, stdoutSink(h.out, node, fields), every), nil
		}
		return h.pipeline(p, x, h.parquetSink(s, node, fields), every), nil
	}
	return p
}

// tableSource reads a topic's declared columns, and on request where each row came from.
func (h *Hub) tableSource(t *config.Topic, r read, metadata bool) (*stream.Node, []format.Field, error) {
	valueFormat := cmp.Or(t.Format, "json")
	fields, errs := columnFields(h.declared, t.Name, t.Columns)
	if len(errs) > 0 {
		return nil, nil, errs
	}
	if len(t.Columns) == 0 {
		valueFormat = "raw"
		fields = []format.Field{
			{Name: "key", Type: arrow.BinaryTypes.String, Nullable: true, Source: format.FromKey},
			{Name: "value", Type: arrow.BinaryTypes.String, Nullable: true, Source: format.FromRawValue},
		}
	}
	if metadata {
		fields = append(fields, metadataFields()...)
	}
	o := sourceOptions(t.Name, r, func() (topic.Decoder, error) { return format.NewDecoder(valueFormat, fields, format.Options{}) })
	return &stream.Node{
		ID: "source", Name: "TopicSource",
		Source: func(task stream.Task) (stream.Source, error) { return topic.NewSource(h.cluster, o, task) },
	}, fields, nil
}

// metadataFields say where a row came from, so that a reader can prove that none is missing or twice.
func metadataFields() []format.Field {
	return []format.Field{
		{Name: "_topic", Type: arrow.BinaryTypes.String, Source: format.FromTopic},
		{Name: "_partition", Type: arrow.PrimitiveTypes.Int32, Source: format.FromPartition},
		{Name: "_offset", Type: arrow.PrimitiveTypes.Int64, Source: format.FromOffset},
		{Name: "_timestamp", Type: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, Source: format.FromTimestamp},
	}
}

func (h *Hub) parquetSink(s config.Sink, node *stream.Node, fields []format.Field) *stream.Node {
	schema := format.Schema(fields)
	nonce := strconv.FormatInt(time.Now().UnixNano(), 36) // a process has its own, so no name is used twice
	o := parquet.Options{
		FS: vfs.PublicOS(), Dir: s.Parquet.Path, Name: s.Name, PartitionBy: s.Parquet.PartitionBy, Compression: s.Parquet.Compression,
		RollBytes: s.Parquet.RollBytes, RollRows: s.Parquet.RollRows, Version: h.o.Version,
		KeyValues: map[string]string{"weir.topic": s.From, "weir.pipeline": s.Name},
	}
	if len(o.PartitionBy) > 0 {
		node = &stream.Node{
			ID: "partition", Name: "PartitionGuard", Inputs: []*stream.Node{node},
			Operator: func(stream.Task) (stream.Operator, error) {
				encode, err := rowEncoder("json", schema, nil, format.Options{})()
				if err != nil {
					return nil, err
				}
				return parquet.NewGuard(o.PartitionBy, s.From, func(rec arrow.RecordBatch, row int) ([]byte, error) {
					return encode(nil, rec, row)
				}), nil
			},
		}
	}
	return &stream.Node{
		ID: "sink", Name: "ParquetSink", Inputs: []*stream.Node{node},
		Sink: func(t stream.Task) (stream.Sink, error) { return parquet.NewSink(o, t, nonce, t.Metrics), nil },
	}
}

func stdoutSink(out *stdout.Output, node *stream.Node, fields []format.Field) *stream.Node {
	return &stream.Node{
		ID: "sink", Name: "StdoutSink", Inputs: []*stream.Node{node},
		Sink: func(stream.Task) (stream.Sink, error) {
			row := rowEncoder("json", format.Schema(fields), nil, format.Options{})
			return stdout.NewSink(out, stdout.Options{NewRow: func() (stdout.EncodeRow, error) {
				e, err := row()
				return stdout.EncodeRow(e), err
			}})
		},
	}
}

// clusterARN names the broker in the events of functions, as an MSK cluster would be.
const clusterARN = "arn:aws:kafka:us-east-1:000000000000:cluster/weir/00000000-0000-0000-0000-000000000000-1"

// generateOptions turns the file's words into a source's options; without columns the rows are readings of ten devices.
func generateOptions(g config.GenerateSource) generate.Options {
	o := generate.Options{Rows: g.Count, PerSecond: int64(g.Rate)}
	for _, f := range g.Fields {
		kind, err := generate.ParseKind(f.Kind)
		if err != nil {
			panic("BUG: the file's check let a kind pass: " + err.Error())
		}
		o.Fields = append(o.Fields, generate.Field{
			Name: f.Name, Kind: kind, Double: f.Double, Min: f.Min, Max: f.Max, Choices: f.Choices, Length: f.Length, Nulls: f.Nulls,
			Start: time.Now(), Step: time.Second,
		})
	}
	if len(o.Fields) > 0 {
		return o
	}
	devices := make([]string, 10)
	for i := range devices {
		devices[i] = fmt.Sprintf("device-%d", i)
	}
	o.Fields = []generate.Field{
		{Name: "id", Kind: generate.Sequence},
		{Name: "device", Kind: generate.Choice, Choices: devices},
		{Name: "temp", Kind: generate.Random, Double: true, Min: 15, Max: 30},
		{Name: "ts", Kind: generate.Time, Start: time.Now(), Step: time.Second},
	}
	return o
}

func generatedColumns(fields []generate.Field) []format.Field {
	var out []format.Field
	for _, f := range generate.Schema(fields).Fields() {
		out = append(out, format.Field{Name: f.Name, Type: f.Type, Nullable: f.Nullable})
	}
	return out
}
