package flights

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// consumed is a record as `weir consume --format json` prints it.
type consumed struct {
	Topic   string  `json:"topic"`
	Value   *string `json:"value"`
	Headers []struct {
		Key, Value *string
	} `json:"headers"`
}

func records(t *testing.T, text string) (out []consumed) {
	t.Helper()
	for line := range strings.Lines(text) {
		var r consumed
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, r)
	}
	return out
}

func (c consumed) header(name string) string {
	for _, h := range c.Headers {
		if h.Key != nil && *h.Key == name && h.Value != nil {
			return *h.Value
		}
	}
	return ""
}

// A malformed CSV record goes to the topic's dead letters with its line and the column's name; a malformed JSON record goes
// there once for each part that reads it and cannot use it. Neither stops anything: all good rows arrive.
func TestMalformedRecordsStopNothing(t *testing.T) {
	peers.Slow(t)
	p := example(t, "")
	csv, err := os.ReadFile(p.csv)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(csv), "\n")
	lines[3] = strings.Replace(lines[3], "2013,1,1,", "2013,1,1,late,", 1)    // a field too many
	lines[10] = "2013,1,x," + strings.SplitN(lines[10], ",", 4)[3]            // not an INT
	lines[20] = "2013,1,1,\"unclosed," + strings.SplitN(lines[20], ",", 4)[3] // a quote that does not end
	if err := os.WriteFile(p.csv, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(t)
	h := hubtest.Up(t, p.file, "--data", p.data)
	letters := records(t, h.Weir("consume", "flights.dlq", "--format", "json"))
	if len(letters) != 3 {
		t.Fatalf("%d dead letters of the CSV, want 3: %+v", len(letters), letters)
	}
	for i, want := range []struct{ line, reason string }{{"4", "field"}, {"11", "day"}, {"21", "quote"}} {
		l := letters[i]
		if l.header("x-weir-source-offset") != want.line || !strings.Contains(l.header("x-weir-error"), want.reason) {
			t.Errorf("dead letter %d: line %s, reason %q; want line %s and %q", i, l.header("x-weir-source-offset"), l.header("x-weir-error"), want.line, want.reason)
		}
		if l.Value == nil || !strings.HasPrefix(lines[atoi(t, want.line)-1], (*l.Value)[:8]) {
			t.Errorf("dead letter %d does not hold the line as it came: %v", i, l.Value)
		}
	}
	good := strings.Count(h.Weir("consume", "flights"), "\n")
	if want := len(lines) - 1 - 1 - 3; good != want { // the header, the piece behind the last newline
		t.Errorf("%d rows in the topic, want %d", good, want)
	}
	_, stderr, code := hubtest.Run(t, "{\"arr_delay\": 100, \"origin\": \"EWR\"\n{\"arr_delay\": \"soon\", \"origin\": \"EWR\", \"time_hour\": \"2013-01-01T00:00:00\"}\n{\"arr_delay\": 1, \"origin\": \"NOTIME\"}\n{\"arr_delay\": 99, \"origin\": \"XXX\", \"time_hour\": \"2013-01-01T00:00:00\"}\n",
		"produce", "flights", "--server", h.HTTP)
	if code != 0 {
		t.Fatal(stderr)
	}
	hubtest.Eventually(t, "the good record is delayed", func() bool {
		return strings.Contains(h.Weir("consume", "flights.delayed.expr"), "XXX") && strings.Contains(h.Weir("consume", "flights.delayed"), "XXX")
	})
	hubtest.Eventually(t, "bad JSON is in the dead letters", func() bool {
		reasons := map[string]int{}
		for _, l := range records(t, h.Weir("consume", "flights.dlq", "--format", "json")) {
			if l.header("x-weir-source-topic") == "flights" {
				reasons[l.header("x-weir-pipeline")]++
			}
		}
		// Two for the function in Python (a text is no number), the one that is no JSON for the expression, and that and
		// the one without its time for the query. The sink's come with its next checkpoint.
		return reasons["function-delayed.flights"] == 2 && reasons["function-delayed_expr.flights"] >= 1 && reasons["query-delays_by_hour"] == 2
	})
	if status := h.Weir("query", "list"); !strings.Contains(status, "running") {
		t.Errorf("the query does not run any more:\n%s", status)
	}
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Without python3 the file says so at the trigger, everything else runs, and the exit code is 1.
func TestMissingPythonIsToldAtItsTrigger(t *testing.T) {
	peers.Slow(t)
	p := example(t, "")
	bin := hubtest.Binary(t)
	t.Setenv("PATH", t.TempDir())
	h := hubtest.StartBinary(t, bin, "run", p.file, "--data", p.data)
	code, out := h.Wait(time.Minute)
	if code != 1 {
		t.Errorf("exit %d, want 1", code)
	}
	text, err := os.ReadFile(p.file)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Count(string(text[:strings.Index(string(text), "- topic: flights")]), "\n") + 1
	if want := fmt.Sprintf("%s:%d:", filepath.Base(p.file), line); !strings.Contains(out, want) || !strings.Contains(out, "python3") {
		t.Errorf("no message at %s\n%s", want, out)
	}
	if !strings.Contains(out, "373") || !strings.Contains(out, "321") {
		t.Errorf("the rest did not run:\n%s", out)
	}
}
