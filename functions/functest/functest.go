// Package functest is the suite that every function runtime passes, whatever runs the code.
//
// It owns the behaviours that functions.Handler promises, told as subtests. It does not own what is special to a runtime: its
// errors at start, time-outs, limits.
package functest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirhub/weir/functions"
)

// Runtime makes the functions that the suite calls.
type Runtime struct {
	// Keep is a function that returns the event's records whose value, a JSON object, has a member n above 60, and drops
	// those where it is null. It fails where n is text.
	Keep func(t *testing.T) functions.Handler
	// Slow is a function that takes longer than any test waits; nil when the runtime cannot have one.
	Slow func(t *testing.T) functions.Handler
}

// Run is the suite.
func Run(t *testing.T, rt Runtime) {
	for _, sub := range []struct {
		name string
		test func(*testing.T, Runtime)
	}{
		{"records come back byte for byte", byteForByte},
		{"a failing event leaves the function usable", failure},
		{"invocations at a time get their own answers", concurrent},
		{"an end of the context ends the invocation", cancelled},
		{"closing ends what runs and refuses what follows", closed},
	} {
		t.Run(sub.name, func(t *testing.T) { sub.test(t, rt) })
	}
}

// Kept is what a mapping would put out for the function's answer.
func Kept(t *testing.T, h functions.Handler, recs []functions.Record) []functions.Record {
	t.Helper()
	res, err := h.Invoke(t.Context(), functions.Event{Records: recs, Source: functions.EventSource{BootstrapServers: "127.0.0.1:9092"}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := functions.Answer(res, recs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out { // of an answer, these mean nothing
		out[i].Topic, out[i].Partition, out[i].Offset = "", 0, 0
	}
	return out
}

// Header encodes one header as in a record; a nil value is null.
func Header(dst []byte, key string, value []byte) []byte {
	dst = append(binary.AppendVarint(dst, int64(len(key))), key...)
	if value == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(value))), value...)
}

// Awkward are records that a careless runtime changes: keys, values and headers that are null, empty, not UTF-8, repeated.
func Awkward() []functions.Record {
	var many []byte
	for i := range 1000 {
		many = Header(many, fmt.Sprint("h", i), []byte{byte(i)})
	}
	twice := Header(Header(Header(nil, "h", []byte("1")), "h", []byte("2")), "h", []byte("1"))
	odd := Header(Header(Header(nil, "null", nil), "empty", []byte{}), "\u00fc \"\\", []byte{0, 127, 128, 255})
	recs := []functions.Record{
		{Key: nil, Value: []byte(`{"n":61}`)},
		{Key: []byte{}, Value: []byte(`{"n":62}`)},
		{Key: []byte{0xff, 0xfe, 0}, Value: []byte(" { \"n\" : 63 , \"text\" : \"\u00fc\\u00fc\\ud83d\\ude00\\n\" } ")},
		{Key: []byte("dropped"), Value: []byte(`{"n":60}`)},
		{Key: []byte("dropped"), Value: []byte(`{"n":null}`)},
		{Key: []byte("headers"), Value: []byte(`{"n":64.5}`), Headers: twice, HeaderCount: 3},
		{Key: []byte("headers"), Value: []byte(`{"n":1e3}`), Headers: odd, HeaderCount: 3},
		{Key: []byte("headers"), Value: []byte(`{"n":9007199254740993}`), Headers: many, HeaderCount: 1000},
	}
	for i := range recs {
		recs[i].Topic, recs[i].Partition, recs[i].Offset = "a-b", 3, int64(40+i)
		recs[i].Timestamp = 1_772_353_800_123 + int64(i)
		if recs[i].Headers == nil {
			recs[i].Headers = []byte{}
		}
	}
	return recs
}

func byteForByte(t *testing.T, rt Runtime) {
	h := rt.Keep(t)
	defer closeOK(t, h)
	var want []functions.Record
	for _, r := range Awkward() {
		if !bytes.Equal(r.Key, []byte("dropped")) {
			r.Topic, r.Partition, r.Offset = "", 0, 0
			want = append(want, r)
		}
	}
	if d := cmp.Diff(want, Kept(t, h, Awkward())); d != "" {
		t.Error(d)
	}
}

func numbered(n string, count int) []functions.Record {
	recs := make([]functions.Record, count)
	for i := range recs {
		recs[i] = functions.Record{Topic: "t", Offset: int64(i), Value: fmt.Appendf(nil, `{"n":%s,"i":%d}`, n, i), Headers: []byte{}}
	}
	return recs
}

func failure(t *testing.T, rt Runtime) {
	h := rt.Keep(t)
	defer closeOK(t, h)
	for range 3 {
		res, err := h.Invoke(t.Context(), functions.Event{Records: numbered(`"text"`, 1)})
		var fe *functions.FunctionError
		if !errors.As(err, &fe) && len(res.Bad) != 1 {
			t.Fatalf("got %v and %v, want a FunctionError or a bad record", res, err)
		}
		if n := len(Kept(t, h, numbered("61", 5))); n != 5 {
			t.Fatalf("after a failure %d of 5 records came back", n)
		}
	}
}

func concurrent(t *testing.T, rt Runtime) {
	h := rt.Keep(t)
	defer closeOK(t, h)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for round := range 5 {
				recs := numbered(fmt.Sprint(100*g+61+round), g+1)
				got := Kept(t, h, recs)
				for i := range recs {
					if len(got) != len(recs) || !bytes.Equal(got[i].Value, recs[i].Value) {
						t.Errorf("got %d records, want %d of its own", len(got), len(recs))
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func cancelled(t *testing.T, rt Runtime) {
	if rt.Slow == nil {
		h := rt.Keep(t)
		defer closeOK(t, h)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Invoke(ctx, functions.Event{Records: numbered("61", 1)}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's error", err)
		}
		return
	}
	h := rt.Slow(t)
	defer closeOK(t, h)
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 500e6)
		_, err := h.Invoke(ctx, functions.Event{Payload: json.RawMessage("{}")})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
	}
}

func closed(t *testing.T, rt Runtime) {
	h := rt.Keep(t)
	Kept(t, h, numbered("61", 1))
	closeOK(t, h)
	closeOK(t, h)
	if _, err := h.Invoke(t.Context(), functions.Event{Records: numbered("61", 1)}); !errors.Is(err, functions.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if rt.Slow == nil {
		return
	}
	h = rt.Slow(t)
	got := make(chan error, 3)
	for range cap(got) {
		go func() {
			_, err := h.Invoke(t.Context(), functions.Event{Payload: json.RawMessage("{}")})
			got <- err
		}()
	}
	closeOK(t, h)
	for range cap(got) {
		if err := <-got; !errors.Is(err, functions.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	}
}

func closeOK(t *testing.T, h functions.Handler) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
