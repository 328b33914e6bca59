package stream

import (
	"fmt"
	"strings"
	"testing"
)

// spellStages writes the stages of a pipeline, one a line: its nodes, its tasks and where its rows come from.
func spellStages(stages []*stage) string {
	var b strings.Builder
	number := map[*stage]int{}
	for i, s := range stages {
		number[s] = i
		var names []string
		for _, n := range s.nodes {
			names = append(names, n.ID)
		}
		fmt.Fprintf(&b, "%d: %s x%d", i, strings.Join(names, " "), s.parallelism)
		for j, in := range s.inputs {
			how := "straight"
			if s.keys[j] != nil {
				how = fmt.Sprintf("by %v", s.keys[j])
			}
			fmt.Fprintf(&b, ", from %d %s", number[in], how)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func source(id string, parallelism int) *Node {
	return &Node{ID: id, Parallelism: parallelism, Source: func(Task) (Source, error) { return nil, nil }}
}

func operator(id string, keys [][]int, inputs ...*Node) *Node {
	return &Node{ID: id, Inputs: inputs, Keys: keys, Operator: func(Task) (Operator, error) { return nil, nil }}
}

func sink(in *Node) *Node {
	return &Node{ID: "sink", Inputs: []*Node{in}, Sink: func(Task) (Sink, error) { return nil, nil }}
}

// A tree is cut into chains only where rows must change tasks or several inputs meet.
func TestTreesAreCutAtExchanges(t *testing.T) {
	by := func(cols ...int) [][]int { return [][]int{cols} }
	narrow := operator("b", nil, operator("a", by(0), source("s", 4)))
	narrow.Inputs[0].Parallelism = 2
	for _, c := range []struct {
		name        string
		root        *Node
		parallelism int
		want        string
	}{
		{"one chain", sink(operator("a", nil, source("s", 0))), 3, "0: s a sink x3\n"},
		{"by key", sink(operator("b", nil, operator("a", by(0), source("s", 0)))), 3, "0: s x3\n1: a b sink x3, from 0 by [0]\n"},
		{"by key, one task", sink(operator("a", by(0), source("s", 0))), 1, "0: s a sink x1\n"},
		{"by key, from one task to many", sink(operator("a", by(1), source("s", 1))), 3, "0: s x1\n1: a sink x3, from 0 by [1]\n"},
		{"of all rows", sink(operator("a", [][]int{{}}, source("s", 0))), 3, "0: s x3\n1: a sink x1, from 0 by []\n"},
		{"narrower", sink(narrow), 3, "0: s x4\n1: a b sink x2, from 0 by [0]\n"},
		{"union", sink(operator("u", nil, source("s", 2), source("t", 4))), 3, "0: s x2\n1: t x4\n2: u sink x2, from 0 straight, from 1 straight\n"},
		{"join", sink(operator("j", [][]int{{0}, {1}}, source("s", 0), operator("f", nil, source("t", 0)))), 2, "0: s x2\n1: t f x2\n2: j sink x2, from 0 by [0], from 1 by [1]\n"},
	} {
		stages, err := planStages(c.root, c.parallelism)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := spellStages(stages); got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
	}
}

// A tree that cannot run is refused with the node's name.
func TestImpossibleTreesAreRefused(t *testing.T) {
	twice := source("s", 0)
	both := source("s", 0)
	both.Operator = operator("x", nil).Operator
	for want, root := range map[string]*Node{
		"its root is not a sink":             operator("a", nil, source("s", 0)),
		"two nodes have the id s":            sink(operator("j", nil, twice, twice)),
		"s () is not exactly one of source":  sink(both),
		"node a () has 0 inputs":             sink(operator("a", nil)),
		"a () has keys for 2 inputs, and 1 ": sink(operator("a", [][]int{{0}, {0}}, source("s", 0))),
	} {
		if _, err := planStages(root, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, err := planStages(nil, 1); err == nil {
		t.Error("no pipeline is accepted")
	}
}
