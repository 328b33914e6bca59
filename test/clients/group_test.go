package clients

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// kind is one client library: how its producer and its group member are started.
type kind struct {
	name     string
	produce  func(t *testing.T, bootstrap, topic string) *exec.Cmd
	consumer func(t *testing.T, bootstrap, topic, group string) *exec.Cmd
}

func kinds() []kind {
	return []kind{{
		"java",
		func(t *testing.T, bootstrap, topic string) *exec.Cmd {
			return java(t, "ConsoleProducer", "--bootstrap-server", bootstrap, "--topic", topic, "--compression-codec", "zstd",
				"--batch-size", "100000")
		},
		func(t *testing.T, bootstrap, topic, group string) *exec.Cmd {
			cmd := java(t, "consumer.ConsoleConsumer", "--bootstrap-server", bootstrap, "--topic", topic, "--group", group, "--from-beginning")
			for _, property := range []string{"session.timeout.ms=6000", "heartbeat.interval.ms=1000", "auto.commit.interval.ms=200"} {
				cmd.Args = append(cmd.Args, "--command-property", property)
			}
			return cmd
		},
	}, {
		"librdkafka",
		func(t *testing.T, bootstrap, topic string) *exec.Cmd {
			return python(t, "produce.py", bootstrap, topic, "lz4")
		},
		func(t *testing.T, bootstrap, topic, group string) *exec.Cmd {
			return python(t, "consume.py", bootstrap, topic, group)
		},
	}, {
		"franz-go",
		func(t *testing.T, bootstrap, topic string) *exec.Cmd { return franz(t, "produce", bootstrap, topic) },
		func(t *testing.T, bootstrap, topic, group string) *exec.Cmd {
			return franz(t, "consume", bootstrap, topic, group)
		},
	}}
}

// Each client produces 100,000 records and reads them with a group of two members, one of which is killed (kill -9) on the
// way: each record is seen by a member, and the log holds each once.
func TestKilledGroupMemberLosesNothing(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			killedMember(t, hub, k)
		})
	}
}

func killedMember(t *testing.T, hub *hubtest.Hub, k kind) {
	const records = 100_000
	name, group := "from-"+k.name, "group-"+k.name
	topic(t, hub, name, 6)
	victim, heir := start(t, k.consumer(t, hub.Kafka, name, group)), start(t, k.consumer(t, hub.Kafka, name, group))
	producer := start(t, k.produce(t, hub.Kafka, name))
	awaitMembers(t, hub, group, 2)

	producer.send(0, records/4)
	committed(t, hub, group, records/4)
	before := len(victim.lines())
	producer.send(records/4, records/2)
	hubtest.Eventually(t, "the victim is in the middle", func() bool { return len(victim.lines()) > before+1000 })
	victim.kill()
	producer.send(records/2, records)
	producer.finish()

	seen := make(map[string]bool, records)
	read := 0
	hubtest.Eventually(t, "the group has read everything", func() bool {
		fresh := heir.lines()[read:]
		read += len(fresh)
		for _, l := range fresh {
			seen[l] = true
		}
		for _, l := range victim.lines() {
			seen[l] = true
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

	stored := strings.Split(strings.TrimSuffix(hub.Weir("consume", name), "\n"), "\n")
	clear(seen)
	for _, l := range stored {
		seen[l] = true
	}
	if len(stored) != records || len(seen) != records {
		t.Errorf("the log holds %d records, %d of them different; want %d", len(stored), len(seen), records)
	}
}

// committed waits until a group's committed offsets add up to n.
func committed(t *testing.T, hub *hubtest.Hub, group string, n int64) {
	t.Helper()
	adm := kadm.NewClient(client(t, hub))
	hubtest.Eventually(t, "offsets are committed", func() bool {
		offsets, err := adm.FetchOffsets(ctx(t), group)
		sum := int64(0)
		offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
		return err == nil && sum == n
	})
}

// awaitMembers waits until a group is stable with n members.
func awaitMembers(t *testing.T, hub *hubtest.Hub, group string, n int) {
	t.Helper()
	adm := kadm.NewClient(client(t, hub))
	hubtest.Eventually(t, "the group is stable", func() bool {
		groups, err := adm.DescribeGroups(ctx(t), group)
		return err == nil && groups[group].State == "Stable" && len(groups[group].Members) == n
	})
}
