package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// piped is one input of `weir produce`, what it leaves in the topic and what it says.
type piped struct {
	name, input string
	flags       []string
	want        []string // key=value of each record; null for null
	code        int
	says        string
}

func pipes() []piped {
	const four = "k1:v1\nk2:\n\nk3:a:b\nk4:v4"
	colon := []string{"--key-separator", ":"}
	long, longer := strings.Repeat("x", 900_000), strings.Repeat("y", 2_000_000)
	return []piped{
		{"four", four, colon, []string{"k1=v1", "k2=", "k3=a:b", "k4=v4"}, 0, "4 records"},
		{"tombstones", four, append(colon, "--tombstones"), []string{"k1=v1", "k2=null", "k3=a:b", "k4=v4"}, 0, "4 records"},
		{"crlf", "k1:v1\r\nk2:\r\n\r\n", colon, []string{"k1=v1", "k2="}, 0, "2 records"},
		{"unseparated", "k1:v1\nk2\nk3:v3\n", colon, []string{"k1=v1"}, 1, "line 2"},
		{"long", long + "\nshort\n", nil, []string{"null=" + long, "null=short"}, 0, "2 records"},
		{"longer", "first\n" + long + "\n" + longer + "\nlast\n", nil, []string{"null=first", "null=" + long}, 1, "line 3"},
		{"many", strings.Repeat(strings.Repeat("z", 499)+"\n", 20_000), nil, slices.Repeat([]string{"null=" + strings.Repeat("z", 499)}, 20_000), 0, "20,000 records"},
		{"binary", "\xff\x00\xfe\n\x01\x80", nil, []string{"null=\xff\x00\xfe", "null=\x01\x80"}, 0, "2 records"},
		{"nothing", "", nil, nil, 0, "0 records"},
	}
}

// Lines of a pipe become records: empty lines are skipped, an empty value is empty or, when asked, null, separators in the
// value stay, the last line needs no end. A bad line ends it with its number, and what was sent before is counted.
func TestProduceFromPipes(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	for _, p := range pipes() {
		t.Run(p.name, func(t *testing.T) {
			topic(t, hub, p.name, 1)
			_, errOut, code := hubtest.Run(t, p.input, append([]string{"produce", p.name, "--server", hub.HTTP}, p.flags...)...)
			if code != p.code || !strings.Contains(errOut, p.says) {
				t.Errorf("exit %d, %q; want %d and %q", code, errOut, p.code, p.says)
			}
			if sent := fmt.Sprintf("%d record", len(p.want)); code != 0 && !strings.Contains(errOut, sent) {
				t.Errorf("%q does not say %q", errOut, sent)
			}
			var got []string
			if len(p.want) > 0 {
				for _, r := range all(t, hub, p.name, len(p.want)) {
					got = append(got, orNull(r.Key)+"="+orNull(r.Value))
				}
			}
			if !slices.Equal(got, p.want) {
				t.Errorf("%d records %.200q, want %d %.200q", len(got), got, len(p.want), p.want)
			}
		})
	}
}

func orNull(b []byte) string {
	if b == nil {
		return "null"
	}
	return string(b)
}

// What a person types without a last line end is sent when the input ends, as with Ctrl-D after half a line.
func TestProduceSendsHalfALine(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", "memory")
	p := start(t, exec.Command(hubtest.Binary(t), "produce", "typed", "--server", hub.HTTP))
	if _, err := fmt.Fprint(p.stdin, "whole\nhal"); err != nil {
		t.Fatal(err)
	}
	p.finish()
	if out := hub.Weir("consume", "typed"); out != "whole\nhal\n" {
		t.Errorf("the topic holds %q", out)
	}
}

// consume runs `weir consume` and gives its lines; it has to end by itself with exit code 0.
func consume(t *testing.T, hub *hubtest.Hub, args ...string) []string {
	t.Helper()
	out := strings.TrimSuffix(hub.Weir(append([]string{"consume"}, args...)...), "\n")
	if out == "" {
		return nil
	}
	return strings.Split(out, "\n")
}

// put produces values to a partition with timestamps at, at+1, ...
func put(t *testing.T, cl *kgo.Client, name string, partition int32, at time.Time, values ...string) {
	t.Helper()
	for i, v := range values {
		r := &kgo.Record{Topic: name, Partition: partition, Value: []byte(v), Timestamp: at.Add(time.Duration(i) * time.Millisecond)}
		if err := cl.ProduceSync(ctx(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// `weir consume` ends at the end noted at its start, whatever stands there, and prints exactly the records before it.
func TestConsumeEnds(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	cl := client(t, hub, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	adm := kadm.NewClient(cl)
	now := time.Now()
	wants := func(t *testing.T, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("printed %q, want %q", got, want)
		}
	}

	t.Run("empty topic", func(t *testing.T) {
		topic(t, hub, "empty", 3)
		wants(t, consume(t, hub, "empty", "--from", "start"))
	})
	t.Run("transaction markers at the end", func(t *testing.T) {
		topic(t, hub, "marked", 1)
		txn := client(t, hub, kgo.TransactionalID("marker"), kgo.DefaultProduceTopic("marked"))
		for i, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
			if err := txn.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := txn.ProduceSync(ctx(t), kgo.StringRecord(fmt.Sprint("v", i))).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := txn.EndTransaction(ctx(t), commit); err != nil {
				t.Fatal(err)
			}
		}
		wants(t, consume(t, hub, "marked"), "v0")
	})
	t.Run("log start moved", func(t *testing.T) {
		topic(t, hub, "moved", 1)
		put(t, cl, "moved", 0, now, "a", "b", "c", "d")
		at := kadm.Offsets{}
		at.AddOffset("moved", 0, 2, -1)
		if _, err := adm.DeleteRecords(ctx(t), at); err != nil {
			t.Fatal(err)
		}
		wants(t, consume(t, hub, "moved", "--from", "start"), "c", "d")
		wants(t, consume(t, hub, "moved", "--from", "1"), "c", "d")
		at.AddOffset("moved", 0, 4, -1)
		if _, err := adm.DeleteRecords(ctx(t), at); err != nil {
			t.Fatal(err)
		}
		wants(t, consume(t, hub, "moved", "--from", "start"))
	})
	t.Run("one of three partitions", func(t *testing.T) {
		topic(t, hub, "sparse", 3)
		put(t, cl, "sparse", 1, now, "x", "y")
		wants(t, consume(t, hub, "sparse"), "x", "y")
	})
	t.Run("times and offsets", func(t *testing.T) {
		topic(t, hub, "timed", 1)
		put(t, cl, "timed", 0, time.Date(2025, 12, 31, 14, 59, 59, 0, time.UTC), "before")
		put(t, cl, "timed", 0, time.Date(2025, 12, 31, 15, 0, 0, 0, time.UTC), "midnight in Tokyo")
		put(t, cl, "timed", 0, now.Add(-30*time.Minute), "recent")
		wants(t, consume(t, hub, "timed", "--from", "@2026-01-01T00:00:00+09:00"), "midnight in Tokyo", "recent")
		wants(t, consume(t, hub, "timed", "--from", "@-1h"), "recent")
		wants(t, consume(t, hub, "timed", "--from", "@-1m"))
		wants(t, consume(t, hub, "timed", "--from", "2"), "recent")
		wants(t, consume(t, hub, "timed", "--from", "end"))
		wants(t, consume(t, hub, "timed", "--from", "1000"))
	})
	t.Run("open transaction at the end", func(t *testing.T) {
		topic(t, hub, "open", 1)
		put(t, cl, "open", 0, now, "stable")
		txn := client(t, hub, kgo.TransactionalID("left open"), kgo.DefaultProduceTopic("open"))
		if err := txn.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := txn.ProduceSync(ctx(t), kgo.StringRecord("undecided")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		wants(t, consume(t, hub, "open"), "stable")
	})
	if groups := hub.Weir("group", "list", "-o", "json"); !emptyList(groups) {
		t.Errorf("groups are left behind: %s", groups)
	}
}

func emptyList(s string) bool {
	var l []any
	return json.Unmarshal([]byte(s), &l) == nil && len(l) == 0
}

// New records that arrive all the time do not keep `weir consume` from its end.
func TestConsumeEndsWhileRecordsArrive(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", "memory")
	topic(t, hub, "busy", 1)
	p := start(t, exec.Command(hubtest.Binary(t), "produce", "busy", "--server", hub.HTTP))
	p.send(0, 5000)
	hubtest.Eventually(t, "records are there", func() bool { return len(consume(t, hub, "busy")) >= 1000 })
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 5000; ; i++ {
			select {
			case <-stop:
				return
			default:
				_, _ = fmt.Fprintln(p.stdin, line(i))
			}
		}
	}()
	for range 3 {
		if n := len(consume(t, hub, "busy")); n < 1000 {
			t.Errorf("%d records printed", n)
		}
	}
	close(stop)
	<-stopped
	p.finish()
}

// A reader that has enough ends `weir consume` without a word and with exit code 0.
func TestConsumeIntoHeadIsQuiet(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", "memory")
	topic(t, hub, "lines", 1)
	p := start(t, exec.Command(hubtest.Binary(t), "produce", "lines", "--server", hub.HTTP))
	p.send(0, 20_000)
	p.finish()
	for _, follow := range []string{"", " --follow"} {
		script := `set -o pipefail; "$0" consume lines --server "$1"` + follow + ` | head -1`
		cmd := exec.Command("bash", "-c", script, hubtest.Binary(t), hub.HTTP)
		var out, errOut bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errOut
		if err := cmd.Run(); err != nil || out.String() != line(0)+"\n" || errOut.Len() > 0 {
			t.Errorf("weir consume%s | head -1: %v, printed %q, said %q", follow, err, out.String(), errOut.String())
		}
	}
}
