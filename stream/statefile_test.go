package stream

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weirhub/weir/internal/vfs"
)

// asText is a checkpoint's state as a reader of it sees it.
func asText(state map[stateKey][]byte) map[string]string {
	out := map[string]string{}
	for k, v := range state {
		out[fmt.Sprint(k)] = string(v)
	}
	return out
}

// bigPieces makes the state of checkpoint n: some pieces change, come and go with n; together they are too large for the
// checkpoint's record.
func bigPieces(n int) pieces {
	p := pieces{}
	for g := range 20 {
		if g%7 == n%7 {
			continue // not there at this checkpoint
		}
		p[stateKey{"agg", "panes/1", g, 0}] = []byte(fmt.Sprintf("%d.%d.", g, n/(g+1)) + strings.Repeat("x", 8<<10))
	}
	p[stateKey{"limit", "rows/1", NoGroup, 1}] = []byte{byte(n)}
	return p
}

// State of any checkpoint is read back as it was written, by a new process, from files that hold only what changed.
func TestStateIsReadBackFromChangedPieces(t *testing.T) {
	fs := vfs.NewMem()
	s := newStateStore(fs, "state", "p")
	var sizes []int64
	for n := 1; n <= 30; n++ {
		c := &Checkpoint{ID: CheckpointID(n)}
		if err := s.write(c, bigPieces(n)); err != nil {
			t.Fatal(err)
		}
		if err := s.clean(); err != nil {
			t.Fatal(err)
		}
		got, err := newStateStore(fs, "state", "p").restore(c)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(asText(got), asText(bigPieces(n))) {
			t.Fatalf("checkpoint %d: other state came back", n)
		}
		if len(c.Inline) > 0 || len(c.Files) == 0 {
			t.Fatalf("checkpoint %d has %d bytes inline and the files %v", n, len(c.Inline), c.Files)
		}
		info, err := fs.Stat("state/" + c.Files[len(c.Files)-1])
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size)
	}
	if whole := sizes[0]; slices.Min(sizes[1:]) > whole/2 {
		t.Errorf("files are of %v bytes: none is smaller than the whole", sizes)
	}
	names, err := fs.List("state")
	if err != nil || !slices.Equal(sorted(names), sorted(s.files)) {
		t.Errorf("files %v are left, %v are named", names, s.files)
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// Dead entries never take more room than the live ones and the fixed allowance: old files are given up in time.
func TestDeadStateIsRewritten(t *testing.T) {
	fs := vfs.NewMem()
	s := newStateStore(fs, "state", "p")
	for n := 1; n <= 100; n++ {
		p := pieces{}
		for g := range 4 {
			p[stateKey{"agg", "a/1", g, 0}] = []byte(fmt.Sprint(n) + strings.Repeat("x", 256<<10))
		}
		if err := s.write(&Checkpoint{ID: CheckpointID(n)}, p); err != nil {
			t.Fatal(err)
		}
		if err := s.clean(); err != nil {
			t.Fatal(err)
		}
		if s.fileBytes > 3*s.liveBytes+rewriteAbove {
			t.Fatalf("checkpoint %d: %d bytes of files for %d bytes of state", n, s.fileBytes, s.liveBytes)
		}
	}
}

// Small state travels in the checkpoint's record, and a pipeline without a directory says so when it does not fit.
func TestSmallStateNeedsNoFile(t *testing.T) {
	s := newStateStore(nil, "", "p")
	small := pieces{{"agg", "a/1", 3, 0}: []byte("three"), {"agg", "a/1", 4, 0}: []byte("four")}
	c := &Checkpoint{ID: 1}
	if err := s.write(c, small); err != nil {
		t.Fatal(err)
	}
	kept := pieces{{"agg", "a/1", 3, 0}: nil} // unchanged, and group 4 is gone
	c2 := &Checkpoint{ID: 2}
	if err := s.write(c2, kept); err != nil {
		t.Fatal(err)
	}
	got, err := newStateStore(nil, "", "p").restore(c2)
	if want := map[string]string{fmt.Sprint(stateKey{"agg", "a/1", 3, 0}): "three"}; err != nil || !maps.Equal(asText(got), want) {
		t.Errorf("%v, %v came back, want %v", asText(got), err, want)
	}
	err = s.write(&Checkpoint{ID: 3}, bigPieces(1))
	if !IsPermanent(err) || !strings.Contains(err.Error(), "no directory") {
		t.Errorf("large state without a directory: %v", err)
	}
}

// Whatever operation the power is cut at, the state of the last committed checkpoint is there, and a start removes what a
// checkpoint that was never decided has left.
func TestCommittedStateSurvivesPowerCuts(t *testing.T) {
	for at := 1; ; at++ {
		fs := vfs.NewMem()
		fs.CrashAfter(at)
		s, committed := newStateStore(fs, "state", "p"), &Checkpoint{}
		cut := false
		for n := 1; n <= 4 && !cut; n++ {
			c := &Checkpoint{ID: CheckpointID(n)}
			if err := s.write(c, bigPieces(n)); err != nil {
				cut = true
				break
			}
			committed = c // the transaction is decided here
			cut = s.clean() != nil
		}
		disk := fs.CrashClone(rand.New(rand.NewPCG(3, uint64(at))))
		after := newStateStore(disk, "state", "p")
		got, err := after.restore(committed)
		if err != nil {
			t.Fatalf("cut at %d: checkpoint %d: %v", at, committed.ID, err)
		}
		want := pieces{}
		if committed.ID > 0 {
			want = bigPieces(int(committed.ID))
		}
		if !maps.Equal(asText(got), asText(want)) {
			t.Fatalf("cut at %d: other state than that of checkpoint %d", at, committed.ID)
		}
		if err := after.clean(); err != nil {
			t.Fatal(err)
		}
		if names, _ := disk.List("state"); !slices.Equal(sorted(names), sorted(committed.Files)) {
			t.Fatalf("cut at %d: files %v, of which %v are named", at, names, committed.Files)
		}
		if !cut {
			break
		}
	}
}

// Damage anywhere in a state file is noticed, and no length in it is believed beyond the file's end.
func FuzzDamagedStateIsRefused(f *testing.F) {
	keys := []stateKey{{"a", "s/1", 3, 0}, {"b", "t/1", NoGroup, 2}}
	values := map[stateKey]stateValue{keys[0]: {data: []byte("hello")}}
	f.Add(encodeState(slices.Clone(keys), values), uint16(20), byte(1))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, flip byte) {
		_ = decodeState(b, map[stateKey][]byte{}) // must not panic
		good := encodeState(slices.Clone(keys), values)
		if flip == 0 {
			return
		}
		good[int(at)%len(good)] ^= flip
		if err := decodeState(good, map[stateKey][]byte{}); err == nil {
			t.Errorf("a flipped bit at %d is not noticed", int(at)%len(good))
		}
	})
}

// Pipelines with similar names do not remove each other's files.
func TestPipelinesKeepTheirFilesApart(t *testing.T) {
	fs := vfs.NewMem()
	var all []*stateStore
	for _, name := range []string{"a", "a-1", "a/1", "A", "../a", "ä"} {
		s := newStateStore(fs, "state", name)
		if err := s.write(&Checkpoint{ID: 11}, bigPieces(1)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, s)
	}
	for _, s := range all {
		if err := s.clean(); err != nil {
			t.Fatal(err)
		}
	}
	if names, _ := fs.List("state"); len(names) != len(all) {
		t.Errorf("%d pipelines have the files %v", len(all), names)
	}
	if _, err := fs.List("a"); err == nil {
		t.Error("a file lies outside the state directory")
	}
}
