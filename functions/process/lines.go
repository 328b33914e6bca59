package process

import "bytes"

// maxLineBytes cuts longer lines, as CloudWatch does with events of more than 256 KiB.
const maxLineBytes = 256 << 10

// lineWriter cuts what a child prints into lines. exec's goroutine for the stream is its only user until the child has been
// waited for; then flush gives out a last line without an end.
type lineWriter struct {
	line func(text string)
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			w.rest = append(w.rest, p...)
			for len(w.rest) >= maxLineBytes {
				w.line(string(w.rest[:maxLineBytes]))
				w.rest = append(w.rest[:0], w.rest[maxLineBytes:]...)
			}
			return n, nil
		}
		line := p[:end]
		if len(w.rest) > 0 {
			w.rest = append(w.rest, line...)
			line = w.rest
		}
		w.line(string(bytes.TrimSuffix(line, []byte{'\r'})))
		w.rest, p = w.rest[:0], p[end+1:]
	}
	return n, nil
}

func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.line(string(w.rest))
		w.rest = w.rest[:0]
	}
}
