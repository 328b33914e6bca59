package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const cliPage = "../../docs/cli.md"

// docs/cli.md says what the commands' own help says; `make docs` writes it.
func TestCommandPageIsCurrent(t *testing.T) {
	t.Setenv("WEIR_SERVER", "")
	var b bytes.Buffer
	b.WriteString(`<!-- Written by ` + "`make docs`" + ` from the commands' help. Change that. -->

# The command line

Data goes to standard output, everything else to standard error. ` + "`-o json`" + ` makes any command's answer JSON. Exit codes: 0 done,
1 failed, 2 a mistake on the command line or in a file, 130 interrupted.

`)
	root := newRoot(&app{in: strings.NewReader(""), out: io.Discard, err: io.Discard})
	root.InitDefaultHelpCmd()
	writeCommand(&b, root)
	if os.Getenv("WEIR_UPDATE") != "" {
		if err := os.WriteFile(cliPage, b.Bytes(), 0o644); err != nil { //nolint:gosec // a page is for everybody
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(cliPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Error("docs/cli.md is out of date: run `make docs`")
	}
}

func writeCommand(b *bytes.Buffer, c *cobra.Command) {
	c.InitDefaultHelpFlag()
	if c.HasParent() {
		level := strings.Repeat("#", strings.Count(c.CommandPath(), " ")+1)
		fmt.Fprintf(b, "%s %s\n\n", level, c.CommandPath())
	}
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(b, "```\n%s\n```\n\n%s\n\n", c.UseLine(), text)
	if c.Example != "" {
		fmt.Fprintf(b, "```\n%s\n```\n\n", c.Example)
	}
	flags := c.LocalFlags().FlagUsages()
	if c.HasParent() {
		flags = c.NonInheritedFlags().FlagUsages()
	}
	if strings.Count(flags, "\n") > 1 || !strings.Contains(flags, "--help") {
		fmt.Fprintf(b, "```\n%s```\n\n", flags)
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			writeCommand(b, sub)
		}
	}
}
