package functions_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/weirhub/weir/functions"
	"github.com/weirhub/weir/functions/expr"
	"github.com/weirhub/weir/functions/process"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
	"github.com/weirhub/weir/stream/streamtest"
	"github.com/weirhub/weir/test/peers"
)

const example = "../examples/flights/"

// flights are the example's departures as JSON, as they stand in the topic: numbers, text, and NA as null.
func flights(t testing.TB) (values []string, late []string) {
	t.Helper()
	f, err := os.Open(example + "data/flights.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	head := table[0]
	for _, row := range table[1:] {
		var b strings.Builder
		isLate := false
		for i, v := range row {
			b.WriteByte(",{"[b2i(i == 0)])
			n, err := strconv.Atoi(v)
			switch {
			case v == "NA":
				v = "null"
			case err != nil:
				v = strconv.Quote(v)
			}
			fmt.Fprintf(&b, "%q:%s", head[i], v)
			isLate = isLate || head[i] == "arr_delay" && err == nil && n > 60
		}
		b.WriteByte('}')
		values = append(values, b.String())
		if isLate {
			late = append(late, b.String())
		}
	}
	return values, late
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// batches are the flights as a topic's source gives them.
func batches(values []string, size int) []stream.Batch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, format.Schema(functions.InputFields()))
	defer b.Release()
	var out []stream.Batch
	for i, v := range values {
		b.Field(0).(*array.StringBuilder).Append("flights")
		b.Field(1).(*array.Int32Builder).Append(int32(i / size % 3))
		b.Field(2).(*array.Int64Builder).Append(int64(i))
		b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(1357034400000 + i))
		b.Field(4).(*array.BinaryBuilder).Append([]byte("UA"))
		b.Field(5).(*array.BinaryBuilder).Append([]byte(v))
		b.Field(6).(*array.BinaryBuilder).Append(nil)
		b.Field(7).(*array.Int32Builder).Append(0)
		if (i+1)%size == 0 || i == len(values)-1 {
			out = append(out, stream.Batch{Rec: b.NewRecordBatch()})
		}
	}
	return out
}

type collector struct{ rows, bad []string }

func (c *collector) Emit(b stream.Batch) error {
	for i := range b.Rows() {
		c.rows = append(c.rows, fmt.Sprintf("%s %d %s", b.Rec.Column(0).(*array.Binary).Value(i),
			b.Rec.Column(2).(*array.Timestamp).Value(i), b.Rec.Column(1).(*array.Binary).Value(i)))
	}
	return nil
}

func (c *collector) DeadLetter(r stream.BadRecord) error {
	c.bad = append(c.bad, fmt.Sprintf("%s %s", r.Value, r.Reason))
	return nil
}

func delayed(t testing.TB) functions.Handler {
	return python(t, example+"functions/delayed", "app.handler")
}

func python(t testing.TB, code, handler string) functions.Handler {
	t.Helper()
	h, err := process.Open(t.Context(), functions.Spec{
		Name: "delayed", Runtime: "python3", Code: code, Handler: handler, Timeout: time.Minute,
	}, process.Options{})
	var missing *functions.RuntimeMissingError
	if errors.As(err, &missing) {
		peers.Lack(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func run(t testing.TB, h functions.Handler, m functions.Mapping, in []stream.Batch) []string {
	t.Helper()
	c := runAll(t, h, m, in)
	if len(c.bad) > 0 {
		t.Errorf("given up: %q", c.bad)
	}
	return c.rows
}

func runAll(t testing.TB, h functions.Handler, m functions.Mapping, in []stream.Batch) collector {
	t.Helper()
	op, err := functions.NewOperator(h, m, functions.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var c collector
	for _, b := range in {
		if err := op.Process(0, b, &c); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(op.Advance(stream.MaxWatermark, &c), op.Close()); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A record that kills the function's process, or that it cannot read, is isolated and given up; the batch's others come out, in
// order.
func TestPoisonIsIsolated(t *testing.T) {
	var values, want []string
	for i := range 40 {
		values = append(values, fmt.Sprintf(`{"n":%d}`, 61+i))
		want = append(want, values[i])
	}
	values[7], values[30] = `{"n":666}`, `{"n":`
	want = slices.Delete(slices.Delete(want, 30, 31), 7, 8)
	m := functions.DefaultMapping()
	m.BatchSize, m.Retries, m.Output = 20, 1, true
	c := runAll(t, python(t, "process/testdata/code", "app.deadly"), m, batches(values, 40))
	var got []string
	for _, row := range c.rows {
		got = append(got, row[strings.IndexByte(row, '{'):])
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{
		`{"n":666} Runtime.ExitError: Runtime exited with error: signal: killed`,
		`{"n": JSONDecodeError: Expecting value: line 1 column 6 (char 5)`,
	}, c.bad); d != "" {
		t.Error(d)
	}
}

// The example's Python function and its expression put out the same records, which are those that the rule says: arrival
// delay over 60 minutes, not the cancelled flights.
func TestFlightsPythonAndExprAgree(t *testing.T) {
	values, late := flights(t)
	if len(values) < 1000 || len(late) < 50 || !strings.Contains(strings.Join(values, ""), `"arr_delay":null`) {
		t.Fatalf("%d flights, %d late: the test needs more", len(values), len(late))
	}
	in := batches(values, 700)
	m := functions.DefaultMapping()
	m.BatchSize, m.Output = 1000, true
	rule, err := expr.Open(functions.Spec{Name: "delayed_expr", Expr: "value.arr_delay > 60"})
	if err != nil {
		t.Fatal(err)
	}
	byExpr := run(t, rule, m, in)
	var got []string
	for _, row := range byExpr {
		got = append(got, row[strings.IndexByte(row, '{'):])
	}
	if d := cmp.Diff(late, got); d != "" {
		t.Errorf("expr: %s", d)
	}
	if d := cmp.Diff(byExpr, run(t, delayed(t), m, in)); d != "" {
		t.Errorf("python: %s", d)
	}
}

// Records a second through the operator, events and answers included.
func BenchmarkFlights(b *testing.B) {
	values, _ := flights(b)
	for len(values) < 60_000 {
		values = append(values, values...)
	}
	values = values[:60_000]
	in := batches(values, 5000)
	rule, err := expr.Open(functions.Spec{Name: "delayed_expr", Expr: "value.arr_delay > 60"})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		h    func() functions.Handler
		size int
	}{
		{"python/batch=100", func() functions.Handler { return delayed(b) }, 100},
		{"python/batch=500", func() functions.Handler { return delayed(b) }, 500},
		{"python/batch=1000", func() functions.Handler { return delayed(b) }, 1000},
		{"expr", func() functions.Handler { return rule }, 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := c.h()
			m := functions.DefaultMapping()
			m.BatchSize, m.Output, m.Window = c.size, true, 0
			run(b, h, m, in[:1]) // starts the process
			b.ReportAllocs()
			for b.Loop() {
				run(b, h, m, in)
			}
			perSecond := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(perSecond*float64(len(values)), "records/s")
			b.ReportMetric(perSecond*float64(len(values)/c.size), "invocations/s")
		})
	}
}

// In a pipeline of the engine, with batches of one row, at parallelism 3, and killed and restored at any step, a function
// puts out each record once.
func TestFunctionInAPipeline(t *testing.T) {
	values, late := flights(t)
	values = values[:600]
	want := 0
	for _, l := range late {
		if slices.Contains(values, l) {
			want++
		}
	}
	splits := map[string][]stream.Batch{}
	for i, b := range batches(values, 50) {
		split := fmt.Sprintf("flights-%d", i%3)
		splits[split] = append(splits[split], b)
	}
	rule, err := expr.Open(functions.Spec{Name: "delayed_expr", Expr: "value.arr_delay > 60"})
	if err != nil {
		t.Fatal(err)
	}
	m := functions.DefaultMapping()
	m.BatchSize, m.Window, m.Output = 7, time.Millisecond, true
	rows := streamtest.Check(t, streamtest.Case{
		Inputs: []streamtest.Input{{Splits: splits}},
		Build: func(in []*stream.Node) *stream.Node {
			return &stream.Node{ID: "f", Name: "Function", Inputs: in, Operator: func(stream.Task) (stream.Operator, error) {
				return functions.NewOperator(rule, m, functions.Options{})
			}}
		},
	})
	if len(rows) != want || want < 3 {
		t.Errorf("%d records, want %d", len(rows), want)
	}
}
