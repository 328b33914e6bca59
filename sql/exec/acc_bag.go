package exec

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// Aggregates that must remember every value, because rows may be taken back or count once only. Values are kept as
// bytes whose order is the values' order.

// sortable appends a value so that bytes.Compare orders as SQL does: numbers and times by value (two's complement with
// the sign bit turned, IEEE with the sign turned into order), text as it is.
func sortable(b []byte, v *vec.Vec, i int) []byte {
	switch vec.PhysOf(v.T) {
	case vec.PF32, vec.PF64:
		x := math.Float64bits(v.Float(i) + 0) // -0 and 0 are one value
		if x>>63 == 1 {
			x = ^x
		} else {
			x |= 1 << 63
		}
		return binary.BigEndian.AppendUint64(b, x)
	case vec.PDec:
		b = binary.BigEndian.AppendUint64(b, uint64(v.Dec[i].HighBits())^1<<63)
		return binary.BigEndian.AppendUint64(b, v.Dec[i].LowBits())
	case vec.PStr:
		return append(b, v.Str(i)...)
	default:
		return binary.BigEndian.AppendUint64(b, uint64(integer(v, i))^1<<63)
	}
}

// unsortable reads a value back into row i of o.
func unsortable(s string, o *vec.Vec, i int) {
	u64 := func(at int) uint64 { return binary.BigEndian.Uint64([]byte(s[at : at+8])) }
	switch vec.PhysOf(o.T) {
	case vec.PF32, vec.PF64:
		x := u64(0)
		if x>>63 == 1 {
			x &^= 1 << 63
		} else {
			x = ^x
		}
		o.SetFloat(i, math.Float64frombits(x))
	case vec.PDec:
		o.Dec[i] = decimal128.New(int64(u64(0)^1<<63), u64(8))
	case vec.PStr:
		o.AppendString(s)
	case vec.PBool:
		o.Bool[i] = u64(0)^1<<63 != 0
	default:
		o.SetInt(i, int64(u64(0)^1<<63))
	}
}

func putNull(o *vec.Vec, i int) {
	if vec.PhysOf(o.T) == vec.PStr {
		o.End()
	}
	o.SetNull(i)
}

// bag counts values.
type bag map[string]int64

func (b bag) save(out []byte) []byte {
	out = binary.AppendUvarint(out, uint64(len(b)))
	values := make([]string, 0, len(b))
	for v := range b {
		values = append(values, v)
	}
	slices.Sort(values) // equal state gives equal bytes
	for _, v := range values {
		out = binary.AppendVarint(appendBytes(out, []byte(v)), b[v])
	}
	return out
}

func loadBag(r *reader) bag {
	n := r.count()
	b := make(bag, n)
	for range n {
		v := string(r.bytes())
		b[v] = r.varint()
	}
	return b
}

// extremeBag is MIN and MAX of rows that may be taken back: a count of each value, and a heap of the values in which
// those that are gone are passed over when they come up.
type extremeBag struct {
	t    types.Type
	max  bool
	bags []bag
	tops []valueHeap
	buf  []byte
}

type valueHeap struct {
	values []string
	max    bool
}

func (h *valueHeap) Len() int           { return len(h.values) }
func (h *valueHeap) Less(i, j int) bool { return h.values[i] < h.values[j] != h.max }
func (h *valueHeap) Swap(i, j int)      { h.values[i], h.values[j] = h.values[j], h.values[i] }
func (h *valueHeap) Push(x any)         { h.values = append(h.values, x.(string)) }
func (h *valueHeap) Pop() any {
	n := len(h.values) - 1
	x := h.values[n]
	h.values = h.values[:n]
	return x
}

func (e *extremeBag) grow(n int) { e.bags, e.tops = grown(e.bags, n), grown(e.tops, n) }

func (e *extremeBag) add(gs, rows []int32, in *vec.Vec, minus []bool) {
	for k, g := range gs {
		e.buf = sortable(e.buf[:0], in, int(rows[k]))
		e.count(g, string(e.buf), sign(minus, k))
	}
}

// count keeps a value at count 0 in the bag as long as the heap holds it.
func (e *extremeBag) count(g int32, v string, n int64) {
	if e.bags[g] == nil {
		e.bags[g] = bag{}
		e.tops[g].max = e.max
	}
	if _, known := e.bags[g][v]; !known {
		heap.Push(&e.tops[g], v)
	}
	e.bags[g][v] += n
}

func (e *extremeBag) put(g int32, o *vec.Vec, i int) {
	h := &e.tops[g]
	for len(h.values) > 0 {
		top := h.values[0]
		if e.bags[g][top] > 0 {
			unsortable(top, o, i)
			return
		}
		if e.bags[g][top] < 0 {
			break // taken back before it came: it has to be remembered
		}
		delete(e.bags[g], top)
		heap.Pop(h)
	}
	putNull(o, i)
}

func (e *extremeBag) merge(gs []int32, other acc, fs []int32) {
	from := other.(*extremeBag)
	for k, g := range gs {
		for v, n := range from.bags[fs[k]] {
			e.count(g, v, n)
		}
	}
}

func (e *extremeBag) reset(g int32) { e.bags[g], e.tops[g] = nil, valueHeap{} }

func (e *extremeBag) save(g int32, b []byte) []byte { return e.bags[g].save(b) }

func (e *extremeBag) load(g int32, r *reader) {
	for v, n := range loadBag(r) {
		e.count(g, v, n)
	}
}

// orderedBag is FIRST_VALUE, LAST_VALUE and LISTAGG of rows that may be taken back: all values in order of arrival.
type orderedBag struct {
	t     types.Type
	lists [][][]byte
	pick  func(values [][]byte, o *vec.Vec, i int)
	buf   []byte
}

func bagPick(last bool) func(values [][]byte, o *vec.Vec, i int) {
	return func(values [][]byte, o *vec.Vec, i int) {
		at := 0
		if last {
			at = len(values) - 1
		}
		unsortable(string(values[at]), o, i)
	}
}

func bagJoin(sep string) func(values [][]byte, o *vec.Vec, i int) {
	return func(values [][]byte, o *vec.Vec, _ int) { o.Append(bytes.Join(values, []byte(sep))) }
}

func (l *orderedBag) grow(n int) { l.lists = grown(l.lists, n) }

func (l *orderedBag) add(gs, rows []int32, in *vec.Vec, minus []bool) {
	for k, g := range gs {
		l.buf = sortable(l.buf[:0], in, int(rows[k]))
		if sign(minus, k) > 0 {
			l.lists[g] = append(l.lists[g], bytes.Clone(l.buf))
			continue
		}
		at := slices.IndexFunc(l.lists[g], func(v []byte) bool { return bytes.Equal(v, l.buf) })
		if at >= 0 {
			l.lists[g] = slices.Delete(l.lists[g], at, at+1)
		}
	}
}

func (l *orderedBag) put(g int32, o *vec.Vec, i int) {
	if len(l.lists[g]) == 0 {
		putNull(o, i)
		return
	}
	l.pick(l.lists[g], o, i)
}

func (l *orderedBag) merge(gs []int32, other acc, fs []int32) {
	for k, g := range gs {
		l.lists[g] = append(l.lists[g], other.(*orderedBag).lists[fs[k]]...)
	}
}

func (l *orderedBag) reset(g int32) { l.lists[g] = nil }

func (l *orderedBag) save(g int32, b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(l.lists[g])))
	for _, v := range l.lists[g] {
		b = appendBytes(b, v)
	}
	return b
}

func (l *orderedBag) load(g int32, r *reader) {
	for range r.count() {
		l.lists[g] = append(l.lists[g], bytes.Clone(r.bytes()))
	}
}

// distinctAcc lets each value through to another aggregate once: when it comes first and, as a row that takes back, when
// the last one goes.
type distinctAcc struct {
	inner acc
	t     types.Type
	bags  []bag
	buf   []byte

	gs, rows []int32
	minus    []bool
}

func (d *distinctAcc) grow(n int) {
	d.bags = grown(d.bags, n)
	d.inner.grow(n)
}

func (d *distinctAcc) add(gs, rows []int32, in *vec.Vec, minus []bool) {
	d.gs, d.rows, d.minus = d.gs[:0], d.rows[:0], d.minus[:0]
	for k, g := range gs {
		d.buf = sortable(d.buf[:0], in, int(rows[k]))
		b := d.bags[g]
		if b == nil {
			b = bag{}
			d.bags[g] = b
		}
		n := b[string(d.buf)]
		after := n + sign(minus, k)
		if after == 0 {
			delete(b, string(d.buf))
		} else {
			b[string(d.buf)] = after
		}
		if (n > 0) != (after > 0) {
			d.gs, d.rows, d.minus = append(d.gs, g), append(d.rows, rows[k]), append(d.minus, after <= 0)
		}
	}
	pass := d.minus
	if minus == nil {
		pass = nil
	}
	if len(d.gs) > 0 {
		d.inner.add(d.gs, d.rows, in, pass)
	}
}

func (d *distinctAcc) put(g int32, o *vec.Vec, i int) { d.inner.put(g, o, i) }

// merge adds the values that are new here one by one, so that the inner aggregate sees each once.
func (d *distinctAcc) merge(gs []int32, other acc, fs []int32) {
	for k, g := range gs {
		d.take(g, other.(*distinctAcc).bags[fs[k]])
	}
}

func (d *distinctAcc) take(g int32, from bag) {
	if d.bags[g] == nil {
		d.bags[g] = bag{}
	}
	fresh := make([]string, 0, len(from))
	for v, n := range from {
		before := d.bags[g][v]
		d.bags[g][v] = before + n
		if before <= 0 && before+n > 0 {
			fresh = append(fresh, v)
		}
	}
	slices.Sort(fresh) // sums of floats must not depend on the order of a map
	var in vec.Vec
	in.Reset(d.t, len(fresh))
	groups, rows := make([]int32, len(fresh)), make([]int32, len(fresh))
	for i, v := range fresh {
		unsortable(v, &in, i)
		groups[i], rows[i] = g, int32(i)
	}
	d.inner.add(groups, rows, &in, nil)
}

func (d *distinctAcc) reset(g int32) {
	d.bags[g] = nil
	d.inner.reset(g)
}

// save writes the values and the inner state: the order in which values came matters to some (FIRST_VALUE, LISTAGG).
func (d *distinctAcc) save(g int32, b []byte) []byte { return d.inner.save(g, d.bags[g].save(b)) }

func (d *distinctAcc) load(g int32, r *reader) {
	d.bags[g] = loadBag(r)
	d.inner.load(g, r)
}
