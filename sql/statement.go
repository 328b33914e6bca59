package sql

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weirhub/weir/internal/suggest"
	"github.com/weirhub/weir/sql/build"
	"github.com/weirhub/weir/sql/parse"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/result"
	"github.com/weirhub/weir/sql/sqlerr"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// Kind says what a statement asks for.
type Kind uint8

// The kinds of statements.
const (
	None   Kind = iota
	Query       // run Pipeline with a sink of the caller's and show the rows
	Insert      // run Pipeline
	Rows        // show Columns and Cells: EXPLAIN, SHOW, DESCRIBE, SET
	Done        // it took effect when it was compiled: CREATE, DROP, SET 'a' = 'b'
)

// Statement is one compiled statement.
type Statement struct {
	sqlerr.Span // where it stands in the text
	Text        string
	Kind        Kind
	Target      string       // the table of INSERT, CREATE and DROP
	Schema      types.Schema // the columns of a Query's rows
	Mode        plan.Mode    // the row kinds that a Query or Insert puts out
	Plan        plan.Node
	Warnings    []*Error

	// Order, Skip and Count say how the rows of a bounded Query are shown (see Engine.Bounded); Count is -1 for all.
	Order       []result.Order
	Skip, Count int64

	Columns []string   // of Rows
	Cells   [][]string // of Rows

	connectors []Connector
	options    map[string]string
}

// Pipeline makes the nodes of a Query or Insert. The node of an INSERT ends in its table's sink; that of a query has no
// sink yet: see Attach. Each call makes a new tree.
func (s *Statement) Pipeline() (*stream.Node, error) {
	idle, err := s.duration(optIdle)
	if err != nil {
		return nil, err
	}
	return build.Pipeline(s.Plan, build.Options{Connectors: s.connectors, IdleAfter: int64(idle)})
}

// Attach puts a sink behind a query's node: all rows come to one task, so that the sink sees each change in order.
func Attach(query *stream.Node, name string, sink func(stream.Task) (stream.Sink, error)) *stream.Node {
	return &stream.Node{
		ID: "sink:" + name, Name: name, Inputs: []*stream.Node{query}, Sink: sink, Keys: [][]int{{}}, Parallelism: 1,
	}
}

// Options of SET that the engine or whoever runs its pipelines honours.
const (
	optIdle       = "table.exec.source.idle-timeout"
	optParallel   = "parallelism.default"
	optName       = "pipeline.name"
	optCheckpoint = "execution.checkpointing.interval"
)

var sessionOptions = []string{optIdle, optParallel, optName, optCheckpoint}

// Name is what SET 'pipeline.name' says, or "".
func (s *Statement) Name() string { return s.options[optName] }

// Parallelism is what SET 'parallelism.default' says, or 0.
func (s *Statement) Parallelism() int {
	n := 0
	_, _ = fmt.Sscan(s.options[optParallel], &n) // checked by SET
	return n
}

// CheckpointEvery is what SET 'execution.checkpointing.interval' says, or 0.
func (s *Statement) CheckpointEvery() time.Duration {
	d, _ := s.duration(optCheckpoint) // checked by SET
	return d
}

func (s *Statement) duration(option string) (time.Duration, error) {
	text, ok := s.options[option]
	if !ok {
		return 0, nil
	}
	return parseDuration(text)
}

// parseDuration reads '10 s', '500 ms', '1 min', '1h': Flink's form of durations; a bare number is milliseconds.
func parseDuration(text string) (time.Duration, error) {
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz ")
	unit := strings.TrimSpace(text[len(number):])
	units := map[string]time.Duration{
		"": time.Millisecond, "ms": time.Millisecond, "s": time.Second, "sec": time.Second, "m": time.Minute,
		"min": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}
	per, ok := units[unit]
	n := 0
	if _, err := fmt.Sscan(number, &n); err != nil || !ok || n < 0 || fmt.Sprint(n) != strings.TrimSpace(number) {
		return 0, fmt.Errorf("read duration %q: write a number with a unit, such as '10 s'", text)
	}
	return time.Duration(n) * per, nil
}

func (e *Engine) set(st *Statement, s *parse.Set) []*Error {
	if s.Key == "" {
		st.Kind, st.Columns = Rows, []string{"key", "value"}
		for _, k := range slices.Sorted(maps.Keys(e.options)) {
			st.Cells = append(st.Cells, []string{k, e.options[k]})
		}
		return nil
	}
	st.Kind = Done
	if !slices.Contains(sessionOptions, s.Key) {
		hint := "there are: " + strings.Join(sessionOptions, ", ")
		if near, ok := suggest.Nearest(s.Key, sessionOptions); ok {
			hint = "did you mean '" + near + "'?"
		}
		return []*Error{sqlerr.New(s.Span, "unknown option '"+s.Key+"'", hint)}
	}
	switch s.Key {
	case optIdle, optCheckpoint:
		if _, err := parseDuration(s.Value); err != nil {
			return []*Error{sqlerr.New(s.Span, err.Error(), "")}
		}
	case optParallel:
		n := 0
		if _, err := fmt.Sscan(s.Value, &n); err != nil || n < 1 || n > stream.KeyGroups {
			return []*Error{sqlerr.New(s.Span, fmt.Sprintf("'%s' is not a number from 1 to %d", s.Value, stream.KeyGroups), "")}
		}
	}
	e.options[s.Key] = s.Value
	return nil
}

func (e *Engine) reset(st *Statement, s *parse.Reset) []*Error {
	st.Kind = Done
	if s.Key == "" {
		clear(e.options)
	}
	delete(e.options, s.Key)
	return nil
}
