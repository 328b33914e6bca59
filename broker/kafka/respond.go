package kafka

import (
	"encoding/binary"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// responseWriter encodes answers into one buffer that it keeps, and writes when told or when the buffer is large.
type responseWriter struct {
	nc  net.Conn
	buf []byte
}

const (
	// writeAtBytes: beyond this a write saves nothing by waiting for more.
	writeAtBytes = 64 << 10
	// maxKeptBytes is the largest buffer a connection holds on to between answers: a Fetch of 1 MiB, which is what
	// clients ask of a partition by default.
	maxKeptBytes = 1<<20 + 64<<10
	// writeTimeout frees what a client that stopped reading holds. A Fetch answer of 50 MiB passes at 1 MiB/s.
	writeTimeout = time.Minute
)

func newResponseWriter(nc net.Conn) *responseWriter { return &responseWriter{nc: nc} }

// write adds an answer, and sends all that is there when flush is set or it is much.
func (w *responseWriter) write(correlation int32, resp kmsg.Response, c *call, flush bool) error {
	start := len(w.buf)
	w.buf = binary.BigEndian.AppendUint32(append(w.buf, 0, 0, 0, 0), uint32(correlation))
	// The answer of ApiVersions never has header tags (KIP-511), so that a client that knows nothing yet can read it.
	if resp.IsFlexible() && resp.Key() != keyAPIVersions {
		w.buf = append(w.buf, 0)
	}
	if f, ok := resp.(*kmsg.FetchResponse); ok {
		w.buf = appendFetch(w.buf, f, c.records)
	} else {
		w.buf = resp.AppendTo(w.buf)
	}
	binary.BigEndian.PutUint32(w.buf[start:], uint32(len(w.buf)-start-4))
	if !flush && len(w.buf) < writeAtBytes {
		return nil
	}
	return w.flush()
}

func (w *responseWriter) flush() error {
	if len(w.buf) == 0 {
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
