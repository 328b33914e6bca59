package config

import (
	"math"
	"regexp"

	"go.yaml.in/yaml/v4"
)

// document reads the top level of one file into f and gives its include nodes.
func (d *decoder) document(root *yaml.Node, f *File) (includes []*yaml.Node) {
	version := 0
	d.mapping(root, "the file", []field{
		{"version", d.integer(&version, "version", 1, 1)},
		{"include", func(n *yaml.Node) { d.list(n, func(_ int, n *yaml.Node) { includes = append(includes, n) }) }},
		{"brokers", d.words(&f.Brokers, "brokers")},
		{"topics", func(n *yaml.Node) {
			d.named(n, "topics", func(name string, k, v *yaml.Node) { f.Topics = append(f.Topics, d.topic(name, k, v)) })
		}},
		{"sources", func(n *yaml.Node) {
			d.named(n, "sources", func(name string, k, v *yaml.Node) { f.Sources = append(f.Sources, d.source(name, k, v)) })
		}},
		{"functions", func(n *yaml.Node) {
			d.named(n, "functions", func(name string, k, v *yaml.Node) { f.Funcs = append(f.Funcs, d.function(name, k, v)) })
		}},
		{"queries", func(n *yaml.Node) {
			d.named(n, "queries", func(name string, k, v *yaml.Node) { f.Queries = append(f.Queries, d.query(name, k, v)) })
		}},
		{"sinks", func(n *yaml.Node) {
			d.named(n, "sinks", func(name string, k, v *yaml.Node) { f.Sinks = append(f.Sinks, d.sink(name, k, v)) })
		}},
		{"streams", func(n *yaml.Node) {
			d.named(n, "streams", func(name string, k, v *yaml.Node) { f.Streams = append(f.Streams, d.stream(name, k, v)) })
		}},
	})
	if version != 0 {
		f.Version = version
	}
	return includes
}

// MaxPartitions bounds a topic's partitions in a file: a slip of the finger should not make a million logs.
const MaxPartitions = 10_000

func (d *decoder) topic(name string, k, v *yaml.Node) Topic {
	t := Topic{Pos: d.pos(k), Name: name}
	w := "topics." + name
	d.checkName(name, k, w)
	if isNull(resolve(v)) {
		return t
	}
	d.mapping(v, w, []field{
		{"partitions", d.integer(&t.Partitions, w+".partitions", 1, MaxPartitions)},
		{"retention", d.duration(&t.Retention, w+".retention", true)},
		{"retention_bytes", d.size(&t.RetentionBytes, w+".retention_bytes", true)},
		{"cleanup", d.oneOf(&t.Cleanup, w+".cleanup", "delete", "compact")},
		{"durability", d.oneOf(&t.Durability, w+".durability", "fsync", "os")},
		{"format", d.oneOf(&t.Format, w+".format", "json", "csv", "raw")},
		{"columns", func(n *yaml.Node) { t.Columns = d.columns(n, w+".columns") }},
		{"watermark", d.long(&t.Watermark, w+".watermark")},
		{"config", d.texts(&t.Config, w+".config")},
	})
	return t
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// checkName holds a topic's name to Kafka's rule.
func (d *decoder) checkName(name string, n *yaml.Node, where string) {
	if !topicName.MatchString(name) || name == "." || name == ".." {
		d.failWide(d.pos(n), len(name), CodeValue, "use 1 to 249 of a-z A-Z 0-9 . _ -", "%s: %q is not a topic name", where, name)
	}
}

func (d *decoder) topicRef(dst *string, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.text(dst, where)(n)
		if *dst != "" {
			d.checkName(*dst, resolve(n), where)
		}
	}
}

func (d *decoder) columns(n *yaml.Node, where string) (cols []Column) {
	d.named(n, where, func(name string, k, v *yaml.Node) {
		c := Column{Pos: d.pos(v), Name: name}
		d.text(&c.Type, where+"."+name)(v)
		cols = append(cols, c)
	})
	return cols
}

func (d *decoder) source(name string, k, v *yaml.Node) Source {
	s := Source{Pos: d.pos(k), Name: name}
	w := "sources." + name
	var kinds []string
	d.mapping(v, w, []field{
		{"file", func(n *yaml.Node) { kinds = append(kinds, "file"); s.File = d.fileSource(n, w+".file") }},
		{"generate", func(n *yaml.Node) { kinds = append(kinds, "generate"); s.Generate = d.generateSource(n, w+".generate") }},
		{"to", d.topicRef(&s.To, w+".to")},
		{"key", d.text(&s.Key, w+".key")},
		{"time", d.text(&s.Time, w+".time")},
	}, "to")
	s.Kind = d.oneComponent(kinds, k, w, "file", "generate")
	return s
}

// oneComponent checks that a source or sink names exactly one component.
func (d *decoder) oneComponent(kinds []string, k *yaml.Node, where string, known ...string) string {
	switch len(kinds) {
	case 1:
		return kinds[0]
	case 0:
		d.failWide(d.pos(k), len(k.Value), CodeMissing, "add one of: "+join(known), "%s says nothing about what it is", where)
	default:
		d.failWide(d.pos(k), len(k.Value), CodeDuplicate, "keep one", "%s is both %s", where, join(kinds))
	}
	return ""
}

func (d *decoder) fileSource(n *yaml.Node, w string) FileSource {
	s := FileSource{Pos: d.pos(resolve(n)), Header: true}
	if resolve(n).Kind == yaml.ScalarNode {
		d.filePath(&s.Path, w)(n)
		return s
	}
	d.mapping(n, w, []field{
		{"path", d.filePath(&s.Path, w+".path")},
		{"format", d.oneOf(&s.Format, w+".format", "csv", "json", "raw")},
		{"header", d.boolean(&s.Header, w+".header")},
		{"delimiter", d.text(&s.Delimiter, w+".delimiter")},
		{"null_value", d.words(&s.Null, w+".null_value")},
		{"columns", func(n *yaml.Node) { s.Columns = d.columns(n, w+".columns") }},
	}, "path")
	return s
}

func (d *decoder) generateSource(n *yaml.Node, w string) GenerateSource {
	s := GenerateSource{Pos: d.pos(resolve(n))}
	if isNull(resolve(n)) {
		return s
	}
	d.mapping(n, w, []field{
		{"rate", d.number(&s.Rate, w+".rate")},
		{"count", d.integer64(&s.Count, w+".count", 0, math.MaxInt64)},
		{"columns", func(n *yaml.Node) {
			d.named(n, w+".columns", func(name string, k, v *yaml.Node) { s.Fields = append(s.Fields, d.generateField(name, k, v, w)) })
		}},
	})
	return s
}

func (d *decoder) generateField(name string, k, v *yaml.Node, w string) GenerateField {
	f := GenerateField{Pos: d.pos(k), Name: name, Max: 100, Length: 8}
	w += ".columns." + name
	kind := d.oneOf(&f.Kind, w+".kind", "sequence", "random", "choice", "word", "flag", "time")
	if resolve(v).Kind == yaml.ScalarNode {
		kind(v)
		return f
	}
	d.mapping(v, w, []field{
		{"kind", kind},
		{"double", d.boolean(&f.Double, w+".double")},
		{"min", d.number(&f.Min, w+".min")},
		{"max", d.number(&f.Max, w+".max")},
		{"choices", d.words(&f.Choices, w+".choices")},
		{"length", d.integer(&f.Length, w+".length", 0, 1<<20)},
		{"nulls", d.number(&f.Nulls, w+".nulls")},
	}, "kind")
	if f.Kind == "choice" && len(f.Choices) == 0 {
		d.fail(f.Pos, CodeMissing, "add `choices: [a, b]`", "%s has nothing to choose from", w)
	}
	if f.Max < f.Min || f.Nulls > 1 {
		d.fail(f.Pos, CodeValue, "max is at least min, nulls at most 1", "%s is out of range", w)
	}
	return f
}

// Lambda's own limits (CreateEventSourceMapping, CreateFunction).
const (
	maxBatchSize     = 10_000
	maxTimeoutSecs   = 900
	maxMemoryMiB     = 32_768
	maxConcurrency   = 1_000
	maxRetries       = 10_000
	maxPayloadBytes  = 6 << 20
	defaultBatchSize = 100
	// defaultRetries is low: a failed batch is bisected down to its bad record, so more tries only hold up the rest.
	defaultRetries = 3
)

func (d *decoder) function(name string, k, v *yaml.Node) Function {
	f := Function{Pos: d.pos(k), Name: name, Concurrency: 1}
	w := "functions." + name
	d.mapping(v, w, []field{
		{"runtime", d.oneOf(&f.Runtime, w+".runtime", "python3", "nodejs", "provided", "expr")},
		{"code", d.filePath(&f.Code, w+".code")},
		{"handler", d.text(&f.Handler, w+".handler")},
		{"expr", d.long(&f.Expr, w+".expr")},
		{"timeout", d.duration(&f.Timeout, w+".timeout", false)},
		{"memory", d.integer(&f.MemoryMiB, w+".memory", 128, maxMemoryMiB)},
		{"concurrency", d.integer(&f.Concurrency, w+".concurrency", 1, maxConcurrency)},
		{"env", func(n *yaml.Node) {
			d.texts(&f.Env, w+".env")(n)
			for name, value := range f.Env {
				d.vars.note(name, value)
			}
		}},
		{"triggers", func(n *yaml.Node) {
			d.list(n, func(_ int, n *yaml.Node) { f.Triggers = append(f.Triggers, d.trigger(n, w+".triggers")) })
		}},
		{"to", d.topicRef(&f.To, w+".to")},
	}, "triggers")
	d.checkFunction(&f, k, w)
	return f
}

func (d *decoder) checkFunction(f *Function, k *yaml.Node, w string) {
	fail := func(hint, format string, args ...any) {
		d.failWide(d.pos(k), len(k.Value), CodeMissing, hint, format, args...)
	}
	if f.Expr.Text != "" && f.Runtime == "" {
		f.Runtime = "expr"
	}
	switch {
	case f.Runtime == "expr" && f.Expr.Text == "":
		fail("add `expr: \"value.x > 1\"`", "%s has the runtime expr but no expression", w)
	case f.Runtime != "expr" && f.Expr.Text != "":
		fail("remove one", "%s has an expression and the runtime %s", w, f.Runtime)
	case f.Runtime == "":
		fail("add `runtime: python3` with code and handler, or `expr: ...`", "%s says neither runtime nor expr", w)
	case f.Runtime != "expr" && f.Code == "":
		fail("add `code: DIRECTORY`", "%s needs the key \"code\"", w)
	case f.Runtime != "expr" && f.Runtime != "provided" && f.Handler == "":
		fail("add `handler: module.function`", "%s needs the key \"handler\"", w)
	}
	if f.Timeout.Seconds() > maxTimeoutSecs {
		d.fail(d.pos(k), CodeValue, "use up to 15m, as Lambda", "%s.timeout is %s", w, f.Timeout)
	}
}

func (d *decoder) trigger(n *yaml.Node, w string) Trigger {
	t := Trigger{Pos: d.pos(resolve(n)), BatchSize: defaultBatchSize, MaxBytes: maxPayloadBytes, Retries: defaultRetries, Bisect: true, Start: "earliest"}
	if resolve(n).Kind == yaml.ScalarNode {
		d.topicRef(&t.Topic, w)(n)
		return t
	}
	d.mapping(n, w, []field{
		{"topic", d.topicRef(&t.Topic, w+".topic")},
		{"batch", func(n *yaml.Node) {
			d.mapping(n, w+".batch", []field{
				{"size", d.integer(&t.BatchSize, w+".batch.size", 1, maxBatchSize)},
				{"window", d.duration(&t.Window, w+".batch.window", false)},
				{"max_bytes", d.size(&t.MaxBytes, w+".batch.max_bytes", false)},
			})
		}},
		{"filter", func(n *yaml.Node) { t.Filter = d.asJSON(n, w+".filter") }},
		{"start", d.oneOf(&t.Start, w+".start", "earliest", "latest")},
		{"errors", func(n *yaml.Node) {
			d.mapping(n, w+".errors", []field{
				{"retries", d.integer(&t.Retries, w+".errors.retries", -1, maxRetries)},
				{"max_age", d.duration(&t.MaxAge, w+".errors.max_age", false)},
				{"bisect", d.boolean(&t.Bisect, w+".errors.bisect")},
				{"partial", d.boolean(&t.Partial, w+".errors.partial")},
				{"dead_letter", d.topicRef(&t.DeadLetter, w+".errors.dead_letter")},
			})
		}},
	}, "topic")
	if t.MaxBytes > maxPayloadBytes || t.MaxBytes < 1 {
		d.fail(t.Pos, CodeValue, "use up to 6MiB, Lambda's payload limit", "%s.batch.max_bytes is %d", w, t.MaxBytes)
	}
	return t
}

func (d *decoder) query(name string, k, v *yaml.Node) Query {
	q := Query{Pos: d.pos(k), Name: name}
	if resolve(v).Kind == yaml.ScalarNode {
		d.long(&q.SQL, "queries."+name)(v)
		return q
	}
	d.mapping(v, "queries."+name, []field{{"sql", d.long(&q.SQL, "queries."+name+".sql")}}, "sql")
	return q
}

func (d *decoder) sink(name string, k, v *yaml.Node) Sink {
	s := Sink{Pos: d.pos(k), Name: name}
	w := "sinks." + name
	var kinds []string
	d.mapping(v, w, []field{
		{"from", d.topicRef(&s.From, w+".from")},
		{"parquet", func(n *yaml.Node) { kinds = append(kinds, "parquet"); s.Parquet = d.parquet(n, w+".parquet") }},
		{"stdout", func(n *yaml.Node) {
			kinds = append(kinds, "stdout")
			if !isNull(resolve(n)) {
				d.mapping(n, w+".stdout", nil)
			}
		}},
	}, "from")
	s.Kind = d.oneComponent(kinds, k, w, "parquet", "stdout")
	return s
}

func (d *decoder) parquet(n *yaml.Node, w string) ParquetSink {
	s := ParquetSink{Pos: d.pos(resolve(n))}
	if resolve(n).Kind == yaml.ScalarNode {
		d.filePath(&s.Path, w)(n)
		return s
	}
	d.mapping(n, w, []field{
		{"path", d.filePath(&s.Path, w+".path")},
		{"partition_by", d.words(&s.PartitionBy, w+".partition_by")},
		{"compression", d.oneOf(&s.Compression, w+".compression", "zstd", "snappy", "gzip", "none")},
		{"metadata_columns", d.boolean(&s.Metadata, w+".metadata_columns")},
		{"roll", func(n *yaml.Node) {
			d.mapping(n, w+".roll", []field{
				{"rows", d.integer64(&s.RollRows, w+".roll.rows", 1, math.MaxInt64)},
				{"bytes", d.size(&s.RollBytes, w+".roll.bytes", false)},
				{"every", d.duration(&s.RollEvery, w+".roll.every", false)},
			})
		}},
	}, "path")
	return s
}

func (d *decoder) stream(name string, k, v *yaml.Node) Stream {
	s := Stream{Pos: d.pos(k), Name: name, Topic: name}
	w := "streams." + name
	if !regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,128}$`).MatchString(name) {
		d.failWide(d.pos(k), len(name), CodeValue, "use 1 to 128 of a-z A-Z 0-9 . _ -", "%s: %q is not a stream name", w, name)
	}
	if isNull(resolve(v)) {
		return s
	}
	d.mapping(v, w, []field{
		{"topic", d.topicRef(&s.Topic, w+".topic")},
		{"shards", d.integer(&s.Shards, w+".shards", 1, MaxPartitions)},
	})
	return s
}
