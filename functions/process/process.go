package process

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/weirhub/weir/functions"
)

// Options are what functions share.
type Options struct {
	// Log gets each line that a function prints. Called from one goroutine per stream.
	Log func(Line)
	// Logger tells about instances: starts, crashes.
	Logger *slog.Logger
	Region string // AWS_REGION; "us-east-1" when empty
	// AWSEndpoint is where the SDKs of functions find AWS: AWS_ENDPOINT_URL, not set when empty.
	AWSEndpoint string
}

// Line is one line of a function's output, without its end.
type Line struct {
	Function string
	Stream   string // "stdout", "stderr"
	Text     string
}

// Handler is a function in child processes.
type Handler struct{ *functions.Pool }

// Open finds what runs the function and checks that its code is there. It starts no instance: the first invocation does, or
// Warm. Errors: *functions.RuntimeMissingError, *functions.InitError.
func Open(ctx context.Context, spec functions.Spec, o Options) (*Handler, error) {
	spec = spec.WithDefaults()
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	code, err := filepath.Abs(spec.Code)
	if err != nil {
		return nil, fmt.Errorf("open function %s: %w", spec.Name, err)
	}
	spec.Code = code
	if st, err := os.Stat(code); err != nil || !st.IsDir() {
		return nil, &functions.InitError{Function: spec.Name, FunctionError: functions.FunctionError{
			Type: "Runtime.InvalidCode", Message: fmt.Sprintf("%s is not a directory", code),
		}}
	}
	rt, err := find(ctx, spec)
	if err != nil {
		return nil, err
	}
	start := func(ctx context.Context) (functions.Instance, error) { return startInstance(ctx, spec, rt, o) }
	return &Handler{functions.NewPool(spec.Concurrency, start)}, nil
}
