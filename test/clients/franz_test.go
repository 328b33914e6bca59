package clients

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// roleVariable names what the test binary does as a process of its own: produce or consume.
const roleVariable = "WEIR_TEST_FRANZ"

// franz is this test binary as a client: produce BOOTSTRAP TOPIC, consume BOOTSTRAP TOPIC GROUP.
func franz(t testing.TB, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

func franzRole(role string, args []string) error {
	switch role {
	case "produce":
		return franzProduce(context.Background(), args[0], args[1])
	case "consume":
		return franzConsume(context.Background(), args[0], args[1], args[2])
	}
	return fmt.Errorf("no role %q", role)
}

// franzProduce sends each line of standard input, its first word as the key.
func franzProduce(ctx context.Context, bootstrap, topic string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	if err != nil {
		return err
	}
	defer cl.Close()
	var once sync.Once
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		key, _, _ := strings.Cut(lines.Text(), " ")
		cl.Produce(ctx, kgo.KeyStringRecord(key, lines.Text()), func(_ *kgo.Record, failed error) {
			if failed != nil {
				once.Do(func() { err = failed })
			}
		})
	}
	if flushErr := cl.Flush(ctx); flushErr != nil {
		return flushErr
	}
	if err != nil {
		return err
	}
	return lines.Err()
}

// franzConsume prints the values that its group membership gives it; what was printed is committed with the next poll.
func franzConsume(ctx context.Context, bootstrap, topic, group string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(time.Second),
		kgo.AutoCommitInterval(200*time.Millisecond))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for {
		fetches := cl.PollRecords(ctx, 500)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) { _, _ = fmt.Fprintf(out, "%s\n", r.Value) })
		if err := out.Flush(); err != nil {
			return err
		}
	}
}
