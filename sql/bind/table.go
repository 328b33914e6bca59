package bind

import (
	"sort"
	"strings"

	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
)

// Connectors tells which connectors there are and which options each takes.
type Connectors interface {
	// Options are the names of a connector's options; false when there is no such connector.
	Options(connector string) ([]string, bool)
	Names() []string
}

// metadataTypes are the parts of a record that a column can show, and their types.
func metadataTypes() map[string]types.Type {
	return map[string]types.Type{
		"key": types.BytesT, "topic": types.StringT.NotNull(), "partition": types.IntT.NotNull(),
		"offset": types.BigIntT.NotNull(), "timestamp": types.TimestampLTZOf(3).NotNull(), "headers": types.BytesT,
		"header-count": types.IntT.NotNull(), "value": types.BytesT,
	}
}

// scannedType is the type in which a source gives a metadata column; a cast brings it to the declared one. A key is read
// as text where the column is text.
func scannedType(c catalog.Column) types.Type {
	t, ok := metadataTypes()[c.Metadata]
	if !ok || t.Kind == types.Varbinary && c.Type.IsString() {
		return c.Type
	}
	return t
}

// Table binds CREATE TABLE. The table is nil where there are errors.
func (b *Binder) Table(s *parse.CreateTable, known Connectors) (*catalog.Table, []*sqlerr.Error) {
	t := &catalog.Table{Name: s.Name.Last(), Comment: s.Comment, Options: map[string]string{}}
	if len(s.Columns) == 0 {
		b.fail(s.Name.Span(), "table "+t.Name+" has no columns", "list them: CREATE TABLE "+t.Name+" (a STRING, ...)")
	}
	for _, c := range s.Columns {
		b.tableColumn(t, c)
	}
	b.computedColumns(t, s)
	b.watermark(t, s.Watermark)
	b.primaryKey(t, s)
	b.options(t, s, known)
	if len(b.errs) > 0 {
		sqlerr.Sort(b.errs)
		return nil, b.errs
	}
	return t, nil
}

func (b *Binder) tableColumn(t *catalog.Table, c parse.ColumnDef) {
	for _, other := range t.Columns {
		if other.Name == c.Name {
			b.fail(c.Span, "column "+c.Name+" is there twice", "")
		}
	}
	col := catalog.Column{Name: c.Name, Comment: c.Comment, Computed: c.Computed, Text: c.Text}
	if c.Computed == nil {
		col.Type, _ = b.typeOf(c.Type)
	}
	if m := c.Metadata; m != nil {
		col.Metadata, col.Virtual = m.Key, m.Virtual
		if m.Key == "" {
			col.Metadata = c.Name
		}
		b.metadata(c, &col)
	}
	t.Columns = append(t.Columns, col)
}

func (b *Binder) metadata(c parse.ColumnDef, col *catalog.Column) {
	known := metadataTypes()
	t, ok := known[col.Metadata]
	if !ok {
		var names []string
		for n := range known {
			names = append(names, n)
		}
		sort.Strings(names)
		b.fail(c.Metadata.Span, "unknown metadata '"+col.Metadata+"'", nearest(col.Metadata, names, "there are: "+strings.Join(names, ", ")))
		return
	}
	if col.Metadata == "partition" || col.Metadata == "offset" || col.Metadata == "topic" || col.Metadata == "header-count" {
		col.Virtual = true // the log decides these
	}
	if from := scannedType(*col); !castable(from, col.Type) {
		b.fail(c.Type.Span, "metadata '"+col.Metadata+"' is "+t.WithNull(true).String()+", not "+col.Type.WithNull(true).String(), "")
	}
}

// computedColumns types the computed columns; each is over the columns that are stored.
func (b *Binder) computedColumns(t *catalog.Table, s *parse.CreateTable) {
	sc := &scope{}
	for _, c := range t.Columns {
		if c.Stored() {
			sc.schema = append(sc.schema, types.Field{Name: c.Name, Type: c.Type})
			sc.tables = append(sc.tables, "")
		}
	}
	for i := range t.Columns {
		if t.Columns[i].Stored() {
			continue
		}
		if x := b.expr(place{scope: sc, clause: "a computed column"}, s.Columns[i].Computed); x != nil {
			t.Columns[i].Type = x.Type().Plain()
		}
	}
}

func (b *Binder) watermark(t *catalog.Table, w *parse.WatermarkDef) {
	if w == nil {
		return
	}
	sc := &scope{schema: t.Schema(), tables: make([]string, len(t.Columns))}
	i := sc.schema.Index(w.Column.Name)
	if i < 0 {
		b.fail(w.Column.Span, "unknown column "+w.Column.Name, nearest(w.Column.Name, sc.names(), "a watermark is for a column of the table"))
		return
	}
	if !eventTime(t.Columns[i].Type) {
		b.fail(w.Column.Span, "column "+w.Column.Name+" is "+t.Columns[i].Type.WithNull(true).String()+", not an event time",
			"an event time is TIMESTAMP(3) or TIMESTAMP_LTZ(3)")
		return
	}
	x := b.expr(place{scope: sc, clause: "WATERMARK"}, w.As)
	if x == nil {
		return
	}
	if !eventTime(x.Type()) {
		b.fail(w.As.At(), "the watermark is "+x.Type().WithNull(true).Plain().String()+", not TIMESTAMP(3)", "write "+w.Column.Name+" - INTERVAL '5' SECOND")
		return
	}
	t.Watermark = &catalog.Watermark{Column: i, As: w.As, Text: w.Text}
}

func eventTime(t types.Type) bool { return t.IsTimestamp() && t.Precision <= 3 }

func (b *Binder) primaryKey(t *catalog.Table, s *parse.CreateTable) {
	for _, id := range s.PrimaryKey {
		i := t.Schema().Index(id.Name)
		if i < 0 {
			sc := &scope{schema: t.Schema()}
			b.fail(id.Span, "unknown column "+id.Name, nearest(id.Name, sc.names(), "a key is of columns of the table"))
			continue
		}
		if !t.Columns[i].Written() {
			b.fail(id.Span, "column "+id.Name+" is not written and cannot be a key", "")
			continue
		}
		t.Columns[i].Type = t.Columns[i].Type.NotNull()
		t.PrimaryKey = append(t.PrimaryKey, i)
	}
}

// hasOption reports whether a connector has an option; a name such as "properties.*" stands for all that begin so.
func hasOption(names []string, key string) bool {
	for _, n := range names {
		prefix, all := strings.CutSuffix(n, "*")
		if n == key || all && strings.HasPrefix(key, prefix) && key != prefix {
			return true
		}
	}
	return false
}

func (b *Binder) options(t *catalog.Table, s *parse.CreateTable, known Connectors) {
	places := map[string]parse.Option{}
	for _, o := range s.Options {
		if _, twice := places[o.Key]; twice {
			b.fail(o.Span, "option '"+o.Key+"' is there twice", "")
		}
		places[o.Key] = o
		t.Options[o.Key] = o.Value
	}
	t.Connector = t.Options["connector"]
	delete(t.Options, "connector")
	if t.Connector == "" {
		b.fail(s.Name.Span(), "table "+t.Name+" has no connector", "add WITH ('connector' = 'topic', ...)")
		return
	}
	names, ok := known.Options(t.Connector)
	if !ok {
		b.fail(places["connector"].ValueAt, "unknown connector '"+t.Connector+"'",
			nearest(t.Connector, known.Names(), "there are: "+strings.Join(known.Names(), ", ")))
		return
	}
	for _, o := range s.Options {
		if o.Key != "connector" && !hasOption(names, o.Key) {
			b.fail(o.Span, "connector '"+t.Connector+"' has no option '"+o.Key+"'", nearest(o.Key, names, "there are: "+strings.Join(firstFew(names), ", ")))
		}
	}
}
