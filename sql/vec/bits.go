package vec

import "math/bits"

// Bits is a bitmap in Arrow's order (bit 0 of word 0 is row 0), in words so that 64 rows are handled at once.
type Bits []uint64

func words(n int) int { return (n + 63) / 64 }

// Ones is a bitmap of n set bits, in b's memory when it is large enough.
func Ones(b Bits, n int) Bits {
	b = sized(b, words(n))
	fill(b, ^uint64(0))
	return b
}

// Zeros is a bitmap of n clear bits, in b's memory when it is large enough.
func Zeros(b Bits, n int) Bits {
	b = sized(b, words(n))
	clear(b)
	return b
}

// Get is bit i.
func (b Bits) Get(i int) bool { return b[i>>6]>>(i&63)&1 != 0 }

// Set sets bit i.
func (b Bits) Set(i int) { b[i>>6] |= 1 << (i & 63) }

// Clear clears bit i.
func (b Bits) Clear(i int) { b[i>>6] &^= 1 << (i & 63) }

// Count is the number of set bits among the first n.
func (b Bits) Count(n int) int {
	c, full := 0, n>>6
	for _, w := range b[:full] {
		c += bits.OnesCount64(w)
	}
	if r := n & 63; r != 0 {
		c += bits.OnesCount64(b[full] & (1<<r - 1))
	}
	return c
}

// And combines the valid bits of two columns of n rows: nil when both have no NULLs. The result lies in dst's memory or
// is new; it is never a's or b's.
func And(dst, a, b Bits, n int) Bits {
	if a == nil && b == nil {
		return nil
	}
	dst = sized(dst, words(n))
	switch {
	case a == nil:
		copy(dst, b)
	case b == nil:
		copy(dst, a)
	default:
		a, b := a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] = a[i] & b[i]
		}
	}
	return dst
}
