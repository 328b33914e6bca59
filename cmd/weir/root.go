package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
)

// Exit codes, part of the command line's contract.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// app is what all commands share: the streams and the global flags.
type app struct {
	in       io.Reader
	out, err io.Writer
	server   string
	brokers  []string
	output   string
}

// usageError is a mistake on the command line, or in a file that it names: exit code 2. tip goes behind "Try:".
type usageError struct {
	msg string
	tip string
}

func (e *usageError) Error() string { return e.msg }

func usagef(tip, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...), tip}
}

// silent ends a command whose output has said everything.
type silent struct{ code int }

func (s silent) Error() string { return fmt.Sprintf("exit %d", s.code) }

// run is main with its streams as arguments; it gives the exit code. The first interrupt asks the command to end, a second
// ends the process at once.
func run(args []string, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // from here on the second signal has its default effect
	}()
	a := &app{in: in, out: out, err: errw}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	return a.exitCode(ctx, root.ExecuteContext(ctx))
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "weir",
		Short: "Streams on one machine: Kafka, Kinesis, functions, SQL and ETL in one binary",
		Long: `Weir is a Kafka broker with a durable log, a Kinesis API over the same log, functions triggered by topics,
streaming SQL and ETL to Parquet, declared in one YAML file.

Start with   weir run examples/flights/weir.yaml`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef(c.CommandPath()+" --help", "%v", err)
	})
	f := root.PersistentFlags()
	f.StringVar(&a.server, "server", envOr("WEIR_SERVER", "127.0.0.1:8080"), "HTTP address of the hub (or WEIR_SERVER)")
	f.StringVarP(&a.output, "output", "o", "text", "text or json")
	for _, c := range commands(a) {
		root.AddCommand(c)
	}
	return root
}

// commands is the one list of subcommands.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newUp(a), newRun(a), newLint(a),
		newTopic(a), newGroup(a), newProduce(a), newConsume(a), newSQL(a),
		newPartCommand(a, "source", admin.KindSource), newPartCommand(a, "fn", admin.KindFunction),
		newPartCommand(a, "trigger", admin.KindFunction), newPartCommand(a, "query", admin.KindQuery),
		newPartCommand(a, "etl", admin.KindSink), newPartCommand(a, "stream", admin.KindStream),
		newLog(a),
	}
}

func envOr(name, def string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return def
}

// exitCode says what went wrong, where and what to try, and gives the process's exit code.
func (a *app) exitCode(ctx context.Context, err error) int {
	var quiet silent
	var usage *usageError
	var mistakes config.Errors
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &quiet):
		return quiet.code
	case errors.Is(err, syscall.EPIPE):
		return exitDone // the reader has what it wanted (`| head -1`)
	case errors.As(err, &mistakes):
		_, _ = fmt.Fprint(a.err, mistakes.Render())
		return exitUsage
	case errors.As(err, &usage):
		a.say("weir: "+usage.msg, usage.tip)
		return exitUsage
	case errors.Is(err, admin.ErrUnreachable):
		a.say("weir: "+err.Error(), "start one with `weir up`, or name it with --server HOST:PORT")
		return exitFailed
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case strings.HasPrefix(err.Error(), "unknown command"):
		a.say("weir: "+strings.ReplaceAll(err.Error(), "\n\n", "\n"), "weir --help")
		return exitUsage
	}
	a.say("weir: "+err.Error(), "")
	return exitFailed
}

func (a *app) say(msg, tip string) {
	_, _ = fmt.Fprintln(a.err, strings.TrimRight(msg, "\n"))
	if tip != "" {
		_, _ = fmt.Fprintln(a.err, "Try:  "+tip)
	}
}

// args wraps a cobra check so that its mistakes are usage errors.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return usagef(c.CommandPath()+" --help", "%s: %v", c.CommandPath(), err)
		}
		return nil
	}
}

func (a *app) json() (bool, error) {
	switch a.output {
	case "text", "table":
		return false, nil
	case "json":
		return true, nil
	}
	return false, usagef("-o json", "output cannot be %q", a.output)
}
