package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/hub"
)

const (
	// liveEvery is how often the summary is drawn on a terminal, plainEvery how often lines are printed elsewhere.
	liveEvery  = 250 * time.Millisecond
	plainEvery = 5 * time.Second
	barWidth   = 24
)

// view shows a running hub on standard error: a table that is drawn again and again on a terminal, plain lines elsewhere.
type view struct {
	a             *app
	bounded       bool
	live          bool
	width, height int
	mu            struct {
		sync.Mutex
		painted int
		shown   map[string]string // plain lines as last printed, by part
	}
}

func newView(a *app, bounded bool) *view {
	v := &view{a: a, bounded: bounded}
	v.width, v.height, v.live = terminal(a.err)
	v.mu.shown = map[string]string{}
	return v
}

// log prints one line of the hub or of a function, above the live table.
func (v *view) log(line string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
	_, _ = fmt.Fprintln(v.a.err, line)
}

func (v *view) erase() {
	if v.mu.painted > 0 {
		_, _ = fmt.Fprintf(v.a.err, "\r\x1b[%dA\x1b[J", v.mu.painted) // \r: Ctrl-C leaves ^C in the line
		v.mu.painted = 0
	}
}

func (v *view) started(h *hub.Hub) {
	i := h.Hub()
	kafka := "kafka " + strings.Join(i.Kafka, ",")
	if i.External {
		kafka += " (external)"
	}
	aws := ""
	if i.AWS != "" {
		aws = ", aws http://" + i.AWS
	}
	v.log(fmt.Sprintf("weir %s: %s%s, http://%s, data %s", i.Version, kafka, aws, i.HTTP, rel(i.Data)))
	if v.a.output == "json" && !v.bounded {
		_ = v.a.printJSON(i) // for scripts that start a hub on ports of its own choice
	}
}

// watch shows the hub until it has ended.
func (v *view) watch(h *hub.Hub, done <-chan error) error {
	every := plainEvery
	if v.live {
		every = liveEvery
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case err := <-done:
			v.show(h.Status())
			v.mu.Lock()
			if v.bounded { // the totals follow
				v.erase()
			}
			v.mu.painted = 0
			v.mu.Unlock()
			return err
		case <-t.C:
			v.show(h.Status())
		}
	}
}

func (v *view) show(s admin.Status) {
	if len(s.Parts) == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.live {
		v.plain(s)
		return
	}
	var b bytes.Buffer
	_ = fitting(s.Parts, v.width).write(&b)
	for _, p := range s.Parts {
		if p.Total > 0 && p.State == admin.StateRunning {
			fmt.Fprintf(&b, "%s %s\n", bar(p.Done, p.Total), p.Name)
		}
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(lines) > v.height-1 {
		lines = lines[:max(v.height-1, 1)]
	}
	v.erase()
	for _, l := range lines {
		r := []rune(l)
		_, _ = fmt.Fprintln(v.a.err, string(r[:min(len(r), v.width)]))
	}
	v.mu.painted = len(lines)
}

// fitting is the widest form of the table that the screen has room for: rates and lag matter more than whole paths.
func fitting(parts []admin.Part, width int) *textTable {
	for cell := maxCell; cell >= minCell; cell -= 4 {
		if t := summaryTable(parts, cell); t.width() <= width {
			return t
		}
	}
	return summaryTable(parts, 0)
}

// plain prints a line for each part that has changed since the last time.
func (v *view) plain(s admin.Status) {
	for _, p := range s.Parts {
		l := fmt.Sprintf("%-8s %-20s %-8s in %s, out %s", p.Kind, p.Name, p.State, count(p.RecordsIn), count(p.RecordsOut))
		if p.Total > 0 && p.State == admin.StateRunning {
			l += fmt.Sprintf(", %d%% read", p.Done*100/p.Total)
		}
		if p.Lag > 0 {
			l += ", lag " + count(p.Lag)
		}
		if p.Error != "" {
			l += ": " + p.Error
		}
		key := p.Kind + p.Name
		if v.mu.shown[key] != l {
			v.mu.shown[key] = l
			_, _ = fmt.Fprintln(v.a.err, s.Time.Format("15:04:05 ")+l)
		}
	}
}

func bar(done, total int64) string {
	n := int(min(done, total) * barWidth / total)
	return fmt.Sprintf("[%s%s] %3d%%", strings.Repeat("#", n), strings.Repeat("-", barWidth-n), min(done, total)*100/total)
}

// totals is what `weir run` ends with: what went where, how fast, and what to try next.
func (v *view) totals(h *hub.Hub) error {
	s := h.Status()
	if v.a.output == "json" {
		return v.a.printJSON(s)
	}
	t := newTable("WHAT", "NAME", "FROM", "TO", "#IN", "#OUT", "#IN/S", "")
	for _, p := range s.Parts {
		rate := "-"
		if p.Seconds > 0 && p.RecordsIn > 0 {
			rate = count(int64(float64(p.RecordsIn) / p.Seconds))
		}
		t.add(p.Kind, p.Name, shorten(place(p.From), maxCell), shorten(place(p.To), maxCell), count(p.RecordsIn), count(p.RecordsOut), rate, remark(p))
	}
	if err := t.write(v.a.out); err != nil {
		return err
	}
	failed := 0
	for _, p := range s.Parts {
		if p.State == admin.StateFailed {
			failed++
		}
	}
	end := ", everything committed"
	switch read := slices.ContainsFunc(s.Parts, func(p admin.Part) bool { return p.RecordsIn > 0 }); {
	case failed > 0:
		end = "; " + number(failed, "part", "parts") + " failed, the rest is committed"
	case !read:
		end = "; there was nothing new, " + rel(h.Hub().Data) + " knows what was read before"
	}
	_, err := fmt.Fprintf(v.a.out, "\n%s in %s%s.\n%s", fileName(h.Hub().File), rounded(s.Time.Sub(s.Started)), end, v.next(h))
	return err
}

func place(s string) string {
	if filepath.IsAbs(s) {
		return rel(s)
	}
	return s
}

func fileName(path string) string {
	if path == "" {
		return "done"
	}
	return rel(path)
}

func remark(p admin.Part) string {
	var notes []string
	if p.State == admin.StateFailed {
		notes = append(notes, "failed: "+p.Error)
	}
	if p.DeadLetters > 0 {
		notes = append(notes, count(p.DeadLetters)+" to the dead-letter topic")
	}
	if p.LateRows > 0 {
		notes = append(notes, count(p.LateRows)+" late rows dropped")
	}
	return strings.Join(notes, "; ")
}

// next names commands that show the results, made from what the file declares.
func (v *view) next(h *hub.Hub) string {
	i := h.Hub()
	var b strings.Builder
	b.WriteString("\nTry next:\n")
	data := ""
	if i.Data != "" && rel(i.Data) != "weir-data" {
		data = " --data " + rel(i.Data)
	}
	if i.External {
		data += " --brokers " + strings.Join(i.Kafka, ",")
	}
	fmt.Fprintf(&b, "  weir up %s%s    # keep it running, then from another shell:\n", fileName(i.File), data)
	for _, p := range h.Status().Parts {
		switch p.Kind {
		case admin.KindQuery:
			if p.To != "" {
				fmt.Fprintf(&b, "  weir consume %s --max 5\n", p.To)
			}
		case admin.KindSource:
			fmt.Fprintf(&b, "  weir sql -e 'SELECT COUNT(*) FROM %s'\n", p.To)
		case admin.KindSink:
			if p.To != "" {
				fmt.Fprintf(&b, "  duckdb -c \"SELECT COUNT(*) FROM '%s/**/*.parquet'\"\n", place(p.To))
			}
		}
	}
	return b.String()
}
