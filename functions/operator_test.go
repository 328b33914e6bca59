package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
	"github.com/weirhub/weir/stream/streamtest"
)

// recorder is a function that remembers its events, and an emitter that remembers what the operator puts out. All as
// text: a record is partition@offset.
type recorder struct {
	answer func(call int, e Event) (Result, error)

	mu struct {
		sync.Mutex
		events []string
	}
	out []string
	bad []string
}

func (r *recorder) Invoke(_ context.Context, e Event) (Result, error) {
	r.mu.Lock()
	r.mu.events = append(r.mu.events, places(e.Records))
	n := len(r.mu.events)
	r.mu.Unlock()
	return r.answer(n, e)
}

func (r *recorder) Close() error { return nil }

func (r *recorder) Emit(b stream.Batch) error {
	if !b.Rec.Schema().Equal(OutputSchema()) {
		return fmt.Errorf("schema %s", b.Rec.Schema())
	}
	for i := range b.Rows() {
		r.out = append(r.out, string(b.Rec.Column(1).(*array.Binary).Value(i)))
	}
	return nil
}

func (r *recorder) DeadLetter(b stream.BadRecord) error {
	r.bad = append(r.bad, fmt.Sprintf("%d@%d after %d: %s", b.Partition, b.Offset, b.Attempts, b.Reason))
	return nil
}

func places(recs []Record) string {
	var s []string
	for i := range recs {
		s = append(s, fmt.Sprintf("%d@%d", recs[i].Partition, recs[i].Offset))
	}
	return strings.Join(s, " ")
}

func pass(_ int, e Event) (Result, error) { return Result{Records: slices.Clone(e.Records)}, nil }

// rows makes a batch of n records of a partition, each with its place as value and a key from the last digit of its offset.
func rows(mem memory.Allocator, partition, from, n int) stream.Batch {
	b := array.NewRecordBuilder(mem, format.Schema(InputFields()))
	defer b.Release()
	for i := from; i < from+n; i++ {
		b.Field(0).(*array.StringBuilder).Append("a-b")
		b.Field(1).(*array.Int32Builder).Append(int32(partition))
		b.Field(2).(*array.Int64Builder).Append(int64(i))
		b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(time.Now().UnixMilli()))
		b.Field(4).(*array.BinaryBuilder).Append([]byte{byte('0' + i%10)})
		b.Field(5).(*array.BinaryBuilder).Append(fmt.Appendf(nil, "%d@%d", partition, i))
		b.Field(6).(*array.BinaryBuilder).Append(nil)
		b.Field(7).(*array.Int32Builder).Append(0)
	}
	return stream.Batch{Rec: b.NewRecordBatch()}
}

func operator(t *testing.T, h Handler, m Mapping, mem memory.Allocator) *Operator {
	t.Helper()
	op, err := NewOperator(h, m, Options{Alloc: mem})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	return op
}

// process gives a batch and releases it, with its bytes wiped: what the operator keeps it must have copied.
func process(t *testing.T, op *Operator, b stream.Batch, r *recorder) error {
	t.Helper()
	err := op.Process(0, b, r)
	for _, c := range b.Rec.Columns() {
		for _, buf := range c.Data().Buffers() {
			if buf != nil {
				clear(buf.Bytes())
			}
		}
	}
	b.Rec.Release()
	return err
}

func mapping(size int, window time.Duration) Mapping {
	m := DefaultMapping()
	m.BatchSize, m.Window, m.Output, m.Bisect = size, window, true, false
	return m
}

func checked(t *testing.T) memory.Allocator {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return mem
}

// Batches are cut at their size; what is left waits for its window, survives the batch it came in, and is put out in order.
func TestBatchesFillAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := checked(t)
		r := &recorder{answer: pass}
		op := operator(t, r, mapping(4, time.Second), mem)
		start := time.Now().UnixNano()
		if _, waiting := op.FlushAt(); waiting {
			t.Error("nothing waits yet")
		}
		for _, b := range []stream.Batch{rows(mem, 0, 0, 3), rows(mem, 1, 0, 1)} {
			if err := process(t, op, b, r); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(300 * time.Millisecond)
		if err := process(t, op, rows(mem, 0, 3, 6), r); err != nil { // one batch, two wait
			t.Fatal(err)
		}
		if at, waiting := op.FlushAt(); !waiting || at != start+int64(1300*time.Millisecond) {
			t.Errorf("flush at %d, want %d", at, start+int64(1300*time.Millisecond))
		}
		if err := process(t, op, rows(mem, 0, 9, 1), r); err != nil {
			t.Fatal(err)
		}
		if err := op.Flush(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		want := []string{"0@0 0@1 0@2 1@0", "0@3 0@4 0@5 0@6", "0@7 0@8 0@9"}
		if d := cmp.Diff(want, r.mu.events); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(strings.Fields(strings.Join(want, " ")), r.out); d != "" {
			t.Error(d)
		}
		if err := op.Snapshot(nil); err != nil {
			t.Error(err)
		}
	})
}

// Without a window nothing waits; the end of the input flushes, another watermark does not.
func TestWindowZeroAndEndOfInput(t *testing.T) {
	mem := checked(t)
	r := &recorder{answer: pass}
	op := operator(t, r, mapping(100, 0), mem)
	if err := process(t, op, rows(mem, 0, 0, 3), r); err != nil {
		t.Fatal(err)
	}
	if len(r.out) != 3 {
		t.Errorf("%d records out", len(r.out))
	}
	op = operator(t, r, mapping(100, MaxWindow), mem)
	if err := process(t, op, rows(mem, 0, 3, 2), r); err != nil {
		t.Fatal(err)
	}
	if err := op.Advance(5, r); err != nil || len(r.out) != 3 {
		t.Errorf("at a watermark: %v, %d records out", err, len(r.out))
	}
	if err := op.Advance(stream.MaxWatermark, r); err != nil || len(r.out) != 5 {
		t.Errorf("at the end: %v, %d records out", err, len(r.out))
	}
}

// A batch is cut before its event could pass the limit of bytes.
func TestBatchesAreCutByBytes(t *testing.T) {
	mem := checked(t)
	most := 0
	r := &recorder{}
	r.answer = func(n int, e Event) (Result, error) {
		most = max(most, len(e.AppendJSON(nil)))
		return pass(n, e)
	}
	m := mapping(1000, 0)
	m.MaxBytes = 2000
	if err := process(t, operator(t, r, m, mem), rows(mem, 0, 0, 100), r); err != nil {
		t.Fatal(err)
	}
	if most > 2000 || len(r.mu.events) > 20 || len(r.out) != 100 {
		t.Errorf("%d events of up to %d bytes, %d records out", len(r.mu.events), most, len(r.out))
	}
}

func failWhole(_ int, e Event) (Result, error) {
	for i := range e.Records {
		if e.Records[i].Offset == 5 {
			return Result{}, &FunctionError{Type: "ValueError", Message: "poison"}
		}
	}
	return Result{Records: slices.Clone(e.Records)}, nil
}

// A poison record is isolated by halving, tried as often as the mapping says, and given up; all others come out in order.
func TestBisectIsolatesThePoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := checked(t)
		r := &recorder{answer: failWhole}
		m := mapping(8, 0)
		m.Bisect, m.Retries = true, 2
		start := time.Now()
		if err := process(t, operator(t, r, m, mem), rows(mem, 0, 0, 8), r); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"0@0 0@1 0@2 0@3 0@4 0@5 0@6 0@7", "0@0 0@1 0@2 0@3", "0@4 0@5 0@6 0@7", "0@4 0@5", "0@4", "0@5", "0@5", "0@5", "0@6 0@7",
		}
		if d := cmp.Diff(want, r.mu.events); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{"0@0", "0@1", "0@2", "0@3", "0@4", "0@6", "0@7"}, r.out); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{"0@5 after 6: ValueError: poison"}, r.bad); d != "" {
			t.Error(d)
		}
		if took := time.Since(start); took != 300*time.Millisecond { // 100 and 200 ms before the two retries
			t.Errorf("it took %s", took)
		}
	})
}

// A batch in which every record is bad ends after the retries of one, and gives each of them up.
func TestRetriesAreSharedByTheParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := checked(t)
		r := &recorder{answer: func(int, Event) (Result, error) { return Result{}, &FunctionError{Type: "KeyError"} }}
		m := mapping(64, 0)
		m.Bisect, m.Retries = true, 3
		start := time.Now()
		if err := process(t, operator(t, r, m, mem), rows(mem, 0, 0, 64), r); err != nil {
			t.Fatal(err)
		}
		// 127 parts of the batch and three retries, after 100, 200 and 400 ms.
		if took := time.Since(start); took != 700*time.Millisecond || len(r.mu.events) != 130 || len(r.bad) != 64 {
			t.Errorf("%s, %d events, %d given up", took, len(r.mu.events), len(r.bad))
		}
	})
}

// Each failure is told, with what follows, also where a retry makes up for it.
func TestFailuresAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := checked(t)
		var log strings.Builder
		r := &recorder{answer: failWhole}
		m := mapping(2, 0)
		m.Bisect, m.Retries = true, 1
		drop := func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		}
		op, err := NewOperator(r, m, Options{Alloc: mem, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: drop}))})
		if err != nil {
			t.Fatal(err)
		}
		if err := process(t, op, rows(mem, 0, 4, 2), r); err != nil {
			t.Fatal(err)
		}
		want := `msg="function failed" error="ValueError: poison" request="" stack="" from=a-b-0@4 records=2 try=1 next="cut the batch in two"
msg="function failed" error="ValueError: poison" request="" stack="" from=a-b-0@5 records=1 try=2 next="try again"
msg="function failed" error="ValueError: poison" request="" stack="" from=a-b-0@5 records=1 try=3 next="give up"
`
		if d := cmp.Diff(want, log.String()); d != "" {
			t.Error(d)
		}
	})
}

// Without bisect the whole batch is tried again and then given up; -1 tries until the function succeeds; an old record is not
// tried again.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := checked(t)
		r := &recorder{answer: failWhole}
		m := mapping(8, 0)
		m.Retries = 1
		if err := process(t, operator(t, r, m, mem), rows(mem, 0, 4, 3), r); err != nil {
			t.Fatal(err)
		}
		if len(r.mu.events) != 2 || len(r.bad) != 3 || len(r.out) != 0 || r.bad[0] != "0@4 after 2: ValueError: poison" {
			t.Errorf("events %q, bad %q, out %q", r.mu.events, r.bad, r.out)
		}
		r = &recorder{}
		r.answer = func(n int, e Event) (Result, error) {
			if n < 50 {
				return Result{}, &FunctionError{Type: "Later"}
			}
			return pass(n, e)
		}
		m.Retries = -1
		if err := process(t, operator(t, r, m, mem), rows(mem, 0, 0, 3), r); err != nil {
			t.Fatal(err)
		}
		if len(r.out) != 3 || len(r.bad) != 0 {
			t.Errorf("bad %q, out %q", r.bad, r.out)
		}
		r = &recorder{answer: failWhole}
		m.MaxAge = time.Minute
		if err := process(t, operator(t, r, m, mem), rows(mem, 0, 5, 1), r); err != nil {
			t.Fatal(err)
		}
		if len(r.bad) != 1 || !strings.HasSuffix(r.bad[0], ": RecordAgeExceeded: older than 1m0s") {
			t.Errorf("bad %q", r.bad)
		}
	})
}

// An error that no record caused gives no record up: it ends the call, and the pipeline for good where the code has to be mended.
func TestStartErrorsAreNotTheRecords(t *testing.T) {
	mem := checked(t)
	for err, permanent := range map[error]bool{
		&InitError{Function: "f", FunctionError: FunctionError{Type: "ConnectionError"}}:           false,
		&InitError{Function: "f", FunctionError: FunctionError{Type: "Runtime.ImportModuleError"}}: true,
		&RuntimeMissingError{}: true, ErrClosed: false, context.Canceled: false,
	} {
		r := &recorder{answer: func(int, Event) (Result, error) { return Result{}, err }}
		got := process(t, operator(t, r, mapping(8, 0), mem), rows(mem, 0, 0, 3), r)
		if !errors.Is(got, err) || len(r.bad) != 0 || len(r.mu.events) != 1 || stream.IsPermanent(got) != permanent {
			t.Errorf("got %v, bad %q, want %v", got, r.bad, err)
		}
	}
}

// Stop ends a mapping that would try for ever.
func TestStopEndsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := checked(t)
		r := &recorder{answer: func(int, Event) (Result, error) { return Result{}, &FunctionError{Type: "Never"} }}
		m := mapping(8, 0)
		m.Retries = -1
		stop := make(chan struct{})
		op, err := NewOperator(r, m, Options{Stop: stop, Alloc: mem})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Hour, func() { close(stop) })
		if err := process(t, op, rows(mem, 0, 0, 1), r); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// The spellings of a partial failure, for a batch of two partitions with offsets 0 to 4 each: what is tried again, what is
// given up, and that the order inside a partition is kept.
func TestPartialFailures(t *testing.T) {
	const whole = "0@0 0@1 0@2 0@3 0@4 1@0 1@1 1@2 1@3 1@4"
	const from2 = "0@2 0@3 0@4"
	item := func(ids ...string) string {
		return `{"batchItemFailures":[{"itemIdentifier":` + strings.Join(ids, `},{"itemIdentifier":`) + `}]}`
	}
	for _, c := range []struct{ name, answer, again string }{
		{"AWS", item(`{"topic-partition":"a-b-0","offset":2}`), from2},
		{"Powertools", item(`{"partition":"a-b-0","offset":2}`), from2},
		{"topic and partition", item(`{"topic":"a-b","partition":0,"offset":2}`), from2},
		{"offset as text", item(`{"topic-partition":"a-b-0","offset":"2"}`), from2},
		{"the lowest counts", item(`{"partition":"a-b-0","offset":4}`, `{"partition":"a-b-0","offset":2}`), from2},
		{"both partitions", item(`{"partition":"a-b-1","offset":4}`, `{"partition":"a-b-0","offset":2}`), from2 + " 1@4"},
		{"unknown partition", item(`{"partition":"a-b-9","offset":1}`), whole},
		{"unknown topic", item(`{"partition":"a-0","offset":1}`), whole},
		{"unknown offset", item(`{"partition":"a-b-0","offset":5}`), whole},
		{"one unknown among known", item(`{"partition":"a-b-0","offset":2}`, `{"partition":"a-b-0","offset":9}`), whole},
		{"no partition", item(`{"offset":2}`), whole},
		{"null", item(`null`), whole},
		{"empty", item(`""`), whole},
		{"empty list", `{"batchItemFailures":[]}`, ""},
		{"null answer", `null`, ""},
		{"empty object", `{}`, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			mem := checked(t)
			r := &recorder{answer: func(n int, _ Event) (Result, error) {
				if n == 1 {
					return Result{Payload: []byte(c.answer)}, nil
				}
				return Result{Payload: []byte("{}")}, nil
			}}
			m := mapping(10, MaxWindow)
			m.ReportItemFailures, m.Output = true, false
			op := operator(t, r, m, mem)
			for p := range 2 {
				if err := process(t, op, rows(mem, p, 0, 5), r); err != nil {
					t.Fatal(err)
				}
			}
			want := []string{whole}
			if c.again != "" {
				want = append(want, c.again)
			}
			if d := cmp.Diff(want, r.mu.events); d != "" || len(r.bad) > 0 {
				t.Errorf("%s: %s %q", c.name, d, r.bad)
			}
		})
	}
}

// An item that keeps failing is given up alone: the records behind it still get through.
func TestItemThatKeepsFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := checked(t)
		r := &recorder{answer: func(_ int, e Event) (Result, error) {
			for i := range e.Records {
				if e.Records[i].Offset == 2 {
					return Result{Payload: []byte(`{"batchItemFailures":[{"itemIdentifier":{"partition":"a-b-0","offset":2}}]}`)}, nil
				}
			}
			return Result{}, nil
		}}
		m := mapping(5, 0)
		m.ReportItemFailures, m.Retries = true, 2
		if err := process(t, operator(t, r, m, mem), rows(mem, 0, 0, 5), r); err != nil {
			t.Fatal(err)
		}
		want := []string{"0@0 0@1 0@2 0@3 0@4", "0@2 0@3 0@4", "0@2 0@3 0@4", "0@3 0@4"}
		if d := cmp.Diff(want, r.mu.events); d != "" {
			t.Error(d)
		}
		if len(r.bad) != 1 || !strings.HasPrefix(r.bad[0], "0@2 after 3: ") {
			t.Errorf("bad %q", r.bad)
		}
	})
}

// An event over the payload limit is cut until it fits; a record that never fits is given up without tries.
func TestTooLargeEvents(t *testing.T) {
	mem := checked(t)
	r := &recorder{answer: func(n int, e Event) (Result, error) {
		if len(e.Records) > 2 || slices.ContainsFunc(e.Records, func(r Record) bool { return r.Offset == 3 }) {
			return Result{}, &FunctionError{Type: TypeRequestTooLarge}
		}
		return pass(n, e)
	}}
	if err := process(t, operator(t, r, mapping(8, 0), mem), rows(mem, 0, 0, 4), r); err != nil {
		t.Fatal(err)
	}
	want := []string{"0@0 0@1 0@2 0@3", "0@0 0@1", "0@2 0@3", "0@2", "0@3"}
	if d := cmp.Diff(want, r.mu.events); d != "" || len(r.out) != 3 || len(r.bad) != 1 {
		t.Errorf("%s, out %q, bad %q", d, r.out, r.bad)
	}
}

// With a parallelization factor batches run at the same time, and the records of one key keep their order.
func TestKeysInParallelKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := checked(t)
		r := &recorder{answer: func(n int, e Event) (Result, error) {
			time.Sleep(time.Second)
			return pass(n, e)
		}}
		m := mapping(10, 0)
		m.ParallelizationFactor = 8
		start := time.Now()
		if err := process(t, operator(t, r, m, mem), rows(mem, 0, 0, 400), r); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took >= 40*time.Second {
			t.Errorf("%d events of a second took %s", len(r.mu.events), took)
		}
		last := map[byte]int{}
		for _, place := range r.out {
			var offset int
			if _, err := fmt.Sscanf(place, "0@%d", &offset); err != nil {
				t.Fatal(err)
			}
			key := byte(offset % 10)
			if before, ok := last[key]; ok && offset <= before {
				t.Fatalf("key %d: %d after %d", key, offset, before)
			}
			last[key] = offset
		}
		if len(r.out) != 400 {
			t.Errorf("%d records out", len(r.out))
		}
	})
}

// An error in one of the lanes ends the call with it, and leaves no goroutine and no memory behind.
func TestErrorInALane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := checked(t)
		broken := errors.New("no such thing")
		r := &recorder{answer: func(n int, e Event) (Result, error) {
			if n == 5 {
				return Result{}, broken
			}
			return pass(n, e)
		}}
		m := mapping(10, 0)
		m.ParallelizationFactor = 8
		if err := process(t, operator(t, r, m, mem), rows(mem, 0, 0, 400), r); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

// Bad records of a handler in this process are given up with their reason, once.
func TestBadItems(t *testing.T) {
	mem := checked(t)
	r := &recorder{answer: func(_ int, e Event) (Result, error) {
		return Result{Records: e.Records[1:], Bad: []BadItem{{Index: 0, Reason: "not JSON"}}}, nil
	}}
	if err := process(t, operator(t, r, mapping(8, 0), mem), rows(mem, 2, 7, 3), r); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"2@7 after 1: not JSON"}, r.bad); d != "" || len(r.out) != 2 {
		t.Errorf("%s, out %q", d, r.out)
	}
}

// Values out of Lambda's ranges are refused, all at once.
func TestMappingRanges(t *testing.T) {
	err := Mapping{BatchSize: 10_001, Window: time.Hour, Retries: -2, MaxBytes: 7 << 20}.Validate()
	want := "check mapping: batch size 10001 is not between 1 and 10000\ncheck mapping: window in ms 3600000 is not between 0 and 300000\n" +
		"check mapping: bytes 7340032 is not between 1 and 6291556\ncheck mapping: retries -2 is not between -1 and 10000\n" +
		"check mapping: parallelization factor 0 is not between 1 and 100"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if err := DefaultMapping().Validate(); err != nil {
		t.Error(err)
	}
}

// However the input is cut into batches, and wherever the operator is replaced by a new one, the same records come out.
func TestOperatorConformance(t *testing.T) {
	mem := checked(t)
	answer := &recorder{answer: func(_ int, e Event) (Result, error) {
		var res Result
		for _, r := range e.Records {
			if r.Offset%3 != 0 {
				res.Records = append(res.Records, r)
			} else if r.Offset%9 == 0 {
				res.Bad = append(res.Bad, BadItem{Index: slices.IndexFunc(e.Records, func(o Record) bool { return o.Offset == r.Offset }), Reason: "nine"})
			}
		}
		return res, nil
	}}
	fresh := func(stream.Task) (stream.Operator, error) {
		return NewOperator(answer, mapping(7, time.Minute), Options{Alloc: mem})
	}
	play := func(t *testing.T, size, restart int) *streamtest.Emitter {
		var steps []streamtest.Step
		var used []stream.Batch
		for at := 0; at < 40; at += size {
			b := rows(mem, 0, at, min(size, 40-at))
			used = append(used, b)
			if steps = append(steps, streamtest.In(b)); len(steps) == restart {
				steps = append(steps, streamtest.Restart())
			}
		}
		steps = append(steps, streamtest.At(stream.MaxWatermark))
		out := streamtest.RunOperator(t, fresh, steps...)
		for _, b := range used {
			b.Rec.Release()
		}
		return out
	}
	places := func(e *streamtest.Emitter) (s []string) {
		for _, r := range e.Rows {
			s = append(s, fmt.Sprint(r))
		}
		for _, b := range e.Bad {
			s = append(s, fmt.Sprint(b.Offset, b.Reason))
		}
		return s
	}
	synctest.Test(t, func(t *testing.T) { // so that all rows have one timestamp
		want := places(play(t, 40, 0))
		if len(want) != 26+5 {
			t.Fatalf("%d records, want 26 and 5 bad ones: %q", len(want), want)
		}
		for _, size := range []int{1, 3, 11} {
			for restart := range 5 {
				if d := cmp.Diff(want, places(play(t, size, restart))); d != "" {
					t.Errorf("batches of %d, a restart at %d: %s", size, restart, d)
				}
			}
		}
	})
}

// Records that no filter matches never reach the function and are not counted against the batch.
func TestFiltersInTheOperator(t *testing.T) {
	mem := checked(t)
	r := &recorder{answer: pass}
	m := mapping(3, 0)
	for _, p := range []string{`{"offset":[{"numeric":["<",4]}]}`, `{"key":["7"]}`} {
		f, err := CompileFilter(p)
		if err != nil {
			t.Fatal(err)
		}
		m.Filters = append(m.Filters, f)
	}
	stats := new(Stats)
	op, err := NewOperator(r, m, Options{Alloc: mem, Stats: stats})
	if err != nil {
		t.Fatal(err)
	}
	if err := process(t, op, rows(mem, 0, 0, 20), r); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"0@0 0@1 0@2", "0@3 0@7 0@17"}, r.mu.events); d != "" {
		t.Error(d)
	}
	if stats.Filtered.Load() != 14 || stats.RecordsIn.Load() != 20 || stats.RecordsOut.Load() != 6 || stats.Invocations.Load() != 2 {
		t.Errorf("filtered %d, in %d, out %d, invocations %d", stats.Filtered.Load(), stats.RecordsIn.Load(), stats.RecordsOut.Load(), stats.Invocations.Load())
	}
}
