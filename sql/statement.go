package sql

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
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
	ListsTables bool // SHOW TABLES: the answer depends on all tables that there are

	// Order, Skip and Count say how the rows of a bounded Query are shown (see Engine.Bounded); Count is -1 for all.
	Order       []result.Order
	Skip, Count int64

	Columns []string   // of Rows
	Cells   [][]string // of Rows

	connectors []Connector
	options    map[string]string
	bounded    bool
}

// Pipeline makes the nodes of a Query or Insert. The node of an INSERT ends in its table's sink; that of a query has no
// sink yet: see Attach. Each call makes a new tree.
func (s *Statement) Pipeline() (*stream.Node, error) {
	idle, err := s.duration(optIdle)
	if err != nil {
		return nil, err
	}
	return build.Pipeline(s.Plan, build.Options{
		Connectors: s.connectors, IdleAfter: int64(idle), Fold: s.bounded || s.options[optMiniBatch] == "true",
	})
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
	optMiniBatch  = "table.exec.mini-batch.enabled"
	optParallel   = "parallelism.default"
	optName       = "pipeline.name"
	optCheckpoint = "execution.checkpointing.interval"
	// Options of which only one value is true here: a script that sets it runs, one that asks for another is told.
	optRuntime  = "execution.runtime-mode"
	optTimeZone = "table.local-time-zone"
	optTTL      = "table.exec.state.ttl"
)

// sessionOptions says which values each option takes.
func sessionOptions() map[string]func(value string) error {
	return map[string]func(string) error{
		optIdle: isDuration, optCheckpoint: isDuration, optParallel: isParallelism,
		optName:      func(string) error { return nil },
		optMiniBatch: oneOf("true", "false"),
		optRuntime:   oneOf("streaming", "STREAMING"), optTimeZone: oneOf("UTC", "Etc/UTC"), optTTL: oneOf("0", "0 ms", "0 s"),
	}
}

func isDuration(text string) error {
	_, err := parseDuration(text)
	return err
}

func isParallelism(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 1 || n > stream.KeyGroups {
		return fmt.Errorf("'%s' is not a number from 1 to %d", text, stream.KeyGroups)
	}
	return nil
}

func oneOf(values ...string) func(string) error {
	return func(text string) error {
		if !slices.Contains(values, text) {
			return fmt.Errorf("'%s' is not supported: the value is '%s'", text, strings.Join(values, "' or '"))
		}
		return nil
	}
}

// Name is what SET 'pipeline.name' says, or "".
func (s *Statement) Name() string { return s.options[optName] }

// Parallelism is what SET 'parallelism.default' says, or 0.
func (s *Statement) Parallelism() int {
	n, _ := strconv.Atoi(s.options[optParallel]) // checked by SET
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
	options := sessionOptions()
	check, ok := options[s.Key]
	if !ok {
		names := slices.Sorted(maps.Keys(options))
		hint := "there are: " + strings.Join(names, ", ")
		if near, ok := suggest.Nearest(s.Key, names); ok {
			hint = "did you mean '" + near + "'?"
		}
		return []*Error{sqlerr.New(s.Span, "unknown option '"+s.Key+"'", hint)}
	}
	if err := check(s.Value); err != nil {
		return []*Error{sqlerr.New(s.Span, err.Error(), "")}
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
