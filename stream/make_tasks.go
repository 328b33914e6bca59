package stream

import (
	"cmp"
	"fmt"
	"slices"
)

// makeTasks makes the sources, operators and sinks of all tasks and the channels between them.
func (a *attempt) makeTasks(c *Checkpoint) error {
	sources, byStage := 0, map[*stage][]*task{}
	for _, s := range a.stages {
		for i := range s.parallelism {
			t, err := a.makeTask(s, i)
			a.tasks = append(a.tasks, t) // also a half-made one: close gives back what it has
			byStage[s] = append(byStage[s], t)
			if err != nil {
				return err
			}
			if t.source != nil {
				sources++
			}
		}
	}
	for _, s := range a.stages {
		connect(s, byStage, c)
	}
	a.acks = make(chan ack, len(a.tasks))
	a.ended = make(chan struct{}, sources)
	return nil
}

func (a *attempt) makeTask(s *stage, index int) (*task, error) {
	t := &task{a: a, stage: s, index: index, resume: make(chan struct{}, 1)}
	for _, n := range s.nodes {
		counters := a.spec.Metrics.node(n)
		t.counters = append(t.counters, counters)
		at := Task{Index: index, Of: s.parallelism, Metrics: counters}
		var err error
		switch {
		case n.Source != nil:
			t.firstOp = 1
			t.reads, t.trigger = make(chan readResult, fetchAhead), make(chan barrier, 1)
			t.source, err = n.Source(at)
		case n.Operator != nil:
			var op Operator
			if op, err = n.Operator(at); err == nil {
				t.ops = append(t.ops, op)
			}
		default:
			t.sink, err = n.Sink(at)
		}
		if err != nil {
			return t, fmt.Errorf("make %s: %w", n.Name, err)
		}
	}
	return t, nil
}

// connect makes the channels of a stage's tasks and gives the tasks of its inputs their exchange.
func connect(s *stage, byStage map[*stage][]*task, c *Checkpoint) {
	if len(s.inputs) == 0 {
		return
	}
	receivers := byStage[s]
	for input, in := range s.inputs {
		for i, from := range byStage[in] {
			x := &exchange{input: input, keys: s.keys[input]}
			for to, t := range receivers {
				if x.keys == nil && to != i%len(receivers) {
					continue // rows stay in their task
				}
				x.targets = append(x.targets, target{task: t, channel: t.channels})
				t.channels++
			}
			x.rows = make([][]int32, len(x.targets))
			from.out = x
		}
	}
	for i, t := range receivers {
		t.in = make(chan message, channelBatches*t.channels)
		t.times = newChannelWatermarks(t.channels, c.watermark(s.head().ID, i, s.parallelism))
	}
}

// restoreOperators gives each operator the state of the groups that its task owns, and of no group; then the event time
// at which the state was written, which makes nothing due that was not due before.
func (a *attempt) restoreOperators(state map[stateKey][]byte) error {
	byNode := map[string][]stateKey{}
	for k := range state {
		byNode[k.node] = append(byNode[k.node], k)
	}
	for _, keys := range byNode {
		slices.SortFunc(keys, func(x, y stateKey) int {
			return cmp.Or(cmp.Compare(x.section, y.section), cmp.Compare(x.group, y.group), cmp.Compare(x.task, y.task))
		})
	}
	for _, t := range a.tasks {
		for i, op := range t.ops {
			n := t.stage.nodes[t.firstOp+i]
			r := &StateReader{sections: map[string][]groupState{}}
			for _, k := range byNode[n.ID] {
				if k.group == NoGroup || TaskOfGroup(k.group, t.stage.parallelism) == t.index {
					r.sections[k.section] = append(r.sections[k.section], groupState{k.group, state[k]})
				}
			}
			if len(r.sections) == 0 {
				continue
			}
			if err := op.Restore(r); err != nil {
				return Permanent(fmt.Errorf("restore %s from checkpoint %d: %w", n.Name, a.id, err))
			}
		}
	}
	return nil
}
