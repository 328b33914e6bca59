package stream

import "iter"

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
	if w.sections == nil {
		w.sections = map[string]map[int][]byte{}
	}
	if w.sections[section] == nil {
		w.sections[section] = map[int][]byte{}
	}
	w.sections[section][group] = data
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
