package clients

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// What librdkafka's transactional producer commits is read by Java and franz-go under read_committed, in order of each
// partition, and what it aborts is read by neither; under read_uncommitted Java sees both.
func TestTransactionsOfLibrdkafka(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	topic(t, hub, "transacted", 3)
	start(t, python(t, "transactions.py", hub.Kafka, "transacted")).finish()

	last := map[int32]string{}
	records := all(t, hub, "transacted", 500)
	for _, r := range records {
		var n, i int
		if _, err := fmt.Sscanf(string(r.Value), "%d-%d", &n, &i); err != nil || n%2 != 0 {
			t.Fatalf("read %q: aborted, or not ours", r.Value)
		}
		if at := fmt.Sprintf("%03d-%03d", n, i); at <= last[r.Partition] {
			t.Fatalf("partition %d: %s behind %s", r.Partition, at, last[r.Partition])
		} else {
			last[r.Partition] = at
		}
	}
	if len(records) != 500 {
		t.Errorf("franz-go read %d records, want 500", len(records))
	}
	read := func(isolation string, n int) []string {
		return strings.Fields(tool(t, "consumer.ConsoleConsumer", "--bootstrap-server", hub.Kafka, "--topic", "transacted", "--from-beginning",
			"--isolation-level", isolation, "--max-messages", fmt.Sprint(n), "--timeout-ms", "20000"))
	}
	odd := func(lines []string) (n int) {
		for _, l := range lines {
			if strings.ContainsAny(l[:1], "13579") {
				n++
			}
		}
		return n
	}
	if got := read("read_committed", 500); len(got) != 500 || odd(got) != 0 {
		t.Errorf("Java, read_committed: %d records, %d of them aborted; want 500 and 0", len(got), odd(got))
	}
	if got := read("read_uncommitted", 1000); len(got) != 1000 || odd(got) != 500 {
		t.Errorf("Java, read_uncommitted: %d records, %d of them aborted; want 1000 and 500", len(got), odd(got))
	}
}

// A copier that reads, writes and commits its offsets in transactions (librdkafka) is killed again and again, and the hub with
// it: the copy holds every record exactly once.
func TestKilledCopierIsExactlyOnce(t *testing.T) {
	peers.Slow(t)
	const records, kills = 20_000, 4
	data := t.TempDir()
	hub := hubtest.Up(t, "--data", data)
	topic(t, hub, "original", 3)
	topic(t, hub, "copy", 3)
	producer := start(t, franz(t, "produce", hub.Kafka, "original"))
	producer.send(0, records)
	producer.finish()
	for kill := range kills {
		p := start(t, python(t, "copier.py", hub.Kafka, "original", "copy", fmt.Sprint(records)))
		hubtest.Eventually(t, "transactions are committed", func() bool { return len(p.lines()) > 10 })
		if kill%2 == 1 {
			hub.Kill()
			hub = hubtest.UpAt(t, hub.Ports, "--data", data)
		}
		p.kill()
	}
	start(t, python(t, "copier.py", hub.Kafka, "original", "copy", fmt.Sprint(records))).finish()

	times := distinct(consume(t, hub, "copy"))
	for i := range records {
		if times[line(i)] != 1 {
			t.Fatalf("record %d is %d times in the copy", i, times[line(i)])
		}
	}
	if len(times) != records {
		t.Errorf("%d different records in the copy, want %d", len(times), records)
	}
}

// Idempotent producers, and groups that read along, go on over kill -9 and restart of the hub: everything acknowledged is in
// the log, and nothing twice, although requests whose answers were lost are sent again; the group misses nothing.
func TestClientsOutliveTheHub(t *testing.T) {
	peers.Slow(t)
	const records = 6000
	data := t.TempDir()
	hub := hubtest.Up(t, "--data", data)
	topic(t, hub, "librdkafka", 3)
	topic(t, hub, "java", 3)
	producers := map[string]*peer{
		"librdkafka": start(t, python(t, "idempotent.py", hub.Kafka, "librdkafka", fmt.Sprint(records))),
		"java": start(t, java(t, "VerifiableProducer", "--bootstrap-server", hub.Kafka, "--topic", "java", "--max-messages", fmt.Sprint(records),
			"--throughput", "1000", "--acks", "-1", "--command-config", filepath.Join("testdata", "idempotent.properties"))),
	}
	readers := map[string]*peer{
		"librdkafka": start(t, kinds()[0].consumer(t, hub.Kafka, "librdkafka", "java-reads")),
		"java":       start(t, python(t, "consume.py", hub.Kafka, "java", "librdkafka-reads")),
	}
	for _, moment := range []int{500, 2500, 4500} {
		for _, p := range producers {
			hubtest.Eventually(t, "records are acknowledged", func() bool { return len(p.lines()) > moment })
		}
		hub.Kill()
		hub = hubtest.UpAt(t, hub.Ports, "--data", data)
	}
	for name, p := range producers {
		p.finish()
		acked := p.lines()
		if name == "java" {
			acked = ackedValues(t, p)
		}
		outlived(t, hub, name, records, acked)
		hubtest.Eventually(t, "the group has read everything from "+name, func() bool { return len(distinct(readers[name].lines())) == records })
	}
}

// outlived compares what a producer was told with what the log holds.
func outlived(t *testing.T, hub *hubtest.Hub, name string, records int, acked []string) {
	t.Helper()
	stored := strings.Split(strings.TrimSpace(hub.Weir("consume", name)), "\n")
	times := distinct(stored)
	for _, l := range acked {
		if times[l] != 1 {
			t.Errorf("%s: record %q is acknowledged and %d times in the log", name, l, times[l])
		}
	}
	if len(acked) != records || len(stored) != records || len(times) != records {
		t.Errorf("%s: %d acknowledged, %d records in the log, %d different; want %d", name, len(acked), len(stored), len(times), records)
	}
}

// distinct counts each line.
func distinct(lines []string) map[string]int {
	times := map[string]int{}
	for _, l := range lines {
		times[l]++
	}
	return times
}
