package vfs

import "math/rand/v2"

// sectorBytes is what a disk writes whole or not at all.
const sectorBytes = 512

// dirOp is one change of the tree: name in dir now leads to target (nil: to nothing); a rename also removes fromName.
type dirOp struct {
	dir      *memNode
	name     string
	target   *memNode
	fromDir  *memNode
	fromName string
}

func (op dirOp) apply(view func(*memNode) map[string]*memNode) {
	if op.fromDir != nil {
		delete(view(op.fromDir), op.fromName)
	}
	if op.target == nil {
		delete(view(op.dir), op.name)
		return
	}
	view(op.dir)[op.name] = op.target
}

// Clone is what a new process finds after this one was killed: everything written, synced or not.
func (m *Mem) Clone() *Mem {
	return m.clone(func(dirOp) bool { return true }, func(d *memData) pages { return d.mu.bytes.clone() })
}

// CrashClone is what the disk may hold when the power fails now. Everything synced is there. Of what was not synced, r
// decides: each directory operation is kept or lost; each file keeps all changes, none, a first part of them, or each
// sector of each write by the toss of a coin, so that a later write can be there while an earlier one is not and reads
// as zeros. A nil r loses everything that was not synced. The clone has no locks, no hook and no crash order.
func (m *Mem) CrashClone(r *rand.Rand) *Mem {
	if !m.crashable {
		return m.Clone()
	}
	keepOp := func(dirOp) bool { return false }
	image := func(d *memData) pages { return d.mu.synced.clone() }
	if r != nil {
		// All or nothing is the common case on a journalling file system, so most clones must see it.
		switch r.IntN(4) {
		case 0:
			keepOp = func(dirOp) bool { return true }
		case 1:
		default:
			keepOp = func(dirOp) bool { return r.IntN(2) == 0 }
		}
		image = func(d *memData) pages { return d.crashImage(r) }
	}
	return m.clone(keepOp, image)
}

func (m *Mem) clone(keepOp func(dirOp) bool, image func(*memData) pages) *Mem {
	out := newMem(m.crashable)
	m.moment.Lock()
	defer m.moment.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	views := map[*memNode]map[string]*memNode{}
	view := func(n *memNode) map[string]*memNode {
		v := views[n]
		if v == nil {
			from := n.durable
			if !m.crashable {
				from = n.entries
			}
			v = make(map[string]*memNode, len(from))
			for name, child := range from {
				v[name] = child
			}
			views[n] = v
		}
		return v
	}
	for _, op := range m.mu.pending {
		if keepOp(op) {
			op.apply(view)
		}
	}
	c := cloner{view: view, image: image, seen: map[*memNode]*memNode{}, crashable: m.crashable}
	out.root = c.node(m.root)
	return out
}

type cloner struct {
	view      func(*memNode) map[string]*memNode
	image     func(*memData) pages
	seen      map[*memNode]*memNode // a rename half lost in two directories can leave two names of one file
	crashable bool
}

func (c *cloner) node(n *memNode) *memNode {
	if out := c.seen[n]; out != nil {
		return out
	}
	if n.data != nil {
		out := &memNode{data: &memData{crashable: c.crashable}}
		c.seen[n] = out
		n.data.mu.RLock()
		out.data.mu.bytes = c.image(n.data)
		n.data.mu.RUnlock()
		if c.crashable {
			out.data.mu.synced = out.data.mu.bytes.clone()
		}
		return out
	}
	out := newDirNode()
	c.seen[n] = out
	entries := c.view(n)
	for _, name := range sortedNames(entries) { // in order, so that a seed means one image
		child := c.node(entries[name])
		out.entries[name], out.durable[name] = child, child
	}
	return out
}

// crashImage picks the changes that reached the disk. The caller holds mu.
func (d *memData) crashImage(r *rand.Rand) pages {
	out := d.mu.synced.clone()
	n := len(d.mu.pending)
	mode := r.IntN(4)
	if n == 0 || mode == 0 {
		return out
	}
	if mode == 1 {
		return d.mu.bytes.clone()
	}
	if mode == 2 { // in order up to a point, the write at that point torn
		k := r.IntN(n)
		for _, c := range d.mu.pending[:k] {
			out.apply(c)
		}
		if c := d.mu.pending[k]; c.data != nil {
			out.writeAt(c.data[:r.IntN(len(c.data)+1)], c.pos)
		}
		return out
	}
	for _, c := range d.mu.pending {
		if c.data == nil {
			if r.IntN(2) == 0 {
				out.truncate(c.pos)
			}
			continue
		}
		keepSectors(&out, c, r)
	}
	return out
}

func keepSectors(out *pages, c change, r *rand.Rand) {
	for pos, b := c.pos, c.data; len(b) > 0; {
		n := min(int64(len(b)), sectorBytes-pos%sectorBytes)
		if r.IntN(2) == 0 {
			out.writeAt(b[:n], pos)
		}
		pos, b = pos+n, b[n:]
	}
}
