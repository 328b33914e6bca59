package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData leaves out the inode's times, which nobody here reads; the file's size is part of what fdatasync writes.
func syncData(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	if err := raw.Control(func(fd uintptr) {
		for {
			if serr = unix.Fdatasync(int(fd)); serr != unix.EINTR {
				return
			}
		}
	}); err != nil {
		return err
	}
	return os.NewSyscallError("fdatasync", serr)
}
