package kafka

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/commitlog"
)

// answerPool keeps the buffers that answers are encoded into. Between answers a connection holds none, so that ten
// thousand connections that wait cost little.
var answerPool = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

const (
	// maxBufferedRecords is how many bytes of records are copied into an answer's buffer; larger answers stream theirs
	// from the file. Below it one write of one buffer is cheaper than several system calls, and a consumer at the log's
	// end is always below it.
	maxBufferedRecords = 256 << 10
	// maxKeptBytes is the largest buffer that goes back to the pool: records and their heads.
	maxKeptBytes = 2 * maxBufferedRecords
	// copyBytes is the piece in which records are copied where there is no sendfile.
	copyBytes = 256 << 10
	// writeTimeout frees what a client that stopped reading holds; it begins anew with each partition's records.
	writeTimeout = time.Minute
)

// writeAnswer encodes an answer and writes it at once: the next request may be one that waits for minutes.
func writeAnswer(nc net.Conn, correlation int32, resp kmsg.Response, records []commitlog.Slice) error {
	pooled := answerPool.Get().(*[]byte)
	b := binary.BigEndian.AppendUint32(append((*pooled)[:0], 0, 0, 0, 0), uint32(correlation))
	// The answer of ApiVersions never has header tags (KIP-511), so that a client that knows nothing yet can read it.
	if resp.IsFlexible() && resp.Key() != keyAPIVersions {
		b = append(b, 0)
	}
	size := 0
	for i := range records {
		size += records[i].Len()
	}
	var gaps []int
	switch f, ok := resp.(*kmsg.FetchResponse); {
	case !ok:
		b = resp.AppendTo(b)
	case size <= maxBufferedRecords:
		b, size = appendFetch(b, f, records), 0
	default:
		b, gaps = appendFetchHeads(b, f, records)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)+size-4))
	if cap(b) <= maxKeptBytes {
		*pooled = b
		defer answerPool.Put(pooled)
	}
	from := 0
	for i, at := range gaps {
		if err := writePart(nc, b[from:at]); err != nil {
			return err
		}
		if err := writeRecords(nc, &records[i]); err != nil {
			return err
		}
		from = at
	}
	return writePart(nc, b[from:])
}

func writePart(nc net.Conn, b []byte) error {
	if err := nc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := nc.Write(b)
	return err
}

// writeRecords sends a slice's bytes from its file: by sendfile where there is one, else in pieces.
func writeRecords(nc net.Conn, s *commitlog.Slice) error {
	f, pos, n, _ := s.File()
	if tcp, ok := nc.(*net.TCPConn); ok {
		if fd, ok := f.Fd(); ok {
			if done, err := sendFile(tcp, fd, pos, n); done {
				return err
			}
		}
	}
	buf := make([]byte, min(n, copyBytes))
	for n > 0 {
		k, err := f.ReadAt(buf[:min(n, len(buf))], pos)
		if k == 0 {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if err := writePart(nc, buf[:k]); err != nil {
			return err
		}
		pos, n = pos+int64(k), n-k
	}
	return nil
}
