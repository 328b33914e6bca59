package commitlog

import (
	"crypto/sha256"
	"encoding/binary"
)

// keyMap remembers the last offset of each key, by 16 bytes of the key's SHA-256: two keys that share them would lose a
// record, so the hash must be one that nobody can find collisions for. 24 bytes a place, no pointers, open addressing.
type keyMap struct {
	slots []keySlot // a power of two of them, at most three quarters in use
	n     int
	limit int
}

type keySlot struct {
	hash keyHash
	end  int64 // offset + 1; 0: free
}

type keyHash [16]byte

// firstSlots is what a map begins with: most topics have few keys.
const firstSlots = 1 << 10

func newKeyMap(limit int) keyMap { return keyMap{slots: make([]keySlot, firstSlots), limit: limit} }

func hashKey(key []byte) keyHash {
	sum := sha256.Sum256(key)
	return keyHash(sum[:16])
}

// takes reports whether n more keys fit. The first batch always does, or a pass would get nowhere.
func (m *keyMap) takes(n int) bool { return m.n == 0 || m.n+n <= m.limit }

// put notes that the key stands at the offset, which is above those of earlier calls.
func (m *keyMap) put(key []byte, offset int64) {
	if (m.n+1)*4 > len(m.slots)*3 {
		m.grow()
	}
	h := hashKey(key)
	s := m.find(h)
	if s.end == 0 {
		m.n++
	}
	*s = keySlot{hash: h, end: offset + 1}
}

// last is the offset at which the key stands last, -1 when it does not.
func (m *keyMap) last(key []byte) int64 {
	if m.n == 0 {
		return -1
	}
	return m.find(hashKey(key)).end - 1
}

// find is the key's place, or the free one where it belongs.
func (m *keyMap) find(h keyHash) *keySlot {
	mask := uint64(len(m.slots) - 1)
	for i := binary.LittleEndian.Uint64(h[:8]) & mask; ; i = (i + 1) & mask {
		if s := &m.slots[i]; s.end == 0 || s.hash == h {
			return s
		}
	}
}

func (m *keyMap) grow() {
	old := m.slots
	m.slots = make([]keySlot, 2*len(old))
	for i := range old {
		if old[i].end != 0 {
			*m.find(old[i].hash) = old[i]
		}
	}
}
