package kafka

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/test/peers"
)

// needJava skips tests that start programs in Java, a second each, when asked to be quick or when there are none.
func needJava(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts Java")
	}
	peers.KafkaClasspath(t)
}

// tool runs one of Apache Kafka's own tools against the node and gives what it printed; failing is an answer too.
func (n *node) tool(class string, args ...string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.ctx(), 2*time.Minute)
	defer cancel()
	flags := []string{
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m",
		"-Dlog4j2.configurationFile=" + filepath.Join(peers.Root(), "test", "clients", "testdata", "log4j2.properties"),
		"-cp", peers.KafkaClasspath(n.t), "org.apache.kafka.tools." + class, "--bootstrap-server", n.addr,
	}
	out, _ := exec.CommandContext(ctx, "java", append(flags, args...)...).CombinedOutput()
	return string(out)
}

func (n *node) says(what, text string, want ...string) {
	n.t.Helper()
	for _, w := range want {
		if !regexp.MustCompile(w).MatchString(text) {
			n.t.Errorf("%s: no %q in:\n%s", what, w, text)
		}
	}
}

// Goal: Kafka's own tools administrate the node: what one command sets another shows, in the tools' own words.
func TestKafkaAdminTools(t *testing.T) {
	needJava(t)
	t.Parallel()
	n := newNode(t)
	n.createTopic("t", 1, nil)
	config := func(entity string, args ...string) string {
		t.Helper()
		return n.tool("ConfigCommand", append([]string{"--entity-type"}, append(strings.Fields(entity), args...)...)...)
	}
	for _, c := range []struct{ entity, set string }{
		{"clients --entity-name a", "producer_byte_rate=500000,consumer_byte_rate=300000"},
		{"clients --entity-default", "request_percentage=200"},
		{"users --entity-name u --entity-type clients --entity-default", "controller_mutation_rate=5"},
		{"ips --entity-name 10.0.0.1", "connection_creation_rate=7"},
		{"brokers --entity-name 1", "max.connections.per.ip=77"},
		{"brokers --entity-default", "log.retention.ms=3600000"},
	} {
		n.says(c.entity, config(c.entity, "--alter", "--add-config", c.set), "Completed updating (default )?config for")
	}
	n.says("clients", config("clients", "--describe"), `default client-id are request_percentage=200\.0`, `client-id 'a' are consumer_byte_rate=300000\.0, producer_byte_rate=500000\.0`)
	n.says("users", config("users", "--describe", "--entity-type", "clients"), `user-principal 'u', the default client-id are controller_mutation_rate=5\.0`)
	n.says("ips", config("ips", "--describe"), `ip '10\.0\.0\.1' are connection_creation_rate=7\.0`)
	n.says("broker", config("brokers --entity-name 1", "--describe"), `max\.connections\.per\.ip=77 .*DYNAMIC_BROKER_CONFIG:max\.connections\.per\.ip=77`)
	n.says("brokers", config("brokers --entity-default", "--describe"), `log\.retention\.ms=3600000 .*DYNAMIC_DEFAULT_BROKER_CONFIG`)
	n.says("metrics", n.tool("ClientMetricsCommand", "--alter", "--name", "s", "--metrics", "org.apache.kafka.producer.", "--interval", "1000"), "Altered client metrics config")
	n.says("metrics", n.tool("ClientMetricsCommand", "--describe"), `interval\.ms=1000`, `metrics=org\.apache\.kafka\.producer\.`)
	n.says("election", n.tool("LeaderElectionCommand", "--election-type", "preferred", "--topic", "t", "--partition", "0"), "Valid replica already elected for partitions t-0")
	n.says("reassignments", n.tool("reassign.ReassignPartitionsCommand", "--list"), "No partition reassignments found")
	n.says("quorum", n.tool("MetadataQuorumCommand", "describe", "--status"), `LeaderId: +1\n`, `CurrentVoters: +\[\{"id": 1`)
	n.says("features", n.tool("FeatureCommand", "describe"), `transaction\.version.*FinalizedVersionLevel: 2`)
	n.says("acls", n.tool("AclCommand", "--list"), "No Authorizer is configured")
	n.says("hanging", n.tool("TransactionsCommand", "find-hanging", "--broker-id", "1"), `(?m)^Topic\s+Partition\s+ProducerId.*$`)
}

// Goal: kafka-transactions ends a transaction that hangs.
func TestKafkaTransactionsAborts(t *testing.T) {
	needJava(t)
	t.Parallel()
	n := newNode(t)
	n.createTopic("t", 1, nil)
	cl := n.client(kgo.TransactionalID("x"), kgo.DefaultProduceTopic("t"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(n.ctx(), kgo.StringRecord("open")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	p, err := n.b.Partition("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	out := n.tool("TransactionsCommand", "abort", "--topic", "t", "--partition", "0", "--start-offset", "0")
	if got := p.LastStableOffset(); got != 2 {
		t.Fatalf("stable %d after:\n%s", got, out)
	}
}

// Goal: Kafka's own producer, that is told its quota by another of Kafka's tools, settles at it: within a tenth over some
// seconds, the first second's allowance included.
func TestKafkaProducerSettlesAtItsQuota(t *testing.T) {
	needJava(t)
	n := newNode(t)
	n.createTopic("t", 1, nil)
	const rate = 200_000
	n.tool("ConfigCommand", "--alter", "--entity-type", "clients", "--entity-name", "perf", "--add-config", "producer_byte_rate="+strconv.Itoa(rate))
	out := n.tool("ProducerPerformance", "--topic", "t", "--num-records", "2600", "--record-size", "1000", "--throughput", "-1",
		"--command-property", "client.id=perf", "batch.size=4000")
	m := regexp.MustCompile(`2600 records sent, ([0-9.]+) records/sec`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no figure in:\n%s", out)
	}
	perSecond, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	if got := perSecond * 1000; got < 0.9*rate || got > 1.1*rate {
		t.Errorf("%.0f bytes a second, the quota is %d", got, rate)
	}
	if !strings.Contains(out, "is throttled for") {
		t.Error("the producer was not told")
	}
}
