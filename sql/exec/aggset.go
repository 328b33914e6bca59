package exec

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
	"github.com/weirhub/weir/stream"
)

// aggSet is the aggregates of one operator: what they read of a batch, and how their states are made.
type aggSet struct {
	calls    []plan.AggCall
	in       types.Schema
	retracts bool

	cols map[int]*aggColumn // by number in the input
	gs   []int32
	rows []int32
	neg  []bool
}

type aggColumn struct {
	v   vec.Vec
	mem vec.Scratch
}

func newAggSet(in types.Schema, calls []plan.AggCall, retracts bool) (*aggSet, error) {
	s := &aggSet{calls: calls, in: in, retracts: retracts, cols: map[int]*aggColumn{}}
	for _, c := range calls {
		for _, a := range c.Args {
			s.cols[a] = &aggColumn{}
		}
		if c.Filter >= 0 {
			s.cols[c.Filter] = &aggColumn{}
		}
	}
	_, err := s.make()
	return s, err
}

// make makes an empty state for each aggregate.
func (s *aggSet) make() ([]acc, error) {
	accs := make([]acc, len(s.calls))
	for i, c := range s.calls {
		t := types.BigIntT
		if len(c.Args) > 0 {
			t = s.in[c.Args[0]].Type
		}
		a, err := newAcc(c, t, s.retracts)
		if err != nil {
			return nil, err
		}
		accs[i] = a
	}
	return accs, nil
}

// load reads the columns that the aggregates need.
func (s *aggSet) load(rec arrow.RecordBatch) error {
	for i, c := range s.cols {
		if err := c.mem.FromArrow(&c.v, s.in[i].Type, rec.Column(i), nil); err != nil {
			return fmt.Errorf("aggregate %s: %w", s.in[i].Name, err)
		}
	}
	return nil
}

// add takes rows of the loaded batch into the groups gs of accs; minus as in acc.add.
func (s *aggSet) add(accs []acc, gs, rows []int32, minus []bool) {
	for i := range s.calls {
		s.addOne(i, accs[i], gs, rows, minus)
	}
}

func (s *aggSet) addOne(i int, a acc, gs, rows []int32, minus []bool) {
	c := &s.calls[i]
	var in, filter *vec.Vec
	if len(c.Args) > 0 {
		in = &s.cols[c.Args[0]].v
	}
	if c.Filter >= 0 {
		filter = &s.cols[c.Filter].v
	}
	if filter != nil || in != nil && in.Valid != nil {
		gs, rows, minus = s.counting(in, filter, gs, rows, minus)
	}
	if len(gs) > 0 {
		a.add(gs, rows, in, minus)
	}
}

// counting leaves out the rows whose argument is NULL and those that FILTER excludes.
func (s *aggSet) counting(in, filter *vec.Vec, gs, rows []int32, minus []bool) (g, r []int32, m []bool) {
	s.gs, s.rows, s.neg = s.gs[:0], s.rows[:0], s.neg[:0]
	for k, row := range rows {
		i := int(row)
		if in != nil && in.Null(i) || filter != nil && (filter.Null(i) || !filter.Bool[i]) {
			continue
		}
		s.gs, s.rows = append(s.gs, gs[k]), append(s.rows, row)
		if minus != nil {
			s.neg = append(s.neg, minus[k])
		}
	}
	if minus == nil {
		return s.gs, s.rows, nil
	}
	return s.gs, s.rows, s.neg
}

// sections are the names under which the aggregates' states are written: what each computes.
func (s *aggSet) sections() []string {
	names := make([]string, len(s.calls))
	seen := map[string]int{}
	for i, c := range s.calls {
		id := c.String()
		if c.ID != "" {
			id = c.ID
		}
		if s.retracts {
			id += " of changes" // another layout
		}
		if seen[id]++; seen[id] > 1 {
			id = fmt.Sprintf("%s #%d", id, seen[id])
		}
		names[i] = "aggregate/1 " + id
	}
	return names
}

// minusOf marks the rows of a batch that take earlier ones back; nil when there are none.
func minusOf(ops stream.Changes, buf []bool) []bool {
	some := false
	buf = buf[:0]
	for _, o := range ops {
		buf = append(buf, o.Retracts())
		some = some || o.Retracts()
	}
	if !some {
		return nil
	}
	return buf
}
