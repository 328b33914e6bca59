// Package hubtest runs the real binary as users do: builds it once, starts hubs on free ports, runs commands, kills.
//
// It owns: the processes it starts. It does not own: what tests ask of them.
package hubtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weirhub/weir/test/peers"
)

// Binary builds the command once for all tests of the process.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "weir-bin-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "weir")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/weir")
	cmd.Dir = peers.Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build weir: %w\n%s", err, out)
	}
	return path, nil
})

// Ports are the addresses of one hub.
type Ports struct{ Kafka, AWS, HTTP string }

// FreePorts gives addresses that nobody holds now.
func FreePorts(t testing.TB) Ports {
	t.Helper()
	return Ports{FreeAddr(t), FreeAddr(t), FreeAddr(t)}
}

// The ports of listeners lie below those that the system gives to outgoing connections: a client that calls again and again
// while its hub is gone would now and then get the hub's own port, connect to itself and keep the hub from coming back.
const firstPort, lastPort = 10_000, 32_000

// FreeAddr gives an address of this machine that nobody holds now.
func FreeAddr(t testing.TB) string {
	t.Helper()
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.N(lastPort-firstPort))); err == nil {
			_ = l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal(err)
	return ""
}

// Flags of up and run.
func (p Ports) Flags() []string {
	return []string{"--kafka", p.Kafka, "--aws", p.AWS, "--http", p.HTTP}
}

// Hub is a running `weir up` or `weir run`.
type Hub struct {
	Ports
	t      testing.TB
	cmd    *exec.Cmd
	output *bytes.Buffer
	done   chan error
}

// Start starts a hub with the arguments (a command, perhaps a file, flags) on free ports.
func Start(t testing.TB, args ...string) *Hub {
	t.Helper()
	return StartBinary(t, Binary(t), args...)
}

// StartBinary is Start with a binary that was built before.
func StartBinary(t testing.TB, binary string, args ...string) *Hub {
	t.Helper()
	return startAt(t, binary, FreePorts(t), args...)
}

func startAt(t testing.TB, binary string, at Ports, args ...string) *Hub {
	t.Helper()
	h := &Hub{Ports: at, t: t, output: &bytes.Buffer{}, done: make(chan error, 1)}
	h.cmd = exec.Command(binary, append(args, h.Flags()...)...)
	h.cmd.Stdout, h.cmd.Stderr = h.output, h.output
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { h.done <- h.cmd.Wait() }()
	t.Cleanup(func() { h.Kill() })
	return h
}

// Up starts `weir up` and waits until it is ready.
func Up(t testing.TB, args ...string) *Hub {
	t.Helper()
	h := Start(t, append([]string{"up"}, args...)...)
	h.WaitReady()
	return h
}

// UpAt is Up on the addresses of a hub that is gone, where its clients look for it.
func UpAt(t testing.TB, at Ports, args ...string) *Hub {
	t.Helper()
	h := startAt(t, Binary(t), at, append([]string{"up"}, args...)...)
	h.WaitReady()
	return h
}

// patience bounds every wait of the tests: far above what a loaded machine needs.
const patience = 60 * time.Second

// WaitReady waits for /readyz.
func (h *Hub) WaitReady() {
	h.t.Helper()
	Eventually(h.t, "the hub is ready", func() bool {
		select {
		case err := <-h.done:
			h.t.Fatalf("the hub ended: %v\n%s", err, h.output)
		default:
		}
		resp, err := http.Get("http://" + h.HTTP + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// Kill is kill -9; it waits until the process is gone.
func (h *Hub) Kill() {
	if h.cmd.ProcessState == nil {
		_ = h.cmd.Process.Kill()
	}
	h.wait(patience)
}

// Stop asks the hub to end and gives its exit code and output.
func (h *Hub) Stop() (int, string) {
	h.t.Helper()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		h.t.Fatal(err)
	}
	return h.Wait(patience)
}

// Wait waits for the process to end by itself and gives its exit code and output; -1 when it did not.
func (h *Hub) Wait(limit time.Duration) (int, string) {
	if !h.wait(limit) {
		return -1, ""
	}
	return h.cmd.ProcessState.ExitCode(), h.output.String()
}

func (h *Hub) wait(limit time.Duration) bool {
	select {
	case err := <-h.done:
		h.done <- err
		return true
	case <-time.After(limit):
		return false
	}
}

// Pid of the process.
func (h *Hub) Pid() int { return h.cmd.Process.Pid }

// Weir runs a client command against the hub and fails the test unless it exits 0.
func (h *Hub) Weir(args ...string) string {
	h.t.Helper()
	out, errOut, code := Run(h.t, "", append(args, "--server", h.HTTP)...)
	if code != 0 {
		h.t.Fatalf("weir %s: exit %d\n%s", strings.Join(args, " "), code, errOut)
	}
	return out
}

// Run runs a command to its end.
func Run(t testing.TB, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, Binary(t), args...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// Eventually waits until a condition holds.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok() {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
