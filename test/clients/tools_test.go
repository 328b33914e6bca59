package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// Apache Kafka's own tools of 4.4 end with exit code 0 on the hub and say what is true of it.
func TestKafkaToolsWork(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	t.Run("topics", func(t *testing.T) { t.Parallel(); topicTools(t, hub) })
	t.Run("configs", func(t *testing.T) { t.Parallel(); configTools(t, hub) })
	t.Run("groups", func(t *testing.T) { t.Parallel(); groupTools(t, hub) })
	t.Run("records", func(t *testing.T) { t.Parallel(); recordTools(t, hub) })
	t.Run("broker", func(t *testing.T) { t.Parallel(); brokerTools(t, hub) })
	t.Run("verifiable", func(t *testing.T) { t.Parallel(); verifiableTools(t, hub) })
}

// says fails the test where a text does not match a pattern; blanks and tabs of tables match \s+ as written by `want`.
func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !regexp.MustCompile(strings.ReplaceAll(w, " ", `\s+`)).MatchString(text) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

func topicTools(t *testing.T, hub *hubtest.Hub) {
	run := func(args ...string) string {
		t.Helper()
		return tool(t, "TopicCommand", append([]string{"--bootstrap-server", hub.Kafka}, args...)...)
	}
	says(t, run("--create", "--topic", "made", "--partitions", "3", "--config", "retention.ms=3600000"), "Created topic made")
	says(t, run("--describe", "--topic", "made"), "Topic: made TopicId: [A-Za-z0-9_-]{22} PartitionCount: 3 ReplicationFactor: 1 Configs:.*retention.ms=3600000",
		`Topic: made Partition: 2 Leader: \d+ Replicas: \d+ Isr: \d+`)
	run("--alter", "--topic", "made", "--partitions", "5")
	says(t, run("--describe", "--topic", "made"), "PartitionCount: 5")
	says(t, run("--list"), "(?m)^made$")
	run("--delete", "--topic", "made")
	if list := run("--list"); strings.Contains(list, "made") {
		t.Errorf("the deleted topic is listed:\n%s", list)
	}
}

func configTools(t *testing.T, hub *hubtest.Hub) {
	topic(t, hub, "configured", 1)
	run := func(args ...string) string {
		t.Helper()
		return tool(t, "ConfigCommand", append([]string{"--bootstrap-server", hub.Kafka, "--entity-type", "topics", "--entity-name", "configured"}, args...)...)
	}
	says(t, run("--alter", "--add-config", "max.message.bytes=2000000,cleanup.policy=[compact,delete]"), "Completed updating config for topic configured")
	says(t, run("--describe"), "max.message.bytes=2000000", "cleanup.policy=compact,delete")
	run("--alter", "--delete-config", "max.message.bytes")
	text := run("--describe", "--all")
	says(t, text, "max.message.bytes=1048588", "cleanup.policy=compact,delete", "DEFAULT_CONFIG")
}

func groupTools(t *testing.T, hub *hubtest.Hub) {
	topic(t, hub, "grouped", 2)
	producer := client(t, hub, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for i := range 30 {
		r := &kgo.Record{Topic: "grouped", Partition: int32(i % 2), Value: []byte("v")}
		if err := producer.ProduceSync(ctx(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	member := start(t, franz(t, "consume", hub.Kafka, "grouped", "readers"))
	hubtest.Eventually(t, "all is read", func() bool { return len(member.lines()) == 30 })
	awaitMembers(t, hub, "readers", 1)
	run := func(args ...string) string {
		t.Helper()
		return tool(t, "consumer.group.ConsumerGroupCommand", append([]string{"--bootstrap-server", hub.Kafka}, args...)...)
	}
	says(t, run("--list"), "(?m)^readers$")
	says(t, run("--describe", "--group", "readers"), `readers grouped 0 (\S+ )?15 15 0 kgo-\S+ \S+ kgo`, `readers grouped 1 (\S+ )?15 15 0`)
	says(t, run("--describe", "--group", "readers", "--members", "--verbose"), `readers kgo-\S+ \S+ kgo 2`, "grouped")
	says(t, run("--describe", "--group", "readers", "--state"), `readers \S+ \(\d+\) \S+ Stable`)

	// A group with members is not reset. The member is killed, so the group empties when its session ends.
	member.kill()
	hubtest.Eventually(t, "the group is empty", func() bool { return strings.Contains(hub.Weir("group", "describe", "readers"), "Empty") })
	says(t, run("--reset-offsets", "--group", "readers", "--topic", "grouped", "--to-offset", "5", "--execute"), "readers grouped 0 5", "readers grouped 1 5")
	says(t, run("--describe", "--group", "readers"), `readers grouped 0 (\S+ )?5 15 10 -`, `readers grouped 1 (\S+ )?5 15 10 -`)
	says(t, run("--delete-offsets", "--group", "readers", "--topic", "grouped:1"), "Request succeeded for deleting offsets")
	says(t, run("--delete", "--group", "readers"), "Deletion of requested consumer groups .*readers.* was successful")
	if list := run("--list"); strings.Contains(list, "readers") {
		t.Errorf("the deleted group is listed:\n%s", list)
	}
}

func recordTools(t *testing.T, hub *hubtest.Hub) {
	topic(t, hub, "measured", 1)
	says(t, tool(t, "ProducerPerformance", "--topic", "measured", "--num-records", "50000", "--record-size", "100", "--throughput", "-1",
		"--bootstrap-server", hub.Kafka), "50000 records sent")
	says(t, tool(t, "ConsumerPerformance", "--bootstrap-server", hub.Kafka, "--topic", "measured", "--num-records", "50000", "--hide-header"), `\b50000\b`)
	topic(t, hub, "measured-transactions", 3)
	says(t, tool(t, "ProducerPerformance", "--topic", "measured-transactions", "--num-records", "20000", "--record-size", "100", "--throughput", "20000",
		"--bootstrap-server", hub.Kafka, "--transactional-id", "measure", "--transaction-duration-ms", "50"), "20000 records sent")
	if n := len(consume(t, hub, "measured-transactions")); n != 20_000 {
		t.Errorf("Java's transactional producer: %d records committed, want 20000", n)
	}
	offsets := func(at string) string {
		t.Helper()
		return tool(t, "GetOffsetShell", "--bootstrap-server", hub.Kafka, "--topic", "measured", "--time", at)
	}
	says(t, offsets("latest"), "measured:0:50000")
	file := filepath.Join(t.TempDir(), "delete.json")
	text := `{"partitions": [{"topic": "measured", "partition": 0, "offset": 20000}], "version": 1}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, tool(t, "DeleteRecordsCommand", "--bootstrap-server", hub.Kafka, "--offset-json-file", file), "partition: measured-0 low_watermark: 20000")
	says(t, offsets("earliest"), "measured:0:20000")
}

func brokerTools(t *testing.T, hub *hubtest.Hub) {
	text := tool(t, "BrokerApiVersionsCommand", "--bootstrap-server", hub.Kafka)
	says(t, text, `Produce\(0\): 3 to \d+ \[usable: \d+\]`, `Fetch\(1\): 4 to \d+ \[usable: \d+\]`, `EndTxn\(26\): \d+ to \d+`)
	says(t, tool(t, "LogDirsCommand", "--bootstrap-server", hub.Kafka, "--describe"), `"logDirs":\[\{`)
	txn := client(t, hub, kgo.TransactionalID("pending"), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("in-transaction"))
	if err := txn.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := txn.ProduceSync(ctx(t), kgo.StringRecord("open")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	says(t, tool(t, "TransactionsCommand", "--bootstrap-server", hub.Kafka, "list"), `pending \d+ \d+ Ongoing`)
	says(t, tool(t, "TransactionsCommand", "--bootstrap-server", hub.Kafka, "describe", "--transactional-id", "pending"), `pending \d+ 0 Ongoing`, "in-transaction-0")
	says(t, tool(t, "TransactionsCommand", "--bootstrap-server", hub.Kafka, "describe-producers", "--topic", "in-transaction", "--partition", "0"), `\d+ 0 \S+ 0 \d+`)
}

// librdkafka's admin client, and what its consumers ask beside records, get Kafka's answers and error codes.
func TestLibrdkafkaAdminWorks(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	says(t, start(t, python(t, "admin.py", hub.Kafka)).finish(), "all as it should be")
}

// event is what the verifiable programs print, a JSON object a line.
type event struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Count int    `json:"count"`
}

func events(t *testing.T, p *peer) (out []event) {
	t.Helper()
	for _, l := range p.lines() {
		var e event
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		out = append(out, e)
	}
	return out
}

// ackedValues are the values that a VerifiableProducer got acknowledged.
func ackedValues(t *testing.T, p *peer) (out []string) {
	t.Helper()
	for _, e := range events(t, p) {
		if e.Name == "producer_send_success" {
			out = append(out, e.Value)
		}
	}
	return out
}

// Kafka's system tests use these two: what the one says is acknowledged, the other must read.
func verifiableTools(t *testing.T, hub *hubtest.Hub) {
	const records = 5000
	topic(t, hub, "verified", 3)
	consumer := start(t, java(t, "VerifiableConsumer", "--bootstrap-server", hub.Kafka, "--topic", "verified", "--group-id", "verifiers",
		"--max-messages", fmt.Sprint(records), "--reset-policy", "earliest"))
	producer := start(t, java(t, "VerifiableProducer", "--bootstrap-server", hub.Kafka, "--topic", "verified", "--max-messages", fmt.Sprint(records), "--acks", "-1"))
	producer.finish()
	acked := distinct(ackedValues(t, producer))
	consumer.finish()
	read := 0
	for _, e := range events(t, consumer) {
		if e.Name == "records_consumed" {
			read += e.Count
		}
	}
	if len(acked) != records || read < records {
		t.Errorf("%d acknowledged, %d read, want %d", len(acked), read, records)
	}
}
