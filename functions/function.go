package functions

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Spec declares a function, with the words of Lambda's CreateFunction.
type Spec struct {
	Name    string
	Runtime string // "python3" or "python3.12", "nodejs" or "nodejs22.x", "provided"; "expr"
	Code    string // directory of the code: the function's working directory and LAMBDA_TASK_ROOT
	Handler string // "module.function", "dir/module.function"; unused by provided
	Expr    string // the expression, for the runtime expr
	Timeout time.Duration
	// MemoryMiB is told to the function (memory_limit_in_mb); nothing enforces it.
	MemoryMiB   int
	Concurrency int // instances at a time
	Env         map[string]string
}

// Lambda's defaults and limits (CreateFunction).
const (
	DefaultTimeout   = 3 * time.Second
	MaxTimeout       = 900 * time.Second
	DefaultMemoryMiB = 128
)

// WithDefaults fills in what the declaration leaves out.
func (s Spec) WithDefaults() Spec {
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	if s.MemoryMiB == 0 {
		s.MemoryMiB = DefaultMemoryMiB
	}
	s.Concurrency = max(s.Concurrency, 1)
	return s
}

// Validate checks what can be checked without the machine.
func (s Spec) Validate() error {
	switch {
	case s.Name == "":
		return fmt.Errorf("check function: it has no name")
	case s.Timeout < 0 || s.Timeout > MaxTimeout:
		return fmt.Errorf("check function %s: time-out %s is not between 0 and %s", s.Name, s.Timeout, MaxTimeout)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(s.Env[name], 0) {
			return fmt.Errorf("check function %s: environment variable %q cannot be set", s.Name, name)
		}
	}
	return nil
}

// ARN is the function's name as Lambda writes it. The account is the one of local AWS stand-ins.
func (s Spec) ARN(region string) string {
	return "arn:aws:lambda:" + region + ":000000000000:function:" + s.Name
}
