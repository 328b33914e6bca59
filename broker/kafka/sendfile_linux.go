package kafka

import (
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// sendFile moves n bytes of a file into the socket without copying them through this process. The offset is explicit:
// net's own use of sendfile moves the descriptor's position, which concurrent fetches of one segment share. done is false
// when the kernel cannot, and nothing was sent.
func sendFile(tcp *net.TCPConn, fd uintptr, pos int64, n int) (done bool, err error) {
	rc, err := tcp.SyscallConn()
	if err != nil {
		return true, err
	}
	sent := 0
	var failed error
	err = rc.Write(func(socket uintptr) bool {
		for sent < n {
			k, err := unix.Sendfile(int(socket), int(fd), &pos, n-sent)
			switch {
			case k > 0:
				sent += k
			case errors.Is(err, unix.EAGAIN):
				return false // until the socket takes more
			case errors.Is(err, unix.EINTR):
			case err != nil:
				failed = err
				return true
			default:
				failed = io.ErrUnexpectedEOF
				return true
			}
		}
		return true
	})
	if err == nil {
		err = failed
	}
	if sent == 0 && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS)) {
		return false, nil
	}
	return true, err
}
