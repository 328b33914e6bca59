package vfs

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// Mem is a file system in memory. A crashable one (NewMem) remembers what was not synced, so that CrashClone can take
// it back; a volatile one (NewVolatile) remembers nothing and costs only its bytes.
type Mem struct {
	root      *memNode
	crashable bool

	// moment is held shared by each change of a file's bytes and alone by a clone: an image is of one moment. Without it a
	// clone could take one file before its sync and a later one after a write that followed that sync, which no power cut
	// leaves. It is taken before mu.
	moment sync.RWMutex
	mu     struct {
		sync.Mutex         // the tree; a file's bytes have their own lock
		pending    []dirOp // directory changes that no SyncDir covered, oldest first
		locks      map[string]bool
	}
	faults faults
}

// NewMem is an empty crashable file system: each unsynced write is held twice until it is synced.
func NewMem() *Mem { return newMem(true) }

// NewVolatile is an empty file system that keeps nothing after the process: the store behind `--data memory`.
// CrashClone of it holds everything written.
func NewVolatile() *Mem { return newMem(false) }

func newMem(crashable bool) *Mem {
	m := &Mem{root: newDirNode(), crashable: crashable}
	m.mu.locks = map[string]bool{}
	return m
}

// memNode is a directory (entries set) or a file (data set). Entries are guarded by Mem.mu.
type memNode struct {
	entries map[string]*memNode
	durable map[string]*memNode // entries that a crash leaves for sure; only when crashable
	data    *memData
}

func newDirNode() *memNode {
	return &memNode{entries: map[string]*memNode{}, durable: map[string]*memNode{}}
}

func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// walk finds a node; "" is the root. The caller holds mu.
func (m *Mem) walk(name string) (*memNode, bool) {
	n := m.root
	for name != "" {
		var part string
		part, name, _ = strings.Cut(name, "/")
		if n = n.entries[part]; n == nil {
			return nil, false
		}
	}
	return n, true
}

// parent finds the directory of a name and the last part of it.
func (m *Mem) parent(name string) (dir *memNode, base string, err error) {
	d, base := path.Split(name)
	dir, ok := m.walk(strings.TrimSuffix(d, "/"))
	if !ok || base == "" {
		return nil, base, fs.ErrNotExist
	}
	if dir.entries == nil {
		return nil, base, errors.New("not a directory")
	}
	return dir, base, nil
}

// link sets or (target nil) removes a name and remembers the change until it is synced.
func (m *Mem) link(op dirOp) {
	op.apply(func(n *memNode) map[string]*memNode { return n.entries })
	if m.crashable {
		m.mu.pending = append(m.mu.pending, op)
	}
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Create makes or truncates a file.
func (m *Mem) Create(name string) (File, error) {
	if err := m.faults.before(OpCreate, name); err != nil {
		return nil, pathError("create", name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(clean(name))
	if err != nil {
		return nil, pathError("create", name, err)
	}
	n := dir.entries[base]
	switch {
	case n == nil:
		n = &memNode{data: &memData{crashable: m.crashable}}
		m.link(dirOp{dir: dir, name: base, target: n})
	case n.data == nil:
		return nil, pathError("create", name, errors.New("is a directory"))
	default:
		n.data.truncate(0)
	}
	return &memFile{fs: m, name: name, data: n.data, writable: true}, nil
}

// Open opens an existing file read-only.
func (m *Mem) Open(name string) (File, error) { return m.open(name, false) }

// OpenReadWrite opens an existing file for reading and writing.
func (m *Mem) OpenReadWrite(name string) (File, error) { return m.open(name, true) }

func (m *Mem) open(name string, writable bool) (File, error) {
	if err := m.faults.before(OpOpen, name); err != nil {
		return nil, pathError("open", name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.walk(clean(name))
	if !ok {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	if n.data == nil {
		return nil, pathError("open", name, errors.New("is a directory"))
	}
	return &memFile{fs: m, name: name, data: n.data, writable: writable}, nil
}

// Remove deletes one file or empty directory. Open files stay readable.
func (m *Mem) Remove(name string) error {
	if err := m.faults.before(OpRemove, name); err != nil {
		return pathError("remove", name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(clean(name))
	if err != nil {
		return pathError("remove", name, err)
	}
	n := dir.entries[base]
	if n == nil {
		return pathError("remove", name, fs.ErrNotExist)
	}
	if len(n.entries) > 0 {
		return pathError("remove", name, errors.New("directory not empty"))
	}
	m.link(dirOp{dir: dir, name: base})
	return nil
}

// RemoveAll deletes a tree entry by entry, as the operating system does: a crash can leave part of it.
func (m *Mem) RemoveAll(name string) error {
	m.mu.Lock()
	n, ok := m.walk(clean(name))
	var names []string
	if ok {
		names = sortedNames(n.entries)
	}
	m.mu.Unlock()
	if !ok {
		return nil
	}
	for _, child := range names {
		if err := m.RemoveAll(path.Join(name, child)); err != nil {
			return err
		}
	}
	if clean(name) == "" {
		return nil
	}
	return m.Remove(name)
}

// Rename replaces newName atomically.
func (m *Mem) Rename(oldName, newName string) error {
	if err := m.faults.before(OpRename, newName); err != nil {
		return pathError("rename", oldName, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	from, oldBase, err := m.parent(clean(oldName))
	if err != nil {
		return pathError("rename", oldName, err)
	}
	to, newBase, err := m.parent(clean(newName))
	if err != nil {
		return pathError("rename", newName, err)
	}
	n := from.entries[oldBase]
	if n == nil {
		return pathError("rename", oldName, fs.ErrNotExist)
	}
	if old := to.entries[newBase]; old != nil && old != n && (len(old.entries) > 0 || (old.data == nil) != (n.data == nil)) {
		return pathError("rename", newName, fs.ErrExist)
	}
	if from == to && oldBase == newBase {
		return nil
	}
	m.link(dirOp{dir: to, name: newBase, target: n, fromDir: from, fromName: oldBase})
	return nil
}

// MkdirAll makes a directory and those above it.
func (m *Mem) MkdirAll(dir string) error {
	if err := m.faults.before(OpMkdir, dir); err != nil {
		return pathError("mkdir", dir, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.root
	for rest := clean(dir); rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		child := n.entries[part]
		if child == nil {
			child = newDirNode()
			m.link(dirOp{dir: n, name: part, target: child})
		}
		if child.entries == nil {
			return pathError("mkdir", dir, errors.New("not a directory"))
		}
		n = child
	}
	return nil
}

// List gives the names in dir, sorted.
func (m *Mem) List(dir string) ([]string, error) {
	if err := m.faults.before(OpRead, dir); err != nil {
		return nil, pathError("list", dir, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.walk(clean(dir))
	if !ok {
		return nil, pathError("list", dir, fs.ErrNotExist)
	}
	if n.entries == nil {
		return nil, pathError("list", dir, errors.New("not a directory"))
	}
	return sortedNames(n.entries), nil
}

func sortedNames(entries map[string]*memNode) []string {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Stat tells size and kind.
func (m *Mem) Stat(name string) (Info, error) {
	if err := m.faults.before(OpRead, name); err != nil {
		return Info{}, pathError("stat", name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.walk(clean(name))
	if !ok {
		return Info{}, pathError("stat", name, fs.ErrNotExist)
	}
	if n.data == nil {
		return Info{Dir: true}, nil
	}
	return Info{Size: n.data.size()}, nil
}

// SyncDir makes the entries of dir durable.
func (m *Mem) SyncDir(dir string) error {
	if err := m.faults.before(OpSyncDir, dir); err != nil {
		return pathError("syncdir", dir, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.walk(clean(dir))
	if !ok || n.entries == nil {
		return pathError("syncdir", dir, fs.ErrNotExist)
	}
	m.mu.pending = slices.DeleteFunc(m.mu.pending, func(op dirOp) bool {
		if op.dir != n && op.fromDir != n {
			return false
		}
		op.apply(func(n *memNode) map[string]*memNode { return n.durable })
		return true
	})
	return nil
}

// Lock takes the name for this Mem. A clone starts without locks: its process died.
func (m *Mem) Lock(name string) (io.Closer, error) {
	f, err := m.open(name, true)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = m.Create(name)
	}
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := clean(name)
	if m.mu.locks[key] {
		return nil, pathError("lock", name, ErrLocked)
	}
	m.mu.locks[key] = true
	return &memLock{fs: m, key: key, file: f}, nil
}

type memLock struct {
	fs   *Mem
	key  string
	file File
}

func (l *memLock) Close() error {
	l.fs.mu.Lock()
	delete(l.fs.mu.locks, l.key)
	l.fs.mu.Unlock()
	return l.file.Close()
}
