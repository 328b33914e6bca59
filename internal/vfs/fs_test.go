package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Mem answers every call as the operating system does (invariant V4): the script runs on both, and the transcripts are
// compared.
func TestMemAnswersLikeTheOperatingSystem(t *testing.T) {
	root := filepath.ToSlash(t.TempDir())
	onDisk := transcript(t, OS(), root+"/")
	inMemory := transcript(t, NewMem(), "")
	if onDisk != inMemory {
		t.Fatalf("on the disk:\n%s\nin memory:\n%s", onDisk, inMemory)
	}
	if volatile := transcript(t, NewVolatile(), ""); onDisk != volatile {
		t.Fatalf("on the disk:\n%s\nin volatile memory:\n%s", onDisk, volatile)
	}
}

// kind names an error by what a caller may branch on.
func kind(err error) string {
	for _, k := range []error{fs.ErrNotExist, fs.ErrClosed, ErrLocked, io.EOF} {
		if errors.Is(err, k) {
			return k.Error()
		}
	}
	if err != nil {
		return "an error"
	}
	return "ok"
}

func transcript(t *testing.T, f FS, root string) string {
	t.Helper()
	var out strings.Builder
	say := func(what string, args ...any) { fmt.Fprintln(&out, append([]any{what}, args...)...) }
	name := func(s string) string { return root + s }

	_, err := f.Create(name("a/b/x"))
	say("create without a directory", kind(err))
	say("mkdir", kind(f.MkdirAll(name("a/b"))), kind(f.MkdirAll(name("a/b"))))
	x, err := f.Create(name("a/b/x"))
	say("create", kind(err))
	n, err := x.WriteAt([]byte("hello"), 3)
	say("write behind the end", n, kind(err))
	n, err = x.WriteAt([]byte("J"), 3)
	say("overwrite", n, kind(err))
	big := make([]byte, 3*pageBytes)
	for i := range big {
		big[i] = byte(i % 251)
	}
	n, err = x.WriteAt(big, 6)
	say("write over the end", n, kind(err))
	size, err := x.Size()
	say("size", size, kind(err))
	buf := make([]byte, 10)
	n, err = x.ReadAt(buf, 0)
	say("read", n, kind(err), buf)
	n, err = x.ReadAt(buf, size-4)
	say("read at the end", n, kind(err), buf[:n])
	n, err = x.ReadAt(buf, size+4)
	say("read behind the end", n, kind(err))
	say("truncate", kind(x.Truncate(pageBytes+7)), kind(x.Truncate(pageBytes+20)))
	n, err = x.ReadAt(buf, pageBytes+5)
	say("read where it was cut", n, kind(err), buf)
	say("sync", kind(x.Sync()), kind(f.SyncDir(name("a/b"))), kind(f.SyncDir(name("none"))))

	r, err := f.Open(name("a/b/x"))
	say("open", kind(err))
	_, err = r.WriteAt([]byte("no"), 0)
	say("write to a file open for reading", kind(err))
	_, err = f.Open(name("a/none"))
	say("open nothing", kind(err))
	_, err = f.OpenReadWrite(name("a/none"))
	say("open nothing for writing", kind(err))

	y, err := f.Create(name("a/y"))
	say("create", kind(err), kind(y.Close()), kind(y.Close()))
	_, err = y.ReadAt(buf, 0)
	say("read a closed file", kind(err))
	say("rename over", kind(f.Rename(name("a/b/x"), name("a/y"))), kind(f.Rename(name("a/b/x"), name("a/y"))))
	n, err = r.ReadAt(buf[:2], 3)
	say("read after rename", n, kind(err), buf[:2])
	st, err := f.Stat(name("a/y"))
	say("stat", st.Size, st.Dir, kind(err))
	st, err = f.Stat(name("a/b"))
	say("stat a directory", st.Dir, kind(err))
	_, err = f.Stat(name("a/b/x"))
	say("stat nothing", kind(err))
	names, err := f.List(name("a"))
	say("list", names, kind(err))
	_, err = f.List(name("none"))
	say("list nothing", kind(err))
	say("remove a full directory", kind(f.Remove(name("a"))))
	say("remove", kind(f.Remove(name("a/y"))), kind(f.Remove(name("a/y"))), kind(f.Remove(name("a/b"))))
	n, err = r.ReadAt(buf[:2], 3)
	say("read a removed file", n, kind(err), buf[:2])
	say("close", kind(r.Close()), kind(x.Close()))

	lock, err := f.Lock(name("a/lock"))
	say("lock", kind(err))
	_, err = f.Lock(name("a/lock"))
	say("lock again", kind(err))
	say("unlock", kind(lock.Close()))
	lock, err = f.Lock(name("a/lock"))
	say("lock", kind(err), kind(lock.Close()))
	say("remove all", kind(f.RemoveAll(name("a"))), kind(f.RemoveAll(name("a"))))
	say("mkdir durable", kind(MkdirDurable(f, name("p/q/r"))), kind(MkdirDurable(f, name("p/q/r"))))
	names, err = f.List(name("p"))
	say("list", names, kind(err))
	return out.String()
}

// A file opened by OS has a descriptor for sendfile, one in memory has none.
func TestOnlyTheOperatingSystemHasDescriptors(t *testing.T) {
	for f, want := range map[FS]bool{OS(): true, NewMem(): false} {
		name := "x"
		if want {
			name = filepath.ToSlash(t.TempDir()) + "/x"
		}
		file, err := f.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := file.Fd(); ok != want {
			t.Errorf("descriptor %t, want %t", ok, want)
		}
		file.Close()
	}
}

// A data directory is its owner's alone; what others are to read is made as the umask says.
func TestWhoMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there")
	}
	dir := filepath.ToSlash(t.TempDir())
	for name, c := range map[string]struct {
		fs   FS
		mode os.FileMode // bits of others
	}{"private": {OS(), 0}, "public": {PublicOS(), 0o044}} {
		if err := c.fs.MkdirAll(dir + "/" + name); err != nil {
			t.Fatal(err)
		}
		f, err := c.fs.Create(dir + "/" + name + "/f")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{"", "/f"} {
			st, err := os.Stat(dir + "/" + name + p)
			if err != nil {
				t.Fatal(err)
			}
			if got := st.Mode().Perm() & 0o044; got != c.mode {
				t.Errorf("%s%s: others may %o, want %o", name, p, got, c.mode)
			}
		}
	}
}
