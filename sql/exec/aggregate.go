package exec

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
	"github.com/weirhub/weir/stream"
)

// GroupSpec says what a GroupAggregate computes.
type GroupSpec struct {
	In   types.Schema
	Keys []int // none: one group, which exists only while there are rows
	Aggs []plan.AggCall
	// Out is the keys, then the aggregates.
	Out types.Schema
	// Retracts: the input holds -U or -D.
	Retracts bool
	// UpdateBefore: the consumer needs -U before each +U.
	UpdateBefore bool
	// Fold puts out at most one change of a group for each batch instead of one for each row. What comes out then
	// depends on how the input is cut into batches; folded, it is the same.
	Fold bool
}

// GroupAggregate is the unbounded GROUP BY. For each row of the input it puts out the change of the row's group: +I for
// the first, then -U/+U where an aggregate has changed, -D when the last row has been taken back.
type GroupAggregate struct {
	spec   GroupSpec
	schema *arrow.Schema
	keys   *keys
	table  groupTable
	aggs   *aggSet
	accs   []acc
	count  []int64 // rows of each group

	b groupBatch
}

// groupBatch is what one Process works with, reused.
type groupBatch struct {
	gs, rows     []int32
	minus        []bool
	was, is      []int64 // rows in the group before and after row k
	same         []bool  // no aggregate changed
	before       []vec.Vec
	after        []vec.Vec
	key          []vec.Scratch
	out          vec.Vec
	pair         [2]*vec.Vec
	values       []int32
	keyRows      []int32
	from         []int32
	side         []uint8
	changes      stream.Changes
	ended        []int32
	firstOfGroup map[int32]int32
}

// NewGroupAggregate makes the operator.
func NewGroupAggregate(spec GroupSpec) (*GroupAggregate, error) {
	aggs, err := newAggSet(spec.In, spec.Aggs, spec.Retracts)
	if err != nil {
		return nil, err
	}
	a := &GroupAggregate{spec: spec, schema: spec.Out.Arrow(), keys: newKeys(spec.In, spec.Keys), aggs: aggs}
	a.b.before, a.b.after = make([]vec.Vec, len(spec.Aggs)), make([]vec.Vec, len(spec.Aggs))
	a.b.key = make([]vec.Scratch, len(spec.Keys))
	a.accs, err = aggs.make()
	return a, err
}

// Process takes a batch into the groups and puts out their changes.
func (a *GroupAggregate) Process(_ int, in stream.Batch, out stream.Emitter) error {
	if in.Rows() == 0 {
		return nil
	}
	if err := a.keys.load(in.Rec); err != nil {
		return err
	}
	if err := a.aggs.load(in.Rec); err != nil {
		return err
	}
	a.assign(in)
	if len(a.b.rows) == 0 {
		return nil
	}
	if a.spec.Fold && a.b.minus == nil {
		a.fold()
	} else {
		a.step()
	}
	for _, g := range a.b.ended {
		if a.count[g] == 0 && a.table.has(g) { // a group may have ended twice
			a.table.drop(g)
		}
	}
	return a.emit(in.Rec, out)
}

// assign finds the group of each row and counts. A row that takes back what was never there is passed over.
func (a *GroupAggregate) assign(in stream.Batch) {
	b := &a.b
	b.gs, b.rows, b.was, b.is, b.ended = b.gs[:0], b.rows[:0], b.was[:0], b.is[:0], b.ended[:0]
	minus := minusOf(in.Ops, nil)
	b.minus = b.minus[:0]
	for i := range in.Rows() {
		neg := minus != nil && minus[i]
		hash, key := a.keys.hash[i], a.keys.row(i)
		g := a.table.find(hash, key)
		if neg && (g < 0 || a.count[g] == 0) {
			continue
		}
		if g < 0 {
			g = a.newGroup(hash, key)
		}
		b.was = append(b.was, a.count[g])
		if neg {
			a.count[g]--
		} else {
			a.count[g]++
		}
		if a.count[g] == 0 {
			b.ended = append(b.ended, g)
		}
		b.is = append(b.is, a.count[g])
		b.gs, b.rows, b.minus = append(b.gs, g), append(b.rows, int32(i)), append(b.minus, neg)
	}
	if minus == nil {
		b.minus = nil
	}
}

func (a *GroupAggregate) newGroup(hash uint64, key []byte) int32 {
	g := a.table.add(hash, key)
	a.count = grown(a.count, a.table.len())
	a.count[g] = 0
	for _, c := range a.accs {
		c.grow(a.table.len())
		c.reset(g)
	}
	return g
}

// step updates row by row: before and after hold each aggregate around each row.
func (a *GroupAggregate) step() {
	b := &a.b
	n := len(b.rows)
	b.same = grown(b.same, n)[:n]
	for k := range b.same {
		b.same[k] = true
	}
	for i, c := range a.accs {
		before, after := &b.before[i], &b.after[i]
		before.Reset(a.spec.Aggs[i].T, n)
		after.Reset(a.spec.Aggs[i].T, n)
		for k := range n {
			g := b.gs[k]
			c.put(g, before, k)
			var minus []bool
			if b.minus != nil {
				minus = b.minus[k : k+1]
			}
			a.aggs.addOne(i, c, b.gs[k:k+1], b.rows[k:k+1], minus)
			c.put(g, after, k)
			b.same[k] = b.same[k] && equalRow(before, after, k)
			if b.is[k] == 0 { // what comes back later in the batch starts anew, also after an overflow
				c.reset(g)
			}
		}
	}
	b.from = b.from[:0]
	for k := range n {
		b.from = append(b.from, int32(k))
	}
}

// fold updates by batch: one change for each group, at the place of its first row.
func (a *GroupAggregate) fold() {
	b := &a.b
	if b.firstOfGroup == nil {
		b.firstOfGroup = map[int32]int32{}
	}
	clear(b.firstOfGroup)
	b.from = b.from[:0]
	n := 0
	for k, g := range b.gs {
		at, seen := b.firstOfGroup[g]
		if !seen {
			at = int32(n)
			b.firstOfGroup[g] = at
			b.from = append(b.from, int32(k))
			b.was[n] = b.was[k]
			n++
		}
		b.is[at] = a.count[g]
	}
	b.same = grown(b.same, n)[:n]
	for k := range b.same {
		b.same[k] = true
	}
	for i, c := range a.accs {
		before, after := &b.before[i], &b.after[i]
		before.Reset(a.spec.Aggs[i].T, n)
		after.Reset(a.spec.Aggs[i].T, n)
		for k, f := range b.from {
			c.put(b.gs[f], before, k)
		}
		a.aggs.addOne(i, c, b.gs, b.rows, nil)
		for k, f := range b.from {
			c.put(b.gs[f], after, k)
			b.same[k] = b.same[k] && equalRow(before, after, k)
		}
	}
}

func equalRow(a, b *vec.Vec, i int) bool {
	an, bn := a.Null(i), b.Null(i)
	if an || bn {
		return an && bn
	}
	switch vec.PhysOf(a.T) {
	case vec.PBool:
		return a.Bool[i] == b.Bool[i]
	case vec.PF32, vec.PF64:
		x, y := a.Float(i), b.Float(i)
		return x == y || x != x && y != y
	case vec.PDec:
		return a.Dec[i] == b.Dec[i]
	case vec.PStr:
		return bytes.Equal(a.Str(i), b.Str(i))
	default:
		return a.Int(i) == b.Int(i)
	}
}

// emit puts the changes together: keyRows names the input row that gives the keys, from and side the aggregates' values.
func (a *GroupAggregate) emit(rec arrow.RecordBatch, out stream.Emitter) error {
	b := &a.b
	b.keyRows, b.side, b.values, b.changes = b.keyRows[:0], b.side[:0], b.values[:0], nil
	one := func(k int, side uint8, op stream.Op) {
		b.keyRows = append(b.keyRows, b.rows[b.from[k]])
		b.values = append(b.values, int32(k))
		b.side = append(b.side, side)
		b.changes = append(b.changes, op)
	}
	for k := range b.from {
		switch was, is := b.was[k], b.is[k]; {
		case was == 0:
			one(k, 1, stream.Insert)
		case is == 0:
			one(k, 0, stream.Delete)
		case !b.same[k]:
			if a.spec.UpdateBefore {
				one(k, 0, stream.UpdateBefore)
			}
			one(k, 1, stream.UpdateAfter)
		}
	}
	if len(b.values) == 0 {
		return nil
	}
	cols, err := a.columns(rec, b.values)
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	if err != nil {
		return err
	}
	res := stream.Batch{Rec: array.NewRecordBatch(a.schema, cols, int64(len(b.values))), Ops: b.changes}
	defer res.Rec.Release()
	return out.Emit(res)
}

func (a *GroupAggregate) columns(rec arrow.RecordBatch, values []int32) ([]arrow.Array, error) {
	cols := make([]arrow.Array, 0, len(a.spec.Out))
	v := &a.b.out
	for i, c := range a.spec.Keys {
		err := a.b.key[i].FromArrow(v, a.spec.In[c].Type, rec.Column(c), a.b.keyRows)
		if err != nil {
			return cols, err
		}
		a.b.key[i] = vec.Scratch{} // its memory goes out with the column
		cols = append(cols, v.TakeAs(a.schema.Field(i).Type))
	}
	for i, c := range a.spec.Aggs {
		v.Reset(c.T, len(values))
		a.b.pair[0], a.b.pair[1] = &a.b.before[i], &a.b.after[i]
		v.Gather(values, a.b.side, a.b.pair[:])
		cols = append(cols, v.TakeAs(a.schema.Field(len(a.spec.Keys)+i).Type))
	}
	return cols, nil
}

// Advance does nothing: the groups never end.
func (a *GroupAggregate) Advance(stream.Watermark, stream.Emitter) error { return nil }

const groupSection = "groups/1"

// Snapshot writes, for each key group, the keys with their hashes and counts, and each aggregate's states in the same
// order.
func (a *GroupAggregate) Snapshot(s *stream.StateWriter) error {
	var byGroup [stream.KeyGroups][]int32
	a.table.groups(func(g int32) {
		kg := stream.KeyGroup(a.table.hash[g])
		byGroup[kg] = append(byGroup[kg], g)
	})
	names := a.aggs.sections()
	for kg, gs := range byGroup {
		if len(gs) == 0 {
			continue
		}
		b := binary.AppendUvarint(nil, uint64(len(gs)))
		for _, g := range gs {
			b = binary.LittleEndian.AppendUint64(b, a.table.hash[g])
			b = appendBytes(b, a.table.key(g))
			b = binary.AppendVarint(b, a.count[g])
		}
		s.Put(groupSection, kg, b)
		for i, c := range a.accs {
			var state []byte
			for _, g := range gs {
				state = c.save(g, state)
			}
			s.Put(names[i], kg, state)
		}
	}
	return nil
}

// Restore reads the groups, and the aggregates that were there when they were written; others start empty.
func (a *GroupAggregate) Restore(s *stream.StateReader) error {
	byGroup := map[int][]int32{}
	for kg, data := range s.Section(groupSection) {
		r := reader{b: data}
		n := r.count()
		gs := make([]int32, 0, n)
		a.table.reserve(n)
		for range n {
			hash, key := r.u64(), r.bytes()
			rows := r.varint()
			if r.bad {
				break
			}
			g := a.newGroup(hash, key)
			a.count[g] = rows
			gs = append(gs, g)
		}
		byGroup[kg] = gs
		if r.bad {
			return errors.New("restore aggregate: groups are cut short")
		}
	}
	for i, name := range a.aggs.sections() {
		for kg, data := range s.Section(name) {
			r := reader{b: data}
			for _, g := range byGroup[kg] {
				a.accs[i].load(g, &r)
			}
			if r.bad {
				return errors.New("restore aggregate " + a.spec.Aggs[i].String() + ": state is cut short")
			}
		}
	}
	return nil
}

// Close gives nothing back.
func (a *GroupAggregate) Close() error { return nil }
