package expr

import (
	"github.com/weirhub/weir/functions/internal/jscan"
)

// field is a member that the expression names, in a tree by path. Its value goes to a slot.
type field struct {
	name     string
	slot     int // -1: only a step on the way to children
	children []*field
}

// add makes the path's field and gives its slot, the next free one when it is new.
func (f *field) add(path []string, next int) int {
	if len(path) == 0 {
		if f.slot < 0 {
			f.slot = next
		}
		return f.slot
	}
	for _, c := range f.children {
		if c.name == path[0] {
			return c.add(path[1:], next)
		}
	}
	c := &field{name: path[0], slot: -1}
	f.children = append(f.children, c)
	return c.add(path[1:], next)
}

// read reads the JSON value at the scanner into the slots of f and of the fields below it. Slots whose member is missing
// are left as they are: nil, since the caller has cleared them.
func (f *field) read(s *jscan.Scanner, slots []any) error {
	if f.slot >= 0 {
		at := *s
		v, err := s.Any()
		if err != nil {
			return err
		}
		slots[f.slot] = v
		if len(f.children) == 0 {
			return nil
		}
		*s = at // read again for the members that are named beside the whole
	}
	if len(f.children) == 0 || s.Peek() != jscan.Object {
		_, err := s.Skip()
		return err
	}
	if err := s.Open(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.More(first, '}')
		if err != nil || !more {
			return err
		}
		name, err := s.Name()
		if err != nil {
			return err
		}
		if c := f.child(name); c != nil {
			c.clear(slots) // of two members with one name the last one counts
			err = c.read(s, slots)
		} else {
			_, err = s.Skip()
		}
		if err != nil {
			return err
		}
	}
}

func (f *field) child(name []byte) *field {
	for _, c := range f.children {
		if c.name == string(name) {
			return c
		}
	}
	return nil
}

func (f *field) clear(slots []any) {
	if f.slot >= 0 {
		slots[f.slot] = nil
	}
	for _, c := range f.children {
		c.clear(slots)
	}
}
