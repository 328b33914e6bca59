package clients

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// consumerKinds are the clients that speak the consumer protocol (KIP-848). The records come from librdkafka, which spreads
// few of them over all partitions; Java's producer fills one partition after the other.
func consumerKinds() []kind {
	spread := kinds()[1].produce
	return []kind{{
		"java", spread,
		func(t *testing.T, bootstrap, topic, group string) *exec.Cmd {
			cmd := java(t, "consumer.ConsoleConsumer", "--bootstrap-server", bootstrap, "--topic", topic, "--group", group, "--from-beginning")
			for _, property := range []string{"group.protocol=consumer", "auto.commit.interval.ms=200"} {
				cmd.Args = append(cmd.Args, "--command-property", property)
			}
			return cmd
		},
	}, {
		"librdkafka", spread,
		func(t *testing.T, bootstrap, topic, group string) *exec.Cmd {
			return python(t, "consumer_protocol.py", bootstrap, topic, group)
		},
	}, {
		"expression", spread,
		func(t *testing.T, bootstrap, topic, group string) *exec.Cmd {
			return python(t, "consumer_protocol.py", bootstrap, "^"+topic[:len(topic)-1]+".$", group)
		},
	}}
}

// Two members of the consumer protocol read 20,000 records; one is killed (kill -9) on the way. Each record is seen by a
// member, and the heir does not read again what the victim had committed.
func TestConsumerProtocolLosesNothing(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	for _, k := range consumerKinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			consumerKilled(t, hub, k)
		})
	}
}

func consumerKilled(t *testing.T, hub *hubtest.Hub, k kind) {
	const records = 20_000
	name, group := "consumers-of-"+k.name, "protocol-"+k.name
	topic(t, hub, name, 6)
	shortSession(t, hub, group)
	victim, heir := start(t, k.consumer(t, hub.Kafka, name, group)), start(t, k.consumer(t, hub.Kafka, name, group))
	producer := start(t, k.produce(t, hub.Kafka, name))
	awaitConsumers(t, hub, group, 2, 6)

	producer.send(0, records/4)
	committed(t, hub, group, records/4)
	before := len(victim.lines())
	producer.send(records/4, records/2)
	hubtest.Eventually(t, "the victim is in the middle", func() bool { return len(victim.lines()) > before+200 })
	victim.kill()
	producer.send(records/2, records)
	producer.finish()

	seen := map[string]bool{}
	hubtest.Eventually(t, "the group has read everything", func() bool {
		for _, p := range []*peer{heir, victim} {
			for _, l := range p.lines() {
				seen[l] = true
			}
		}
		return len(seen) >= records
	})
	for i := range records {
		if !seen[line(i)] {
			t.Fatalf("record %d was read by nobody", i)
		}
	}
	t.Logf("victim read %d (%d of them committed), heir %d of %d", len(victim.lines()), before, len(heir.lines()), records)
	if before == 0 || len(heir.lines()) > records-before {
		t.Errorf("the heir read again what the victim had committed, or the victim had nothing")
	}
	awaitConsumers(t, hub, group, 1, 6)
}

// Members of the consumer protocol go on after the hub was killed (kill -9) and started again: in the same epoch, so that
// nothing was moved, and no record is lost or read twice.
func TestConsumersOutliveTheHub(t *testing.T) {
	peers.Slow(t)
	const records, group = 10_000, "lasting"
	at, data := hubtest.FreePorts(t), t.TempDir()
	hub := hubtest.UpAt(t, at, "--data", data)
	topic(t, hub, "lasting", 6)
	java, librdkafka := consumerKinds()[0], consumerKinds()[1]
	members := []*peer{
		start(t, java.consumer(t, hub.Kafka, "lasting", group)), start(t, librdkafka.consumer(t, hub.Kafka, "lasting", group)),
	}
	awaitConsumers(t, hub, group, 2, 6)
	produce := func(from, to int) {
		t.Helper()
		p := start(t, librdkafka.produce(t, hub.Kafka, "lasting"))
		p.send(from, to)
		p.finish()
	}
	read := func() int { return len(members[0].lines()) + len(members[1].lines()) }
	produce(0, records/2)
	committed(t, hub, group, records/2)
	epoch := describeConsumers(t, hub, group).Epoch
	hub.Kill()
	hub = hubtest.UpAt(t, at, "--data", data)
	produce(records/2, records)
	hubtest.Eventually(t, "everything is read", func() bool { return read() >= records })
	committed(t, hub, group, records)
	awaitConsumers(t, hub, group, 2, 6)
	if now := describeConsumers(t, hub, group).Epoch; now != epoch {
		t.Errorf("epoch %d after the restart, %d before it", now, epoch)
	}
	seen := map[string]bool{}
	for _, m := range members {
		for _, l := range m.lines() {
			seen[l] = true
		}
	}
	if len(seen) != records || read() != records {
		t.Errorf("%d records were read, %d of them different; want %d once each", read(), len(seen), records)
	}
}

// shortSession makes a group notice a lost member after 6 s instead of 45.
func shortSession(t *testing.T, hub *hubtest.Hub, group string) {
	t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	for name, value := range map[string]string{"consumer.session.timeout.ms": "6000", "consumer.heartbeat.interval.ms": "1000"} {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Value = name, &value
		r.Configs = append(r.Configs, c)
	}
	req.Resources = append(req.Resources, r)
	resp, err := req.RequestWith(ctx(t), client(t, hub))
	if err != nil || resp.Resources[0].ErrorCode != 0 {
		t.Fatalf("alter group configs: %v %+v", err, resp)
	}
}

// awaitConsumers waits until a group of the consumer protocol is stable, with so many members that have so many
// partitions in all.
func awaitConsumers(t *testing.T, hub *hubtest.Hub, group string, members, partitions int) {
	t.Helper()
	hubtest.Eventually(t, "the group is stable", func() bool {
		g := describeConsumers(t, hub, group)
		owned := 0
		for _, m := range g.Members {
			for _, a := range m.Assignment.TopicPartitions {
				owned += len(a.Partitions)
			}
		}
		return g.State == "Stable" && len(g.Members) == members && owned == partitions
	})
}

// Kafka's VerifiableConsumer reads with the consumer protocol, the range assignor and a group.instance.id, and commits;
// its tools show such a group, set its configs, read its records in __consumer_offsets, reset its offsets, and delete it.
func TestToolsOfTheConsumerProtocol(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	const records = 20_000
	topic(t, hub, "verified", 4)
	producer := start(t, kinds()[1].produce(t, hub.Kafka, "verified"))
	producer.send(0, records)
	producer.finish()
	run := func(class string, args ...string) string {
		t.Helper()
		return tool(t, class, append([]string{"--bootstrap-server", hub.Kafka}, args...)...)
	}
	groups := func(args ...string) string { t.Helper(); return run("consumer.group.ConsumerGroupCommand", args...) }

	run("ConfigCommand", "--alter", "--entity-type", "groups", "--entity-name", "verifiers", "--add-config",
		"consumer.session.timeout.ms=6000,consumer.heartbeat.interval.ms=1000")
	says(t, run("ConfigCommand", "--describe", "--entity-type", "groups", "--entity-name", "verifiers"), `consumer.session.timeout.ms=6000`)

	var members []*peer
	for i := range 2 {
		members = append(members, start(t, java(t, "VerifiableConsumer", "--bootstrap-server", hub.Kafka, "--topic", "verified",
			"--group-id", "verifiers", "--group-protocol", "consumer", "--group-remote-assignor", "range",
			"--group-instance-id", "instance-"+strconv.Itoa(i), "--reset-policy", "earliest")))
	}
	awaitConsumers(t, hub, "verifiers", 2, 4)
	hubtest.Eventually(t, "everything is consumed", func() bool { return consumed(members[0])+consumed(members[1]) >= records })
	committed(t, hub, "verifiers", records)

	says(t, groups("--list", "--type", "consumer"), `verifiers Consumer`)
	says(t, groups("--describe", "--group", "verifiers"), `verifiers verified 3 \d+ \d+ 0 \S+ /127.0.0.1 `)
	says(t, groups("--describe", "--group", "verifiers", "--state"), `verifiers \S+ \(1\) range Stable 2`)
	says(t, groups("--describe", "--group", "verifiers", "--members", "--verbose"),
		`verifiers \S+ instance-0 /127.0.0.1 \S+ 2 (\d+) verified:0,1 \d+ verified:0,1`, `instance-1 /127.0.0.1 \S+ 2 \d+ verified:2,3 \d+ verified:2,3`)
	says(t, hub.Weir("group", "list"), `verifiers consumer Stable 2 0`)
	says(t, hub.Weir("group", "describe", "verifiers"), `group verifiers, consumer, Stable, 2 members, lag 0`, `verified 3 \d+ \d+ 0 \S+ `)
	says(t, run("consumer.ConsoleConsumer", "--topic", "__consumer_offsets", "--from-beginning", "--timeout-ms", "5000", "--formatter",
		"org.apache.kafka.tools.consumer.OffsetsMessageFormatter"), `"group":"verifiers","topic":"verified"`)

	for _, m := range members {
		_ = m.cmd.Process.Signal(syscall.SIGTERM)
		<-m.done
	}
	// Static members left for a moment; their places are free when their sessions end.
	hubtest.Eventually(t, "the group is empty", func() bool { return describeConsumers(t, hub, "verifiers").State == "Empty" })
	says(t, groups("--reset-offsets", "--group", "verifiers", "--topic", "verified", "--to-earliest", "--execute"), `verifiers verified 0 0`)
	says(t, groups("--delete", "--group", "verifiers"), "successful")
	if list := groups("--list"); strings.Contains(list, "verifiers") {
		t.Errorf("the deleted group is listed:\n%s", list)
	}
}

// consumed adds up what a VerifiableConsumer says that it has consumed.
func consumed(p *peer) (n int) {
	for _, l := range p.lines() {
		var e struct {
			Name  string `json:"name"`
			Count int    `json:"count"`
		}
		if json.Unmarshal([]byte(l), &e) == nil && e.Name == "records_consumed" {
			n += e.Count
		}
	}
	return n
}

// describeConsumers is what ConsumerGroupDescribe says of a group.
func describeConsumers(t *testing.T, hub *hubtest.Hub, group string) kmsg.ConsumerGroupDescribeResponseGroup {
	t.Helper()
	cl := client(t, hub)
	defer cl.Close()
	req := kmsg.NewPtrConsumerGroupDescribeRequest()
	req.Groups = []string{group}
	resp, err := req.RequestWith(ctx(t), cl)
	if err != nil || len(resp.Groups) != 1 {
		t.Fatalf("describe %s: %v %+v", group, err, resp)
	}
	return resp.Groups[0]
}
