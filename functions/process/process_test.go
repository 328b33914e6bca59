package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/weirhub/weir/functions"
	"github.com/weirhub/weir/functions/functest"
	"github.com/weirhub/weir/test/peers"
)

// TestMain lets the test binary be two other programs: a Go function (the bootstrap of the provided runtime) and a hub that
// is killed.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("AWS_LAMBDA_RUNTIME_API") != "":
		lambda.Start(goKeep)
	case os.Getenv("WEIR_TEST_HUB") != "":
		hubThatIsKilled(os.Getenv("WEIR_TEST_HUB"))
	default:
		goleak.VerifyTestMain(m)
	}
}

func open(t testing.TB, spec functions.Spec, o Options) *Handler {
	t.Helper()
	if spec.Code == "" {
		spec.Code = "testdata/code"
	}
	if spec.Runtime == "" {
		spec.Runtime = "python3"
	}
	if spec.Name == "" {
		spec.Name = "f"
	}
	if spec.Env == nil {
		spec.Env = map[string]string{"WEIR_PYTHON_LOOP": "builtin"} // also where awslambdaric is installed
	}
	h, err := Open(t.Context(), spec, o)
	var missing *functions.RuntimeMissingError
	if errors.As(err, &missing) {
		peers.Lack(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func invoke(t testing.TB, h functions.Handler, payload string) (string, error) {
	t.Helper()
	res, err := h.Invoke(t.Context(), functions.Event{Payload: []byte(payload)})
	return string(res.Payload), err
}

func runtimeOf(runtime, module string) functest.Runtime {
	of := func(function string) func(t *testing.T) functions.Handler {
		return func(t *testing.T) functions.Handler {
			return open(t, functions.Spec{Runtime: runtime, Handler: module + "." + function, Concurrency: 3, Timeout: time.Minute}, Options{})
		}
	}
	return functest.Runtime{Keep: of("keep"), Slow: of("slow")}
}

// A Python function behaves as every function does.
func TestConformancePython(t *testing.T) { functest.Run(t, runtimeOf("python3", "app")) }

// A Python function run by AWS's own client behaves as every function does, also after an answer over the limit, which that client
// does not survive.
func TestConformanceAwslambdaric(t *testing.T) {
	t.Setenv("PATH", filepath.Dir(peers.Python(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := exec.Command("python3", "-c", "import awslambdaric").CombinedOutput(); err != nil {
		t.Fatalf("the tests' python3 has no awslambdaric: %s", out)
	}
	of := func(function string) functions.Handler {
		spec := functions.Spec{Handler: "app." + function, Concurrency: 3, Timeout: time.Minute, Env: map[string]string{}}
		return open(t, spec, Options{})
	}
	functest.Run(t, functest.Runtime{
		Keep: func(*testing.T) functions.Handler { return of("keep") },
		Slow: func(*testing.T) functions.Handler { return of("slow") },
	})
	h := of("big")
	var fe *functions.FunctionError
	if _, err := invoke(t, h, `{"bytes":6291557}`); !errors.As(err, &fe) || fe.Type != functions.TypeResponseTooLarge {
		t.Errorf("got %v", err)
	}
	if got, err := invoke(t, h, `{"bytes":0}`); err != nil || got != `"ok"` {
		t.Errorf("after it: %s %v", got, err)
	}
}

// A Node function behaves as every function does.
func TestConformanceNode(t *testing.T) { functest.Run(t, runtimeOf("nodejs", "app")) }

// The context and the environment are Lambda's; nothing else of this process is visible.
func TestContextAndEnvironment(t *testing.T) {
	t.Setenv("SECRET", "of the hub")
	h := open(t, functions.Spec{
		Name: "late", Handler: "app.describe", Timeout: 5 * time.Second, MemoryMiB: 256, Env: map[string]string{"MINE": "ä=b", "WEIR_PYTHON_LOOP": "builtin"},
	}, Options{Region: "eu-north-1", AWSEndpoint: "http://127.0.0.1:4566"})
	text, err := invoke(t, h, "{}")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	code, _ := filepath.Abs("testdata/code")
	env := got["env"].(map[string]any)
	for _, name := range []string{"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_EXECUTION_ENV"} {
		if env[name] == nil {
			t.Errorf("%s is not set", name)
		}
		delete(env, name)
	}
	want := map[string]any{
		"context": map[string]any{
			"function_name": "late", "function_version": "$LATEST", "memory_limit_in_mb": "256",
			"invoked_function_arn": "arn:aws:lambda:eu-north-1:000000000000:function:late", "log_group_name": "/aws/lambda/late",
		},
		"has_request_id": true, "time_left": true, "cwd": code,
		"env": map[string]any{
			"AWS_ACCESS_KEY_ID": "weir", "AWS_SECRET_ACCESS_KEY": "weir", "AWS_SESSION_TOKEN": "weir",
			"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "eu-north-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
			"AWS_LAMBDA_FUNCTION_NAME": "late", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
			"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/late",
			"LAMBDA_TASK_ROOT": code, "LAMBDA_RUNTIME_DIR": code, "_HANDLER": "app.describe", "TZ": ":UTC", "MINE": "ä=b",
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// An exception comes back with its type, message and the user's frames; the instance goes on.
func TestExceptions(t *testing.T) {
	h := open(t, functions.Spec{Handler: "app.fail"}, Options{})
	for range 2 {
		_, err := invoke(t, h, `{"who":"日本"}`)
		var fe *functions.FunctionError
		if !errors.As(err, &fe) || fe.Type != "Unhappy" || fe.Message != "grüße 日本" || fe.RequestID == "" {
			t.Fatalf("got %#v", err)
		}
		if len(fe.Stack) != 2 || !strings.Contains(fe.Stack[0], "in fail") || !strings.Contains(fe.Stack[1], "in inner") {
			t.Errorf("stack: %q", fe.Stack)
		}
	}
	for what, want := range map[string]string{
		"object": "Unable to marshal response: Object of type builtin_function_or_method is not JSON serializable",
		"nan":    "Unable to marshal response: Out of range float values are not JSON compliant",
	} {
		h := open(t, functions.Spec{Handler: "app.unserializable"}, Options{})
		_, err := invoke(t, h, `{"what":"`+what+`"}`)
		var fe *functions.FunctionError
		if !errors.As(err, &fe) || fe.Type != "Runtime.MarshalError" || !strings.HasPrefix(fe.Message, want) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// A function that cannot start says why, in Lambda's words, and each attempt says it again.
func TestStartErrors(t *testing.T) {
	for handler, want := range map[string]string{
		"broken.f":  "Runtime.ImportModuleError: Unable to import module 'broken': No module named 'nosuchmodule'",
		"nosuch.f":  "Runtime.ImportModuleError: Unable to import module 'nosuch': No module named 'nosuch'",
		"syntax.f":  "Runtime.UserCodeSyntaxError: Syntax error in module 'syntax': ",
		"raises.f":  "ValueError: no luck at import",
		"app.nope":  "Runtime.HandlerNotFound: Handler 'nope' missing on module 'app'",
		"exits.f":   "Runtime.ExitError: Runtime exited with error: exit status 7",
		"app.CALLS": "Runtime.HandlerNotFound: Handler 'CALLS' missing on module 'app'",
	} {
		h := open(t, functions.Spec{Handler: handler}, Options{})
		for range 2 {
			err := h.Warm(t.Context())
			var init *functions.InitError
			if !errors.As(err, &init) || init.Function != "f" || !strings.HasPrefix(init.FunctionError.Error(), want) {
				t.Errorf("%s: got %v, want %s", handler, err, want)
			}
		}
	}
	_, err := Open(t.Context(), functions.Spec{Name: "f", Runtime: "python3", Handler: "nodot", Code: "testdata/code"}, Options{})
	if want := `start function f: Runtime.MalformedHandlerName: handler "nodot" is not module.function`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = Open(t.Context(), functions.Spec{Name: "f", Runtime: "provided", Code: "testdata/code"}, Options{})
	if err == nil || !strings.Contains(err.Error(), "bootstrap is missing") {
		t.Errorf("got %v", err)
	}
}

// Where the interpreter is missing, or is a shim that does not run, the error says what was looked for.
func TestMissingRuntime(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"python": "#!/bin/sh\nexit 127\n", "python3": "#!/bin/sh\necho 3.7\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	_, err := Open(t.Context(), functions.Spec{Name: "late", Runtime: "python3.12", Handler: "app.f", Code: "testdata/code"}, Options{})
	var missing *functions.RuntimeMissingError
	if !errors.As(err, &missing) || missing.Function != "late" || missing.Runtime != "python3.12" {
		t.Fatalf("got %v", err)
	}
	want := []string{
		"python3.12: not in PATH",
		dir + "/python3: version 3.7 is older than 3.8",
		dir + "/python: does not run (exit status 127)",
	}
	if d := cmp.Diff(want, missing.Looked); d != "" {
		t.Error(d)
	}
}

// Both spellings of a handler in a folder work, also where the folder's name is no Python name.
func TestHandlersInFolders(t *testing.T) {
	for handler, want := range map[string]string{"pkg/mod.fn": `"pkg"`, "pkg.mod.fn": `"pkg"`, "my-dir/mod.fn": `"my-dir"`} {
		h := open(t, functions.Spec{Handler: handler}, Options{})
		if got, err := invoke(t, h, "null"); got != want || err != nil {
			t.Errorf("%s: %s %v, want %s", handler, got, err, want)
		}
	}
}

// The limits of a payload are Lambda's: 6 MiB and 100 bytes. What is over fails at once, and the process goes on.
func TestPayloadLimits(t *testing.T) {
	h := open(t, functions.Spec{Handler: "app.big", Timeout: time.Minute}, Options{})
	got, err := invoke(t, h, `{"bytes":6291556}`)
	if err != nil || len(got) != 6291556 {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	start := time.Now()
	_, err = invoke(t, h, `{"bytes":6291557}`)
	var fe *functions.FunctionError
	if !errors.As(err, &fe) || fe.Type != "Function.ResponseSizeTooLarge" ||
		fe.Message != "Response payload size exceeded maximum allowed payload size (6291556 bytes)." {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	if got, err := invoke(t, h, `{"bytes":0}`); err != nil || got != `"ok"` {
		t.Errorf("after it: %s %v", got, err)
	}
	h = open(t, functions.Spec{Handler: "app.count", Timeout: time.Minute}, Options{})
	pad := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	if _, err := invoke(t, h, pad(6291556)); err != nil {
		t.Error(err)
	}
	if _, err := invoke(t, h, pad(6291557)); !errors.As(err, &fe) || fe.Type != functions.TypeRequestTooLarge {
		t.Errorf("got %v", err)
	}
	if got, err := invoke(t, h, "{}"); err != nil || !strings.Contains(got, `"calls":2`) {
		t.Errorf("after it: %s %v, want the same process's second call", got, err)
	}
}

// A time-out and a crash fail their event only, kill what they leave behind, and the next event gets a new process.
func TestTimeoutsAndCrashes(t *testing.T) {
	var fe *functions.FunctionError
	h := open(t, functions.Spec{Handler: "app.slow", Timeout: 300 * time.Millisecond}, Options{})
	for range 2 {
		_, err := invoke(t, h, "{}")
		if !errors.As(err, &fe) || fe.Error() != "Sandbox.Timedout: Task timed out after 0.30 seconds" {
			t.Errorf("got %v", err)
		}
	}
	h = open(t, functions.Spec{Handler: "app.crash"}, Options{})
	for range 3 {
		if _, err := invoke(t, h, `{"crash":true}`); !errors.As(err, &fe) || fe.Error() != "Runtime.ExitError: Runtime exited with error: signal: killed" {
			t.Errorf("got %v", err)
		}
		if got, err := invoke(t, h, "{}"); got != `"alive"` || err != nil {
			t.Errorf("after a crash: %s %v", got, err)
		}
	}
	h = open(t, functions.Spec{Handler: "app.leave"}, Options{})
	if _, err := invoke(t, h, "{}"); !errors.As(err, &fe) || fe.Error() != "Runtime.ExitError: Runtime exited with error: exit status 3" {
		t.Errorf("got %v", err)
	}
}

// Lines of both streams reach the log with the function's name, also the last one without an end.
func TestOutputIsForwarded(t *testing.T) {
	var mu sync.Mutex
	got := map[string][]string{}
	h := open(t, functions.Spec{Name: "talker", Handler: "app.talk"}, Options{Log: func(l Line) {
		mu.Lock()
		defer mu.Unlock()
		got[l.Function+" "+l.Stream] = append(got[l.Function+" "+l.Stream], l.Text)
	}})
	if _, err := invoke(t, h, "{}"); err == nil {
		t.Error("an exit is no answer")
	}
	want := map[string][]string{"talker stdout": {"to stdout: ü", "no end"}, "talker stderr": {"to stderr"}}
	mu.Lock()
	defer mu.Unlock()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The loops fit the buffer of a pipe everywhere, since they are written before anybody reads.
func TestLoopsFitAPipe(t *testing.T) {
	for _, loop := range []string{pythonLoop, nodeLoop} {
		if len(loop) > 16<<10 {
			t.Errorf("%d bytes", len(loop))
		}
	}
}

// Node's handlers may take callbacks, be ES modules, throw, and lose a promise.
func TestNodeHandlers(t *testing.T) {
	node := func(handler string) *Handler {
		return open(t, functions.Spec{Runtime: "nodejs", Handler: handler, Timeout: 20 * time.Second}, Options{})
	}
	for handler, want := range map[string]string{"app.callback": `{"id":36,"n":"f"}`, "esm.f": `"es module"`} {
		if got, err := invoke(t, node(handler), "{}"); got != want || err != nil {
			t.Errorf("%s: %s %v, want %s", handler, got, err, want)
		}
	}
	for handler, want := range map[string]string{
		"app.fail": "RangeError: out of range", "app.stray": "Runtime.UnhandledPromiseRejection: nobody waits",
	} {
		if _, err := invoke(t, node(handler), "{}"); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", handler, err, want)
		}
	}
	for handler, want := range map[string]string{
		"nope.f": "Runtime.ImportModuleError: Cannot find module", "app.nope": "Runtime.HandlerNotFound: app.nope is undefined or not exported",
	} {
		var init *functions.InitError
		if err := node(handler).Warm(t.Context()); !errors.As(err, &init) || !strings.HasPrefix(init.FunctionError.Error(), want) {
			t.Errorf("%s: %v, want %s", handler, err, want)
		}
	}
}

// hubThatIsKilled runs a function until it is killed.
func hubThatIsKilled(file string) {
	ctx := testingContext()
	h, err := Open(ctx, functions.Spec{Name: "f", Runtime: "python3", Handler: "app.child", Code: "testdata/code", Timeout: time.Minute}, Options{})
	if err == nil {
		_, err = h.Invoke(ctx, functions.Event{Payload: fmt.Appendf(nil, `{"file":%q}`, file)})
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A killed hub takes its functions with it, in the middle of an event too.
func TestFunctionsDieWithTheHub(t *testing.T) {
	open(t, functions.Spec{Handler: "app.child"}, Options{}) // skips where there is no Python
	file := filepath.Join(t.TempDir(), "pids")
	hub := exec.Command(os.Args[0])
	hub.Env = append(os.Environ(), "WEIR_TEST_HUB="+file)
	hub.Stderr = os.Stderr
	if err := hub.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []string
	until(t, "the function's process", func() bool {
		b, _ := os.ReadFile(file)
		pids = strings.Fields(string(b))
		return len(pids) == 2
	})
	child, _ := strconv.Atoi(pids[0])
	grandchild, _ := strconv.Atoi(pids[1])
	t.Cleanup(func() { _ = syscall.Kill(grandchild, syscall.SIGKILL) })
	if err := hub.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = hub.Wait() // it was killed
	until(t, "the function's end", func() bool { return gone(child) })
}

// A time-out kills what the function has started too.
func TestTimeoutKillsTheWholeGroup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pids")
	h := open(t, functions.Spec{Handler: "app.child", Timeout: 2 * time.Second}, Options{})
	if _, err := invoke(t, h, fmt.Sprintf(`{"file":%q}`, file)); err == nil {
		t.Fatal("no time-out")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range strings.Fields(string(b)) {
		pid, _ := strconv.Atoi(s)
		until(t, "the end of "+s, func() bool { return gone(pid) })
	}
}

// gone is true for a process that has ended, reaped or not.
func gone(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) != nil
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z")
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// Empty events a second through one process, and the time from nothing to the first answer.
func BenchmarkPython(b *testing.B) {
	spec := functions.Spec{Handler: "app.echo"}
	b.Run("empty", func(b *testing.B) {
		h := open(b, spec, Options{})
		for b.Loop() {
			if _, err := invoke(b, h, "{}"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("empty-awslambdaric", func(b *testing.B) {
		if exec.Command("python3", "-c", "import awslambdaric").Run() != nil {
			b.Skip("python3 has no awslambdaric")
		}
		h := open(b, functions.Spec{Handler: "app.echo", Env: map[string]string{}}, Options{})
		for b.Loop() {
			if _, err := invoke(b, h, "{}"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			h := open(b, spec, Options{}) // looks for the interpreter, once per function
			b.StartTimer()
			if _, err := invoke(b, h, "{}"); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := h.Close(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}
