package exec

import (
	"bytes"
	"cmp"
	"encoding/binary"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// store keeps at most one value for each group.
type store struct {
	t    types.Type
	phys vec.Phys
	has  []bool
	num  []int64 // integers, times, booleans
	flt  []float64
	dec  []decimal128.Num
	text [][]byte
}

func newStore(t types.Type) store { return store{t: t, phys: vec.PhysOf(t)} }

func (s *store) grow(n int) {
	s.has = grown(s.has, n)
	switch s.phys {
	case vec.PF32, vec.PF64:
		s.flt = grown(s.flt, n)
	case vec.PDec:
		s.dec = grown(s.dec, n)
	case vec.PStr:
		s.text = grown(s.text, n)
	default:
		s.num = grown(s.num, n)
	}
}

func integer(v *vec.Vec, i int) int64 {
	if vec.PhysOf(v.T) != vec.PBool {
		return v.Int(i)
	}
	if v.Bool[i] {
		return 1
	}
	return 0
}

func (s *store) set(g int32, v *vec.Vec, i int) {
	s.has[g] = true
	switch s.phys {
	case vec.PF32, vec.PF64:
		s.flt[g] = v.Float(i)
	case vec.PDec:
		s.dec[g] = v.Dec[i]
	case vec.PStr:
		s.text[g] = append(s.text[g][:0], v.Str(i)...)
	default:
		s.num[g] = integer(v, i)
	}
}

// compare is a value against the group's.
func (s *store) compare(v *vec.Vec, i int, g int32) int {
	switch s.phys {
	case vec.PF32, vec.PF64:
		return cmp.Compare(v.Float(i), s.flt[g])
	case vec.PDec:
		return v.Dec[i].Cmp(s.dec[g])
	case vec.PStr:
		return bytes.Compare(v.Str(i), s.text[g])
	default:
		return cmp.Compare(integer(v, i), s.num[g])
	}
}

func (s *store) compareOther(o *store, f, g int32) int {
	switch s.phys {
	case vec.PF32, vec.PF64:
		return cmp.Compare(o.flt[f], s.flt[g])
	case vec.PDec:
		return o.dec[f].Cmp(s.dec[g])
	case vec.PStr:
		return bytes.Compare(o.text[f], s.text[g])
	default:
		return cmp.Compare(o.num[f], s.num[g])
	}
}

func (s *store) setOther(g int32, o *store, f int32) {
	s.has[g] = true
	switch s.phys {
	case vec.PF32, vec.PF64:
		s.flt[g] = o.flt[f]
	case vec.PDec:
		s.dec[g] = o.dec[f]
	case vec.PStr:
		s.text[g] = append(s.text[g][:0], o.text[f]...)
	default:
		s.num[g] = o.num[f]
	}
}

func (s *store) put(g int32, o *vec.Vec, i int) {
	has := s.has[g]
	switch s.phys {
	case vec.PF32, vec.PF64:
		o.SetFloat(i, s.flt[g])
	case vec.PDec:
		o.Dec[i] = s.dec[g]
	case vec.PStr:
		if has {
			o.Append(s.text[g])
		} else {
			o.End()
		}
	case vec.PBool:
		o.Bool[i] = s.num[g] != 0
	default:
		o.SetInt(i, s.num[g])
	}
	if !has {
		o.SetNull(i)
	}
}

func (s *store) reset(g int32) {
	s.has[g] = false
	if s.phys == vec.PStr {
		s.text[g] = nil
	}
}

func (s *store) save(g int32, b []byte) []byte {
	if !s.has[g] {
		return append(b, 0)
	}
	b = append(b, 1)
	switch s.phys {
	case vec.PF32, vec.PF64:
		return appendFloat(b, s.flt[g])
	case vec.PDec:
		b = binary.LittleEndian.AppendUint64(b, s.dec[g].LowBits())
		return binary.LittleEndian.AppendUint64(b, uint64(s.dec[g].HighBits()))
	case vec.PStr:
		return appendBytes(b, s.text[g])
	default:
		return binary.AppendVarint(b, s.num[g])
	}
}

func (s *store) load(g int32, r *reader) {
	if s.has[g] = r.uvarint() == 1; !s.has[g] {
		return
	}
	switch s.phys {
	case vec.PF32, vec.PF64:
		s.flt[g] = r.f64()
	case vec.PDec:
		lo := r.u64()
		s.dec[g] = decimal128.New(int64(r.u64()), lo)
	case vec.PStr:
		s.text[g] = append([]byte{}, r.bytes()...)
	default:
		s.num[g] = r.varint()
	}
}

// extremeAcc is MIN and MAX of rows that stay.
type extremeAcc struct {
	store
	max bool
}

func (e *extremeAcc) add(gs, rows []int32, in *vec.Vec, _ []bool) {
	want := -1
	if e.max {
		want = 1
	}
	switch e.phys {
	case vec.PI32:
		extremes(&e.store, want, gs, rows, in.I32)
	case vec.PI64:
		extremes(&e.store, want, gs, rows, in.I64)
	default:
		for k, g := range gs {
			if i := int(rows[k]); !e.has[g] || e.compare(in, i, g) == want {
				e.set(g, in, i)
			}
		}
	}
}

func extremes[T int32 | int64](s *store, want int, gs, rows []int32, in []T) {
	gs = gs[:len(rows)]
	for k, r := range rows {
		g, x := gs[k], int64(in[r])
		if !s.has[g] || want > 0 && x > s.num[g] || want < 0 && x < s.num[g] {
			s.num[g], s.has[g] = x, true
		}
	}
}

func (e *extremeAcc) merge(gs []int32, other acc, fs []int32) {
	from := &other.(*extremeAcc).store
	want := -1
	if e.max {
		want = 1
	}
	for k, g := range gs {
		if f := fs[k]; from.has[f] && (!e.has[g] || e.compareOther(from, f, g) == want) {
			e.setOther(g, from, f)
		}
	}
}

// edgeAcc is FIRST_VALUE and LAST_VALUE of rows that stay.
type edgeAcc struct {
	store
	last bool
}

func (e *edgeAcc) add(gs, rows []int32, in *vec.Vec, _ []bool) {
	for k, g := range gs {
		if e.last || !e.has[g] {
			e.set(g, in, int(rows[k]))
		}
	}
}

func (e *edgeAcc) merge(gs []int32, other acc, fs []int32) {
	from := &other.(*edgeAcc).store
	for k, g := range gs {
		if f := fs[k]; from.has[f] && (e.last || !e.has[g]) {
			e.setOther(g, from, f)
		}
	}
}

// listAcc is LISTAGG of rows that stay.
type listAcc struct {
	store
	sep string
}

func (l *listAcc) grow(n int) {
	l.phys, l.t = vec.PStr, types.StringT
	l.store.grow(n)
}

func (l *listAcc) add(gs, rows []int32, in *vec.Vec, _ []bool) {
	for k, g := range gs {
		l.append(g, in.Str(int(rows[k])))
	}
}

func (l *listAcc) append(g int32, s []byte) {
	if l.has[g] {
		l.text[g] = append(l.text[g], l.sep...)
	}
	l.text[g] = append(l.text[g], s...)
	l.has[g] = true
}

func (l *listAcc) merge(gs []int32, other acc, fs []int32) {
	from := other.(*listAcc)
	for k, g := range gs {
		if f := fs[k]; from.has[f] {
			l.append(g, from.text[f])
		}
	}
}
