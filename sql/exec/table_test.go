package exec

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestTableIsAMap drives the hash table with random additions and removals beside a Go map. Hashes are cut to a few
// values, so that keys collide and removals have to close holes in long runs.
func TestTableIsAMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, spread := range []uint64{1, 7, 1 << 62} {
		var table groupTable
		model := map[string]int32{}
		for range 20000 {
			n := rnd.Uint64N(300)
			key := binary.AppendUvarint([]byte("key"), n*n*n)
			hash := n * 0x9e3779b97f4a7c15 % spread
			g := table.find(hash, key)
			want, known := model[string(key)]
			if (g >= 0) != known || known && g != want {
				t.Fatalf("find %q: %d, want %d (%v)", key, g, want, known)
			}
			switch {
			case !known:
				model[string(key)] = table.add(hash, key)
			case rnd.IntN(2) == 0:
				table.drop(g)
				delete(model, string(key))
			}
		}
		if table.live != len(model) {
			t.Fatalf("%d groups, want %d", table.live, len(model))
		}
		for key, g := range model {
			if string(table.key(g)) != key {
				t.Fatalf("group %d is %q, want %q", g, table.key(g), key)
			}
		}
	}
}

// TestTableForgetsDroppedKeys: keys that come and go leave no bytes behind, however many there are.
func TestTableForgetsDroppedKeys(t *testing.T) {
	var table groupTable
	for i := range uint64(200_000) {
		key := binary.BigEndian.AppendUint64(make([]byte, 0, 8), i)
		table.drop(table.add(i*0x9e3779b97f4a7c15, key))
	}
	if len(table.arena) > 1<<18 || table.len() != 1 {
		t.Fatalf("%d bytes of keys and %d groups are left", len(table.arena), table.len())
	}
}
