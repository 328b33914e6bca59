package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/suggest"
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
	// Asking for SIGPIPE makes a write to a pipe that nobody reads any more an error, which ends a command in order (exitCode),
	// instead of the process's death. Nobody listens on the channel.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
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
		Version:           version(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			_, err := a.json()
			return err
		},
	}
	root.AddGroup(groups()...)
	root.SetHelpCommand(newHelp(root))
	root.SetHelpCommandGroupID("tools")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef(c.CommandPath()+" --help", "%v", err)
	})
	f := root.PersistentFlags()
	f.StringVar(&a.server, "server", envOr("WEIR_SERVER", "127.0.0.1:8080"), "HTTP address of the hub (or WEIR_SERVER)")
	f.StringVarP(&a.output, "output", "o", "text", "text or json")
	return group(root, commands(a)...)
}

// commands is the one list of subcommands, in the groups in which the help shows them.
func commands(a *app) []*cobra.Command {
	in := func(group string, cs ...*cobra.Command) []*cobra.Command {
		for _, c := range cs {
			c.GroupID = group
		}
		return cs
	}
	return slices.Concat(
		in("hub", newUp(a), newRun(a), newLint(a)),
		in("data", newTopic(a), newGroup(a), newProduce(a), newConsume(a), newSQL(a)),
		in("parts", newPartCommand(a, "source", admin.KindSource, "sources"), newPartCommand(a, "fn", admin.KindFunction, "functions"),
			newPartCommand(a, "trigger", admin.KindFunction, "triggers"), newPartCommand(a, "query", admin.KindQuery, "queries"),
			newPartCommand(a, "etl", admin.KindSink, "sinks"), newPartCommand(a, "stream", admin.KindStream, "Kinesis streams")),
		in("tools", newLog(a), newCompletion(a), newVersion(a)),
	)
}

func groups() []*cobra.Group {
	return []*cobra.Group{
		{ID: "hub", Title: "A hub:"}, {ID: "data", Title: "Its data:"}, {ID: "parts", Title: "Its parts:"}, {ID: "tools", Title: "Tools:"},
	}
}

// newHelp is cobra's help, except that a command that is none is a mistake.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]...", Short: "Show a command's help",
		RunE: func(_ *cobra.Command, names []string) error {
			c, rest, err := root.Find(names)
			if err != nil || len(rest) > 0 {
				return unknown(c, rest)
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

// group makes a command whose work is in its subcommands: alone it shows its help, and a word that is none of them is a
// mistake.
func group(c *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	c.AddCommand(subs...)
	c.Args = func(c *cobra.Command, words []string) error {
		if len(words) > 0 {
			return unknown(c, words)
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return c
}

// unknown is the mistake of a word that is no command of c.
func unknown(c *cobra.Command, words []string) error {
	word := strings.Join(words, " ")
	if len(words) > 0 {
		word = words[0]
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	tip := c.CommandPath() + " --help"
	if near, ok := suggest.Nearest(word, names); ok {
		tip = c.CommandPath() + " " + near
	}
	if len(names) == 0 {
		return usagef(tip, "%s has no commands, such as %q", c.CommandPath(), word)
	}
	return usagef(tip, "%q is no command of %s (it has: %s)", word, c.CommandPath(), strings.Join(names, ", "))
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

// args wraps a cobra check so that its mistakes are usage errors that name what is wanted, in the words of the help.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if check(c, given) == nil {
			return nil
		}
		command := strings.TrimPrefix(c.CommandPath(), "weir ")
		_, wants, _ := strings.Cut(c.Use, " ")
		tip := c.CommandPath() + " --help"
		switch {
		case wants == "" || strings.HasPrefix(wants, "[-"):
			return usagef(tip, "%s takes flags only, not %q", command, given[0])
		case len(given) == 0:
			return usagef(tip, "%s needs %s", command, wants)
		}
		return usagef(tip, "%s takes %s, not %q", command, wants, given)
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
