package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/weirhub/weir/test/peers"
)

// patience bounds each wait for a process: a Java broker on a busy machine takes tens of seconds to start.
const patience = 90 * time.Second

// product is a broker that can be started.
type product struct {
	name string
	// prepare makes an empty data directory ready; its time does not count as start-up.
	prepare func(ctx context.Context, dir string, p ports) error
	command func(dir string, p ports) *exec.Cmd
}

// ports are local addresses that nobody held a moment ago. Kafka takes two, the hub three.
type ports [3]int

func (p ports) addr(i int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p[i])) }

func freePorts() (ports, error) {
	var p ports
	for i := range p {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		defer func() { _ = l.Close() }()
		p[i] = l.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

// server is a running broker.
type server struct {
	name    string
	addr    string
	cmd     *exec.Cmd
	output  bytes.Buffer
	started time.Time
	done    chan error
}

func (p product) start(ctx context.Context, dir string) (*server, error) {
	at, err := freePorts()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := p.prepare(ctx, dir, at); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", p.name, err)
	}
	s := &server{name: p.name, addr: at.addr(0), cmd: p.command(dir, at), done: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.started = time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	return s, nil
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the process and waits for it.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", s.name, err)
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.done
		return fmt.Errorf("stop %s: still there after %s\n%s", s.name, patience, tail(s.output.String()))
	}
}

// ended is the error of a server that is no more, nil while it runs.
func (s *server) ended() error {
	select {
	case err := <-s.done:
		s.done <- err
		return fmt.Errorf("%s ended: %v\n%s", s.name, err, tail(s.output.String()))
	default:
		return nil
	}
}

func tail(text string) string { return text[max(0, len(text)-2000):] }

// kafkaProperties are those that Kafka ships in config/server.properties, for one node.
const kafkaProperties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=%[3]s
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
num.partitions=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
`

// kafka is Apache Kafka from the jars of `make peers`, with the JVM options of its start script.
func kafka() (product, error) {
	lib := filepath.Join(peers.Root(), ".cache", "kafka")
	if _, err := os.Stat(lib); err != nil {
		return product{}, errors.New("the jars of Apache Kafka are not there: run `make peers`")
	}
	if _, err := exec.LookPath("java"); err != nil {
		return product{}, errors.New("java is not installed")
	}
	classpath := filepath.Join(lib, "*")
	return product{
		name: "Kafka",
		prepare: func(ctx context.Context, dir string, p ports) error {
			file := filepath.Join(dir, "server.properties")
			text := fmt.Sprintf(kafkaProperties, p[0], p[1], filepath.Join(dir, "data"))
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				return err
			}
			out, err := exec.CommandContext(ctx, "java", "-cp", classpath, "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", file).CombinedOutput()
			if err != nil {
				return fmt.Errorf("format storage: %w\n%s", err, tail(string(out)))
			}
			return nil
		},
		command: func(dir string, _ ports) *exec.Cmd {
			return exec.Command("java", "-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
				"-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true", "-cp", classpath, "kafka.Kafka", filepath.Join(dir, "server.properties"))
		},
	}, nil
}

// kafkaVersion is read off the jar's name.
func kafkaVersion() string {
	jars, err := filepath.Glob(filepath.Join(peers.Root(), ".cache", "kafka", "kafka-clients-*.jar"))
	if err != nil || len(jars) == 0 {
		return "of unknown version"
	}
	return strings.TrimSuffix(strings.TrimPrefix(filepath.Base(jars[0]), "kafka-clients-"), ".jar")
}

// hub is `weir up` on an empty data directory, nothing declared.
func (b *bench) hub(ctx context.Context) (product, error) {
	if b.weir == "" {
		b.progress("building weir")
		b.weir = filepath.Join(b.dir, "weir")
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.weir, "./cmd/weir")
		cmd.Dir = peers.Root()
		if out, err := cmd.CombinedOutput(); err != nil {
			return product{}, fmt.Errorf("build weir: %w\n%s", err, out)
		}
	}
	return product{
		name:    "Weir",
		prepare: func(context.Context, string, ports) error { return nil },
		command: func(dir string, p ports) *exec.Cmd {
			return exec.Command(b.weir, "up", "--data", filepath.Join(dir, "data"), "--kafka", p.addr(0), "--aws", p.addr(1), "--http", p.addr(2))
		},
	}, nil
}
