package stream

import (
	"iter"
	"maps"
	"slices"
)

// KeyGroups is the number of groups into which keys fall: the unit of parallelism, of dirty tracking and of eviction.
// It is part of the state's format and can never change.
const KeyGroups = 128

// KeyGroup is the group of a key's hash (see HashKeys): its top 7 bits.
func KeyGroup(hash uint64) int { return int(hash >> 57) }

// TaskOfGroup says which of n parallel tasks owns a key group: contiguous ranges, as even as they can be.
func TaskOfGroup(group, n int) int { return group * n / KeyGroups }

// NoGroup is the key group of state that belongs to no key (an operator's watermark). Every task reads it.
const NoGroup = -1

// StateWriter collects what one operator of one task writes at a checkpoint. A section is a part of the operator's state
// with a name and a version of its own ("panes/1"), so that a changed operator finds what still means the same.
type StateWriter struct {
	sections map[string]map[int][]byte
}

// Put stores the bytes of one key group of a section. The writer keeps data: do not reuse it.
func (w *StateWriter) Put(section string, group int, data []byte) {
	if data == nil {
		data = []byte{}
	}
	w.put(section, group, data)
}

// put is Put where nil means unchanged.
func (w *StateWriter) put(section string, group int, data []byte) {
	if w.sections == nil {
		w.sections = map[string]map[int][]byte{}
	}
	if w.sections[section] == nil {
		w.sections[section] = map[int][]byte{}
	}
	w.sections[section][group] = data
}

// Keep says that the group of a section is as it was at the operator's previous Snapshot (or Restore): it is not written
// again. An operator that knows which groups changed saves the work of serialising the others.
func (w *StateWriter) Keep(section string, group int) { w.put(section, group, nil) }

// Reader gives what was written back, as if this task restored it alone: for tests of operators.
func (w *StateWriter) Reader() *StateReader {
	r := &StateReader{sections: map[string][]groupState{}}
	for section, groups := range w.sections {
		for _, g := range slices.Sorted(maps.Keys(groups)) {
			r.sections[section] = append(r.sections[section], groupState{g, groups[g]})
		}
	}
	return r
}

// StateReader gives an operator's state back to one task.
type StateReader struct {
	sections map[string][]groupState
}

type groupState struct {
	group int
	data  []byte
}

// Section iterates over the key groups of a section that this task owns, and over NoGroup's entry of every task that
// wrote one. The bytes are valid until Restore returns.
func (r *StateReader) Section(name string) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for _, g := range r.sections[name] {
			if !yield(g.group, g.data) {
				return
			}
		}
	}
}
