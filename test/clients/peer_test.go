package clients

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// TestMain makes the test binary the process of a franz-go client when it is started as one, so that it can be killed.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := franzRole(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// patience bounds every wait on another program: Java alone takes seconds to start on a loaded machine.
const patience = 90 * time.Second

// peer is a running program that takes records and gives records as lines.
type peer struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr bytes.Buffer // read only after done is closed
	done   chan struct{}
	mu     struct {
		sync.Mutex
		lines []string
	}
}

// start runs a command; what it still runs at the test's end is killed.
func start(t testing.TB, cmd *exec.Cmd) *peer {
	t.Helper()
	p := &peer{t: t, cmd: cmd, done: make(chan struct{})}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &p.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.mu.lines = append(p.mu.lines, lines.Text())
			p.mu.Unlock()
		}
		_ = cmd.Wait()
	}()
	t.Cleanup(p.kill)
	return p
}

// kill is kill -9; it waits until the process is gone.
func (p *peer) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// lines printed so far.
func (p *peer) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.lines[:len(p.mu.lines):len(p.mu.lines)]
}

// send writes a line for each number in [from, to).
func (p *peer) send(from, to int) {
	p.t.Helper()
	w := bufio.NewWriterSize(p.stdin, 64<<10)
	for i := from; i < to; i++ {
		if _, err := fmt.Fprintln(w, line(i)); err != nil {
			break
		}
	}
	if err := w.Flush(); err != nil {
		p.kill()
		p.t.Fatalf("send lines to %s: %v\n%s", p.cmd.Path, err, p.stderr.String())
	}
}

// line is the record with number i: 100 bytes.
func line(i int) string { return fmt.Sprintf("%06d %s", i, strings.Repeat("x", 93)) }

// finish closes the program's input and waits until it ends with exit code 0; it gives what was printed.
func (p *peer) finish() string {
	p.t.Helper()
	_ = p.stdin.Close()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.kill()
		p.t.Fatalf("%s did not end within %s\n%s", strings.Join(p.cmd.Args, " "), patience, p.stderr.String())
	}
	out := strings.Join(p.lines(), "\n")
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("%s: exit %d\n%s\n%s", strings.Join(p.cmd.Args, " "), code, out, p.stderr.String())
	}
	return out
}

// python is a script of testdata, run by the interpreter with the clients.
func python(t testing.TB, script string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(peers.Python(t), append([]string{filepath.Join("testdata", script)}, args...)...)
}

// java is a main class of Apache Kafka's jars. The flags are for a short life: no second compiler, no parallel collector.
func java(t testing.TB, class string, args ...string) *exec.Cmd {
	t.Helper()
	flags := []string{
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx256m",
		"-Dlog4j2.configurationFile=" + filepath.Join("testdata", "log4j2.properties"),
		"-cp", peers.KafkaClasspath(t), "org.apache.kafka.tools." + class,
	}
	return exec.Command("java", append(flags, args...)...)
}

// tool runs a Java tool to its end and gives its output.
func tool(t testing.TB, class string, args ...string) string {
	t.Helper()
	return start(t, java(t, class, args...)).finish()
}

// topic makes a topic of the hub; config is name=value.
func topic(t testing.TB, hub *hubtest.Hub, name string, partitions int32, config ...string) {
	t.Helper()
	configs := map[string]*string{}
	for _, c := range config {
		k, v, _ := strings.Cut(c, "=")
		configs[k] = &v
	}
	if _, err := kadm.NewClient(client(t, hub)).CreateTopic(ctx(t), partitions, 1, configs, name); err != nil {
		t.Fatal(err)
	}
}

// client is a franz-go client of the hub.
func client(t testing.TB, hub *hubtest.Hub, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(hub.Kafka)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// ctx ends with the test's patience.
func ctx(t testing.TB) context.Context {
	c, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return c
}

// all reads the first n records of a topic with franz-go, committed ones only.
func all(t testing.TB, hub *hubtest.Hub, name string, n int) []*kgo.Record {
	t.Helper()
	cl := client(t, hub, kgo.ConsumeTopics(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer cl.Close()
	var out []*kgo.Record
	for c := ctx(t); len(out) < n; {
		fetches := cl.PollFetches(c)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s: %d of %d records: %v", name, len(out), n, err)
		}
		out = append(out, fetches.Records()...)
	}
	return out
}
