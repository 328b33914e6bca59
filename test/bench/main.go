package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// rounds is how often each load runs: a median needs three.
const rounds = 3

// bench is one run: its settings, and the figures so far.
type bench struct {
	quick  bool
	rounds int
	dir    string    // scratch, removed at the end
	weir   string    // the binary; built when empty
	say    io.Writer // progress
	pages  bool      // write the pages
	began  time.Time
}

// section is a part of a run that can be asked for by name.
type section struct {
	name string
	run  func(context.Context, *bench) (report, error)
}

var sections = []section{
	{"json", runJSON},
	{"parquet", runParquet},
	{"kafka", runKafka},
}

func main() {
	b := &bench{say: os.Stderr, began: time.Now()}
	only := flag.String("only", "", "sections to run, separated by commas: json, parquet, kafka")
	flag.BoolVar(&b.quick, "quick", false, "small loads and one round; writes no page")
	flag.StringVar(&b.weir, "weir", "", "the weir binary (default: built from this checkout)")
	flag.BoolVar(&b.pages, "write", true, "write the figures into docs/bench")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := b.main(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func (b *bench) main(ctx context.Context, only string) error {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	b.rounds = rounds
	if b.quick {
		b.rounds, b.pages = 1, false
	}
	if b.dir, err = scratch(); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	var all []report
	for _, s := range chosen {
		r, err := s.run(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		all = append(all, r)
	}
	m := describeMachine()
	fmt.Printf("\n%s\n", m)
	for _, r := range all {
		fmt.Printf("\n%s\n\n%s", r.title, r.text())
	}
	if !b.pages {
		return nil
	}
	return writePages(all, m)
}

func choose(only string) ([]section, error) {
	if only == "" {
		return sections, nil
	}
	var out []section
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(sections, func(s section) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no section %q: json, parquet and kafka are", name)
		}
		out = append(out, sections[i])
	}
	return out, nil
}

// progress prints one line of what is going on, with the time since the start.
func (b *bench) progress(format string, args ...any) {
	d := time.Since(b.began)
	fmt.Fprintf(b.say, "%d:%02d  %s\n", int(d.Minutes()), int(d.Seconds())%60, fmt.Sprintf(format, args...))
}
