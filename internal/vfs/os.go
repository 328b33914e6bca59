package vfs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// OS is the operating system's file system, for a data directory: what it makes is its owner's alone, since it holds
// other people's records.
func OS() FS { return osFS{file: 0o600, dir: 0o700} }

// PublicOS is the same for output that other users and programs are to read: the umask says who may.
func PublicOS() FS { return osFS{file: 0o666, dir: 0o777} }

type osFS struct{ file, dir os.FileMode }

func (o osFS) Create(name string) (File, error) {
	return o.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (o osFS) Open(name string) (File, error) { return o.open(name, os.O_RDONLY) }

func (o osFS) OpenReadWrite(name string) (File, error) { return o.open(name, os.O_RDWR) }

func (osFS) Remove(name string) error { return os.Remove(filepath.FromSlash(name)) }

func (osFS) RemoveAll(name string) error { return os.RemoveAll(filepath.FromSlash(name)) }

func (o osFS) MkdirAll(dir string) error { return os.MkdirAll(filepath.FromSlash(dir), o.dir) }

func (osFS) Rename(oldName, newName string) error {
	return os.Rename(filepath.FromSlash(oldName), filepath.FromSlash(newName))
}

func (osFS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.FromSlash(dir)) // sorted by name
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (osFS) Stat(name string) (Info, error) {
	st, err := os.Stat(filepath.FromSlash(name))
	if err != nil {
		return Info{}, err
	}
	return Info{Size: st.Size(), Dir: st.IsDir()}, nil
}

// Lock leaves the file in place when it is given back: removing it would let a second process lock a name that a third
// one has just created anew.
func (o osFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(filepath.FromSlash(name), os.O_RDWR|os.O_CREATE, o.file)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: name, Err: fmt.Errorf("%w: %w", ErrLocked, err)}
	}
	return f, nil
}

func (o osFS) open(name string, flag int) (File, error) {
	f, err := os.OpenFile(filepath.FromSlash(name), flag, o.file)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (f osFile) Sync() error         { return syncData(f.File) }
func (f osFile) Fd() (uintptr, bool) { return f.File.Fd(), true }
