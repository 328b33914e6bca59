package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirhub/weir/internal/admin"
)

// newPartCommand makes `weir KIND list|describe` for one kind of part of a running hub.
func newPartCommand(a *app, use, kind, plural string) *cobra.Command {
	return group(&cobra.Command{Use: use, Short: fmt.Sprintf("List and describe the %s of a running hub", plural)}, &cobra.Command{
		Use: "list", Short: "List them with state, counts and lag", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.partList(c.Context(), kind) },
	}, &cobra.Command{
		Use: "describe NAME", Short: "Show one with all its counters", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, v []string) error { return a.partDescribe(c.Context(), kind, v[0]) },
	})
}

func (a *app) parts(ctx context.Context, kind string) ([]admin.Part, error) {
	s, err := a.hub().Status(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.Parts, func(p admin.Part) bool { return p.Kind != kind }), nil
}

func (a *app) partList(ctx context.Context, kind string) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	parts, err := a.parts(ctx, kind)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(parts)
	}
	return summaryTable(parts, maxCell).write(a.out)
}

// summaryTable is how parts are shown everywhere: in lists, by `weir up` and at the end of `weir run`. Places are cut to
// cell characters; with 0 they are left out.
func summaryTable(parts []admin.Part, cell int) *textTable {
	header := []string{"KIND", "NAME", "FROM", "TO", "STATE", "#IN", "#OUT", "#IN/S", "#LAG"}
	if cell == 0 {
		header = slices.Delete(header, 2, 4)
	}
	t := newTable(header...)
	for _, p := range parts {
		lag := "-"
		if p.Lag >= 0 {
			lag = count(p.Lag)
		}
		row := []any{p.Kind, p.Name, shorten(place(p.From), cell), shorten(place(p.To), cell), p.State, count(p.RecordsIn), count(p.RecordsOut), count(int64(p.Rate)), lag}
		if cell == 0 {
			row = slices.Delete(row, 2, 4)
		}
		t.add(row...)
	}
	return t
}

// maxCell keeps a table of parts within a terminal; paths lose their beginning. Below minCell a path says nothing.
const (
	maxCell = 36
	minCell = 12
)

func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return "..." + string(r[len(r)-max(most-3, 0):])
}

func (a *app) partDescribe(ctx context.Context, kind, name string) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	parts, err := a.parts(ctx, kind)
	if err != nil {
		return err
	}
	names := make([]string, len(parts))
	for i, p := range parts {
		if p.Name != name {
			names[i] = p.Name
			continue
		}
		if asJSON {
			return a.printJSON(p)
		}
		return a.printPart(p)
	}
	return fmt.Errorf("describe %s %s: the hub has none of that name (it has: %s)", kind, name, strings.Join(names, ", "))
}

func (a *app) printPart(p admin.Part) error {
	t := newTable("", "")
	row := func(k, v string) {
		if v != "" {
			t.add(k, v)
		}
	}
	row("kind", p.Kind)
	row("name", p.Name)
	row("from", p.From)
	row("to", p.To)
	row("runs", p.Detail)
	row("state", p.State)
	row("error", p.Error)
	row("records in", count(p.RecordsIn))
	row("records out", count(p.RecordsOut))
	row("bytes out", count(p.BytesOut))
	row("late rows", count(p.LateRows))
	row("dead letters", count(p.DeadLetters))
	row("restarts", count(p.Restarts))
	if p.Lag >= 0 {
		row("lag", count(p.Lag))
	}
	if p.Watermark != nil {
		row("watermark", time.UnixMilli(*p.Watermark).UTC().Format("2006-01-02 15:04:05.000"))
	}
	t.header, t.rows = t.rows[0], t.rows[1:]
	if err := t.write(a.out); err != nil {
		return err
	}
	if p.SQL != "" {
		_, err := fmt.Fprintf(a.out, "\n%s\n", strings.TrimSpace(p.SQL))
		return err
	}
	return nil
}
