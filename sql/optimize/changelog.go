package optimize

import (
	"fmt"
	"slices"

	"github.com/weirhub/weir/sql/plan"
)

// Refusal says that a plan cannot run as a stream.
type Refusal struct {
	Msg, Hint string
}

func (r *Refusal) Error() string { return r.Msg }

// setMode writes a node's mode; the node was made by this package and is not shared yet.
func setMode(n plan.Node, m plan.Mode) {
	n.(interface{ SetMode(plan.Mode) }).SetMode(m)
}

// changelog finds which row kinds each node puts out. The first pass goes up: what can come out of a node at all. The
// second goes down: who needs a -U before each +U.
func changelog(root plan.Node) error {
	if err := produce(root); err != nil {
		return err
	}
	s, isSink := root.(*plan.Sink)
	if isSink {
		if err := checkSink(s); err != nil {
			return err
		}
	}
	require(root, !isSink || s.Accepts == plan.AcceptsAll)
	return nil
}

// produce sets each node's mode without -U.
func produce(n plan.Node) error {
	var in plan.Mode
	for _, i := range n.Inputs() {
		if err := produce(i); err != nil {
			return err
		}
		in |= i.Mode()
	}
	switch x := n.(type) {
	case *plan.Scan, *plan.Values:
		in = plan.ModeInsert
	case *plan.Aggregate:
		out := plan.ModeInsert
		if len(x.Aggs) > 0 {
			out |= plan.ModeUpdateAfter
		}
		if in.Updates() {
			out |= plan.ModeDelete
		}
		in = out
	case *plan.WindowAggregate:
		in = plan.ModeInsert // a window comes out once, when nothing in it changes any more
	case *plan.Limit:
		if in.Updates() {
			return refuseUpdates(n, n.Inputs()[0], "LIMIT takes the first rows, and they must not change later")
		}
	}
	setMode(n, in)
	return nil
}

func refuseUpdates(n, in plan.Node, why string) error {
	return &Refusal{
		Msg:  fmt.Sprintf("%s: %s, but %s changes its results", n.Describe(), why, updater(in).Describe()),
		Hint: "aggregate over a window (TUMBLE) for results that are final",
	}
}

// updater is the node from which the updates of an input come.
func updater(n plan.Node) plan.Node {
	for _, in := range n.Inputs() {
		if in.Mode().Updates() {
			return updater(in)
		}
	}
	return n
}

// require adds -U where it is asked for. A filter asks for it always: a +U that no longer passes must take its -U with
// it, or the old row would stay.
func require(n plan.Node, before bool) {
	if n.Mode()&plan.ModeUpdateAfter != 0 {
		switch x := n.(type) {
		case *plan.Filter:
			before = true
		case *plan.Aggregate:
			x.UpdateBefore = before
		}
		if before {
			setMode(n, n.Mode()|plan.ModeUpdateBefore)
		}
	}
	switch n.(type) {
	case *plan.Aggregate, *plan.WindowAggregate:
		before = true // an aggregate takes the old row out before it adds the new one
	}
	for _, in := range n.Inputs() {
		require(in, before)
	}
	if u, ok := n.(*plan.Union); ok {
		unionMode(u)
	}
	if p, ok := n.(*plan.Project); ok {
		setMode(p, p.Input.Mode())
	}
	if s, ok := n.(*plan.Sink); ok {
		setMode(s, s.Input.Mode())
	}
}

func unionMode(u *plan.Union) {
	var m plan.Mode
	for _, in := range u.All {
		m |= in.Mode()
	}
	setMode(u, m)
}

// checkSink refuses what a sink cannot take, and finds whether rows of one key must meet before they are written.
func checkSink(s *plan.Sink) error {
	updates := s.Input.Mode().Updates()
	switch {
	case s.Accepts == plan.AcceptsAll:
		return nil
	case !s.Upsert():
		if updates {
			return refuseSink(s)
		}
		return nil
	}
	key := keyColumns(s)
	if slices.ContainsFunc(upsertKeys(s.Input), func(k []int) bool { return slices.Equal(k, key) }) {
		return nil
	}
	if s.Conflict == "DEDUPLICATE" && !updates {
		s.ByKey = true
		return nil
	}
	r := &Refusal{
		Msg: fmt.Sprintf("Sink %s: the primary key is not the key of the query, so rows of one key may come in any order", s.Table.Name),
	}
	switch {
	case s.Conflict == "" && !updates:
		r.Hint = "add ON CONFLICT DO DEDUPLICATE: the last row of a key stays"
	case updates:
		r.Hint = "group the query by the columns of the primary key"
	default:
		r.Msg, r.Hint = "ON CONFLICT DO "+s.Conflict+" is not supported", "DO DEDUPLICATE keeps the last row of a key"
	}
	return r
}

func refuseSink(s *plan.Sink) error {
	hint := "aggregate over a window (TUMBLE) for results that are final"
	if s.Accepts == plan.AcceptsUpserts {
		hint = "declare PRIMARY KEY (...) NOT ENFORCED in " + s.Table.Name + ", or " + hint
	} else {
		hint += ", or write to a table with connector 'upsert-kafka' and a primary key"
	}
	return &Refusal{
		Msg:  fmt.Sprintf("Sink %s takes rows that do not change, but %s changes its results", s.Table.Name, updater(s.Input).Describe()),
		Hint: hint,
	}
}

// keyColumns are the columns of the sink's input that hold the primary key, sorted.
func keyColumns(s *plan.Sink) []int {
	var key []int
	at := 0
	for i, c := range s.Table.Columns {
		if !c.Written() {
			continue
		}
		if slices.Contains(s.Table.PrimaryKey, i) {
			key = append(key, at)
		}
		at++
	}
	return key
}

// upsertKeys are the sets of columns, sorted, each of which identifies a row in a node's changes.
func upsertKeys(n plan.Node) [][]int {
	switch n := n.(type) {
	case *plan.Aggregate:
		return [][]int{upTo(len(n.Keys))}
	case *plan.WindowAggregate: // either end tells the window
		k := len(n.Keys)
		return [][]int{upTo(k + 1), append(upTo(k), k+1), upTo(k + 2)}
	case *plan.Filter:
		return upsertKeys(n.Input)
	case *plan.Project:
		var keys [][]int
		for _, k := range upsertKeys(n.Input) {
			if moved, ok := projectedKey(n, k); ok {
				keys = append(keys, moved)
			}
		}
		return keys
	}
	return nil
}

func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// projectedKey finds a key's columns among a projection's expressions.
func projectedKey(n *plan.Project, below []int) ([]int, bool) {
	var key []int
	for _, k := range below {
		at := slices.IndexFunc(n.Exprs, func(e plan.Expr) bool {
			c, ok := e.(*plan.Column)
			return ok && c.Index == k
		})
		if at < 0 {
			return nil, false
		}
		key = append(key, at)
	}
	slices.Sort(key)
	return key, true
}
