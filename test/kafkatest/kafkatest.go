// Package kafkatest runs a real Apache Kafka: one node, broker and controller in one, from the jars of `make peers`.
//
// It owns: the process and its data. It does not own: what tests ask of it, the hub beside it and free ports (test/hubtest).
package kafkatest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// properties are those of a node alone: every internal topic has one replica. Its groups form at once, since the tests wait.
const properties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=%[3]s
num.partitions=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
`

// Broker is a running node.
type Broker struct {
	Addr   string // bootstrap address
	cmd    *exec.Cmd
	output bytes.Buffer
	done   chan struct{}
}

// startLimit bounds the start: 5 to 12 s on a machine that does nothing else.
const startLimit = 2 * time.Minute

// Start formats a data directory, starts a node on free ports and waits until it answers. It ends with the test.
func Start(t testing.TB) *Broker {
	t.Helper()
	dir := t.TempDir()
	b := &Broker{Addr: hubtest.FreeAddr(t), done: make(chan struct{})}
	file := filepath.Join(dir, "server.properties")
	text := fmt.Appendf(nil, properties, b.Addr, hubtest.FreeAddr(t), filepath.Join(dir, "data"))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := java(t, dir, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", file).CombinedOutput(); err != nil {
		t.Fatalf("format Kafka's storage: %v\n%s", err, out)
	}
	b.cmd = java(t, dir, "kafka.Kafka", file)
	b.cmd.Stdout, b.cmd.Stderr = &b.output, &b.output
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(b.done)
		_ = b.cmd.Wait()
	}()
	t.Cleanup(b.Kill)
	b.await(t)
	return b
}

// Kill is kill -9; it waits until the process is gone.
func (b *Broker) Kill() {
	_ = b.cmd.Process.Kill()
	<-b.done
}

// await waits until the node answers.
func (b *Broker) await(t testing.TB) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for cl.Ping(ctx) != nil {
		select {
		case <-tick.C:
		case <-b.done:
			t.Fatalf("Kafka ended at its start\n%s", b.output.String())
		case <-ctx.Done():
			t.Fatalf("Kafka does not answer within %s", startLimit)
		}
	}
}

// java is a main class of Kafka's server with a small heap. Logging is left at errors.
func java(t testing.TB, dir string, class string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("java", append([]string{
		"-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dkafka.logs.dir=" + dir, "-cp", peers.KafkaClasspath(t), class,
	}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}
