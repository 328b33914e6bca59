package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/hub"
)

func newLint(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "lint FILE", Short: "Check a file without starting anything", Args: args(cobra.ExactArgs(1)),
		Long: "Reports every mistake of the file at once: its keys and values, references, paths, SQL and expressions.",
		RunE: func(_ *cobra.Command, v []string) error {
			f, err := a.loadFile(v[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "%s: ok (%d topics, %d sources, %d functions, %d queries, %d sinks, %d streams)\n", v[0],
				len(f.Topics), len(f.Sources), len(f.Funcs), len(f.Queries), len(f.Sinks), len(f.Streams))
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
	mistakes = append(mistakes, hub.Check(f)...)
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
