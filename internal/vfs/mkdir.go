package vfs

import (
	"errors"
	"io/fs"
	"path"
)

// MkdirDurable makes a directory and those above it, and makes the names of all that were missing, and dir's own in any
// case, durable: a directory that an earlier process made and did not live to sync looks like any other.
func MkdirDurable(fsys FS, dir string) error {
	dir = path.Clean(dir)
	toSync := []string{path.Dir(dir)}
	for up := path.Dir(dir); up != path.Dir(up); up = path.Dir(up) {
		_, err := fsys.Stat(up)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		toSync = append(toSync, path.Dir(up))
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return err
	}
	for _, d := range toSync {
		if err := fsys.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}
