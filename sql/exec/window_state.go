package exec

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/weirhub/weir/stream"
)

const (
	paneSection  = "panes/1"
	firedSection = "fired/1"
)

// Snapshot writes, for each key group, its panes with the keys in them, and each aggregate's states in the same order;
// and once how far windows have come out.
//
//	panes/1: number of panes, then for each: start (varint), number of keys, then for each: hash (8 bytes), key, rows (varint)
//	aggregate/1 ...: the states, one after the other
//	fired/1: varint
func (w *WindowAggregate) Snapshot(s *stream.StateWriter) error {
	s.Put(firedSection, stream.NoGroup, binary.AppendVarint(nil, w.fired))
	type part struct {
		p  *pane
		gs []int32
	}
	var byGroup [stream.KeyGroups][]part
	for _, start := range slices.Sorted(maps.Keys(w.panes)) {
		p := w.panes[start]
		var split [stream.KeyGroups][]int32
		p.table.groups(func(g int32) {
			kg := stream.KeyGroup(p.table.hash[g])
			split[kg] = append(split[kg], g)
		})
		for kg, gs := range split {
			if len(gs) > 0 {
				byGroup[kg] = append(byGroup[kg], part{p, gs})
			}
		}
	}
	names := w.aggs.sections()
	for kg, parts := range byGroup {
		if len(parts) == 0 {
			continue
		}
		b := binary.AppendUvarint(nil, uint64(len(parts)))
		states := make([][]byte, len(names))
		for _, part := range parts {
			b = appendPane(b, part.p, part.gs)
			for i, a := range part.p.accs {
				for _, g := range part.gs {
					states[i] = a.save(g, states[i])
				}
			}
		}
		s.Put(paneSection, kg, b)
		for i, name := range names {
			s.Put(name, kg, states[i])
		}
	}
	return nil
}

func appendPane(b []byte, p *pane, gs []int32) []byte {
	b = binary.AppendVarint(b, p.start)
	b = binary.AppendUvarint(b, uint64(len(gs)))
	for _, g := range gs {
		b = binary.LittleEndian.AppendUint64(b, p.table.hash[g])
		b = appendBytes(b, p.table.key(g))
		rows := int64(0)
		if p.count != nil {
			rows = p.count[g]
		}
		b = binary.AppendVarint(b, rows)
	}
	return b
}

// Restore reads the panes of the task's key groups. All tasks have seen the same watermark when the checkpoint was
// taken, so any of their marks will do.
func (w *WindowAggregate) Restore(s *stream.StateReader) error {
	for _, data := range s.Section(firedSection) {
		r := reader{b: data}
		w.fired = max(w.fired, r.varint())
	}
	type place struct {
		p *pane
		g int32
	}
	byGroup := map[int][]place{}
	for kg, data := range s.Section(paneSection) {
		r := reader{b: data}
		for range r.count() {
			p, err := w.pane(r.varint())
			if err != nil {
				return err
			}
			for range r.count() {
				hash, key := r.u64(), r.bytes()
				rows := r.varint()
				if r.bad {
					break
				}
				g := p.group(hash, key)
				if p.count != nil {
					p.count[g] = rows
				}
				byGroup[kg] = append(byGroup[kg], place{p, g})
			}
		}
		if r.bad {
			return errors.New("restore window aggregate: panes are cut short")
		}
	}
	for i, name := range w.aggs.sections() {
		for kg, data := range s.Section(name) {
			r := reader{b: data}
			for _, at := range byGroup[kg] {
				at.p.accs[i].load(at.g, &r)
			}
			if r.bad {
				return errors.New("restore window aggregate " + w.spec.Aggs[i].String() + ": state is cut short")
			}
		}
	}
	return nil
}
