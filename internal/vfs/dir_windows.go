package vfs

import (
	"os"

	"golang.org/x/sys/windows"
)

// SyncDir has nothing to do: NTFS journals directory entries and a directory handle cannot be flushed.
func (osFS) SyncDir(string) error { return nil }

func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
}
