package exec

import "bytes"

// groupTable finds the number of a group by its packed key. Numbers are dense from 0 on and are used again after drop.
//
// Open addressing with linear probing over slots of 8 bytes, at most half of them in use; keys lie in one byte slice,
// hashes in another: the collector sees no pointers, however many groups there are.
type groupTable struct {
	slots []slot // a power of two
	hash  []uint64
	start []int64 // of the key in arena; the length is in size
	size  []int32 // -1: the number is free
	arena []byte
	free  []int32
	live  int
	waste int // bytes in arena of dropped keys
}

// slot holds the upper half of a hash and a group's number plus one; 0 is empty.
type slot struct {
	tag   uint32
	group int32
}

// minSlots keeps small tables (a window with a few keys) small: 16 slots are two cache lines.
const minSlots = 16

func (t *groupTable) len() int { return len(t.hash) }

func (t *groupTable) key(g int32) []byte { return t.arena[t.start[g] : t.start[g]+int64(t.size[g])] }

// has reports whether the group's number is in use.
func (t *groupTable) has(g int32) bool { return t.size[g] >= 0 }

// find answers the group of a key, or -1.
func (t *groupTable) find(hash uint64, key []byte) int32 {
	if len(t.slots) == 0 {
		return -1
	}
	mask := uint64(len(t.slots) - 1)
	for p := hash & mask; ; p = (p + 1) & mask {
		s := t.slots[p]
		if s.group == 0 {
			return -1
		}
		if s.tag == uint32(hash>>32) {
			g := s.group - 1
			if t.hash[g] == hash && bytes.Equal(t.key(g), key) {
				return g
			}
		}
	}
}

// add makes a group for a key that find does not know.
func (t *groupTable) add(hash uint64, key []byte) int32 {
	if 2*(t.live+1) > len(t.slots) {
		t.grow()
	}
	var g int32
	if n := len(t.free); n > 0 {
		g, t.free = t.free[n-1], t.free[:n-1]
	} else {
		g = int32(len(t.hash))
		t.hash, t.start, t.size = append(t.hash, 0), append(t.start, 0), append(t.size, 0)
	}
	t.hash[g], t.start[g], t.size[g] = hash, int64(len(t.arena)), int32(len(key))
	t.arena = append(t.arena, key...)
	t.put(hash, g)
	t.live++
	return g
}

func (t *groupTable) put(hash uint64, g int32) {
	mask := uint64(len(t.slots) - 1)
	p := hash & mask
	for t.slots[p].group != 0 {
		p = (p + 1) & mask
	}
	t.slots[p] = slot{tag: uint32(hash >> 32), group: g + 1}
}

func (t *groupTable) grow() { t.resize(max(minSlots, 2*len(t.slots))) }

// reserve makes room for n more groups, so that a restore does not grow step by step. The groups of one of many key
// groups say how many are to come: it asks for four times as many, and growing by two does the rest.
func (t *groupTable) reserve(n int) {
	size := max(minSlots, len(t.slots))
	if 2*(t.live+n) <= size {
		return
	}
	for size < 8*(t.live+n) {
		size *= 2
	}
	t.resize(size)
}

func (t *groupTable) resize(size int) {
	t.slots = make([]slot, size)
	for g, h := range t.hash {
		if t.size[g] >= 0 {
			t.put(h, int32(g))
		}
	}
}

// drop removes a group. Slots behind it move up, so that probing never meets a hole.
func (t *groupTable) drop(g int32) {
	mask := uint64(len(t.slots) - 1)
	p := t.hash[g] & mask
	for t.slots[p].group != g+1 {
		p = (p + 1) & mask
	}
	for q := (p + 1) & mask; t.slots[q].group != 0; q = (q + 1) & mask {
		home := t.hash[t.slots[q].group-1] & mask
		if (q-home)&mask >= (q-p)&mask { // its home is at or before the hole
			t.slots[p] = t.slots[q]
			p = q
		}
	}
	t.slots[p] = slot{}
	t.waste += int(t.size[g])
	t.size[g] = -1
	t.free = append(t.free, g)
	t.live--
	if t.waste > len(t.arena)/2 && t.waste > 1<<16 {
		t.compact()
	}
}

// compact copies the keys of live groups together.
func (t *groupTable) compact() {
	arena := make([]byte, 0, len(t.arena)-t.waste)
	for g := range t.hash {
		if t.size[g] >= 0 {
			key := t.key(int32(g))
			t.start[g] = int64(len(arena))
			arena = append(arena, key...)
		}
	}
	t.arena, t.waste = arena, 0
}

// groups calls f for each live group, in the order of their numbers.
func (t *groupTable) groups(f func(g int32)) {
	for g, n := range t.size {
		if n >= 0 {
			f(int32(g))
		}
	}
}
