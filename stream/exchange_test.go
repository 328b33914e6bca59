package stream

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func column(t *testing.T, typ arrow.DataType, json string) arrow.Array {
	t.Helper()
	a, _, err := array.FromJSON(memory.DefaultAllocator, typ, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Release)
	return a
}

// The hash of keys is part of the state's format: these numbers may never change, or restored state is looked for in the
// wrong key group.
func TestKeyHashesAreFrozen(t *testing.T) {
	list := arrow.ListOf(arrow.PrimitiveTypes.Int64)
	row := arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, arrow.Field{Name: "b", Type: arrow.BinaryTypes.String, Nullable: true})
	for _, c := range []struct {
		typ  arrow.DataType
		json string
		want string
	}{
		{arrow.PrimitiveTypes.Int64, `[0, 1, -1, null]`, "[a06e91641e8ab2d3 d2dc044d6da13b1a 17369308942a3cb2 96e4406546f15248]"},
		{arrow.BinaryTypes.String, `["", "EWR", "café", null]`, "[3da66bef130582f9 3a7b7daef63c89b0 1455ab9dee844a94 96e4406546f15248]"},
		{arrow.PrimitiveTypes.Float64, `[0, 1.5, null]`, "[2c05342659c6060b 81d9e13a96de0925 96e4406546f15248]"},
		{arrow.FixedWidthTypes.Boolean, `[false, true, null]`, "[a06e91641e8ab2d3 d2dc044d6da13b1a 96e4406546f15248]"},
		{&arrow.Decimal128Type{Precision: 20, Scale: 2}, `["0.00", "-12.50", null]`, "[b9d438ba7125413f 7b9f212e9a4f6112 96e4406546f15248]"},
		{&arrow.TimestampType{Unit: arrow.Millisecond}, `["1970-01-01 00:00:00.001", null]`, "[d2dc044d6da13b1a 96e4406546f15248]"},
		{list, `[[], [1, 2], null]`, "[411285d3cfb49d62 08ab57f875e0cd6b 96e4406546f15248]"},
		{row, `[{"a": 1, "b": "x"}, {"a": null, "b": null}, null]`, "[fd1f7c3e45f4feb6 8edea2005ce54e19 96e4406546f15248]"},
	} {
		a := column(t, c.typ, c.json)
		out := make([]uint64, a.Len())
		HashKeys([]arrow.Array{a}, a.Len(), out)
		if got := fmt.Sprintf("%016x", out); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.typ, c.json, got, c.want)
		}
	}
}

// Values that SQL calls equal hash equal: both zeros, every NaN, integers of any width, slices of a column.
func TestEqualKeysHashEqual(t *testing.T) {
	hash := func(a arrow.Array) []uint64 {
		out := make([]uint64, a.Len())
		HashKeys([]arrow.Array{a}, a.Len(), out)
		return out
	}
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	b.AppendValues([]float64{0, math.Copysign(0, -1), math.NaN(), math.Float64frombits(0x7ff8000000000099)}, nil)
	f := b.NewArray()
	defer f.Release()
	h := hash(f)
	if h[0] != h[1] || h[2] != h[3] || h[0] == h[2] {
		t.Errorf("floats hash %x", h)
	}
	if a, b := hash(column(t, arrow.PrimitiveTypes.Int8, `[7, -7]`)), hash(column(t, arrow.PrimitiveTypes.Int64, `[7, -7]`)); !slices.Equal(a, b) {
		t.Errorf("7 and -7 as TINYINT hash %x, as BIGINT %x", a, b)
	}
	for _, typ := range []arrow.DataType{arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32, arrow.FixedWidthTypes.Boolean} {
		json := map[arrow.Type]string{arrow.STRING: `["a", null, "b", "c"]`, arrow.INT32: `[1, null, 2, 3]`, arrow.BOOL: `[true, null, false, true]`}[typ.ID()]
		whole := column(t, typ, json)
		part := array.NewSlice(whole, 1, 4)
		if !slices.Equal(hash(part), hash(whole)[1:]) {
			t.Errorf("%s: a slice hashes otherwise than the column", typ)
		}
		part.Release()
	}
}

// Keys fall evenly into the key groups: no group of sequential or textual keys has more than twice its share.
func TestKeysSpreadOverGroups(t *testing.T) {
	const n = 128 * 200
	ints, texts := array.NewInt64Builder(memory.DefaultAllocator), array.NewStringBuilder(memory.DefaultAllocator)
	for i := range n {
		ints.Append(int64(i))
		texts.Append(fmt.Sprintf("user-%d", i))
	}
	for _, a := range []arrow.Array{ints.NewArray(), texts.NewArray()} {
		out := make([]uint64, n)
		HashKeys([]arrow.Array{a}, n, out)
		var groups [KeyGroups]int
		for _, h := range out {
			groups[KeyGroup(h)]++
		}
		if low, high := slices.Min(groups[:]), slices.Max(groups[:]); low < 130 || high > 270 {
			t.Errorf("%s: groups have %d to %d of 200 keys", a.DataType(), low, high)
		}
		a.Release()
	}
}

// Every task owns some groups and every group one task, whatever the parallelism.
func TestEveryGroupHasOneTask(t *testing.T) {
	for n := 1; n <= KeyGroups; n++ {
		owned := make([]int, n)
		for g := range KeyGroups {
			owned[TaskOfGroup(g, n)]++
		}
		if low, high := slices.Min(owned), slices.Max(owned); low < 1 || high-low > 1 {
			t.Errorf("%d tasks own %d to %d groups", n, low, high)
		}
	}
}

// Take gives the chosen rows of every type, from slices too, with their changes.
func TestTakeKeepsValuesNullsAndChanges(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "i", Type: arrow.PrimitiveTypes.Int16, Nullable: true},
		{Name: "l", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "d", Type: &arrow.Decimal128Type{Precision: 30, Scale: 1}, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "t", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: true},
		{Name: "a", Type: arrow.ListOf(arrow.PrimitiveTypes.Int32), Nullable: true},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[
		{"b":true,"i":1,"l":10,"d":"1.5","s":"one","t":"2013-01-01T00:00:00Z","a":[1]},
		{},
		{"b":false,"i":3,"l":30,"d":"-3.5","s":"","t":"2013-01-03T00:00:00Z","a":[]},
		{"b":true,"i":4,"l":40,"d":"4.5","s":"four","t":"2013-01-04T00:00:00Z","a":[4,5]}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	ops := Changes{Insert, Delete, UpdateBefore, UpdateAfter}
	for _, from := range []int{0, 1} {
		part := rec.NewSlice(int64(from), 4)
		b := Batch{Rec: part, Ops: ops[from:]}
		for _, rows := range [][]int32{{0}, {2, 0, 1}, {0, 1, 2}, {}} {
			got := Take(b, rows)
			for i, r := range rows {
				for c := range int(part.NumCols()) {
					if g, w := got.Rec.Column(c).ValueStr(i), part.Column(c).ValueStr(int(r)); g != w {
						t.Errorf("rows %v from %d, column %s: %s, want %s", rows, from, schema.Field(c).Name, g, w)
					}
				}
				if got.Ops[i] != b.Ops[r] {
					t.Errorf("row %d is %s, want %s", r, got.Ops[i], b.Ops[r])
				}
			}
			if got.Rows() != len(rows) {
				t.Errorf("%d rows, want %d", got.Rows(), len(rows))
			}
			got.Rec.Release()
		}
		part.Release()
	}
}
