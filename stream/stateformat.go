package stream

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

var errStateFormat = errors.New("not a state file, or damaged")

// encodeState writes a state file: the given pieces, sorted so that equal state gives equal bytes. A key without a value
// is written as removed.
func encodeState(keys []stateKey, values map[stateKey]stateValue) []byte {
	slices.SortFunc(keys, func(a, b stateKey) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.section, b.section), cmp.Compare(a.group, b.group), cmp.Compare(a.task, b.task))
	})
	size := stateHeader + 4
	for _, k := range keys {
		size += 13 + len(k.node) + len(k.section) + values[k].bytes
	}
	b := append(make([]byte, 0, size), stateMagic...)
	b = binary.LittleEndian.AppendUint32(b, stateVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(keys)))
	for _, k := range keys {
		v, live := values[k]
		if live {
			b = append(b, entryData)
		} else {
			b = append(b, entryRemoved)
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(k.group)))
		b = binary.LittleEndian.AppendUint16(b, uint16(k.task))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(k.node)))
		b = append(b, k.node...)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(k.section)))
		b = append(b, k.section...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(v.data)))
		b = append(b, v.data...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeState reads a state file into all, replacing and removing what is there. The pieces are views of b.
func decodeState(b []byte, all map[stateKey][]byte) error {
	if len(b) < stateHeader+4 || string(b[:len(stateMagic)]) != stateMagic {
		return errStateFormat
	}
	body := b[:len(b)-4]
	if got, want := crc32.Checksum(body, castagnoli), binary.LittleEndian.Uint32(b[len(body):]); got != want {
		return fmt.Errorf("%w: CRC-32C is %08x, file says %08x", errStateFormat, got, want)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != stateVersion {
		return fmt.Errorf("state file of version %d; this program reads %d", v, stateVersion)
	}
	n := binary.LittleEndian.Uint32(b[12:])
	r := stateCursor{b: body[stateHeader:]}
	for range n {
		kind := r.take(1)
		group, task := r.uint16(), r.uint16()
		node := r.take(int(r.uint16()))
		section := r.take(int(r.uint16()))
		data := r.take(int(r.uint32()))
		if r.bad || kind[0] != entryData && kind[0] != entryRemoved {
			return errStateFormat
		}
		k := stateKey{string(node), string(section), int(int16(group)), int(task)}
		if kind[0] == entryRemoved {
			delete(all, k)
		} else {
			all[k] = data
		}
	}
	if len(r.b) != 0 {
		return errStateFormat
	}
	return nil
}

// stateCursor takes fields off the front of b; bad once they did not fit.
type stateCursor struct {
	b   []byte
	bad bool
}

func (r *stateCursor) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *stateCursor) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *stateCursor) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}
