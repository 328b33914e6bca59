package exec

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

func appendVarint(b []byte, x int64) []byte { return binary.AppendVarint(b, x) }

// intSum is SUM and AVG of integers. The sum wraps at 64 bits, and at its own width when it is put out, which gives the
// same bits as wrapping at each step.
type intSum struct {
	countAcc
	sum  []int64
	mean bool
}

func (s *intSum) grow(n int) {
	s.countAcc.grow(n)
	s.sum = grown(s.sum, n)
}

func (s *intSum) add(gs, rows []int32, in *vec.Vec, minus []bool) {
	s.countAcc.add(gs, nil, nil, minus)
	if minus != nil {
		for k, g := range gs {
			s.sum[g] += sign(minus, k) * in.Int(int(rows[k]))
		}
		return
	}
	switch vec.PhysOf(in.T) {
	case vec.PI8:
		addInts(s.sum, gs, rows, in.I8)
	case vec.PI16:
		addInts(s.sum, gs, rows, in.I16)
	case vec.PI32:
		addInts(s.sum, gs, rows, in.I32)
	default:
		addInts(s.sum, gs, rows, in.I64)
	}
}

func addInts[T int8 | int16 | int32 | int64](sum []int64, gs, rows []int32, in []T) {
	gs = gs[:len(rows)]
	for k, r := range rows {
		sum[gs[k]] += int64(in[r])
	}
}

func (s *intSum) put(g int32, o *vec.Vec, i int) {
	switch {
	case s.n[g] == 0:
		o.SetInt(i, 0)
		o.SetNull(i)
	case s.mean:
		o.SetInt(i, s.sum[g]/s.n[g])
	default:
		o.SetInt(i, s.sum[g])
	}
}

func (s *intSum) merge(gs []int32, other acc, fs []int32) {
	from := other.(*intSum)
	s.countAcc.merge(gs, &from.countAcc, fs)
	for k, g := range gs {
		s.sum[g] += from.sum[fs[k]]
	}
}

func (s *intSum) reset(g int32) { s.n[g], s.sum[g] = 0, 0 }

func (s *intSum) save(g int32, b []byte) []byte { return appendVarint(s.countAcc.save(g, b), s.sum[g]) }

func (s *intSum) load(g int32, r *reader) {
	s.countAcc.load(g, r)
	s.sum[g] = r.varint()
}

// floatSum is SUM and AVG of FLOAT and DOUBLE.
type floatSum struct {
	countAcc
	sum    []float64
	narrow bool // SUM(FLOAT) rounds to 32 bits at each step, as Flink's accumulator does
	mean   bool
}

func (s *floatSum) grow(n int) {
	s.countAcc.grow(n)
	s.sum = grown(s.sum, n)
}

func (s *floatSum) add(gs, rows []int32, in *vec.Vec, minus []bool) {
	if minus == nil && !s.narrow && in.F64 != nil {
		s.countAcc.add(gs, nil, nil, nil)
		gs = gs[:len(rows)]
		for k, r := range rows {
			s.sum[gs[k]] += in.F64[r]
		}
		return
	}
	for k, g := range gs {
		n := sign(minus, k)
		s.n[g] += n
		x := s.sum[g] + float64(n)*in.Float(int(rows[k]))
		if s.narrow {
			x = float64(float32(x))
		}
		if s.n[g] == 0 {
			x = 0 // nothing is left, so no rounding residue either
		}
		s.sum[g] = x
	}
}

func (s *floatSum) put(g int32, o *vec.Vec, i int) {
	switch {
	case s.n[g] == 0:
		o.SetFloat(i, 0)
		o.SetNull(i)
	case s.mean:
		o.SetFloat(i, s.sum[g]/float64(s.n[g]))
	default:
		o.SetFloat(i, s.sum[g])
	}
}

func (s *floatSum) merge(gs []int32, other acc, fs []int32) {
	from := other.(*floatSum)
	s.countAcc.merge(gs, &from.countAcc, fs)
	for k, g := range gs {
		s.sum[g] += from.sum[fs[k]]
	}
}

func (s *floatSum) reset(g int32) { s.n[g], s.sum[g] = 0, 0 }

func (s *floatSum) save(g int32, b []byte) []byte {
	return appendFloat(s.countAcc.save(g, b), s.sum[g])
}

func (s *floatSum) load(g int32, r *reader) {
	s.countAcc.load(g, r)
	s.sum[g] = r.f64()
}

// decimalSum is SUM and AVG of DECIMAL. A sum of more than 38 digits is NULL from then on.
type decimalSum struct {
	countAcc
	in   types.Type
	sum  []decimal128.Num
	over []bool
	mean bool
}

func (s *decimalSum) grow(n int) {
	s.countAcc.grow(n)
	s.sum = grown(s.sum, n)
	s.over = grown(s.over, n)
}

func (s *decimalSum) add(gs, rows []int32, in *vec.Vec, minus []bool) {
	s.countAcc.add(gs, nil, nil, minus)
	for k, g := range gs {
		x := in.Dec[rows[k]]
		if minus != nil && minus[k] {
			x = x.Negate()
		}
		s.addOne(g, x)
	}
}

func (s *decimalSum) addOne(g int32, x decimal128.Num) {
	sum := s.sum[g].Add(x) // both have at most 38 digits, so 128 bits hold it
	if !sum.FitsInPrecision(types.MaxDecimal) {
		s.over[g] = true
		return
	}
	s.sum[g] = sum
}

func (s *decimalSum) put(g int32, o *vec.Vec, i int) {
	d, ok := s.sum[g], s.n[g] != 0 && !s.over[g]
	if ok && s.mean {
		d, ok = types.DivDecimals(d, s.in.Scale, decimal128.FromI64(s.n[g]), 0, o.T)
	}
	if !ok {
		d = decimal128.Num{}
		o.SetNull(i)
	}
	o.Dec[i] = d
}

func (s *decimalSum) merge(gs []int32, other acc, fs []int32) {
	from := other.(*decimalSum)
	s.countAcc.merge(gs, &from.countAcc, fs)
	for k, g := range gs {
		s.over[g] = s.over[g] || from.over[fs[k]]
		s.addOne(g, from.sum[fs[k]])
	}
}

func (s *decimalSum) reset(g int32) {
	s.n[g], s.sum[g], s.over[g] = 0, decimal128.Num{}, false
}

func (s *decimalSum) save(g int32, b []byte) []byte {
	b = s.countAcc.save(g, b)
	if s.over[g] {
		return append(b, 1)
	}
	b = append(b, 0)
	b = binary.LittleEndian.AppendUint64(b, s.sum[g].LowBits())
	return binary.LittleEndian.AppendUint64(b, uint64(s.sum[g].HighBits()))
}

func (s *decimalSum) load(g int32, r *reader) {
	s.countAcc.load(g, r)
	if s.over[g] = r.uvarint() == 1; s.over[g] {
		return
	}
	lo := r.u64()
	s.sum[g] = decimal128.New(int64(r.u64()), lo)
}

// moments is STDDEV and VAR by Welford's method, whose rounding does not depend on how large the values are.
type moments struct {
	countAcc
	avg, m2 []float64 // mean, and sum of squared distances from it
	sample  bool
	root    bool
}

func (m *moments) grow(n int) {
	m.countAcc.grow(n)
	m.avg, m.m2 = grown(m.avg, n), grown(m.m2, n)
}

func (m *moments) add(gs, rows []int32, in *vec.Vec, minus []bool) {
	for k, g := range gs {
		x := number(in, int(rows[k]))
		d := x - m.avg[g]
		switch {
		case sign(minus, k) > 0:
			m.n[g]++
			m.avg[g] += d / float64(m.n[g])
			m.m2[g] += d * (x - m.avg[g])
		case m.n[g] <= 1:
			m.reset(g)
		default:
			m.n[g]--
			m.avg[g] -= d / float64(m.n[g])
			m.m2[g] = max(0, m.m2[g]-d*(x-m.avg[g]))
		}
	}
}

// number is any number as a DOUBLE.
func number(v *vec.Vec, i int) float64 {
	switch vec.PhysOf(v.T) {
	case vec.PF32, vec.PF64:
		return v.Float(i)
	case vec.PDec:
		return v.Dec[i].ToFloat64(v.T.Scale)
	default:
		return float64(v.Int(i))
	}
}

func (m *moments) put(g int32, o *vec.Vec, i int) {
	n := m.n[g]
	if m.sample {
		n--
	}
	null := n < 1
	x := 0.0
	if !null {
		x = m.m2[g] / float64(n)
	}
	if m.root {
		x = math.Sqrt(x)
	}
	switch vec.PhysOf(o.T) {
	case vec.PF32, vec.PF64:
		o.SetFloat(i, x)
	case vec.PDec:
		var fits bool
		o.Dec[i], _, fits = types.ParseDecimal(types.AppendFloat(nil, x, 64), o.T)
		null = null || !fits
	default:
		o.SetInt(i, int64(x))
	}
	if null {
		o.SetNull(i)
	}
}

func (m *moments) merge(gs []int32, other acc, fs []int32) {
	from := other.(*moments)
	for k, g := range gs {
		f := fs[k]
		a, b := float64(m.n[g]), float64(from.n[f])
		if from.n[f] == 0 {
			continue
		}
		d := from.avg[f] - m.avg[g]
		m.avg[g] += d * b / (a + b)
		m.m2[g] += from.m2[f] + d*d*a*b/(a+b)
		m.n[g] += from.n[f]
	}
}

func (m *moments) reset(g int32) { m.n[g], m.avg[g], m.m2[g] = 0, 0, 0 }

func (m *moments) save(g int32, b []byte) []byte {
	return appendFloat(appendFloat(m.countAcc.save(g, b), m.avg[g]), m.m2[g])
}

func (m *moments) load(g int32, r *reader) {
	m.countAcc.load(g, r)
	m.avg[g], m.m2[g] = r.f64(), r.f64()
}
