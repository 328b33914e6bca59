package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/weirhub/weir/internal/admin"
)

// maxFolded bounds the rows of a result that is folded in memory; a larger one is a changelog to be written as it comes.
const maxFolded = 1_000_000

// repaintEvery is how often a live table is drawn: faster than the eye asks, slow enough for a slow terminal.
const repaintEvery = 200 * time.Millisecond

// resultWriter prints the lines of SQL answers in one format.
type resultWriter struct {
	format  string
	out     io.Writer
	live    bool // draw the table again as it changes
	width   int
	height  int
	columns []admin.SQLColumn
	rows    []foldedRow
	index   map[string][]int // row text -> places in rows
	free    int              // place that the last -U left for its +U, -1: none
	holes   int
	painted int // lines on the screen
	last    time.Time
}

type foldedRow struct {
	text []byte // the JSON array; nil: gone
}

func newResultWriter(format string, out io.Writer, live bool, width, height int) (*resultWriter, error) {
	switch format {
	case "table", "json", "csv", "changelog":
		return &resultWriter{format: format, out: out, live: live && format == "table", width: width, height: height, free: -1}, nil
	}
	return nil, usagef("--format table|json|csv|changelog", "format cannot be %q", format)
}

func (w *resultWriter) line(l admin.SQLLine) error {
	switch {
	case l.Columns != nil:
		w.columns, w.rows, w.index, w.free, w.painted = l.Columns, nil, map[string][]int{}, -1, 0
		return nil
	case l.Message != "":
		_, err := fmt.Fprintln(w.out, l.Message)
		return err
	case l.End:
		return w.finish()
	}
	if w.format == "changelog" {
		_, err := fmt.Fprintf(w.out, `{"op":%q,"row":%s}`+"\n", l.Op, l.Row)
		return err
	}
	if err := w.fold(l); err != nil {
		return err
	}
	if w.live && time.Since(w.last) >= repaintEvery {
		return w.repaint()
	}
	return nil
}

// fold applies one change. The +U that follows a -U takes its place, so that rows stay where they are on the screen.
func (w *resultWriter) fold(l admin.SQLLine) error {
	if l.Op == "-U" || l.Op == "-D" {
		at := w.index[string(l.Row)]
		if len(at) == 0 {
			return fmt.Errorf("the changelog takes back a row that it never gave: %s", l.Row)
		}
		i := at[len(at)-1]
		if at = at[:len(at)-1]; len(at) == 0 {
			delete(w.index, string(l.Row))
		} else {
			w.index[string(l.Row)] = at
		}
		w.rows[i].text = nil
		w.holes++
		if l.Op == "-U" {
			w.free = i
		}
		return nil
	}
	i := w.free
	if w.free = -1; i < 0 || l.Op != "+U" {
		if len(w.rows)-w.holes >= maxFolded {
			return fmt.Errorf("the result has more than %s rows; use --format changelog to write it as it comes", count(maxFolded))
		}
		i = len(w.rows)
		w.rows = append(w.rows, foldedRow{})
	} else {
		w.holes--
	}
	w.rows[i].text = bytes.Clone(l.Row)
	w.index[string(l.Row)] = append(w.index[string(l.Row)], i)
	return nil
}

func (w *resultWriter) kept() [][]byte {
	out := make([][]byte, 0, len(w.rows))
	for _, r := range w.rows {
		if r.text != nil {
			out = append(out, r.text)
		}
	}
	return out
}

// close ends the output: what a live or interrupted query has gathered is shown.
func (w *resultWriter) close() error {
	if w.columns == nil {
		return nil
	}
	return w.finish()
}

func (w *resultWriter) finish() error {
	defer func() { w.columns, w.rows = nil, nil }()
	switch w.format {
	case "json":
		return w.writeJSON()
	case "csv":
		return w.writeCSV()
	case "table":
		if w.live {
			return w.repaint()
		}
		t, err := w.table(w.kept())
		if err != nil {
			return err
		}
		if err := t.write(w.out); err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.out, "(%s)\n", number(len(w.kept()), "row", "rows"))
		return err
	}
	return nil
}

func (w *resultWriter) writeJSON() error {
	for _, text := range w.kept() {
		var cells []json.RawMessage
		if err := json.Unmarshal(text, &cells); err != nil {
			return fmt.Errorf("read row: %w", err)
		}
		var b bytes.Buffer
		b.WriteByte('{')
		for i, c := range cells {
			if i > 0 {
				b.WriteByte(',')
			}
			name, err := json.Marshal(w.columns[i].Name)
			if err != nil {
				return fmt.Errorf("write column name: %w", err)
			}
			b.Write(name)
			b.WriteByte(':')
			b.Write(c)
		}
		b.WriteString("}\n")
		if _, err := w.out.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (w *resultWriter) writeCSV() error {
	c := csv.NewWriter(w.out)
	header := make([]string, len(w.columns))
	for i, col := range w.columns {
		header[i] = col.Name
	}
	if err := c.Write(header); err != nil {
		return err
	}
	for _, text := range w.kept() {
		cells, err := cellTexts(text, "")
		if err != nil {
			return err
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// cellTexts turns a JSON array into texts; a null is written as null says.
func cellTexts(text []byte, null string) ([]string, error) {
	var cells []json.RawMessage
	if err := json.Unmarshal(text, &cells); err != nil {
		return nil, fmt.Errorf("read row: %w", err)
	}
	out := make([]string, len(cells))
	for i, c := range cells {
		var s string
		switch {
		case string(c) == "null":
			out[i] = null
		case len(c) > 0 && c[0] == '"':
			if err := json.Unmarshal(c, &s); err != nil {
				return nil, fmt.Errorf("read row: %w", err)
			}
			out[i] = s
		default:
			out[i] = string(c)
		}
	}
	return out, nil
}

func (w *resultWriter) table(rows [][]byte) (*textTable, error) {
	header := make([]string, len(w.columns))
	for i, c := range w.columns {
		header[i] = c.Name
		if numericType(c.Type) {
			header[i] = "#" + c.Name
		}
	}
	t := newTable(header...)
	for _, text := range rows {
		cells, err := cellTexts(text, "NULL")
		if err != nil {
			return nil, err
		}
		for i := range cells {
			cells[i] = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(cells[i])
		}
		t.rows = append(t.rows, cells)
	}
	return t, nil
}

func numericType(t string) bool {
	for _, p := range []string{"TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"} {
		if strings.HasPrefix(t, p) && !strings.HasPrefix(t, "INTERVAL") {
			return true
		}
	}
	return false
}

// repaint draws the table over the one before, cut to the screen.
func (w *resultWriter) repaint() error {
	w.last = time.Now()
	rows := w.kept()
	room := max(w.height-3, 1)
	shown := rows
	if len(shown) > room {
		shown = slices.Clone(rows[len(rows)-room:])
	}
	t, err := w.table(shown)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.write(&b); err != nil {
		return err
	}
	fmt.Fprintf(&b, "(%s, live; Ctrl-C ends)\n", number(len(rows), "row", "rows"))
	var screen bytes.Buffer
	if w.painted > 0 {
		fmt.Fprintf(&screen, "\r\x1b[%dA", w.painted) // \r: Ctrl-C leaves ^C in the line
	}
	lines := strings.SplitAfter(b.String(), "\n")
	w.painted = len(lines) - 1
	for _, l := range lines[:w.painted] {
		r := []rune(strings.TrimSuffix(l, "\n"))
		if len(r) > w.width {
			r = r[:w.width]
		}
		screen.WriteString("\x1b[2K" + string(r) + "\n")
	}
	screen.WriteString("\x1b[J")
	_, err = w.out.Write(screen.Bytes())
	return err
}
