package vfs

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func mustCreate(t *testing.T, m *Mem, name string, data []byte) File {
	t.Helper()
	f, err := m.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, m *Mem, name string) []byte {
	t.Helper()
	f, err := m.Open(name)
	if err != nil {
		return nil
	}
	n, _ := f.Size()
	b := make([]byte, n)
	f.ReadAt(b, 0)
	return b
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// What was synced, name and bytes, is in every crash image; and over many images everything that a disk may do with the
// rest happens: all of it, nothing, a torn write, a later write without an earlier one (invariants V1 and V2).
func TestCrashImagesHoldWhatWasSynced(t *testing.T) {
	m := NewMem()
	synced := bytes.Repeat([]byte("s"), 1500)
	f := mustCreate(t, m, "f", synced)
	must(t, f.Sync(), m.SyncDir(""))
	first, second := bytes.Repeat([]byte("1"), 1500), bytes.Repeat([]byte("2"), 1500)
	f.WriteAt(first, 1500)
	f.WriteAt(second, 3000)

	seen := map[string]bool{}
	for seed := range uint64(300) {
		got := read(t, m.CrashClone(rand.New(rand.NewPCG(seed, 0))), "f")
		if len(got) < 1500 || !bytes.Equal(got[:1500], synced) {
			t.Fatalf("seed %d: the synced bytes are gone", seed)
		}
		ones, twos := bytes.Count(got, []byte("1")), bytes.Count(got, []byte("2"))
		switch {
		case ones == 1500 && twos == 1500:
			seen["all"] = true
		case ones == 0 && twos == 0:
			seen["nothing"] = true
		case ones == 0 && twos > 0:
			seen["later without earlier"] = true
		case ones > 0 && ones < 1500 && twos == 0:
			seen["torn"] = true
		case ones > 0 && ones < 1500 && twos > 0:
			seen["hole"] = true
		}
	}
	for _, want := range []string{"all", "nothing", "later without earlier", "torn", "hole"} {
		if !seen[want] {
			t.Errorf("no image shows: %s", want)
		}
	}
	if got := read(t, m.CrashClone(nil), "f"); !bytes.Equal(got, synced) {
		t.Errorf("without a source of chance %d bytes are left, want 1500", len(got))
	}
	if got := read(t, m.Clone(), "f"); len(got) != 4500 {
		t.Errorf("after a killed process %d bytes are left, want 4500", len(got))
	}
}

// A rename that was not synced has happened or not, never half; a name is durable only when its directory is.
func TestCrashImagesOfDirectories(t *testing.T) {
	m := NewMem()
	must(t, m.MkdirAll("d"), m.SyncDir(""))
	old := mustCreate(t, m, "d/current", []byte("old"))
	must(t, old.Sync(), m.SyncDir("d"))
	tmp := mustCreate(t, m, "d/tmp", []byte("new"))
	must(t, tmp.Sync(), m.Rename("d/tmp", "d/current"))
	must(t, m.MkdirAll("e"))
	lost := mustCreate(t, m, "e/f", []byte("f"))
	must(t, lost.Sync(), m.SyncDir("e")) // but not the root, which holds e

	seen := map[string]bool{}
	for seed := range uint64(200) {
		c := m.CrashClone(rand.New(rand.NewPCG(seed, 0)))
		current := string(read(t, c, "d/current"))
		if current != "old" && current != "new" {
			t.Fatalf("current is %q", current)
		}
		names, _ := c.List("d")
		if current == "new" && slices.Contains(names, "tmp") {
			t.Fatalf("the rename has happened by half: %v", names)
		}
		seen[current] = true
		seen["e/f "+string(read(t, c, "e/f"))] = true
	}
	for _, want := range []string{"old", "new", "e/f ", "e/f f"} {
		if !seen[want] {
			t.Errorf("no image shows %q", want)
		}
	}
	must(t, m.SyncDir("d"))
	for seed := range uint64(50) {
		if got := read(t, m.CrashClone(rand.New(rand.NewPCG(seed, 0))), "d/current"); string(got) != "new" {
			t.Fatalf("after the sync current is %q", got)
		}
	}
}

// MkdirDurable leaves no directory that a crash can take back, also when it finds one that nobody synced.
func TestMkdirDurableSurvivesCrash(t *testing.T) {
	m := NewMem()
	must(t, MkdirDurable(m, "a/b/c"))
	if _, err := m.CrashClone(nil).Stat("a/b/c"); err != nil {
		t.Error(err)
	}
	must(t, m.MkdirAll("a/b/d"), MkdirDurable(m, "a/b/d"))
	if _, err := m.CrashClone(nil).Stat("a/b/d"); err != nil {
		t.Error(err)
	}
}

// Hooks see the changing operations with their numbers and can fail them; a crash order stops everything after it.
func TestFaults(t *testing.T) {
	m := NewMem()
	var log []Op
	eio := errors.New("input/output error")
	m.SetHook(func(op Op) error {
		log = append(log, op)
		switch {
		case op.Kind == OpSync:
			return eio
		case op.Kind == OpWrite && op.N == 3:
			return &ShortWriteError{N: 2, Err: eio}
		}
		return nil
	})
	f := mustCreate(t, m, "f", []byte("abcd"))
	n, err := f.WriteAt([]byte("efgh"), 4)
	if n != 2 || !errors.Is(err, eio) {
		t.Errorf("short write: %d, %v", n, err)
	}
	if err := f.Sync(); !errors.Is(err, eio) {
		t.Errorf("sync: %v", err)
	}
	if got := read(t, m, "f"); string(got) != "abcdef" {
		t.Errorf("the file holds %q", got)
	}
	if len(log) < 4 || log[0] != (Op{OpCreate, "f", 1}) || log[3] != (Op{OpSync, "f", 4}) {
		t.Errorf("hook saw %v", log)
	}
	if got := read(t, m.CrashClone(nil), "f"); len(got) != 0 {
		t.Errorf("a failed sync made %q durable", got)
	}
	m.SetHook(nil)
	m.CrashAfter(1)
	_, first := f.WriteAt([]byte("x"), 0)
	_, second := f.WriteAt([]byte("y"), 0)
	_, after := m.List("")
	if first != nil || !errors.Is(second, ErrCrashed) || !errors.Is(after, ErrCrashed) {
		t.Errorf("crash after one operation: %v, %v, %v", first, second, after)
	}
	m.CrashAfter(-1)
	if got := read(t, m, "f"); string(got) != "xbcdef" {
		t.Errorf("the file holds %q", got)
	}
}

// Appending to a volatile file costs its bytes once: the store of data that nobody keeps.
func BenchmarkVolatileAppend(b *testing.B) {
	f, err := NewVolatile().Create("f")
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 16<<10)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	pos := int64(0)
	for b.Loop() {
		if pos >= 1<<30 {
			f.Truncate(0)
			pos = 0
		}
		f.WriteAt(data, pos)
		pos += int64(len(data))
	}
}
