package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/hub"
)

func newLint(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "lint FILE", Short: "Check a file without starting anything", Args: args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
		Long:              "Reports every mistake of the file at once: its keys and values, references, paths, SQL and expressions.",
		RunE: func(_ *cobra.Command, v []string) error {
			f, err := a.loadFile(v[0])
			if err != nil {
				return err
			}
			if a.output == "json" {
				return a.printJSON(config.Errors{}) // the same form as with mistakes: a list
			}
			_, err = fmt.Fprintf(a.out, "%s: ok (%s, %s, %s, %s, %s, %s)\n", v[0],
				number(len(f.Topics), "topic", "topics"), number(len(f.Sources), "source", "sources"),
				number(len(f.Funcs), "function", "functions"), number(len(f.Queries), "query", "queries"),
				number(len(f.Sinks), "sink", "sinks"), number(len(f.Streams), "stream", "streams"))
			return err
		},
	}
}

// loadFile reads and checks a file, its SQL and expressions included; mistakes are told all at once.
func (a *app) loadFile(path string) (*config.File, error) {
	f, err := config.Load(path, os.LookupEnv)
	var mistakes config.Errors
	if err != nil && !errors.As(err, &mistakes) {
		return nil, err
	}
	for _, e := range hub.Check(f) {
		again := func(m *config.Error) bool { return m.Pos == e.Pos && m.Code == e.Code }
		if !slices.ContainsFunc(mistakes, again) { // a path where nothing is: the hub cannot open it either
			mistakes = append(mistakes, e)
		}
	}
	if len(mistakes) == 0 {
		return f, nil
	}
	if a.output == "json" {
		if err := a.printJSON(mistakes); err != nil {
			return nil, err
		}
		return nil, silent{exitUsage}
	}
	return nil, mistakes.Sorted()
}
