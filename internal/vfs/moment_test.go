package vfs

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"sync"
	"testing"
)

// An image is of one moment, also while others write: what a program writes after a sync is in no image that lacks what
// was synced. Here a log is synced before the note of its length is written, and no image may hold a note that lies. The
// note itself is never synced and may be torn, which its checksum tells: only a whole note counts.
func TestCrashImagesAreOfOneMoment(t *testing.T) {
	m := NewMem()
	if err := m.MkdirAll("/d"); err != nil {
		t.Fatal(err)
	}
	log, err := m.Create("/d/a.log") // sorts before the note, so a clone takes it first
	if err != nil {
		t.Fatal(err)
	}
	note, err := m.Create("/d/note")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SyncDir("/d"); err != nil {
		t.Fatal(err)
	}
	if err := m.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	const rounds = 3000
	var wg sync.WaitGroup
	wg.Go(func() {
		block := make([]byte, 64)
		for i := range rounds {
			if _, err := log.WriteAt(block, int64(i*len(block))); err != nil {
				t.Error(err)
				return
			}
			if err := log.Sync(); err != nil {
				t.Error(err)
				return
			}
			b := binary.BigEndian.AppendUint64(nil, uint64((i+1)*len(block)))
			b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
			if _, err := note.WriteAt(b, 0); err != nil {
				t.Error(err)
				return
			}
		}
	})
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for seed := uint64(0); ; seed++ {
		image := m.CrashClone(rand.New(rand.NewPCG(seed, 0)))
		l, err := image.Stat("/d/a.log")
		if err != nil {
			t.Fatal(err)
		}
		f, err := image.Open("/d/note")
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 12)
		n, _ := f.ReadAt(b, 0)
		whole := n == len(b) && binary.BigEndian.Uint32(b[8:]) == crc32.ChecksumIEEE(b[:8])
		if whole && int64(binary.BigEndian.Uint64(b)) > l.Size {
			t.Fatalf("image %d: the note says %d synced bytes, and the log has %d", seed, binary.BigEndian.Uint64(b), l.Size)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
