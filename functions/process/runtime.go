package process

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/weirhub/weir/functions"
)

//go:embed bootstrap.py
var pythonLoop string

//go:embed bootstrap.js
var nodeLoop string

// runtime is how a child is started.
type runtime struct {
	argv []string
	// loop is text that the child finds at file descriptor 3, the first of exec.Cmd's ExtraFiles. So it is no file that
	// somebody could change, nothing is left behind by a kill, and the command line stays short.
	loop      string
	execution string // AWS_EXECUTION_ENV
}

// language is a row of the table of runtimes.
type language struct {
	prefix string   // of the runtime's name in a declaration: "python", "python3", "python3.12"
	probe  []string // prints the version and its own path: "3.12 /usr/bin/python3.12"
	oldest [2]int
	start  []string // arguments that run the text at descriptor 3
	loop   string
	env    string
	names  func(runtime string) []string // programs to try, best first
}

func languages() []language {
	return []language{
		{
			prefix: "python", oldest: [2]int{3, 8}, loop: pythonLoop, env: "AWS_Lambda_python",
			probe: []string{"-c", `import sys; print("%d.%d" % sys.version_info[:2], sys.executable)`},
			start: []string{"-u", "-c", `import os; exec(compile(os.fdopen(3, encoding="utf-8").read(), "weir-bootstrap.py", "exec"))`},
			names: func(rt string) []string { return unique(rt, "python3", "python") },
		},
		{
			prefix: "nodejs", oldest: [2]int{16, 0}, loop: nodeLoop, env: "AWS_Lambda_nodejs",
			probe: []string{"-p", `process.versions.node.split(".").slice(0, 2).join(".") + " " + process.execPath`},
			start: []string{"-e", `require("vm").runInThisContext("(function(require){" + require("fs").readFileSync(3, "utf8") + "\n})",` +
				` {filename: "weir-bootstrap.js", importModuleDynamically: require("vm").constants && require("vm").constants.USE_MAIN_CONTEXT_DEFAULT_LOADER})(require)`},
			names: func(string) []string { return []string{"node", "nodejs"} },
		},
	}
}

// probeTimeout is for an interpreter to print its version, on a machine that has to read it from a slow disk first.
const probeTimeout = 10 * time.Second

// find looks for what runs the function.
func find(ctx context.Context, spec functions.Spec) (runtime, error) {
	if strings.HasPrefix(spec.Runtime, "provided") {
		return provided(spec)
	}
	for _, l := range languages() {
		if !strings.HasPrefix(spec.Runtime, l.prefix) {
			continue
		}
		if err := checkHandler(spec); err != nil {
			return runtime{}, err
		}
		missing := &functions.RuntimeMissingError{Function: spec.Name, Runtime: spec.Runtime}
		for _, name := range l.names(spec.Runtime) {
			path, version, err := probe(ctx, name, l)
			if err == nil {
				return runtime{argv: append([]string{path}, l.start...), loop: l.loop, execution: l.env + version}, nil
			}
			missing.Looked = append(missing.Looked, err.Error())
		}
		return runtime{}, missing
	}
	return runtime{}, &functions.RuntimeMissingError{
		Function: spec.Name, Runtime: spec.Runtime, Looked: []string{"the runtimes python3, nodejs and provided"},
	}
}

// probe runs the program, since one that is in PATH may not run: version managers put shims there for versions that are
// not installed. It gives the path that the program has itself, so that no instance has to go through the shim again.
func probe(ctx context.Context, name string, l language) (path, version string, err error) {
	if path, err = exec.LookPath(name); err != nil {
		return "", "", fmt.Errorf("%s: not in PATH", name)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, l.probe...).Output()
	if err != nil {
		return "", "", fmt.Errorf("%s: does not run (%w)", path, err)
	}
	version, own, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return "", "", fmt.Errorf("%s: says its version is %q", path, version)
	}
	if major < l.oldest[0] || major == l.oldest[0] && minor < l.oldest[1] {
		return "", "", fmt.Errorf("%s: version %s is older than %d.%d", path, version, l.oldest[0], l.oldest[1])
	}
	if own != "" {
		path = own
	}
	return path, version, nil
}

// provided runs the program bootstrap of the code.
func provided(spec functions.Spec) (runtime, error) {
	path := filepath.Join(spec.Code, "bootstrap")
	st, err := os.Stat(path)
	switch {
	case err != nil || st.IsDir():
		return runtime{}, initError(spec.Name, "Runtime.InvalidEntrypoint", fmt.Errorf("%s is missing", path))
	case st.Mode().Perm()&0o111 == 0:
		return runtime{}, initError(spec.Name, "Runtime.InvalidEntrypoint", fmt.Errorf("%s is not executable; chmod +x it", path))
	}
	return runtime{argv: []string{path}, execution: "AWS_Lambda_" + spec.Runtime}, nil
}

// checkHandler finds a handler that names nothing before any process is started.
func checkHandler(spec functions.Spec) error {
	module, function, ok := cutLast(spec.Handler, '.')
	if !ok || module == "" || function == "" {
		return initError(spec.Name, "Runtime.MalformedHandlerName", fmt.Errorf("handler %q is not module.function", spec.Handler))
	}
	return nil
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func initError(function, errorType string, err error) error {
	var e *functions.InitError
	if errors.As(err, &e) {
		e.Function = function
		return e
	}
	return &functions.InitError{Function: function, FunctionError: functions.FunctionError{Type: errorType, Message: err.Error()}}
}

func unique(names ...string) []string {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] {
			out = append(out, n)
			seen[n] = true
		}
	}
	return out
}
