package kafka

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxPipelined is how many requests of one connection may be read ahead of the answer being written. Clients keep 5 to
// a few tens in flight; what is beyond waits in the socket.
const maxPipelined = 64

const readBufferBytes = 16 << 10

// framePool keeps the buffers of Produce frames. Only theirs: the append has copied the records into the log when the
// answer is written, while other requests hand slices on (group metadata) that live longer.
var framePool = sync.Pool{New: func() any { b := make([]byte, 0, chunkBytes); return &b }}

// maxPooledBytes keeps one huge frame from staying in the pool. A client under load sends a batch of up to 1 MB for each
// partition in one request: buffers of those must stay, or each request grows, clears and copies its way up anew, which was a
// third of the broker's CPU time with six partitions.
const maxPooledBytes = 16 << 20

// conn is one client's connection: one goroutine reads frames, the other works and writes.
//
// Order (W2, W3): requests pass through a queue to the writing goroutine, which handles one after another. Only a
// Produce with nothing but Produces before it begins in the reading goroutine, so that its append does not wait for the
// fsync that an earlier one is waiting for; that wait is its second half (call.finish), which the writing goroutine runs
// in its turn.
type conn struct {
	s          *Server
	nc         net.Conn
	clientHost string
	clientPort string
	software   atomic.Pointer[software]
	muted      muting
	host       string // advertised to this client
	port       int32
	queue      chan *exchange
	plain      atomic.Int64 // requests in the queue that are no Produce
}

// exchange is a request with its answer to be.
type exchange struct {
	h      header
	a      *api
	call   *call
	resp   kmsg.Response
	began  bool
	err    error
	frame  *[]byte // pooled; nil when not
	weight int64   // held of the budget
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{s: s, nc: nc, host: s.host, port: s.port, queue: make(chan *exchange, maxPipelined)}
	if h, p, err := net.SplitHostPort(nc.RemoteAddr().String()); err == nil {
		c.clientHost, c.clientPort = "/"+h, p
	}
	if c.host == "" {
		c.host, c.port = splitAddr(nc.LocalAddr().String())
	}
	return c
}

// run serves until the client leaves, an error, or ctx ends.
func (c *conn) run(ctx context.Context) {
	defer c.nc.Close() //nolint:errcheck // nothing to be done about it
	// Handlers see the end of the server and of the connection: a long poll of a client that left ends at once.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// When the server stops, reading ends now; what is queued is answered within drainTimeout.
	stop := context.AfterFunc(ctx, func() { _ = c.nc.SetReadDeadline(time.Now()) })
	defer stop()

	var writer sync.WaitGroup
	writer.Go(func() {
		if err := c.write(); err != nil {
			cancel(err)
		}
	})
	err := c.read(ctx)
	close(c.queue)
	cancel(err) // the first cause stays
	drain := time.AfterFunc(drainTimeout, func() { _ = c.nc.Close() })
	writer.Wait()
	drain.Stop()
	if cause := context.Cause(ctx); !quiet(cause) {
		c.s.o.Logger.Info("connection closed", "client", c.nc.RemoteAddr().String(), "err", cause)
	}
}

// quiet reports whether an error that ended a connection is everyday life: a client that left, idleness, shutdown.
func quiet(err error) bool {
	var ne net.Error
	return errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &ne)
}

// read is the reading goroutine. Data path 1/7.
func (c *conn) read(ctx context.Context) error {
	r := bufio.NewReaderSize(c.nc, readBufferBytes)
	for ctx.Err() == nil {
		if err := c.deadline(ctx); err != nil {
			return err
		}
		n, weight, err := readLength(r, c.s.o.MaxRequestBytes)
		if err != nil {
			return err
		}
		// A throttled client's requests stay where they are. What it has sent before is served in its turn.
		if c.muted.wait(ctx) {
			if err := c.deadline(ctx); err != nil {
				return err
			}
		}
		if err := c.s.budget.Acquire(ctx, weight); err != nil {
			return err
		}
		e := &exchange{weight: weight}
		err = c.receive(ctx, r, n, e)
		if err != nil {
			c.release(e)
			return err
		}
		c.begin(e)
		select {
		case c.queue <- e:
		case <-ctx.Done():
			c.release(e)
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// deadline sets the idle limit, unless the server's end has already set one: the order of the two steps matters, since
// the server may stop between them.
func (c *conn) deadline(ctx context.Context) error {
	if err := c.nc.SetReadDeadline(time.Now().Add(c.s.o.IdleTimeout)); err != nil {
		return err
	}
	return ctx.Err()
}

// receive reads one frame and decodes it.
func (c *conn) receive(ctx context.Context, r *bufio.Reader, n int, e *exchange) error {
	var buf []byte
	if key, err := r.Peek(2); err == nil && key[0] == 0 && key[1] == keyProduce {
		e.frame = framePool.Get().(*[]byte)
		buf = *e.frame
	}
	buf, err := readBody(r, buf, n)
	if e.frame != nil {
		*e.frame = buf
	}
	if err != nil {
		return err
	}
	h, body, err := parseHeader(buf)
	if err != nil {
		return err
	}
	e.h = h
	e.a = c.s.apis[h.key]
	if e.a == nil || h.version < e.a.min || h.version > e.a.max {
		if h.key == keyAPIVersions {
			e.resp, e.began = c.s.unsupportedAPIVersions(), true
			return nil
		}
		return fmt.Errorf("%w: %s version %d is not served", errFrame, kmsg.NameForKey(h.key), h.version)
	}
	req, err := decode(h, body)
	if err != nil {
		return err
	}
	e.call = &call{
		ctx: ctx, req: req, clientID: h.clientID, clientHost: c.clientHost, clientPort: c.clientPort, software: &c.software,
		size: n, host: c.host, port: c.port,
	}
	return nil
}

// begin counts a request in, and handles it at once if it is a Produce behind nothing but Produces.
func (c *conn) begin(e *exchange) {
	if e.h.key != keyProduce {
		c.plain.Add(1)
		return
	}
	if c.plain.Load() == 0 {
		c.handle(e)
	}
}

// handle runs the handler. A panic fails this connection only (W5).
func (c *conn) handle(e *exchange) {
	e.began = true
	defer c.recovered(e)
	if !c.s.limits.Active() {
		e.resp, e.err = e.a.handle(c.s, e.call)
	} else {
		begin := time.Now()
		e.resp, e.err = e.a.handle(c.s, e.call)
		if e.err == nil {
			c.muted.until(c.s.throttle(e.call, e.resp, time.Since(begin)))
		}
	}
	if e.err == nil {
		e.resp.SetVersion(e.h.version)
	}
}

func (c *conn) finish(e *exchange) {
	defer c.recovered(e)
	e.call.finish()
}

func (c *conn) recovered(e *exchange) {
	if r := recover(); r != nil {
		e.err = fmt.Errorf("serve %s v%d: panic: %v", kmsg.NameForKey(e.h.key), e.h.version, r)
		c.s.o.Logger.LogAttrs(context.Background(), slog.LevelError, "panic while serving a request",
			slog.String("api", kmsg.NameForKey(e.h.key)), slog.Int("version", int(e.h.version)), slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
	}
}

// write is the writing goroutine: it answers in order until the queue is closed. After an error it only drains.
func (c *conn) write() error {
	var failed error
	for e := range c.queue {
		if failed == nil {
			failed = c.answer(e)
			if failed != nil {
				_ = c.nc.Close() // wakes the reading goroutine
			}
		}
		if e.h.key != keyProduce {
			c.plain.Add(-1)
		}
		c.release(e)
	}
	return failed
}

func (c *conn) answer(e *exchange) error {
	if !e.began {
		c.muted.wait(e.call.ctx)
		c.handle(e)
	}
	if e.err == nil && e.call != nil && e.call.finish != nil {
		c.finish(e)
	}
	if e.err != nil {
		return e.err
	}
	if e.call == nil {
		return writeAnswer(c.nc, e.h.correlation, e.resp, nil)
	}
	if e.call.noAnswer {
		return nil
	}
	return writeAnswer(c.nc, e.h.correlation, e.resp, e.call.records)
}

func (c *conn) release(e *exchange) {
	if e.frame != nil && cap(*e.frame) <= maxPooledBytes {
		framePool.Put(e.frame)
	}
	e.frame = nil
	if e.call != nil {
		releaseAll(e.call.records)
		e.call.records = nil
	}
	c.s.budget.Release(e.weight)
	e.weight = 0
}
