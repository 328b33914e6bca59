package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
)

// ErrInUse says that another process holds an address or the data directory.
var ErrInUse = errors.New("in use")

// listeners are the hub's doors.
type listeners struct{ kafka, aws, http net.Listener }

// open takes all addresses, or none.
func (l *listeners) open(o Options, external bool) error {
	for _, d := range []struct {
		what, addr string
		to         *net.Listener
		embedded   bool // only with the embedded broker
	}{
		{"kafka", o.Kafka, &l.kafka, true}, {"aws", o.AWS, &l.aws, true}, {"http", o.HTTP, &l.http, false},
	} {
		if d.embedded && external {
			continue
		}
		ln, err := net.Listen("tcp", d.addr)
		if err != nil {
			return errors.Join(inUse(fmt.Errorf("listen for %s on %s: %w", d.what, d.addr, err)), l.close())
		}
		*d.to = ln
	}
	return nil
}

func (l *listeners) close() error {
	var errs []error
	for _, ln := range []*net.Listener{&l.kafka, &l.aws, &l.http} {
		if *ln == nil {
			continue
		}
		if err := (*ln).Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
		*ln = nil
	}
	return errors.Join(errs...)
}

// inUse marks errors that another process is the reason of.
func inUse(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return err
}

// lineHandler writes log records as lines for people.
type lineHandler struct {
	log   func(string)
	level slog.Level
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle implements slog.Handler.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(strings.ToLower(r.Level.String()) + ": " + r.Message)
	add := func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	h.log(b.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (h *lineHandler) WithAttrs(as []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append(append([]slog.Attr(nil), h.attrs...), as...)
	return &c
}

// WithGroup implements slog.Handler; groups are not shown.
func (h *lineHandler) WithGroup(string) slog.Handler { return h }
