package hub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/hub"
)

// chain is a source, a function on its topic, a query on what the function writes, and a sink of the query's rows: each
// must wait for the one before.
const chain = `version: 1
topics:
  orders: {partitions: 3, columns: {id: BIGINT, city: STRING, amount: DOUBLE}}
  large: {partitions: 2, columns: {id: BIGINT, city: STRING, amount: DOUBLE}}
  rows: {columns: {id: BIGINT, city: STRING}}
sources:
  input: {file: orders.csv, to: orders, key: city}
functions:
  pick: {expr: value.amount > 50, triggers: orders, to: large}
  watch: {expr: value.amount > 90, triggers: orders}
queries:
  named: INSERT INTO ` + "`rows`" + ` SELECT id, UPPER(city) FROM large
sinks:
  print: {from: rows, stdout: {}}
`

func orders(n int) string {
	var b strings.Builder
	b.WriteString("id,city,amount\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,city%d,%d\n", i, i%7, i%100)
	}
	return b.String()
}

// A bounded run ends by itself when its input has been read, each part after those that write what it reads (H3), and its
// counters then say exactly what went where.
func TestBoundedRunIsExact(t *testing.T) {
	const n, large = 1000, 490 // i%100 is 51 to 99 in 49 of 100
	d := newDir(t, "weir.yaml", chain, "orders.csv", orders(n))
	r := runToEnd(t, options(d.load())).sound()

	for _, w := range []struct {
		kind, name string
		in, out    int64
		lag        int64
	}{
		{admin.KindSource, "input", n, n, -1},
		{admin.KindFunction, "pick", n, large, 0},
		{admin.KindFunction, "watch", n, 0, 0},
		{admin.KindQuery, "named", large, large, 0},
		{admin.KindSink, "print", large, large, 0},
	} {
		p := r.part(w.kind, w.name)
		if p.State != admin.StateDone || p.RecordsIn != w.in || p.RecordsOut != w.out || p.Lag != w.lag || p.Restarts != 0 || p.DeadLetters != 0 {
			t.Errorf("%s %s: %s in=%d out=%d lag=%d restarts=%d dead=%d, want done in=%d out=%d lag=%d and none",
				w.kind, w.name, p.State, p.RecordsIn, p.RecordsOut, p.Lag, p.Restarts, p.DeadLetters, w.in, w.out, w.lag)
		}
	}
	if p := r.part(admin.KindSource, "input"); p.Done != p.Total || p.Total != int64(len(orders(n))) {
		t.Errorf("the source has read %d of %d bytes, want all %d", p.Done, p.Total, len(orders(n)))
	}
	if got := strings.Count(r.out.String(), "\n"); got != large {
		t.Errorf("%d lines were printed, want %d", got, large)
	}
	if !strings.Contains(r.out.String(), `{"id":51,"city":"CITY2"}`) {
		t.Errorf("row 51 was not printed:\n%.300s", r.out)
	}
	if r.Ready() {
		t.Error("a hub that has ended says it is ready")
	}
}

// A second run on the same data goes on where the first ended: nothing is read twice.
func TestSecondRunGoesOn(t *testing.T) {
	d := newDir(t, "weir.yaml", chain, "orders.csv", orders(200))
	o := options(d.load())
	o.Data = filepath.Join(d.path, "data")
	if got := strings.Count(runOnce(t, o).String(), "\n"); got != 98 {
		t.Fatalf("the first run printed %d lines, want 98", got)
	}
	if got := runOnce(t, o).String(); got != "" {
		t.Fatalf("the second run printed\n%s", got)
	}
}

func runOnce(t *testing.T, o hub.Options) (out *lines) {
	t.Run("run", func(t *testing.T) { out = runToEnd(t, o).sound().out })
	return out
}

// A topic that nobody in the file writes is at its end at once in a bounded run (H3).
func TestTopicsWithoutWriterEndAtOnce(t *testing.T) {
	d := newDir(t, "weir.yaml", `version: 1
topics: {empty: {columns: {a: INT}}, out: {columns: {a: INT}}}
streams: {telemetry: {shards: 2}}
functions: {f: {expr: "true", triggers: [empty, telemetry], to: out}}
queries: {q: INSERT INTO out SELECT a FROM empty}
sinks: {print: {from: out, stdout: {}}}
`)
	r := runToEnd(t, options(d.load())).sound()
	for _, p := range r.Status().Parts {
		if p.RecordsIn != 0 || p.State == admin.StateFailed {
			t.Errorf("%s %s: %s, %d records in", p.Kind, p.Name, p.State, p.RecordsIn)
		}
	}
}

// A part that fails is told with its place in the file, and stops nothing but itself (H1). What waits for its output ends
// too.
func TestFailedPartStopsNothingElse(t *testing.T) {
	d := newDir(t, "weir.yaml", `version: 1
topics:
  orders: {columns: {id: BIGINT, city: STRING, amount: DOUBLE}}
  a: {columns: {n: INT}}
  b: {columns: {n: BIGINT}}
sources: {input: {file: orders.csv, to: orders}}
queries:
  bad: INSERT INTO a SELECT CAST(city AS INT) FROM orders
  good: INSERT INTO b SELECT id FROM orders
sinks:
  from_bad: {from: a, stdout: {}}
  from_good: {from: b, stdout: {}}
functions:
  nowhere:
    runtime: provided
    code: code
    triggers: orders
`, "orders.csv", orders(20), "code/readme", "no bootstrap here")
	r := runToEnd(t, options(d.load()))
	problems := r.Problems()
	if len(problems) != 2 {
		t.Fatalf("problems:\n%s", problems.Render())
	}
	path := filepath.Join(d.path, "weir.yaml")
	for i, want := range []struct {
		line int
		what string
	}{{8, "query bad failed"}, {17, "functions.nowhere does not run"}} {
		if p := problems[i]; p.File != path || p.Line != want.line || !strings.Contains(p.Msg, want.what) {
			t.Errorf("problem %d: %s:%d: %s, want line %d and %q", i, p.File, p.Line, p.Msg, want.line, want.what)
		}
	}
	if p := r.part(admin.KindSink, "from_good"); p.RecordsOut != 20 || p.State != admin.StateDone {
		t.Errorf("what has nothing to do with the failure: %+v", p)
	}
	if p := r.part(admin.KindSink, "from_bad"); p.State != admin.StateDone {
		t.Errorf("what waits for the failed part: %+v", p)
	}
	if p := r.part(admin.KindFunction, "nowhere"); p.State != admin.StateFailed || p.Error == "" {
		t.Errorf("the function that cannot run: %+v", p)
	}
}

// The doors: not ready before Run, ready while it runs, not after; and the metrics show the parts.
func TestReadyzAndMetrics(t *testing.T) {
	d := newDir(t, "weir.yaml", "version: 1\nsources: {g: {generate: {count: 10}, to: readings}}\n")
	r := open(t, options(d.load()))
	if r.Ready() {
		t.Error("ready before Run")
	}
	r.up()
	base := "http://" + r.Hub.Hub().HTTP
	eventually(t, "the source is done", func() bool { return r.part(admin.KindSource, "g").State == admin.StateDone })
	for path, want := range map[string]string{
		"/readyz": "ready", "/healthz": "ok",
		"/metrics": `weir_part_records_in_total{kind="source",name="g"} 10`, "/v1/hub": `"version":"test"`,
	} {
		code, body := get(t, base+path)
		if code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %q", path, code, body, want)
		}
	}
	if err := r.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if r.Ready() {
		t.Error("ready after Run")
	}
	http.DefaultClient.CloseIdleConnections()
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A second hub on the data directory or an address of a first is refused as such, and leaves the first alone.
func TestSecondHubIsRefused(t *testing.T) {
	d := newDir(t, "weir.yaml", "version: 1\n")
	o := options(d.load())
	o.Data = filepath.Join(d.path, "data")
	first := open(t, o).up()

	o.Log, o.Out = func(string) {}, io.Discard
	if _, err := hub.Open(t.Context(), o); !errors.Is(err, hub.ErrInUse) || !strings.Contains(err.Error(), o.Data) {
		t.Errorf("the same data directory: %v", err)
	}
	o.Data = hub.MemoryData
	for i, set := range []func(string){func(a string) { o.Kafka = a }, func(a string) { o.AWS = a }, func(a string) { o.HTTP = a }} {
		o.Kafka, o.AWS, o.HTTP = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
		taken := []string{first.Hub.Hub().Kafka[0], first.Hub.Hub().AWS, first.Hub.Hub().HTTP}[i]
		set(taken)
		if _, err := hub.Open(t.Context(), o); !errors.Is(err, hub.ErrInUse) || !strings.Contains(err.Error(), taken) {
			t.Errorf("the address %s: %v", taken, err)
		}
	}
	first.produce("still-here", "x")
	first.records("still-here", 1)
}

// A data directory that cannot be made or written is told with its name.
func TestUnusableDataDirectory(t *testing.T) {
	d := newDir(t, "weir.yaml", "version: 1\n", "plain", "a file, not a directory")
	o := options(d.load())
	o.Data = filepath.Join(d.path, "plain", "data")
	if _, err := hub.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), o.Data) {
		t.Errorf("below a file: %v", err)
	}
	if os.Getuid() == 0 {
		return // root may write everywhere
	}
	o.Data = filepath.Join(d.path, "closed")
	if err := os.Mkdir(o.Data, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Open(t.Context(), o); !errors.Is(err, os.ErrPermission) {
		t.Errorf("without permission: %v", err)
	}
}

// A hub that is asked to end while it starts ends, whenever that is.
func TestEndDuringStart(t *testing.T) {
	for _, at := range []string{"before Open", "before Run"} {
		t.Run(at, func(t *testing.T) {
			t.Cleanup(func() { noLeaks(t) })
			d := newDir(t, "weir.yaml", chain, "orders.csv", orders(10))
			ctx, stop := context.WithCancel(context.Background())
			if at == "before Open" {
				stop()
			}
			h, err := hub.Open(ctx, options(d.load()))
			stop()
			if err != nil {
				t.Fatal(err)
			}
			if err := h.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
			if err := h.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// The last checkpoint of a shutdown commits what was read since the one before (H2): a hub that is stopped and started
// again gives each record once, also those that came just before the end.
func TestShutdownCommitsWhatWasRead(t *testing.T) {
	d := newDir(t, "weir.yaml", "version: 1\ntopics: {in: {}, out: {}}\nfunctions: {f: {expr: \"true\", triggers: in, to: out}}\n")
	o := options(d.load())
	o.Data = filepath.Join(d.path, "data")
	var want []string
	for round := range 3 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			r := open(t, o).up()
			v := fmt.Sprintf(`{"round":%d}`, round)
			want = append(want, v)
			r.produce("in", v)
			eventually(t, "it is read", func() bool { return r.part(admin.KindFunction, "f").RecordsIn == 1 })
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			r.sound()
		})
	}
	r := open(t, o).up()
	equal(t, "out", values(r.records("out", len(want))), want)
}

// A hub without a file serves topics.
func TestHubWithoutFile(t *testing.T) {
	r := open(t, options(&config.File{})).up()
	r.produce("t", "a", "b")
	equal(t, "t", values(r.records("t", 2)), []string{"a", "b"})
	if parts := r.Status().Parts; len(parts) != 0 {
		t.Errorf("parts: %+v", parts)
	}
}

// On an external cluster (here: the broker of another hub) the same file gives the same: output, positions and checkpoints are
// in that cluster, and the hub has no broker and no Kinesis door of its own.
func TestExternalCluster(t *testing.T) {
	cluster := open(t, options(&config.File{})).up()
	d := newDir(t, "weir.yaml", chain+"streams: {telemetry: {}}\n", "orders.csv", orders(200))
	t.Run("run", func(t *testing.T) {
		o := options(d.load())
		o.Brokers = cluster.Hub.Hub().Kafka
		r := runToEnd(t, o).sound()
		if got := strings.Count(r.out.String(), "\n"); got != 98 {
			t.Errorf("%d lines were printed, want 98", got)
		}
		if h := r.Hub.Hub(); !h.External || h.AWS != "" || h.Kafka[0] != o.Brokers[0] {
			t.Errorf("the hub says of its doors: %+v", h)
		}
		if p := r.part(admin.KindStream, "telemetry"); !strings.Contains(p.Detail, "not served") {
			t.Errorf("the Kinesis stream: %+v", p)
		}
	})
	cluster.records("large", 98)
	if g := cluster.groups(); !slices.Contains(g, "weir-function-pick.orders") || !slices.Contains(g, "weir-sink-print") {
		t.Errorf("groups in the cluster: %q", g)
	}
}

// A topic that is there already keeps its partitions; a file that says another number is told so.
func TestPartitionsThatDiffer(t *testing.T) {
	d := newDir(t, "weir.yaml", "version: 1\ntopics: {t: {partitions: 2}}\n")
	o := options(d.load())
	o.Data = filepath.Join(d.path, "data")
	t.Run("first", func(t *testing.T) {
		if log := open(t, o).up().log.String(); log != "" {
			t.Errorf("log of a first start: %s", log)
		}
	})
	d.write("weir.yaml", "version: 1\ntopics: {t: {partitions: 3}}\n")
	o.File = d.load()
	want := "topic t keeps its 2 partitions; " + filepath.Join(d.path, "weir.yaml") + ":2 says 3\n"
	if log := open(t, o).up().log.String(); log != want {
		t.Errorf("log: %q, want %q", log, want)
	}
}
