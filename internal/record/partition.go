package record

// PartitionForKey is the partition that Kafka's Java producer gives a record with this key: murmur2, made positive,
// modulo the partition count (KIP-480 left keyed records alone).
func PartitionForKey(key []byte, partitions int) int32 {
	return int32(uint32(murmur2(key)&0x7fffffff) % uint32(partitions))
}

// murmur2 is the 32-bit hash of org.apache.kafka.common.utils.Utils.murmur2, seed 0x9747b28c.
func murmur2(b []byte) uint32 {
	const seed, m, r = uint32(0x9747b28c), uint32(0x5bd1e995), 24
	h := seed ^ uint32(len(b))
	for len(b) >= 4 {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		b = b[4:]
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(b[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}
