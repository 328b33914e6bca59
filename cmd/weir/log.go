package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirhub/weir/broker/commitlog"
	"github.com/weirhub/weir/internal/vfs"
)

func newLog(a *app) *cobra.Command {
	records := false
	dump := &cobra.Command{
		Use: "dump DIR", Short: "Print the batches of the logs below DIR", Args: args(cobra.ExactArgs(1)),
		Long: "Prints what lies on disk and changes nothing; it may run beside a hub, and then sees what has been written so far.",
		RunE: func(_ *cobra.Command, v []string) error { return a.logDump(v[0], records) },
	}
	dump.Flags().BoolVar(&records, "records", false, "print each record as well")
	return group(&cobra.Command{Use: "log", Short: "Look into a data directory, offline"}, dump, &cobra.Command{
		Use: "check DIR", Short: "Open the logs below DIR as a start would, and check every invariant", Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, v []string) error { return a.logCheck(v[0]) },
	}, &cobra.Command{
		Use: "repair DIR", Short: "Rebuild indexes and cut damage off the logs below DIR", Args: args(cobra.ExactArgs(1)),
		Long: `Rebuilds what can be rebuilt and sets damaged parts of logs aside; it says what it did. Run it on a copy, or after a backup:
records behind a damaged place are set aside with it.`,
		RunE: func(_ *cobra.Command, v []string) error { return a.logRepair(v[0]) },
	})
}

const lockName = ".lock" // of a data directory, held by the hub that uses it

// logDirs finds the directories at or below dir that hold segments, and the data directories among or above them.
func logDirs(dir string) (logs, locks []string, err error) {
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir() && d.Name() == lockName:
			locks = append(locks, filepath.ToSlash(p))
		case !d.IsDir() && filepath.Ext(p) == ".log" && filepath.Base(filepath.Dir(p)) != "quarantine":
			if at := filepath.ToSlash(filepath.Dir(p)); !slices.Contains(logs, at) {
				logs = append(logs, at)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, usagef("", "open data directory: %v", err)
	}
	if len(logs) == 0 {
		return nil, nil, usagef("name a data directory, such as ./weir-data", "no log lies below %s", dir)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open data directory: %w", err)
	}
	for up := filepath.Dir(abs); up != filepath.Dir(up); up = filepath.Dir(up) {
		if p := filepath.Join(up, lockName); exists(p) {
			locks = append(locks, filepath.ToSlash(p))
		}
	}
	slices.Sort(logs)
	return logs, locks, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// logReport is what check and repair say of one log.
type logReport struct {
	Dir    string   `json:"dir"`
	State  string   `json:"state"` // "ok", "damaged", "repaired"
	Error  string   `json:"error,omitempty"`
	Offset *int64   `json:"first_lost_offset,omitempty"`
	Moved  []string `json:"quarantined,omitempty"`
}

// eachLog runs f on each log below dir while it holds their data directories, because opening a log beside the hub that
// writes it would cut off what the hub has just begun.
func (a *app) eachLog(verb, dir string, f func(dir string) (logReport, error)) error {
	logs, locks, err := logDirs(dir)
	if err != nil {
		return err
	}
	for _, p := range locks {
		l, err := vfs.OS().Lock(p)
		if errors.Is(err, vfs.ErrLocked) {
			return usagef("stop the hub first; `weir log dump` works beside it", "%s %s: a hub is using it", verb, dir)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", verb, dir, err)
		}
		defer func() { _ = l.Close() }()
	}
	for _, d := range logs {
		r, err := f(d)
		if err != nil {
			return err
		}
		r.Dir = d
		if err := a.printReport(r); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printReport(r logReport) error {
	if a.output == "json" {
		return json.NewEncoder(a.out).Encode(r)
	}
	text := r.State
	if r.Error != "" {
		text += ": " + r.Error
	}
	if r.State == "repaired" {
		text = fmt.Sprintf("damaged from offset %d on: %s\n  set aside in %s/quarantine: %v", *r.Offset, r.Error, r.Dir, r.Moved)
	}
	_, err := fmt.Fprintf(a.out, "%s\n  %s\n", r.Dir, text)
	return err
}

// logDump prints each log; with -o json one object a log with the lines of its text.
func (a *app) logDump(dir string, records bool) error {
	logs, _, err := logDirs(dir)
	if err != nil {
		return err
	}
	for _, d := range logs {
		if a.output != "json" {
			if _, err := fmt.Fprintln(a.out, d); err != nil {
				return err
			}
			if err := commitlog.Dump(a.out, vfs.OS(), d, records); err != nil {
				return err
			}
			continue
		}
		var b bytes.Buffer
		if err := commitlog.Dump(&b, vfs.OS(), d, records); err != nil {
			return err
		}
		lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
		if err := json.NewEncoder(a.out).Encode(map[string]any{"dir": d, "lines": lines}); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) logCheck(dir string) error {
	bad := 0
	err := a.eachLog("check", dir, func(d string) (logReport, error) {
		if err := checkOne(d); err != nil {
			bad++
			return logReport{State: "damaged", Error: err.Error()}, nil
		}
		return logReport{State: "ok"}, nil
	})
	if err == nil && bad > 0 {
		return fmt.Errorf("check %s: %s damaged; see `weir log repair`", dir, number(bad, "log is", "logs are"))
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
	return a.eachLog("repair", dir, func(d string) (logReport, error) {
		r, err := commitlog.Repair(vfs.OS(), d)
		if err != nil || r.Offset < 0 && len(r.Moved) == 0 {
			return logReport{State: "ok"}, err
		}
		out := logReport{State: "repaired", Offset: &r.Offset, Moved: r.Moved}
		if r.Cause != nil {
			out.Error = r.Cause.Error()
		}
		return out, nil
	})
}
