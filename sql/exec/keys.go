package exec

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
	"github.com/weirhub/weir/stream"
)

// keys packs the key columns of a batch: a group is found by hash and bytes, whatever its columns are.
//
// The packed form of a row, column by column: 0 for NULL; 1 and the value otherwise: integers and times as 8 bytes,
// floats as 8 bytes (one zero, one NaN), decimals as 16, booleans as 1, text as its length (uvarint) and its bytes.
// It is part of the state's format.
type keys struct {
	types []types.Type
	cols  []int
	vecs  []vec.Vec
	mem   []vec.Scratch
	arrs  []arrow.Array

	hash []uint64
	buf  []byte
	off  []int32
}

func newKeys(in types.Schema, cols []int) *keys {
	k := &keys{cols: cols, vecs: make([]vec.Vec, len(cols)), mem: make([]vec.Scratch, len(cols)), arrs: make([]arrow.Array, len(cols))}
	for _, c := range cols {
		k.types = append(k.types, in[c].Type)
	}
	return k
}

// load packs and hashes the keys of all rows.
func (k *keys) load(rec arrow.RecordBatch) error {
	n := int(rec.NumRows())
	for i, c := range k.cols {
		k.arrs[i] = rec.Column(c)
		if err := k.mem[i].FromArrow(&k.vecs[i], k.types[i], k.arrs[i], nil); err != nil {
			return err
		}
	}
	if cap(k.hash) < n {
		k.hash = make([]uint64, n)
		k.off = make([]int32, 0, n+1)
	}
	k.hash = k.hash[:n]
	stream.HashKeys(k.arrs, n, k.hash)
	k.buf, k.off = k.buf[:0], append(k.off[:0], 0)
	for i := range n {
		for c := range k.vecs {
			k.buf = appendKey(k.buf, &k.vecs[c], i)
		}
		k.off = append(k.off, int32(len(k.buf)))
	}
	return nil
}

// row is the packed key of a row; a view.
func (k *keys) row(i int) []byte { return k.buf[k.off[i]:k.off[i+1]] }

func appendKey(b []byte, v *vec.Vec, i int) []byte {
	if v.Null(i) {
		return append(b, 0)
	}
	b = append(b, 1)
	switch vec.PhysOf(v.T) {
	case vec.PBool:
		if v.Bool[i] {
			return append(b, 1)
		}
		return append(b, 0)
	case vec.PF32, vec.PF64:
		return binary.LittleEndian.AppendUint64(b, floatKey(v.Float(i)))
	case vec.PDec:
		b = binary.LittleEndian.AppendUint64(b, v.Dec[i].LowBits())
		return binary.LittleEndian.AppendUint64(b, uint64(v.Dec[i].HighBits()))
	case vec.PStr:
		return appendBytes(b, v.Str(i))
	default:
		return binary.LittleEndian.AppendUint64(b, uint64(v.Int(i)))
	}
}

func floatKey(x float64) uint64 {
	switch {
	case x == 0:
		return 0
	case math.IsNaN(x):
		return math.Float64bits(math.NaN())
	}
	return math.Float64bits(x)
}

// unpack writes one packed key into row i of columns of the keys' types.
func unpack(key []byte, out []*vec.Vec, i int) {
	r := reader{b: key}
	for _, o := range out {
		unpackValue(&r, o, i)
	}
	if r.bad {
		panic("BUG: packed key is cut short")
	}
}

func unpackValue(r *reader, o *vec.Vec, i int) {
	text := vec.PhysOf(o.T) == vec.PStr
	if len(r.b) == 0 {
		r.bad = true
		return
	}
	null := r.b[0] == 0
	r.b = r.b[1:]
	if null {
		if text {
			o.End()
		}
		o.SetNull(i)
		return
	}
	switch vec.PhysOf(o.T) {
	case vec.PBool:
		o.Bool[i] = len(r.b) > 0 && r.b[0] == 1
		r.b = r.b[min(1, len(r.b)):]
	case vec.PF32, vec.PF64:
		o.SetFloat(i, r.f64())
	case vec.PDec:
		lo := r.u64()
		o.Dec[i] = decimal128.New(int64(r.u64()), lo)
	case vec.PStr:
		o.Append(r.bytes())
	default:
		o.SetInt(i, int64(r.u64()))
	}
}
