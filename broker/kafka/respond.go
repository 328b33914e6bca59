package kafka

import (
	"encoding/binary"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// responseWriter encodes answers into a buffer that it keeps, and writes each at once: the next request may be one that
// waits for minutes.
type responseWriter struct {
	nc  net.Conn
	buf []byte
}

const (
	// maxKeptBytes is the largest buffer a connection holds on to between answers: a Fetch of 1 MiB, which is what
	// clients ask of a partition by default.
	maxKeptBytes = 1<<20 + 64<<10
	// writeTimeout frees what a client that stopped reading holds. A Fetch answer of 50 MiB passes at 1 MiB/s.
	writeTimeout = time.Minute
)

func newResponseWriter(nc net.Conn) *responseWriter { return &responseWriter{nc: nc} }

func (w *responseWriter) write(correlation int32, resp kmsg.Response, c *call) error {
	b := binary.BigEndian.AppendUint32(append(w.buf[:0], 0, 0, 0, 0), uint32(correlation))
	// The answer of ApiVersions never has header tags (KIP-511), so that a client that knows nothing yet can read it.
	if resp.IsFlexible() && resp.Key() != keyAPIVersions {
		b = append(b, 0)
	}
	if f, ok := resp.(*kmsg.FetchResponse); ok {
		b = appendFetch(b, f, c.records)
	} else {
		b = resp.AppendTo(b)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	if w.buf = b; cap(b) > maxKeptBytes {
		w.buf = nil
	}
	if err := w.nc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := w.nc.Write(b)
	return err
}
