package stream

import (
	"fmt"
)

// stage is a chain of nodes without an exchange between them: each of its tasks is one goroutine. Its head is a source,
// or an operator behind an exchange or with several inputs; its tail writes to the next stage's channels or is the sink.
type stage struct {
	nodes       []*Node // head first
	parallelism int
	inputs      []*stage // nil for a source
	keys        [][]int  // of the head, one per input; nil: task i sends to task i
}

func (s *stage) head() *Node { return s.nodes[0] }

// planStages cuts the tree into stages, inputs before their consumers; the last one has the sink.
func planStages(root *Node, parallelism int) ([]*stage, error) {
	p := stagePlanner{parallelism: max(1, parallelism), seen: map[string]bool{}}
	if root == nil || root.Sink == nil {
		return nil, fmt.Errorf("plan pipeline: its root is not a sink")
	}
	if _, err := p.plan(root); err != nil {
		return nil, fmt.Errorf("plan pipeline: %w", err)
	}
	return p.stages, nil
}

type stagePlanner struct {
	parallelism int
	seen        map[string]bool
	stages      []*stage
}

// plan gives the stage that node ends, extending its input's stage when no exchange lies between them.
func (p *stagePlanner) plan(n *Node) (*stage, error) {
	if err := p.check(n); err != nil {
		return nil, err
	}
	if n.Source != nil {
		return p.add(&stage{nodes: []*Node{n}, parallelism: p.or(n.Parallelism)}), nil
	}
	var inputs []*stage
	for _, in := range n.Inputs {
		s, err := p.plan(in)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, s)
	}
	if len(inputs) == 1 && p.chains(n, inputs[0]) {
		inputs[0].nodes = append(inputs[0].nodes, n)
		return inputs[0], nil
	}
	s := &stage{nodes: []*Node{n}, inputs: inputs, keys: make([][]int, len(inputs))}
	copy(s.keys, n.Keys)
	s.parallelism = p.width(n, s)
	return p.add(s), nil
}

func (p *stagePlanner) add(s *stage) *stage {
	p.stages = append(p.stages, s)
	return s
}

func (p *stagePlanner) or(n int) int {
	if n > 0 {
		return n
	}
	return p.parallelism
}

func (p *stagePlanner) check(n *Node) error {
	kinds := 0
	for _, is := range []bool{n.Source != nil, n.Operator != nil, n.Sink != nil} {
		if is {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return fmt.Errorf("node %s (%s) is not exactly one of source, operator and sink", n.ID, n.Name)
	case p.seen[n.ID]:
		return fmt.Errorf("two nodes have the id %s (%s)", n.ID, n.Name)
	case (n.Source == nil) != (len(n.Inputs) > 0):
		return fmt.Errorf("node %s (%s) has %d inputs", n.ID, n.Name, len(n.Inputs))
	case len(n.Keys) > len(n.Inputs):
		return fmt.Errorf("node %s (%s) has keys for %d inputs, and %d inputs", n.ID, n.Name, len(n.Keys), len(n.Inputs))
	}
	p.seen[n.ID] = true
	return nil
}

// keysOfInput are the exchange keys of an input; nil: none.
func keysOfInput(n *Node, input int) []int {
	if input < len(n.Keys) {
		return n.Keys[input]
	}
	return nil
}

// chains reports whether n can run in its input's tasks: it needs no exchange, or there is only one task on either side.
func (p *stagePlanner) chains(n *Node, in *stage) bool {
	keys := keysOfInput(n, 0)
	if keys == nil {
		return n.Parallelism == 0 || n.Parallelism >= in.parallelism
	}
	return in.parallelism == 1 && (len(keys) == 0 || p.or(n.Parallelism) == 1)
}

// width is the number of tasks of a stage behind channels. Without keys it is at most that of its narrowest input,
// because rows stay in their task and a task without an input would hold event time and barriers back.
func (p *stagePlanner) width(n *Node, s *stage) int {
	width := p.or(n.Parallelism)
	for i, in := range s.inputs {
		switch {
		case s.keys[i] == nil:
			width = min(width, in.parallelism)
		case len(s.keys[i]) == 0:
			return 1
		}
	}
	return width
}
