package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	goruntime "runtime"
	"sync"
	"time"

	"github.com/weirhub/weir/functions"
	"github.com/weirhub/weir/functions/lambdaapi"
)

// initTimeout is how long a function may take from its start to the first request for an event: Lambda's 10 s, or the
// function's own time-out when that is longer.
const initTimeout = 10 * time.Second

// outputWait is how long the end of a child waits for its output to end too: a grandchild that has moved to another group may
// hold the pipe open.
const outputWait = 2 * time.Second

// instance is one child process and the Runtime API that it talks to.
type instance struct {
	spec  functions.Spec
	api   *lambdaapi.Runtime
	srv   *http.Server
	cmd   *exec.Cmd
	event []byte         // the last event, reused
	ended chan struct{}  // closed when the child has been waited for
	wg    sync.WaitGroup // the server's goroutine and the child's
}

func startInstance(ctx context.Context, spec functions.Spec, rt runtime, o Options) (functions.Instance, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start function %s: %w", spec.Name, err)
	}
	api := lambdaapi.NewRuntime(spec.ARN(o.Region))
	in := &instance{
		spec: spec, api: api, ended: make(chan struct{}),
		srv: &http.Server{Handler: api, ReadHeaderTimeout: initTimeout},
	}
	in.wg.Go(func() { _ = in.srv.Serve(l) }) // ErrServerClosed: only Close ends it
	began := time.Now()
	if err := in.spawn(rt, o, l.Addr().String()); err != nil {
		_ = in.srv.Close()
		in.wg.Wait()
		return nil, initError(spec.Name, "Runtime.InvalidEntrypoint", err)
	}
	limit, cancel := context.WithTimeout(ctx, max(initTimeout, spec.Timeout))
	defer cancel()
	if err := api.Ready(limit); err != nil {
		_ = in.Close()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			err = fmt.Errorf("not ready after %s", max(initTimeout, spec.Timeout))
		}
		o.Logger.Warn("function does not start", "function", spec.Name, "error", err)
		return nil, initError(spec.Name, "Sandbox.Timedout", asInit(err))
	}
	o.Logger.Debug("function started", "function", spec.Name, "pid", in.cmd.Process.Pid, "took", time.Since(began))
	return in, nil
}

// asInit makes an end of the process at its start an error of the start.
func asInit(err error) error {
	var fe *functions.FunctionError
	if errors.As(err, &fe) {
		return &functions.InitError{FunctionError: *fe}
	}
	return err
}

// spawn starts the child and a goroutine that waits for its end.
func (in *instance) spawn(rt runtime, o Options, api string) error {
	stream := func(name string) *lineWriter {
		return &lineWriter{line: func(text string) {
			if o.Log != nil {
				o.Log(Line{Function: in.spec.Name, Stream: name, Text: text})
			}
		}}
	}
	stdout, stderr := stream("stdout"), stream("stderr")
	in.cmd = exec.Command(rt.argv[0], rt.argv[1:]...) //nolint:noctx // its end is Close's or a time-out's, which kill the group
	in.cmd.Dir = in.spec.Code
	in.cmd.Env = environment(in.spec, rt, o, api, lambdaapi.NewID())
	in.cmd.Stdout, in.cmd.Stderr = stdout, stderr
	in.cmd.WaitDelay = outputWait
	in.cmd.SysProcAttr = childAttributes()
	if rt.loop != "" {
		text, err := loopPipe(rt.loop)
		if err != nil {
			return err
		}
		defer text.Close()
		in.cmd.ExtraFiles = []*os.File{text}
	}
	started := make(chan error, 1)
	in.wg.Go(func() {
		// The child dies with the thread that started it, so this goroutine keeps the thread until the child is gone.
		goruntime.LockOSThread()
		defer goruntime.UnlockOSThread()
		defer close(in.ended)
		err := in.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		err = in.cmd.Wait()
		stdout.flush()
		stderr.flush()
		_ = killGroup(in.cmd.Process.Pid) // what the child has left behind
		in.api.Fail(&functions.FunctionError{Type: functions.TypeExit, Message: exitText(err)})
	})
	return <-started
}

// loopPipe puts a loop's text into a pipe. It must fit the pipe's buffer, 16 KiB on the smallest system, since nobody
// reads yet; a test holds the loops to that.
func loopPipe(text string) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	_, err = w.WriteString(text)
	if err = errors.Join(err, w.Close()); err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("write loop: %w", err)
	}
	return r, nil
}

func exitText(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "Runtime exited without providing a reason"
	case errors.As(err, &exit):
		return "Runtime exited with error: " + exit.String()
	default:
		return "Runtime exited with error: " + err.Error()
	}
}

// Invoke hands the event to the child. A time-out kills it, since nothing else ends what it does.
func (in *instance) Invoke(ctx context.Context, e functions.Event) (functions.Result, error) {
	in.event = e.AppendJSON(in.event[:0])
	id := lambdaapi.NewID()
	if n := len(in.event); n > functions.MaxPayloadBytes {
		return functions.Result{}, &functions.FunctionError{
			Type:    functions.TypeRequestTooLarge,
			Message: fmt.Sprintf("the event has %d bytes, the limit is %d", n, functions.MaxPayloadBytes),
		}
	}
	deadline := time.Now().Add(in.spec.Timeout)
	limit, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	payload, err := in.api.Invoke(limit, lambdaapi.Invocation{ID: id, Deadline: deadline, Payload: in.event})
	switch {
	case err == nil:
		return functions.Result{Payload: payload}, nil
	case ctx.Err() != nil:
		in.kill(functions.ErrClosed)
		return functions.Result{}, ctx.Err()
	case limit.Err() != nil && errors.Is(err, limit.Err()):
		err = &functions.FunctionError{
			Type: functions.TypeTimeout, RequestID: id,
			Message: fmt.Sprintf("Task timed out after %.2f seconds", in.spec.Timeout.Seconds()),
		}
		in.kill(err)
		return functions.Result{}, err
	}
	var fe *functions.FunctionError
	if !errors.Is(err, functions.ErrNotTaken) && errors.As(err, &fe) && fe.Type == functions.TypeExit {
		fe = &functions.FunctionError{Type: fe.Type, Message: fe.Message, RequestID: id}
		return functions.Result{}, fe
	}
	return functions.Result{}, err
}

// Alive is false once the child has ended or was killed.
func (in *instance) Alive() bool { return !in.api.Failed() }

// kill ends the child with its group and waits until it is gone, so that no two children work on one event.
func (in *instance) kill(why error) {
	in.api.Fail(why)
	if in.cmd.Process == nil {
		return
	}
	select {
	case <-in.ended:
		return
	default:
	}
	_ = killGroup(in.cmd.Process.Pid) // ESRCH: it ended by itself
	<-in.ended
}

// Close ends the child.
func (in *instance) Close() error {
	in.kill(functions.ErrClosed)
	err := in.srv.Close()
	in.wg.Wait()
	if err != nil {
		return fmt.Errorf("close function %s: %w", in.spec.Name, err)
	}
	return nil
}
