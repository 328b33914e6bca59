package stream

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/weirhub/weir/internal/vfs"
)

// A state file, also the bytes of a checkpoint's Inline (docs/format/state.md). All numbers little endian:
//
//	magic "WEIRSTAT"  version uint32  entries uint32
//	entry: kind uint8 (1 data, 2 removed)  group int16 (-1: no group)  task uint16
//	       nodeLen uint16, node  sectionLen uint16, section  dataLen uint32, data
//	...
//	crc uint32        CRC-32C of everything before
const (
	stateMagic   = "WEIRSTAT"
	stateVersion = 1
	stateHeader  = len(stateMagic) + 8
	entryData    = 1
	entryRemoved = 2
)

const (
	// maxInlineState is the largest whole state that travels in the checkpoint's record instead of a file: most queries'
	// state fits, and a record of this size is far below every broker's message limit.
	maxInlineState = 64 << 10
	// maxStateFileBytes bounds what a reader allocates for one file.
	maxStateFileBytes = 8 << 30
	// rewriteAbove lets old entries take as much room as live ones before everything is written anew, so disk use stays
	// below about twice the state; the constant spares small states the rewriting.
	rewriteAbove = 4 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stateKey names one piece of state.
type stateKey struct {
	node, section string
	group         int
	task          int // whose, for NoGroup; 0 otherwise, because a group has one owner at a time
}

// stateValue is a piece as it was last written.
type stateValue struct {
	hash  uint64
	bytes int
	data  []byte // kept only while the whole state is inline
}

// stateStore writes the state of a pipeline's checkpoints as immutable files and knows which of them are still needed.
// One goroutine uses it.
type stateStore struct {
	fs     vfs.FS // nil: inline only
	dir    string
	prefix string // "<pipeline>-"
	made   bool   // the directory is there for good

	live      map[stateKey]stateValue
	files     []string
	fileBytes int
	liveBytes int
}

func newStateStore(fsys vfs.FS, dir, pipeline string) *stateStore {
	return &stateStore{fs: fsys, dir: dir, prefix: fileSafe(pipeline) + "-", live: map[stateKey]stateValue{}}
}

// fileSafe spells a pipeline's name so that every file system takes it and two names never meet: everything but
// letters, digits, '_' and '.' is escaped as %XX, so '-' ends the name.
func fileSafe(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' && b.Len() > 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// pieces are all pieces of state of one checkpoint. A nil value means unchanged since the last one.
type pieces map[stateKey][]byte

func (p pieces) add(node string, task int, w *StateWriter) {
	for section, groups := range w.sections {
		for group, data := range groups {
			p[pieceKey(node, section, group, task)] = data
		}
	}
}

func pieceKey(node, section string, group, task int) stateKey {
	if group != NoGroup {
		task = 0
	}
	return stateKey{node, section, group, task}
}

// write makes the state of a checkpoint durable and names it in c. The caller has not committed yet: old files stay.
func (s *stateStore) write(c *Checkpoint, all pieces) error {
	next := make(map[stateKey]stateValue, len(all))
	var changed []stateKey
	s.liveBytes = 0
	for k, data := range all {
		old, had := s.live[k]
		v := old
		if data == nil {
			if !had {
				return fmt.Errorf("write state of %s: section %s, group %d: kept, but never written", k.node, k.section, k.group)
			}
		} else {
			v = stateValue{hash: xxhash.Sum64(data), bytes: len(data), data: data}
			if !had || old.hash != v.hash || old.bytes != v.bytes {
				changed = append(changed, k)
			}
		}
		next[k] = v
		s.liveBytes += v.bytes
	}
	if s.liveBytes <= maxInlineState && (s.fs == nil || len(s.files) == 0) && allHaveData(next) {
		s.live = next
		if len(next) > 0 {
			c.Inline = encodeState(slices.Collect(keysOf(next)), next)
		}
		return nil
	}
	if s.fs == nil {
		return Permanent(fmt.Errorf("write state of checkpoint %d: %d bytes need files, and the pipeline has no directory for them", c.ID, s.liveBytes))
	}
	return s.writeFile(c, next, changed)
}

func allHaveData(m map[stateKey]stateValue) bool {
	for _, v := range m {
		if v.data == nil {
			return false
		}
	}
	return true
}

func keysOf(m map[stateKey]stateValue) func(yield func(stateKey) bool) {
	return func(yield func(stateKey) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// writeFile writes the changed and removed pieces as a new file, or all pieces when too much of the old files is dead.
func (s *stateStore) writeFile(c *Checkpoint, next map[stateKey]stateValue, changed []stateKey) error {
	values := next
	for k := range s.live {
		if _, still := next[k]; !still {
			changed = append(changed, k)
		}
	}
	whole := len(s.files) == 0 || s.fileBytes > 2*s.liveBytes+rewriteAbove
	if whole {
		full, err := s.readMissing(next)
		if err != nil {
			return err
		}
		values, changed = full, slices.Collect(keysOf(full))
	}
	if len(changed) > 0 || whole {
		name := fmt.Sprintf("%s%d", s.prefix, c.ID)
		b := encodeState(changed, values)
		if err := s.create(name, b); err != nil {
			return fmt.Errorf("write state file %s: %w", name, err)
		}
		if whole {
			s.files, s.fileBytes = nil, 0
		}
		s.files = append(slices.Clone(s.files), name)
		s.fileBytes += len(b)
	}
	for k, v := range next {
		v.data = nil // it is in a file now
		next[k] = v
	}
	s.live = next
	c.Files = s.files
	return nil
}

// readMissing completes the pieces that were kept unchanged, from the files they are in.
func (s *stateStore) readMissing(next map[stateKey]stateValue) (map[stateKey]stateValue, error) {
	var old map[stateKey][]byte
	full := make(map[stateKey]stateValue, len(next))
	for k, v := range next {
		if v.data == nil {
			if old == nil {
				var err error
				if old, _, err = s.readFiles(s.files, nil); err != nil {
					return nil, err
				}
			}
			v.data = old[k]
		}
		full[k] = v
	}
	return full, nil
}

func (s *stateStore) create(name string, b []byte) error {
	if !s.made {
		if err := vfs.MkdirDurable(s.fs, s.dir); err != nil {
			return err
		}
		s.made = true
	}
	f, err := s.fs.Create(path.Join(s.dir, name))
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return s.fs.SyncDir(s.dir)
}

// restore reads the state that a committed checkpoint names and forgets everything else.
func (s *stateStore) restore(c *Checkpoint) (map[stateKey][]byte, error) {
	s.live, s.files, s.fileBytes, s.liveBytes = map[stateKey]stateValue{}, c.Files, 0, 0
	if len(c.Files) > 0 && s.fs == nil {
		return nil, Permanent(fmt.Errorf("restore checkpoint %d: it names state files, and the pipeline has no directory for them", c.ID))
	}
	all, size, err := s.readFiles(c.Files, c.Inline)
	if err != nil {
		return nil, Permanent(fmt.Errorf("restore checkpoint %d: %w", c.ID, err))
	}
	s.fileBytes = size
	for k, data := range all {
		v := stateValue{hash: xxhash.Sum64(data), bytes: len(data)}
		if len(c.Files) == 0 {
			v.data = data
		}
		s.live[k] = v
		s.liveBytes += len(data)
	}
	return all, nil
}

func (s *stateStore) readFiles(files []string, inline []byte) (map[stateKey][]byte, int, error) {
	all, size := map[stateKey][]byte{}, 0
	for _, name := range files {
		b, err := s.readFile(name)
		if err == nil {
			err = decodeState(b, all)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read state file %s: %w", name, err)
		}
		size += len(b)
	}
	if len(inline) > 0 {
		if err := decodeState(inline, all); err != nil {
			return nil, 0, fmt.Errorf("read inline state: %w", err)
		}
	}
	return all, size, nil
}

func (s *stateStore) readFile(name string) ([]byte, error) {
	f, err := s.fs.Open(path.Join(s.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := f.Size()
	if err != nil {
		return nil, err
	}
	if n > maxStateFileBytes {
		return nil, fmt.Errorf("%d bytes are more than a state file may have", n)
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// clean removes the pipeline's files that no committed checkpoint names. It runs after a commit or a restore, so a
// crash before it leaves files behind that the next start removes.
func (s *stateStore) clean() error {
	if s.fs == nil {
		return nil
	}
	names, err := s.fs.List(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list state files: %w", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, s.prefix) && !slices.Contains(s.files, name) {
			if err := s.fs.Remove(path.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove state file %s: %w", name, err)
			}
		}
	}
	return nil
}
