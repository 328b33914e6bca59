package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run this test binary again under the name weir: the real main, with real processes and signals.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"weir": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// What each command prints, where, and with which exit code: one script a command, its mistakes first. Besides
// testscript's own commands there are
//
//	exits CODE weir ARGS...   run it and hold it to the exit code
//	ready                     wait until the hub at $WEIR_SERVER is ready
//	eventually TEXT weir ...  run it again and again until its standard output has TEXT
//	lines N FILE              hold a file to its number of lines
//	interrupt CODE ARGS...    run weir ARGS until its hub is ready, interrupt it, and hold it to the exit code
//	follow N FILE ARGS...     run weir ARGS until it has printed N lines into FILE, interrupt it, and hold it to exit code 0
//
// Each script has $HUB, the flags that start a hub on addresses of its own, where the client commands look for it.
func TestCommands(t *testing.T) {
	flights, err := filepath.Abs("../../examples/flights")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: os.Getenv("WEIR_UPDATE") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "ready": ready, "eventually": eventually, "lines": lines, "follow": follow, "interrupt": interrupt,
		},
		Setup: func(env *testscript.Env) error {
			kafka, aws, http, err := freeAddresses()
			env.Setenv("KAFKA", kafka)
			env.Setenv("AWS", aws)
			env.Setenv("HTTP", http)
			env.Setenv("WEIR_SERVER", http)
			env.Setenv("FLIGHTS", flights)
			bin, _, _ := strings.Cut(env.Getenv("PATH"), string(os.PathListSeparator))
			env.Setenv("WEIR", filepath.Join(bin, "weir")) // for scripts that change the path
			return err
		},
	})
}

// freeAddresses are of ports below those that systems give to outgoing connections (from 32768 on Linux): between this
// answer and the hub's start, a client of another script must not get one.
func freeAddresses() (kafka, aws, http string, err error) {
	var out []string
	for range 100 {
		l, listenErr := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(22000)))
		if listenErr != nil {
			err = listenErr
			continue
		}
		defer func() { _ = l.Close() }() // after all three, so that they differ
		if out = append(out, l.Addr().String()); len(out) == 3 {
			return out[0], out[1], out[2], nil
		}
	}
	return "", "", "", err
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// patience is far above what a loaded machine needs for any step of a script.
const patience = 30 * time.Second

func retry(ts *testscript.TestScript, what string, ok func() bool) {
	end := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			ts.Fatalf("waited in vain: %s", what)
		}
	}
}

func ready(ts *testscript.TestScript, _ bool, _ []string) {
	retry(ts, "the hub is ready", func() bool {
		resp, err := http.Get("http://" + ts.Getenv("HTTP") + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func eventually(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: eventually TEXT COMMAND ARGS...")
	}
	retry(ts, strings.Join(args, " "), func() bool {
		return ts.Exec(args[1], args[2:]...) == nil && strings.Contains(ts.ReadFile("stdout"), args[0])
	})
}

func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines N FILE")
	}
	if got := bytes.Count([]byte(ts.ReadFile(args[1])), []byte("\n")); strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s has %d lines, want %s", args[1], got, args[0])
	}
}

func follow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: follow N FILE ARGS...")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var errout bytes.Buffer
	cmd := exec.Command(ts.Getenv("WEIR"), args[2:]...)
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), &errout
	cmd.Env = append(os.Environ(), "WEIR_SERVER="+ts.Getenv("WEIR_SERVER"))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	giveUp := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer giveUp.Stop()
	var got bytes.Buffer
	lines := bufio.NewReader(out)
	for range n {
		l, err := lines.ReadBytes('\n')
		got.Write(l)
		if err != nil {
			ts.Fatalf("it ended behind %q: %v\n%s", &got, cmd.Wait(), &errout)
		}
	}
	ts.Check(cmd.Process.Signal(os.Interrupt))
	_, err = got.ReadFrom(lines)
	ts.Check(err)
	if err := cmd.Wait(); err != nil {
		ts.Fatalf("interrupted: %v\n%s", err, &errout)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), got.Bytes(), 0o600))
}

func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: interrupt CODE ARGS...")
	}
	var errout bytes.Buffer
	cmd := exec.Command(ts.Getenv("WEIR"), args[1:]...)
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), &errout
	ts.Check(cmd.Start())
	giveUp := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer giveUp.Stop()
	ready(ts, false, nil)
	ts.Check(cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait() // its code is in ProcessState
	ts.Check(os.WriteFile(ts.MkAbs("stderr.txt"), errout.Bytes(), 0o600))
	if got := cmd.ProcessState.ExitCode(); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s\n%s", got, args[0], &errout)
	}
}
