package build

import (
	"fmt"
	"strings"

	"github.com/weirhub/weir/sql/exec"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// Options are what a pipeline needs besides its plan.
type Options struct {
	Connectors []Connector
	// IdleAfter takes a split without rows for so long (ns) out of event time; 0: never.
	IdleAfter int64
	// Fold lets aggregates put out one change of a group for each batch of input instead of one for each row (Flink's
	// mini-batch). Sinks that keep the last row of a key have it always.
	Fold bool
}

// Pipeline makes the stream nodes of an optimized plan. The root is the plan's sink, or the last operator of a query.
func Pipeline(n plan.Node, o Options) (*stream.Node, error) {
	if s, ok := n.(*plan.Sink); ok && s.Upsert() {
		o.Fold = true
	}
	b := &builder{options: o}
	return b.node(n)
}

// maxScans bounds the tables that one statement reads, a table that it names twice counted twice: each holds up to one
// fetch of 16 MiB and its columns, so a UNION ALL of thousands would take the memory of the whole process.
const maxScans = 100

type builder struct {
	options Options
	ids     ids
	scans   int
}

func (b *builder) node(n plan.Node) (*stream.Node, error) {
	switch n := n.(type) {
	case *plan.Scan:
		return b.scan(n)
	case *plan.Values:
		return &stream.Node{
			ID: b.ids.of("values", lineageOf(n).rows), Name: "Values", Parallelism: 1,
			Source: func(t stream.Task) (stream.Source, error) { return exec.NewValues(t, n.Rows, n.Out), nil },
		}, nil
	case *plan.Sink:
		return b.sink(n)
	}
	var inputs []*stream.Node
	for _, in := range belowCalc(n) {
		s, err := b.node(in)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, s)
	}
	s, err := b.operator(n)
	if err != nil {
		return nil, err
	}
	s.Inputs = inputs
	return s, nil
}

// belowCalc are the inputs of the operator that runs n: a projection takes the filter below it along.
func belowCalc(n plan.Node) []plan.Node {
	if p, ok := n.(*plan.Project); ok {
		if f, ok := p.Input.(*plan.Filter); ok {
			return f.Inputs()
		}
	}
	return n.Inputs()
}

// maker makes the operator of one task.
type maker func(stream.Task) (stream.Operator, error)

// operator makes the node of an operator, without its inputs. Each operator is made once here, so that what cannot be
// compiled is found before anything runs.
func (b *builder) operator(n plan.Node) (*stream.Node, error) {
	s, newOperator := b.stateless(n)
	if s == nil {
		s, newOperator = b.stateful(n)
	}
	probe, err := newOperator(stream.Task{Of: 1})
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", n.Describe(), err)
	}
	if err := probe.Close(); err != nil {
		return nil, fmt.Errorf("make %s: %w", n.Describe(), err)
	}
	s.Operator = func(t stream.Task) (stream.Operator, error) {
		op, err := newOperator(t)
		if err != nil {
			return nil, stream.Permanent(err)
		}
		return &failing{Operator: op}, nil
	}
	return s, nil
}

// stateless makes the nodes that hold no groups; nil for the others.
func (b *builder) stateless(n plan.Node) (*stream.Node, maker) {
	l := lineageOf(n)
	switch n := n.(type) {
	case *plan.Filter:
		return &stream.Node{ID: b.ids.of("filter", l.rows), Name: "Filter"},
			func(stream.Task) (stream.Operator, error) { return exec.NewFilter(n.If) }
	case *plan.Project:
		return &stream.Node{ID: b.ids.of("calc", l.rows, strings.Join(l.columns, ", ")), Name: "Calc"},
			func(stream.Task) (stream.Operator, error) { return newCalc(n) }
	case *plan.Union:
		return &stream.Node{ID: b.ids.of("union", l.rows), Name: "Union"},
			func(stream.Task) (stream.Operator, error) { return exec.Union{}, nil }
	case *plan.Limit:
		return &stream.Node{ID: b.ids.of("limit", l.rows), Name: "Limit", Keys: oneTask(), Parallelism: 1},
			func(stream.Task) (stream.Operator, error) { return exec.NewLimit(n.Skip, n.Count), nil }
	case *plan.WindowAssign:
		return &stream.Node{ID: b.ids.of("assign", l.rows, windowText(n.Window, l.columns)), Name: "WindowAssign"},
			func(stream.Task) (stream.Operator, error) {
				return exec.NewWindowAssign(n.Input.Schema(), n.Window, n.Out)
			}
	}
	return nil, nil
}

// stateful makes the aggregations. Their rows meet by the keys that they group by.
func (b *builder) stateful(n plan.Node) (*stream.Node, maker) {
	l := lineageOf(n)
	switch n := n.(type) {
	case *plan.Aggregate:
		spec := exec.GroupSpec{
			In: n.Input.Schema(), Keys: n.Keys, Aggs: named(n.Aggs, n.Input), Out: n.Out,
			Retracts: n.Input.Mode().Updates(), UpdateBefore: n.UpdateBefore, Fold: b.options.Fold,
		}
		return &stream.Node{ID: b.ids.of("group", l.rows), Name: "GroupAggregate", Keys: [][]int{keysOf(n.Keys)}},
			func(stream.Task) (stream.Operator, error) { return exec.NewGroupAggregate(spec) }
	case *plan.WindowAggregate:
		spec := exec.WindowSpec{
			In: n.Input.Schema(), Window: n.Window, Keys: n.Keys, Aggs: named(n.Aggs, n.Input), Out: n.Out,
			Retracts: n.Input.Mode().Updates(),
		}
		return &stream.Node{ID: b.ids.of("window", l.rows), Name: "WindowAggregate", Keys: [][]int{keysOf(n.Keys)}},
			func(t stream.Task) (stream.Operator, error) { return exec.NewWindowAggregate(t, spec) }
	}
	panic(fmt.Sprintf("BUG: no operator for %T", n))
}

func newCalc(n *plan.Project) (stream.Operator, error) {
	if f, ok := n.Input.(*plan.Filter); ok {
		return exec.NewCalc(f.If, n.Exprs, n.Out)
	}
	return exec.NewProject(n.Exprs, n.Out)
}

// oneTask sends all rows to one task.
func oneTask() [][]int { return [][]int{{}} }

// keysOf are the columns of an exchange: never nil, because no keys mean one task and not "no exchange".
func keysOf(keys []int) []int { return append([]int{}, keys...) }

func (b *builder) connector(name string) (*Connector, error) {
	for i := range b.options.Connectors {
		if b.options.Connectors[i].Name == name {
			return &b.options.Connectors[i], nil
		}
	}
	return nil, fmt.Errorf("find connector '%s': there is none of that name", name)
}

func (b *builder) scan(n *plan.Scan) (*stream.Node, error) {
	if b.scans++; b.scans > maxScans {
		return nil, fmt.Errorf("read table %s: the statement reads more than %d tables", n.Table.Name, maxScans)
	}
	c, err := b.connector(n.Table.Connector)
	if err != nil {
		return nil, err
	}
	spec := SourceSpec{Table: n.Table}
	for i, col := range n.Columns {
		spec.Fields = append(spec.Fields, field(n.Out[i], n.Table.Columns[col].Metadata))
	}
	source, err := c.Source(spec)
	if err != nil {
		return nil, fmt.Errorf("open table %s: %w", n.Table.Name, err)
	}
	s := &stream.Node{ID: b.ids.of("source", n.Table.Name, n.Table.Connector), Name: "Source " + n.Table.Name, Source: source}
	if n.Watermark != nil {
		if s.Watermark, err = watermarkOf(n, b.options.IdleAfter); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func field(f types.Field, metadata string) Field {
	return Field{Name: f.Name, Type: f.Type.Arrow(), SQL: f.Type, Metadata: metadata}
}

func (b *builder) sink(n *plan.Sink) (*stream.Node, error) {
	input, err := b.node(n.Input)
	if err != nil {
		return nil, err
	}
	if columns := nullable(n); len(columns) > 0 {
		input = &stream.Node{
			ID: b.ids.of("notnull", n.Table.Name), Name: "NotNull", Inputs: []*stream.Node{input},
			Operator: func(stream.Task) (stream.Operator, error) {
				return &failing{Operator: &notNull{n.Table.Name, columns}}, nil
			},
		}
	}
	c, err := b.connector(n.Table.Connector)
	if err != nil {
		return nil, err
	}
	spec := SinkSpec{Table: n.Table, Upsert: n.Upsert()}
	for i, col := range n.Table.Columns {
		if !col.Written() {
			continue
		}
		for _, k := range n.Table.PrimaryKey {
			if k == i {
				spec.Key = append(spec.Key, len(spec.Fields))
			}
		}
		spec.Fields = append(spec.Fields, field(n.Out[len(spec.Fields)], col.Metadata))
	}
	sink, err := c.Sink(spec)
	if err != nil {
		return nil, fmt.Errorf("open table %s: %w", n.Table.Name, err)
	}
	s := &stream.Node{
		ID: b.ids.of("sink", n.Table.Name, n.Table.Connector), Name: "Sink " + n.Table.Name, Inputs: []*stream.Node{input}, Sink: sink,
	}
	if n.ByKey {
		s.Keys = [][]int{keysOf(spec.Key)}
	}
	return s, nil
}
