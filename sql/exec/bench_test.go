//go:build unix

package exec

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// discard takes batches and forgets them.
type discard struct{ rows int }

func (d *discard) Emit(b stream.Batch) error         { d.rows += b.Rows(); return nil }
func (d *discard) DeadLetter(stream.BadRecord) error { return nil }

var benchSchema = types.Schema{
	{Name: "origin", Type: types.StringT},
	{Name: "carrier", Type: types.StringT},
	{Name: "delay", Type: types.BigIntT},
	{Name: "distance", Type: types.DoubleT},
	{Name: "ts", Type: types.TimestampOf(3)},
	{Name: "cancelled", Type: types.BooleanT},
}

// benchBatch is rows as of departures: 3 origins, 16 carriers, one in forty delays NULL, times that rise by a second.
func benchBatch(rows int, from int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, benchSchema.Arrow())
	defer b.Release()
	for i := range int64(rows) {
		n := from + i
		b.Field(0).(*array.StringBuilder).Append([]string{"EWR", "JFK", "LGA"}[n*7%3])
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("C%02d", n*n%16))
		if n%40 == 0 {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.Int64Builder).Append(n % 180)
		}
		b.Field(3).(*array.Float64Builder).Append(float64(n%3000) / 2)
		b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(n * 1000))
		b.Field(5).(*array.BooleanBuilder).Append(n%40 == 0)
	}
	return b.NewRecordBatch()
}

func col(i int) plan.Expr { return &plan.Column{Index: i, T: benchSchema[i].Type} }

func num(n int64) plan.Expr { return &plan.Literal{Value: n, T: types.IntT.NotNull()} }

func call(b *testing.B, name string, args ...plan.Expr) plan.Expr {
	e, err := funcs.Call(name, args...)
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func agg(b *testing.B, name string, args ...int) plan.AggCall {
	var es []plan.Expr
	for _, a := range args {
		es = append(es, col(a))
	}
	c, _, err := funcs.Aggregate(name, es, false, true, false)
	if err != nil {
		b.Fatal(err)
	}
	c.Args = args
	return c
}

// cpuSeconds is the CPU time that the process has used, the collector's included: unlike elapsed time it can be compared
// on a machine that does other things too.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// run feeds batches of several sizes and reports CPU time a batch and rows a CPU second.
func run(b *testing.B, make func() stream.Operator) {
	for _, rows := range []int{1, 64, 4096} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			const batches = 16
			var in [batches]stream.Batch
			for i := range in {
				in[i] = stream.Batch{Rec: benchBatch(rows, int64(i*rows))}
			}
			op, out := make(), &discard{}
			b.ReportAllocs()
			before := cpuSeconds()
			for i := 0; b.Loop(); i++ {
				if err := op.Process(0, in[i%batches], out); err != nil {
					b.Fatal(err)
				}
			}
			used := cpuSeconds() - before
			b.ReportMetric(used/float64(b.N)*1e9, "cpu-ns/batch")
			b.ReportMetric(float64(rows)*float64(b.N)/used/1e6, "Mrows/cpu-s")
		})
	}
}

func BenchmarkCalc(b *testing.B) {
	// WHERE delay > 60 AND distance < 1200; origin, carrier, delay * 2 + 1, distance / 1.6
	filter := call(b, "AND", call(b, ">", col(2), num(60)), call(b, "<", col(3), num(1200)))
	exprs := []plan.Expr{
		col(0), col(1), call(b, "+", call(b, "*", col(2), num(2)), num(1)),
		call(b, "/", col(3), &plan.Literal{Value: 1.6, T: types.DoubleT.NotNull()}),
	}
	out := types.Schema{benchSchema[0], benchSchema[1], benchSchema[2], benchSchema[3]}
	run(b, func() stream.Operator {
		c, err := NewCalc(filter, exprs, out)
		if err != nil {
			b.Fatal(err)
		}
		return c
	})
}

func BenchmarkCase(b *testing.B) {
	e := &plan.Case{
		Whens: []plan.When{{Cond: call(b, "IS NULL", col(2)), Then: &plan.Literal{Value: 1.0, T: types.DoubleT.NotNull()}}},
		Else:  &plan.Literal{Value: 0.0, T: types.DoubleT.NotNull()}, T: types.DoubleT.NotNull(),
	}
	run(b, func() stream.Operator {
		c, err := NewProject([]plan.Expr{col(0), e}, types.Schema{benchSchema[0], {Name: "c", Type: e.T}})
		if err != nil {
			b.Fatal(err)
		}
		return c
	})
}

func benchAggs(b *testing.B) []plan.AggCall {
	return []plan.AggCall{agg(b, "COUNT"), agg(b, "SUM", 2), agg(b, "AVG", 3), agg(b, "MAX", 2)}
}

func outOf(keys types.Schema, aggs []plan.AggCall, window bool) types.Schema {
	out := append(types.Schema{}, keys...)
	if window {
		out = append(out, plan.WindowFields()...)
	}
	for _, a := range aggs {
		out = append(out, types.Field{Name: a.Func, Type: a.T})
	}
	return out
}

func BenchmarkGroupAggregate(b *testing.B) {
	aggs := benchAggs(b)
	for _, fold := range []bool{false, true} {
		b.Run(fmt.Sprintf("fold=%v", fold), func(b *testing.B) {
			run(b, func() stream.Operator {
				op, err := NewGroupAggregate(GroupSpec{
					In: benchSchema, Keys: []int{0, 1}, Aggs: aggs, Out: outOf(benchSchema[:2], aggs, false), UpdateBefore: true, Fold: fold,
				})
				if err != nil {
					b.Fatal(err)
				}
				return op
			})
		})
	}
}

func BenchmarkWindowAggregate(b *testing.B) {
	aggs := benchAggs(b)
	for _, w := range []plan.Window{
		{Kind: plan.Tumble, Time: 4, Size: 3600_000}, {Kind: plan.Hop, Time: 4, Size: 3600_000, Slide: 600_000},
	} {
		b.Run(w.Kind.String(), func(b *testing.B) {
			run(b, func() stream.Operator {
				op, err := NewWindowAggregate(stream.Task{Of: 1}, WindowSpec{
					In: benchSchema, Window: w, Keys: []int{0}, Aggs: aggs, Out: outOf(benchSchema[:1], aggs, true),
				})
				if err != nil {
					b.Fatal(err)
				}
				return op
			})
		})
	}
}

// The state of a million keys: how fast groups are made and found, and how fast a restart is.
func BenchmarkMillionKeys(b *testing.B) {
	in := types.Schema{{Name: "k", Type: types.BigIntT}}
	aggs := []plan.AggCall{{Func: "COUNT", Filter: -1, T: types.BigIntT.NotNull()}}
	spec := GroupSpec{In: in, Keys: []int{0}, Aggs: aggs, Out: outOf(in, aggs, false), Fold: true}
	const keys, size = 1_000_000, 4096
	fill := func() *GroupAggregate {
		op, err := NewGroupAggregate(spec)
		if err != nil {
			b.Fatal(err)
		}
		for from := int64(0); from < keys; from += size {
			rb := array.NewInt64Builder(memory.DefaultAllocator)
			for i := range int64(size) {
				rb.Append(from + i)
			}
			a := rb.NewArray()
			rec := array.NewRecordBatch(in.Arrow(), []arrow.Array{a}, size)
			if err := op.Process(0, stream.Batch{Rec: rec}, &discard{}); err != nil {
				b.Fatal(err)
			}
		}
		return op
	}
	b.Run("insert", func(b *testing.B) {
		before := cpuSeconds()
		for b.Loop() {
			fill()
		}
		b.ReportMetric((cpuSeconds()-before)/float64(b.N)*1e3, "cpu-ms/op")
	})
	op := fill()
	var w stream.StateWriter
	b.Run("snapshot", func(b *testing.B) {
		before := cpuSeconds()
		for b.Loop() {
			w = stream.StateWriter{}
			if err := op.Snapshot(&w); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((cpuSeconds()-before)/float64(b.N)*1e3, "cpu-ms/op")
	})
	b.Run("restore", func(b *testing.B) {
		before := cpuSeconds()
		for b.Loop() {
			fresh, err := NewGroupAggregate(spec)
			if err == nil {
				err = fresh.Restore(w.Reader())
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((cpuSeconds()-before)/float64(b.N)*1e3, "cpu-ms/op")
	})
}
