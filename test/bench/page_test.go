package main

import (
	"strings"
	"testing"
	"time"
)

// Figures replace what stands between their two lines and nothing else; a page that lost a line is left as it is.
func TestFiguresReplaceOnlyTheirPart(t *testing.T) {
	page := "# A\n\nwords\n\n" + figuresBegin + "\nold\n" + figuresEnd + "\n\nmore words\n"
	got, err := replaceFigures(page, "new\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := "# A\n\nwords\n\n" + figuresBegin + "\n\nnew\n\n" + figuresEnd + "\n\nmore words\n"; got != want {
		t.Errorf("page is\n%s\nwant\n%s", got, want)
	}
	for _, line := range []string{figuresBegin, figuresEnd} {
		if _, err := replaceFigures(strings.Replace(page, line, "", 1), "new\n"); err == nil {
			t.Errorf("a page without %q was written", line)
		}
	}
}

// A figure is the middle of its rounds, with both ends beside it.
func TestSpreadIsMedianAndEnds(t *testing.T) {
	if got := spread([]float64{3000, 1000, 2000}, grouped); got != "2,000 [1,000-3,000]" {
		t.Errorf("spread is %s", got)
	}
	if got := spread([]float64{0.126}, decimals(2)); got != "0.13" {
		t.Errorf("spread of one round is %s", got)
	}
	if got := grouped(1234567); got != "1,234,567" {
		t.Errorf("grouped is %s", got)
	}
}

// The columns of a table for the terminal line up, whatever their cells hold.
func TestTextLinesUp(t *testing.T) {
	r := report{head: []string{"", "Kafka", "Weir"}, rows: [][]string{{"p50, µs", "1", "2,000"}, {"RSS", "10", "3"}}}
	want := "" +
		"         Kafka   Weir\n" +
		"p50, µs      1  2,000\n" +
		"RSS         10      3\n"
	if got := r.text(); got != want {
		t.Errorf("table is\n%s\nwant\n%s", got, want)
	}
}

// The 99th percentile of a hundred is the hundredth: a stall of one in a hundred shows.
func TestPercentile(t *testing.T) {
	d := make([]time.Duration, 100)
	for i := range d {
		d[99-i] = time.Duration(i + 1)
	}
	if p50, p99 := percentile(d, 0.5), percentile(d, 0.99); p50 != 51 || p99 != 100 {
		t.Errorf("p50 is %d, p99 %d, want 51 and 100", p50, p99)
	}
}

// The fine clock counts, except when threads that ended took more than its coarse neighbour's tick with them.
func TestCPUOfEndedThreadsIsNotLost(t *testing.T) {
	before := brokerCPU{process: time.Second, threads: time.Second}
	if got := (brokerCPU{process: 1010 * time.Millisecond, threads: 1003 * time.Millisecond}).since(before); got != 3*time.Millisecond {
		t.Errorf("with all threads there: %s, want 3ms", got)
	}
	if got := (brokerCPU{process: 1500 * time.Millisecond, threads: 900 * time.Millisecond}).since(before); got != 500*time.Millisecond {
		t.Errorf("with threads gone: %s, want 500ms", got)
	}
}
