package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"

	"github.com/spf13/cobra"

	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/internal/vfs"
)

func newLog(a *app) *cobra.Command {
	c := &cobra.Command{Use: "log", Short: "Look into a data directory, offline"}
	records := false
	dump := &cobra.Command{
		Use: "dump DIR", Short: "Print the batches of the logs below DIR", Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, v []string) error {
			return a.eachLog(v[0], func(dir string) error { return commitlog.Dump(a.out, vfs.OS(), dir, records) })
		},
	}
	dump.Flags().BoolVar(&records, "records", false, "print each record as well")
	c.AddCommand(dump, &cobra.Command{
		Use: "check DIR", Short: "Open the logs below DIR as a start would, and check every invariant", Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, v []string) error { return a.logCheck(v[0]) },
	}, &cobra.Command{
		Use: "repair DIR", Short: "Rebuild indexes and cut damage off the logs below DIR", Args: args(cobra.ExactArgs(1)),
		Long: `Rebuilds what can be rebuilt and sets damaged parts of logs aside; it says what it did. Run it on a copy, or after a backup:
records behind a damaged place are set aside with it.`,
		RunE: func(_ *cobra.Command, v []string) error { return a.logRepair(v[0]) },
	})
	return c
}

// eachLog calls f with each directory at or below dir that holds segments.
func (a *app) eachLog(dir string, f func(dir string) error) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && filepath.Ext(p) == ".log" {
			if at := filepath.Dir(p); len(dirs) == 0 || dirs[len(dirs)-1] != at {
				dirs = append(dirs, at)
			}
		}
		return nil
	})
	if err != nil {
		return usagef("", "open data directory: %v", err)
	}
	if len(dirs) == 0 {
		return usagef("name a data directory, such as ./weir-data", "no log lies below %s", dir)
	}
	sort.Strings(dirs)
	for _, d := range dirs {
		_, _ = fmt.Fprintf(a.out, "%s\n", d)
		if err := f(filepath.ToSlash(d)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) logCheck(dir string) error {
	bad := 0
	err := a.eachLog(dir, func(d string) error {
		if err := checkOne(d); err != nil {
			bad++
			_, _ = fmt.Fprintf(a.out, "  damaged: %v\n", err)
			return nil
		}
		_, _ = fmt.Fprintln(a.out, "  ok")
		return nil
	})
	if err == nil && bad > 0 {
		return fmt.Errorf("check %s: %d logs are damaged; see `weir log repair`", dir, bad)
	}
	return err
}

// checkOne opens a log, which cuts a torn tail off as every start does, and checks it.
func checkOne(dir string) error {
	l, err := commitlog.Open(vfs.OS(), dir, commitlog.Options{})
	if err != nil {
		return err
	}
	err = l.Check()
	if cerr := l.Close(); err == nil {
		err = cerr
	}
	return err
}

func (a *app) logRepair(dir string) error {
	return a.eachLog(dir, func(d string) error {
		r, err := commitlog.Repair(vfs.OS(), d)
		if err != nil {
			return err
		}
		if r.Offset < 0 && len(r.Moved) == 0 {
			_, err = fmt.Fprintln(a.out, "  sound; nothing was changed")
			return err
		}
		_, err = fmt.Fprintf(a.out, "  damaged from offset %d on: %v\n  set aside in %s/quarantine: %v\n", r.Offset, r.Cause, d, r.Moved)
		return err
	})
}
