// Package flights holds the example to what plain queries of its input say: as it stands, for a whole year, killed at random
// moments, and on a real Apache Kafka.
package flights

import (
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

var topics = []string{"flights", "flights.delayed", "flights.delayed.expr", "delays_by_hour"}

// place is a copy of the example to run in.
type place struct{ file, csv, lake, data string }

func example(t *testing.T, csv string) place {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(peers.Root(), "examples", "flights"))); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "lake")); err != nil {
		t.Fatal(err)
	}
	p := place{filepath.Join(dir, "weir.yaml"), filepath.Join(dir, "data", "flights.csv"), filepath.Join(dir, "lake", "flights"), filepath.Join(dir, "weir-data")}
	if csv != "" {
		t.Setenv("FLIGHTS_CSV", csv)
		p.csv = csv
	}
	return p
}

// run is one `weir run` to its end.
func (p place) run(t *testing.T, flags ...string) string {
	t.Helper()
	h := hubtest.Start(t, append([]string{"run", p.file, "--data", p.data}, flags...)...)
	code, out := h.Wait(5 * time.Minute)
	if code != 0 {
		t.Fatalf("weir run: exit %d\n%s", code, out)
	}
	return out
}

// check compares topics and Parquet files with the CSV. consume gives a topic's committed records.
func (p place) check(t *testing.T, consume func(topic string) string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range topics {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(consume(name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(peers.Python(t), "testdata/check.py", p.csv, p.lake, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// checkHub starts a hub on the data and checks what it serves.
func (p place) checkHub(t *testing.T) {
	t.Helper()
	h := hubtest.Up(t, "--data", p.data)
	p.check(t, func(topic string) string { return h.Weir("consume", topic) })
	if code, out := h.Stop(); code != 0 {
		t.Errorf("weir up: exit %d after SIGTERM\n%s", code, out)
	}
}

// The example ends with what DuckDB says of the CSV, row for row, in topics and Parquet files; a second run adds nothing.
func TestWeekIsExact(t *testing.T) {
	peers.Slow(t)
	p := example(t, "")
	out := p.run(t)
	for _, want := range []string{"6,099", "321", "373", "Try next:"} {
		if !strings.Contains(out, want) {
			t.Errorf("the summary does not show %s:\n%s", want, out)
		}
	}
	p.checkHub(t)
	p.run(t)
	p.checkHub(t)
}

// The hub is killed (kill -9) at random moments and started again each time: no row is lost, none is there twice.
func TestKilledHubStaysExact(t *testing.T) {
	peers.Slow(t)
	killed(t, "", 8, 50*time.Millisecond, 1500*time.Millisecond)
}

// The whole year, undisturbed.
func TestYearIsExact(t *testing.T) {
	peers.Long(t)
	p := example(t, peers.Year(t))
	p.run(t)
	p.checkHub(t)
}

// The whole year, killed 20 times.
func TestKilledYearStaysExact(t *testing.T) {
	peers.Long(t)
	killed(t, peers.Year(t), 20, 100*time.Millisecond, 12*time.Second)
}

// killed runs the example with kills between the moments first and last after the start: short lives are as likely as long
// ones. A run that ends before its kill is checked, and the kills go on with a new one.
func killed(t *testing.T, csv string, kills int, first, last time.Duration) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p := example(t, csv)
	for struck := 0; struck < kills; {
		h := hubtest.Start(t, "run", p.file, "--data", p.data)
		life := time.Duration(float64(first) * math.Pow(float64(last)/float64(first), random.Float64()))
		switch code, out := h.Wait(life); {
		case code > 0:
			t.Fatalf("weir run after %d kills: exit %d\n%s", struck, code, out)
		case code == 0:
			t.Logf("a run ended by itself after %d kills", struck)
			p.checkHub(t)
			p = example(t, csv)
		default:
			h.Kill()
			struck++
		}
	}
	p.run(t)
	p.checkHub(t)
}
