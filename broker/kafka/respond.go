package kafka

import (
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// responseWriter encodes answers into one buffer that it keeps, and writes when told or when the buffer is large.
type responseWriter struct {
	nc  net.Conn
	buf []byte
}

// writeAtBytes: beyond this a write saves nothing by waiting for more.
const writeAtBytes = 64 << 10

// maxKeptBytes is the largest buffer a connection holds on to between answers.
const maxKeptBytes = 1 << 20

// writeTimeout frees what a client that stopped reading holds. A Fetch answer of 50 MiB passes at 1 MiB/s.
const writeTimeout = time.Minute

func newResponseWriter(nc net.Conn) *responseWriter { return &responseWriter{nc: nc} }

func (w *responseWriter) write(correlation int32, resp kmsg.Response, flush bool) error {
	w.buf = appendResponse(w.buf, correlation, resp)
	if !flush && len(w.buf) < writeAtBytes {
		return nil
	}
	if err := w.nc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := w.nc.Write(w.buf)
	if cap(w.buf) > maxKeptBytes {
		w.buf = nil
	}
	w.buf = w.buf[:0]
	return err
}
