package exec

import (
	"fmt"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// acc is the state of one aggregate for all groups of a table, by group number. The callers (aggSet) have left out the
// rows that do not count: NULL arguments, and those that FILTER excludes.
type acc interface {
	// grow makes groups 0 to n-1 exist; new ones are empty.
	grow(n int)
	// add takes the values of in (nil for COUNT(*)) at rows into the groups gs, in order. With minus[k] the row takes
	// an earlier one back; nil: none does.
	add(gs, rows []int32, in *vec.Vec, minus []bool)
	// put writes the result of group g as row i of o; rows come in order from 0.
	put(g int32, o *vec.Vec, i int)
	// merge takes the state of the groups fs of another acc of the same kind into the groups gs.
	merge(gs []int32, other acc, fs []int32)
	// reset empties a group.
	reset(g int32)
	// save appends the state of a group, load reads it back into an empty one.
	save(g int32, b []byte) []byte
	load(g int32, r *reader)
}

// newAcc makes the state of an aggregate over an argument of type in. retracts says whether rows may be taken back.
func newAcc(a plan.AggCall, in types.Type, retracts bool) (acc, error) {
	inner, err := plainAcc(a, in, retracts)
	if err != nil || !a.Distinct || a.Func == "MIN" || a.Func == "MAX" {
		return inner, err
	}
	return &distinctAcc{inner: inner, t: in}, nil
}

func plainAcc(a plan.AggCall, in types.Type, retracts bool) (acc, error) {
	switch a.Func {
	case "COUNT":
		return &countAcc{}, nil
	case "SUM", "AVG":
		mean := a.Func == "AVG"
		switch {
		case in.Kind == types.Decimal:
			return &decimalSum{in: in, mean: mean}, nil
		case in.IsApprox():
			return &floatSum{narrow: in.Kind == types.Float && !mean, mean: mean}, nil
		case in.IsInteger():
			return &intSum{mean: mean}, nil
		}
	case "MIN", "MAX":
		if retracts {
			return &extremeBag{t: in, max: a.Func == "MAX"}, nil
		}
		return &extremeAcc{store: newStore(in), max: a.Func == "MAX"}, nil
	case "FIRST_VALUE", "LAST_VALUE":
		if retracts {
			return &orderedBag{t: in, pick: bagPick(a.Func == "LAST_VALUE")}, nil
		}
		return &edgeAcc{store: newStore(in), last: a.Func == "LAST_VALUE"}, nil
	case "LISTAGG":
		if retracts {
			return &orderedBag{t: in, pick: bagJoin(a.Sep)}, nil
		}
		return &listAcc{sep: a.Sep}, nil
	case "STDDEV", "STDDEV_SAMP", "STDDEV_POP", "VARIANCE", "VAR_SAMP", "VAR_POP":
		sample := a.Func != "STDDEV_POP" && a.Func != "VAR_POP"
		return &moments{sample: sample, root: a.Func[0] == 'S'}, nil
	}
	return nil, fmt.Errorf("aggregate %s: no state for %s", a.Func, in)
}

func grown[T any](s []T, n int) []T {
	if n <= len(s) {
		return s
	}
	if n <= cap(s) {
		return s[:n]
	}
	// twice the need, so that groups that come one by one cost a constant each
	t := make([]T, n, 2*n)
	copy(t, s)
	return t
}

// countAcc is COUNT.
type countAcc struct{ n []int64 }

func (c *countAcc) grow(n int) { c.n = grown(c.n, n) }

func (c *countAcc) add(gs, _ []int32, _ *vec.Vec, minus []bool) {
	if minus == nil {
		for _, g := range gs {
			c.n[g]++
		}
		return
	}
	for k, g := range gs {
		c.n[g] += sign(minus, k)
	}
}

// sign is 1, or -1 for a row that takes back.
func sign(minus []bool, k int) int64 {
	if minus != nil && minus[k] {
		return -1
	}
	return 1
}

func (c *countAcc) put(g int32, o *vec.Vec, i int) { o.I64[i] = c.n[g] }

func (c *countAcc) merge(gs []int32, other acc, fs []int32) {
	from := other.(*countAcc)
	for k, g := range gs {
		c.n[g] += from.n[fs[k]]
	}
}

func (c *countAcc) reset(g int32) { c.n[g] = 0 }

func (c *countAcc) save(g int32, b []byte) []byte { return appendVarint(b, c.n[g]) }
func (c *countAcc) load(g int32, r *reader)       { c.n[g] = r.varint() }
