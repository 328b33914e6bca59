package stream

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/cespare/xxhash/v2"
)

// The hash of keys is part of the state's format: it decides in which key group a key lies, so none of what follows can
// ever change for a type that has it. A value becomes 64 bits (integers and times: the number; floats: the bits, with
// one zero and one NaN; text and bytes: XXH64; decimals: both halves mixed; NULL: a constant), and the columns are
// mixed into the row's hash from left to right.
const (
	hashSeed  = 0x9e3779b97f4a7c15
	nullValue = 0x6e756c6c6e756c6c
	nestStart = 0x6c69737473657121
	mulA      = 0xa0761d6478bd642f
	mulB      = 0xe7037ed1a0b428db
)

// mix folds one column's value into the row's hash.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^mulA, v^mulB)
	h = hi ^ lo ^ bits.RotateLeft64(h, 23) ^ v
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

// HashKeys hashes the key of each of the first rows rows into out: equal values of one type hash equal, and so do
// NULLs. No columns: all rows hash equal. Integers of different width with one value hash equal as well.
func HashKeys(cols []arrow.Array, rows int, out []uint64) {
	out = out[:rows]
	for i := range out {
		out[i] = hashSeed
	}
	for _, c := range cols {
		hashColumn(c, out)
	}
}

func hashColumn(col arrow.Array, out []uint64) {
	switch a := col.(type) {
	case *array.Int8:
		hashInts(col, a.Int8Values(), out)
	case *array.Int16:
		hashInts(col, a.Int16Values(), out)
	case *array.Int32:
		hashInts(col, a.Int32Values(), out)
	case *array.Int64:
		hashInts(col, a.Int64Values(), out)
	case *array.Date32:
		hashInts(col, a.Date32Values(), out)
	case *array.Time32:
		hashInts(col, a.Time32Values(), out)
	case *array.Time64:
		hashInts(col, a.Time64Values(), out)
	case *array.Timestamp:
		hashInts(col, a.TimestampValues(), out)
	default:
		for i := range out {
			out[i] = mix(out[i], hashValue(col, i))
		}
	}
}

func hashInts[T ~int8 | ~int16 | ~int32 | ~int64](col arrow.Array, v []T, out []uint64) {
	if col.NullN() == 0 {
		for i := range out {
			out[i] = mix(out[i], uint64(int64(v[i])))
		}
		return
	}
	for i := range out {
		x := uint64(int64(v[i]))
		if col.IsNull(i) {
			x = nullValue
		}
		out[i] = mix(out[i], x)
	}
}

// hashValue hashes one value of the types that hashColumn has no loop for.
func hashValue(col arrow.Array, i int) uint64 {
	if col.IsNull(i) {
		return nullValue
	}
	switch a := col.(type) {
	case *array.String:
		return xxhash.Sum64String(a.Value(i))
	case *array.Binary:
		return xxhash.Sum64(a.Value(i))
	case *array.Boolean:
		if a.Value(i) {
			return 1
		}
		return 0
	case *array.Float32:
		return hashFloat(float64(a.Value(i)))
	case *array.Float64:
		return hashFloat(a.Value(i))
	case *array.Decimal128:
		d := a.Value(i)
		return mix(d.LowBits(), uint64(d.HighBits()))
	case *array.FixedSizeBinary:
		return xxhash.Sum64(a.Value(i))
	case *array.Struct:
		h := uint64(nestStart)
		for f := range a.NumField() {
			h = mix(h, hashCell(a.Field(f), i))
		}
		return h
	case *array.List:
		from, to := a.ValueOffsets(i)
		return hashRange(a.ListValues(), from, to)
	case *array.Map:
		from, to := a.ValueOffsets(i)
		return hashRange(a.ListValues(), from, to)
	case *array.Null:
		return nullValue
	default:
		// Unsigned and exotic types are not types of SQL rows; a fixed width makes them hashable all the same.
		if w, ok := col.DataType().(arrow.FixedWidthDataType); ok && w.BitWidth()%8 == 0 {
			n := w.BitWidth() / 8
			at := (col.Data().Offset() + i) * n
			return xxhash.Sum64(col.Data().Buffers()[1].Bytes()[at : at+n])
		}
		panic("BUG: no hash for keys of type " + col.DataType().String())
	}
}

// hashCell is one value of a nested column, of any type.
func hashCell(col arrow.Array, i int) uint64 {
	one := [1]uint64{hashSeed}
	s := array.NewSlice(col, int64(i), int64(i+1))
	defer s.Release()
	hashColumn(s, one[:])
	return one[0]
}

func hashRange(values arrow.Array, from, to int64) uint64 {
	h := mix(nestStart, uint64(to-from))
	for i := from; i < to; i++ {
		h = mix(h, hashCell(values, int(i)))
	}
	return h
}

func hashFloat(f float64) uint64 {
	if f == 0 {
		f = 0 // -0 is 0
	}
	if f != f {
		return math.Float64bits(math.NaN())
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], math.Float64bits(f))
	return xxhash.Sum64(b[:])
}
