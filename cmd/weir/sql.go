package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/hub"
	"github.com/weirhub/weir/sql"
)

type sqlFlags struct {
	text   string
	file   string
	set    map[string]string
	format string
	follow bool
	once   bool
}

func newSQL(a *app) *cobra.Command {
	var f sqlFlags
	c := &cobra.Command{
		Use: "sql [-e TEXT] [-f FILE]", Short: "Run SQL on a hub's topics, or on files without a hub", Args: args(cobra.NoArgs),
		Long: `Runs statements in Flink's dialect. Tables are the topics of a running hub, and files by their path in quotes; statements
that read only files need no hub. On a terminal a query over topics goes on and its table is updated until Ctrl-C; elsewhere, and
with --once, it reads to the end noted at the start and prints the result.`,
		Example: `  weir sql -e "SELECT origin, COUNT(*) FROM flights GROUP BY origin"
  weir sql -e "SELECT carrier, AVG(dep_delay) FROM 'examples/flights/data/flights.csv' GROUP BY carrier"
  weir sql -f report.sql --set day=2013-01-01 --format csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("execute") && strings.TrimSpace(f.text) == "" {
				return usagef(`weir sql -e "SELECT origin, COUNT(*) FROM flights GROUP BY origin"`, "no statements in -e")
			}
			return a.sql(c.Context(), f)
		},
	}
	c.Flags().StringVarP(&f.text, "execute", "e", "", "statements")
	c.Flags().StringVarP(&f.file, "file", "f", "", "read statements from this file (- for standard input)")
	c.Flags().StringToStringVar(&f.set, "set", nil, "fill ${NAME} in the statements, NAME=VALUE; may be repeated")
	c.Flags().StringVar(&f.format, "format", "table", "table, json, csv or changelog")
	c.Flags().BoolVar(&f.follow, "follow", false, "go on with new records until interrupted")
	c.Flags().BoolVar(&f.once, "once", false, "end at the end noted at the start, on a terminal too")
	return c
}

func (a *app) sql(ctx context.Context, f sqlFlags) error {
	text, name, err := a.statements(f)
	if err != nil {
		return err
	}
	if a.output == "json" && f.format == "table" {
		f.format = "json"
	}
	width, height, live := terminal(a.out)
	if f.once && f.follow {
		return usagef("weir sql --help", "--once and --follow exclude each other")
	}
	local := hub.OnlyFiles(text)
	req := admin.SQLRequest{SQL: text, Follow: !local && (f.follow || live && !f.once), Changelog: f.format == "changelog"}
	p, err := newResultWriter(f.format, a.out, req.Follow && live, width, height)
	if err != nil {
		return err
	}
	code := exitDone
	emit := func(l admin.SQLLine) error {
		if l.Error != nil {
			code = exitUsage
			if l.Error.Line == 0 {
				code = exitFailed // not of the text: it came while rows were read
			}
			return a.sqlError(name, l.Error)
		}
		if l.Warning != "" {
			_, err := fmt.Fprintln(a.err, "warning: "+l.Warning)
			return err
		}
		return p.line(l)
	}
	if local {
		err = hub.RunFiles(ctx, req, emit)
	} else {
		err = a.hub().SQL(ctx, req, emit)
		if errors.Is(err, admin.ErrUnreachable) { // mistakes that need no hub are told all the same
			told := hub.RunFiles(ctx, req, func(l admin.SQLLine) error {
				if l.Error == nil || strings.HasPrefix(l.Error.Msg, "unknown table") {
					return nil
				}
				return emit(l)
			})
			if told != nil {
				return told
			}
		}
	}
	if flushErr := p.close(); err == nil || req.Follow && errors.Is(err, context.Canceled) {
		err = flushErr
	}
	if err == nil && code != exitDone {
		return silent{code}
	}
	return err
}

func (a *app) sqlError(name string, e *admin.SQLError) error {
	msg := e.Render
	if msg == "" {
		msg = e.Msg
		if e.Hint != "" {
			msg += "\nTry:  " + e.Hint
		}
	}
	if e.Line > 0 {
		name += ":" // the text begins with line:column
	} else {
		name += ": "
	}
	_, err := fmt.Fprintf(a.err, "%s%s\n", name, strings.TrimRight(msg, "\n"))
	return err
}

// statements reads the text from -e, -f or standard input and fills ${NAME}.
func (a *app) statements(f sqlFlags) (text, name string, err error) {
	switch {
	case f.text != "" && f.file != "":
		return "", "", usagef("weir sql --help", "-e and -f exclude each other")
	case f.text != "":
		text, name = f.text, "sql"
	case f.file != "" && f.file != "-":
		b, err := os.ReadFile(f.file)
		if err != nil {
			return "", "", usagef("", "read statements: %v", err)
		}
		text, name = string(b), f.file
	default:
		if _, _, tty := terminal(a.in); tty && f.file != "-" {
			return "", "", usagef(`weir sql -e "SELECT origin, COUNT(*) FROM flights GROUP BY origin"`, "no statements: give -e TEXT or -f FILE")
		}
		b, err := io.ReadAll(io.LimitReader(a.in, maxLineBytes))
		if err != nil {
			return "", "", fmt.Errorf("read statements: %w", err)
		}
		text, name = string(b), "stdin"
	}
	filled, mistakes := sql.Fill(text, f.set)
	if len(mistakes) > 0 {
		for _, e := range mistakes {
			_, _ = fmt.Fprint(a.err, e.Render(name, text))
		}
		return "", "", silent{exitUsage}
	}
	if strings.TrimSpace(filled) == "" {
		return "", "", usagef("weir sql --help", "no statements in %s", name)
	}
	return filled, name, nil
}

// terminal says whether a stream is a terminal, and its size.
func terminal(stream any) (width, height int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	return width, height, err == nil
}
