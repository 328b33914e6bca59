package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/hub"
)

// hubFlags are the flags of up and run.
type hubFlags struct {
	data, kafka, aws, http string
	brokers                []string
}

func (f *hubFlags) bind(c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", "./weir-data", "directory of the data; the word memory keeps nothing")
	c.Flags().StringVar(&f.kafka, "kafka", "127.0.0.1:9092", "address of the Kafka listener")
	c.Flags().StringVar(&f.aws, "aws", "127.0.0.1:4566", "address of the AWS listener (Kinesis)")
	c.Flags().StringVar(&f.http, "http", "127.0.0.1:8080", "address of the HTTP listener (admin API, metrics)")
	c.Flags().StringSliceVar(&f.brokers, "brokers", nil, "an external Kafka cluster instead of the embedded broker")
}

func (f *hubFlags) options(file *config.File, bounded bool) hub.Options {
	return hub.Options{
		File: file, Bounded: bounded, Version: version(),
		Data: f.data, Kafka: f.kafka, AWS: f.aws, HTTP: f.http, Brokers: f.brokers,
	}
}

func newUp(a *app) *cobra.Command {
	var f hubFlags
	c := &cobra.Command{
		Use: "up [FILE]", Short: "Start a hub with everything in FILE until Ctrl-C", Args: args(cobra.MaximumNArgs(1)), ValidArgsFunction: completeFile,
		Long: `Starts the broker, the Kinesis front and the admin API, runs every source, function, query and sink of FILE, and shows
what they do until Ctrl-C. Without FILE it is an empty hub.`,
		RunE: func(c *cobra.Command, v []string) error { return a.start(c.Context(), v, f, false) },
	}
	f.bind(c)
	return c
}

func newRun(a *app) *cobra.Command {
	var f hubFlags
	c := &cobra.Command{
		Use: "run FILE", Short: "Run FILE to the end of its inputs and print the totals", Args: args(cobra.ExactArgs(1)),
		Long: `Does what up does, with an end: when every source has been read, what is on its way is finished and committed, totals
are printed, and the exit code is 0. A second run goes on where the first ended.`,
		RunE: func(c *cobra.Command, v []string) error { return a.start(c.Context(), v, f, true) },
	}
	f.bind(c)
	return c
}

// start loads the file, runs the hub and shows it.
func (a *app) start(ctx context.Context, v []string, f hubFlags, bounded bool) error {
	file := &config.File{}
	if len(v) == 1 {
		var err error
		if file, err = a.loadFile(v[0]); err != nil {
			return err
		}
	}
	view := newView(a, bounded)
	o := f.options(file, bounded)
	o.Log = view.log
	o.Out = a.out
	h, err := hub.Open(ctx, o)
	if err != nil {
		return startError(err, f)
	}
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	view.started(h)
	err = view.watch(h, done)
	if closeErr := h.Close(); err == nil {
		err = closeErr
	}
	return a.finish(ctx, h, view, err, bounded)
}

// finish prints the totals and turns failed parts into the exit code.
func (a *app) finish(ctx context.Context, h *hub.Hub, view *view, err error, bounded bool) error {
	interrupted := ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled))
	if err != nil && !interrupted {
		return err
	}
	if interrupted && !bounded {
		end := "stopped; everything acknowledged is on disk"
		if h.Hub().Data == hub.MemoryData {
			end = "stopped; --data memory keeps nothing"
		}
		_, _ = fmt.Fprintln(a.err, end)
		return nil
	}
	if interrupted {
		_, _ = fmt.Fprintln(a.err, "interrupted; run it again to go on from the last commit")
		return silent{exitInterrupted}
	}
	if err := view.totals(h); err != nil {
		return err
	}
	if len(h.Problems()) > 0 {
		for _, p := range h.Problems() {
			_, _ = fmt.Fprint(a.err, p.Render())
		}
		return silent{exitFailed}
	}
	return nil
}

func startError(err error, f hubFlags) error {
	if errors.Is(err, hub.ErrInUse) {
		return &usageError{err.Error(), "stop the other hub, or use --kafka, --aws, --http and --data to give this one places of its own"}
	}
	var address *net.AddrError
	var listen *net.OpError
	switch {
	case errors.As(err, &address):
		return &usageError{err.Error(), "HOST:PORT with a port up to 65535; 0 takes a free one"}
	case errors.As(err, &listen):
		return &usageError{err.Error(), "an address of this machine with a port above 1023, such as 127.0.0.1:9092"}
	case errors.Is(err, os.ErrPermission):
		return &usageError{err.Error(), "--data DIR with a directory that you may write"}
	}
	return err
}

// rel shows a path relative to the working directory where that is shorter.
func rel(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if r, err := filepath.Rel(wd, path); err == nil && len(r) < len(path) {
		return r
	}
	return path
}

// rounded is a duration as people say it.
func rounded(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
