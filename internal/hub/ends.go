package hub

import (
	"slices"
	"strings"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/sql"
	"github.com/weirhub/weir/sql/plan"
)

// flow is what one part of the file reads and writes.
type flow struct {
	pos           config.Pos
	label         string // as errors name it
	reads, writes []string
}

// flows gives the topics between the parts of the file. Dead letters count as written: whoever reads them has to wait for
// those who may still write some.
func (d *declared) flows() []flow {
	var out []flow
	for _, s := range d.f.Sources {
		out = append(out, flow{s.Pos, "sources." + s.Name, nil, sourceWrites(s)})
	}
	for _, fn := range d.f.Funcs {
		for _, t := range fn.Triggers {
			out = append(out, flow{t.Pos, "functions." + fn.Name, []string{t.Topic}, triggerWrites(fn, t)})
		}
	}
	for _, q := range d.f.Queries {
		reads, writes := d.queryTopics(q)
		out = append(out, flow{q.Pos, "queries." + q.Name, reads, append(writes, deadLetters(reads)...)})
	}
	for _, s := range d.f.Sinks {
		out = append(out, flow{s.Pos, "sinks." + s.Name, []string{s.From}, deadLetters([]string{s.From})})
	}
	return out
}

func sourceWrites(s config.Source) []string { return []string{s.To, s.To + topic.DeadLetterSuffix} }

func triggerWrites(fn config.Function, t config.Trigger) []string {
	out := deadLetters([]string{t.Topic})
	if t.DeadLetter != "" {
		out = []string{t.DeadLetter}
	}
	if fn.To != "" {
		out = append(out, fn.To)
	}
	return out
}

func deadLetters(topics []string) []string {
	out := make([]string, len(topics))
	for i, t := range topics {
		out[i] = t + topic.DeadLetterSuffix
	}
	return out
}

// queryTopics are the topics that a query reads and writes; none for one that does not compile.
func (d *declared) queryTopics(q config.Query) (reads, writes []string) {
	statements, errs := d.compile(newConnectors(nil, nil, nil), q.SQL.Text)
	if len(errs) > 0 {
		return nil, nil
	}
	for _, st := range statements {
		if st.Kind == sql.Insert {
			return planTopics(st.Plan)
		}
	}
	return nil, nil
}

func planTopics(n plan.Node) (reads, writes []string) {
	switch n := n.(type) {
	case *plan.Scan:
		if n.Table.Connector != fileConnector {
			reads = append(reads, topicName(n.Table))
		}
	case *plan.Sink:
		writes = append(writes, topicName(n.Table))
	}
	for _, in := range n.Inputs() {
		r, w := planTopics(in)
		for _, name := range r {
			if !slices.Contains(reads, name) {
				reads = append(reads, name)
			}
		}
		writes = append(writes, w...)
	}
	return reads, writes
}

// checkEnds finds what would keep a bounded run from ending: input without an end, and parts that wait for each other.
func (d *declared) checkEnds() {
	for _, s := range d.f.Sources {
		if s.Kind == "generate" && s.Generate.Count == 0 {
			d.fail(s.Pos, config.CodeValue, "add `count: 1000`, or start it with `weir up`", "sources.%s makes rows without an end, so `weir run` would never end", s.Name)
		}
	}
	flows := d.flows()
	told := make([]bool, len(flows))
	for i := range flows {
		circle := circleFrom(flows, i)
		if len(circle) == 0 || slices.ContainsFunc(circle, func(j int) bool { return told[j] }) {
			continue
		}
		names := make([]string, 0, len(circle)+1)
		for _, j := range append(circle, i) {
			told[j] = true
			names = append(names, flows[j].label)
		}
		d.fail(flows[i].pos, config.CodeReference, "break the circle, or start it with `weir up`",
			"%s goes in a circle, so `weir run` would never end: %s", flows[i].label, strings.Join(names, " -> "))
	}
}

// circleFrom gives the shortest way on which what a part writes comes back to it, nil when there is none.
func circleFrom(flows []flow, start int) []int {
	before := map[int]int{} // how each part was reached
	for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for next, f := range flows {
			if !slices.ContainsFunc(flows[at].writes, func(name string) bool { return slices.Contains(f.reads, name) }) {
				continue
			}
			if next == start {
				way := []int{}
				for ; at != start; at = before[at] {
					way = append([]int{at}, way...)
				}
				return append([]int{start}, way...)
			}
			if _, seen := before[next]; !seen {
				before[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}
