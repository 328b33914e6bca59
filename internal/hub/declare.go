package hub

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirhub/weir/connectors/file"
	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/functions"
	"github.com/weirhub/weir/functions/expr"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/sql"
	"github.com/weirhub/weir/stream/format"
)

// declared is what a file declares, checked: topics with their tables, inputs with their columns.
type declared struct {
	f      *config.File
	topics []topic.TopicSpec
	byName map[string]*config.Topic
	inputs map[string]*file.Input // by source
	errs   config.Errors
	// refused are the topics whose columns or watermark are wrong: what uses them would only repeat the mistake.
	refused map[string]bool
}

// Check finds the mistakes of a file that only its rooms can see: columns, SQL, expressions, inputs.
func Check(f *config.File) config.Errors {
	_, errs := declare(f)
	return errs
}

// declare checks a file as far as it can be without a cluster.
func declare(f *config.File) (*declared, config.Errors) {
	d := &declared{f: f, byName: map[string]*config.Topic{}, inputs: map[string]*file.Input{}, refused: map[string]bool{}}
	d.gatherTopics()
	d.openInputs()
	had := map[string]bool{}
	for name, t := range d.byName {
		had[name] = len(t.Columns) > 0
	}
	d.checkTables()
	for name, t := range d.byName {
		d.refused[name] = had[name] && len(t.Columns) == 0
	}
	for _, fn := range f.Funcs {
		d.checkFunction(fn)
	}
	for _, q := range f.Queries {
		d.checkQuery(q)
	}
	for _, s := range f.Sinks {
		d.checkSink(s)
	}
	d.makeSpecs()
	return d, d.errs
}

func (d *declared) fail(p config.Pos, code, hint, format string, args ...any) {
	d.errs = append(d.errs, d.problem(p, code, hint, format, args...))
}

// problem makes an error at a place of the file, with the line that stands there.
func (d *declared) problem(p config.Pos, code, hint, format string, args ...any) *config.Error {
	return &config.Error{Pos: p, Code: code, Msg: d.f.Mask(fmt.Sprintf(format, args...)), Hint: d.f.Mask(hint), Source: d.f.Line(p)}
}

// gatherTopics finds every topic that the file declares, writes or reads.
func (d *declared) gatherTopics() {
	for i := range d.f.Topics {
		t := d.f.Topics[i]
		d.byName[t.Name] = &t
	}
	add := func(name string, p config.Pos) {
		if name != "" && d.byName[name] == nil {
			d.byName[name] = &config.Topic{Pos: p, Name: name}
		}
	}
	for _, s := range d.f.Sources {
		add(s.To, s.Pos)
	}
	for _, fn := range d.f.Funcs {
		add(fn.To, fn.Pos)
		for _, t := range fn.Triggers {
			add(t.Topic, t.Pos) // it may be one of dead letters, which nobody has written yet
			add(t.DeadLetter, t.Pos)
		}
	}
	for _, s := range d.f.Sinks {
		add(s.From, s.Pos)
	}
	for _, s := range d.f.Streams {
		add(s.Topic, s.Pos)
		if t := d.byName[s.Topic]; t.Partitions == 0 {
			t.Partitions = s.Shards
		} else if s.Shards != 0 && s.Shards != t.Partitions {
			d.fail(s.Pos, config.CodeValue, "give both the same number", "streams.%s has %d shards, and its topic %s has %d partitions: shard n is partition n",
				s.Name, s.Shards, s.Topic, t.Partitions)
		}
	}
}

// openInputs opens the files of sources. A topic without columns takes those of its source.
func (d *declared) openInputs() {
	for _, s := range d.f.Sources {
		if s.Kind != "file" {
			continue
		}
		t := d.byName[s.To]
		in, err := d.openInput(s, t)
		if errors.Is(err, errTold) {
			continue
		}
		if err != nil {
			d.fail(s.File.Pos, config.CodePath, "", "sources.%s: %v", s.Name, err)
			continue
		}
		d.inputs[s.Name] = in
		if len(t.Columns) == 0 && in.Format() != "raw" {
			for _, c := range in.Columns() {
				t.Columns = append(t.Columns, config.Column{Pos: s.File.Pos, Name: c.Name, Type: format.TypeName(c.Type)})
			}
		}
		d.sourceColumn(s, in, s.Key, "key")
		d.sourceColumn(s, in, s.Time, "time")
	}
}

// errTold is the error of what has been reported already, or will be.
var errTold = errors.New("told elsewhere")

func (d *declared) openInput(s config.Source, t *config.Topic) (*file.Input, error) {
	o := file.Options{Path: s.File.Path, Format: s.File.Format, NoHeader: !s.File.Header}
	o.Decode.NullLiterals = s.File.Null
	if s.File.Delimiter != "" {
		text := s.File.Delimiter
		if text == `\t` {
			text = "\t"
		}
		if len(text) != 1 {
			return nil, fmt.Errorf("delimiter %q is not one character", s.File.Delimiter)
		}
		o.Decode.Delimiter = text[0]
	}
	cols := s.File.Columns
	if len(cols) == 0 {
		cols = t.Columns
	}
	if len(cols) > 0 {
		fields, errs := columnFields(d, s.To, cols)
		if len(errs) > 0 {
			if len(s.File.Columns) > 0 { // a topic's own are told with its table
				for _, e := range errs {
					e.Msg = strings.Replace(e.Msg, "topics."+s.To, "sources."+s.Name+".file", 1)
				}
				d.errs = append(d.errs, errs...)
			}
			return nil, errTold
		}
		o.Columns = fields
	}
	return file.Open(o)
}

// sourceColumn holds that a source's key or time names one of its columns.
func (d *declared) sourceColumn(s config.Source, in *file.Input, name, key string) {
	if name == "" {
		return
	}
	var names []string
	for _, c := range in.Columns() {
		if c.Name == name {
			return
		}
		names = append(names, c.Name)
	}
	d.fail(s.Pos, config.CodeReference, nearest(name, names), "sources.%s.%s: the input has no column %q", s.Name, key, name)
}

func (d *declared) checkFunction(fn config.Function) {
	for _, t := range fn.Triggers {
		if t.Filter == "" {
			continue
		}
		if _, err := functions.CompileFilter(t.Filter); err != nil {
			d.fail(t.Pos, config.CodeValue, "", "functions.%s: filter: %v", fn.Name, err)
		}
	}
	if fn.Runtime != "expr" || fn.Expr.Text == "" {
		return
	}
	h, err := expr.Open(functions.Spec{Name: fn.Name, Expr: fn.Expr.Text})
	var at *expr.Error
	switch {
	case errors.As(err, &at):
		d.fail(fn.Expr.At(max(at.Line, 1), max(at.Column, 1)), config.CodeExpr, "", "functions.%s.expr: %s", fn.Name, at.Message)
	case err != nil:
		d.fail(fn.Expr.Pos, config.CodeExpr, "", "functions.%s.expr: %v", fn.Name, err)
	default:
		_ = h.Close()
	}
}

// checkQuery compiles a query; each mistake is shown where it stands in the file. A query that names a refused table waits
// until that is mended.
func (d *declared) checkQuery(q config.Query) {
	for name, refused := range d.refused {
		if refused && strings.Contains(q.SQL.Text, name) {
			return
		}
	}
	statements, errs := d.compile(newConnectors(nil, nil, nil), strings.TrimRight(q.SQL.Text, " \n")) // its end is where its last line ends
	for _, e := range errs {
		at := q.SQL.Pos
		if e.Line > 0 {
			at = q.SQL.At(e.Line, e.Col)
		}
		p := d.problem(at, config.CodeSQL, e.Hint, "queries.%s: %s", q.Name, e.Msg)
		p.Width = e.Width
		d.errs = append(d.errs, p)
	}
	if len(errs) > 0 {
		return
	}
	inserts := 0
	for _, st := range statements {
		if st.Kind != sql.Insert {
			continue
		}
		if inserts++; inserts == 2 { // a query is one pipeline: what else there is would never run
			d.fail(q.SQL.At(st.Line, st.Col), config.CodeSQL, "make it a query of its own", "queries.%s has a second INSERT", q.Name)
		}
	}
	if inserts > 0 {
		return
	}
	d.fail(q.SQL.Pos, config.CodeSQL, "write INSERT INTO topic SELECT ...", "queries.%s inserts into nothing, so nobody would see its rows", q.Name)
}

func (d *declared) checkSink(s config.Sink) {
	t := d.byName[s.From]
	if s.Kind != "parquet" || t == nil || d.refused[s.From] {
		return
	}
	if len(t.Columns) == 0 {
		d.fail(s.Pos, config.CodeMissing, fmt.Sprintf("declare them: topics: {%s: {columns: {...}}}", s.From),
			"sinks.%s writes Parquet, and the topic %s has no columns", s.Name, s.From)
		return
	}
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	for _, by := range s.Parquet.PartitionBy {
		if !contains(names, by) {
			d.fail(s.Parquet.Pos, config.CodeReference, nearest(by, names), "sinks.%s.parquet.partition_by: the topic %s has no column %q", s.Name, s.From, by)
		}
	}
}

// makeSpecs gives each topic the configs that the file says.
func (d *declared) makeSpecs() {
	for _, name := range sortedKeys(d.byName) {
		t := d.byName[name]
		spec := topic.TopicSpec{Name: name, Partitions: max(t.Partitions, 1), Configs: map[string]string{}}
		set := func(key string, given bool, value any) {
			if given {
				spec.Configs[key] = fmt.Sprint(value)
			}
		}
		set("retention.ms", t.Retention != 0, millis(t.Retention))
		set("retention.bytes", t.RetentionBytes != 0, t.RetentionBytes)
		set("cleanup.policy", t.Cleanup != "", t.Cleanup)
		set("durability", t.Durability != "", t.Durability)
		for k, v := range t.Config {
			spec.Configs[k] = v
		}
		d.topics = append(d.topics, spec)
	}
	for _, q := range d.f.Queries {
		_, writes := d.queryTopics(q)
		for _, name := range writes { // of a table that the query makes itself
			if d.byName[name] == nil && !slices.ContainsFunc(d.topics, func(s topic.TopicSpec) bool { return s.Name == name }) {
				d.topics = append(d.topics, topic.TopicSpec{Name: name})
			}
		}
	}
}

// title names a function's runtime for people.
func title(fn config.Function) string {
	if fn.Runtime == "expr" {
		return "expr " + strings.TrimSpace(fn.Expr.Text)
	}
	return strings.TrimSpace(fn.Runtime + " " + fn.Handler)
}
