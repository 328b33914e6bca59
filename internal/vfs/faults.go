package vfs

import (
	"errors"
	"fmt"
	"sync"
)

// ErrCrashed is what every call of a Mem answers after the operation that CrashAfter named.
var ErrCrashed = errors.New("file system crashed")

// OpKind names what a call does.
type OpKind string

// The kinds of operations. Reads (open, read, list, stat, size) are one kind that changes nothing and is not counted.
const (
	OpCreate   OpKind = "create"
	OpOpen     OpKind = "open"
	OpRead     OpKind = "read"
	OpWrite    OpKind = "write"
	OpTruncate OpKind = "truncate"
	OpSync     OpKind = "sync"
	OpRemove   OpKind = "remove"
	OpRename   OpKind = "rename"
	OpMkdir    OpKind = "mkdir"
	OpSyncDir  OpKind = "syncdir"
)

func (k OpKind) changes() bool { return k != OpOpen && k != OpRead }

// Op is one operation as the hook sees it. N counts the operations that change something, from 1; for a read it is the
// number of the last change before it.
type Op struct {
	Kind OpKind
	Name string
	N    int
}

// ShortWriteError, returned by a hook at OpWrite, writes the first N bytes and fails with Err.
type ShortWriteError struct {
	N   int
	Err error
}

func (e *ShortWriteError) Error() string {
	return fmt.Sprintf("short write of %d bytes: %v", e.N, e.Err)
}
func (e *ShortWriteError) Unwrap() error { return e.Err }

type faults struct {
	mu struct {
		sync.Mutex
		hook    func(Op) error
		ops     int
		crashAt int // 0: never
	}
}

// SetHook has f called before each operation; an error of f becomes the operation's error and nothing is done. f runs
// under a lock and must not call the Mem. Nil takes the hook away.
func (m *Mem) SetHook(f func(Op) error) {
	m.faults.mu.Lock()
	defer m.faults.mu.Unlock()
	m.faults.mu.hook = f
}

// CrashAfter lets n more changing operations happen and fails every call after them with ErrCrashed; n 0 crashes at
// once, a negative n takes the order back.
func (m *Mem) CrashAfter(n int) {
	m.faults.mu.Lock()
	defer m.faults.mu.Unlock()
	m.faults.mu.crashAt = 0
	if n >= 0 {
		m.faults.mu.crashAt = m.faults.mu.ops + n + 1
	}
}

// Ops is the number of changing operations so far.
func (m *Mem) Ops() int {
	m.faults.mu.Lock()
	defer m.faults.mu.Unlock()
	return m.faults.mu.ops
}

func (f *faults) before(kind OpKind, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.crashAt > 0 && (f.mu.ops >= f.mu.crashAt || kind.changes() && f.mu.ops+1 >= f.mu.crashAt) {
		f.mu.ops = max(f.mu.ops, f.mu.crashAt) // from here on reads fail as well
		return ErrCrashed
	}
	if kind.changes() {
		f.mu.ops++
	}
	if f.mu.hook != nil {
		return f.mu.hook(Op{Kind: kind, Name: name, N: f.mu.ops})
	}
	return nil
}
