package vfs

import (
	"errors"
	"io"
)

// ErrLocked is the error of Lock while somebody else holds the name.
var ErrLocked = errors.New("locked by another process")

// FS is a file system as this project needs it. Names are slash-separated paths. All methods are safe for concurrent use.
// Durability: a file's bytes survive a crash after File.Sync; a created, renamed or removed name survives after
// SyncDir of its directory.
type FS interface {
	// Create makes an empty file for reading and writing; an existing one is truncated.
	Create(name string) (File, error)
	// Open opens an existing file read-only, OpenReadWrite for both. A missing name is fs.ErrNotExist.
	Open(name string) (File, error)
	OpenReadWrite(name string) (File, error)
	// Remove deletes one file or empty directory; RemoveAll a tree.
	Remove(name string) error
	RemoveAll(name string) error
	// Rename replaces newName atomically.
	Rename(oldName, newName string) error
	MkdirAll(dir string) error
	// List gives the names in dir, sorted, without the directory part.
	List(dir string) ([]string, error)
	Stat(name string) (Info, error)
	// SyncDir makes the directory's entries durable.
	SyncDir(dir string) error
	// Lock takes an exclusive lock on name (created if missing) for this process; Close gives it back.
	Lock(name string) (io.Closer, error)
}

// Info is what Stat tells.
type Info struct {
	Size int64
	Dir  bool
}

// File is an open file. ReadAt and WriteAt may be called from several goroutines at once.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size is the file's length now.
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes the bytes durable (fdatasync where there is one). After an error the file's content is unknown: the
	// caller must stop using it and never retry.
	Sync() error
	// Fd is the descriptor for sendfile, and false where there is none.
	Fd() (uintptr, bool)
}
