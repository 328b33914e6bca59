package kinesis

import (
	"fmt"
	"math/big"
	"strconv"
)

// A sequence number is 47 hexadecimal digits written in decimal, laid out as Kinesis' own version 2 numbers:
//
//	2 | shard created (s) 9 | shard 1 | index 16 | 00 | record arrived (s) 9 | shard 8 | 2
//
// The index is the record's offset. What stands before it is the same for all records of a shard, so numbers rise with
// offsets, and an offset is read back from a number alone.
const (
	seqDigits   = 47
	seqIndexPos = 11
	seqIndexLen = 16
	seqShardPos = 38
	seqShardLen = 8
)

func sequence(createdSec int64, shard int, offset, arrivedSec int64) string {
	hex := fmt.Sprintf("2%09x%01x%016x00%09x%08x2", createdSec, shard&0xf, uint64(offset), max(arrivedSec, 0), shard)
	v, ok := new(big.Int).SetString(hex, 16)
	if !ok || len(hex) != seqDigits {
		panic("BUG: sequence number " + hex)
	}
	return v.String()
}

// parseSequence reads the shard and offset of a sequence number.
func parseSequence(s string) (shard int, offset int64, err *apiError) {
	bad := invalidArgument("Invalid SequenceNumber %q.", s)
	if s == "" || len(s) > 129 {
		return 0, 0, bad
	}
	v, ok := new(big.Int).SetString(s, 10)
	if !ok || v.Sign() < 0 {
		return 0, 0, bad
	}
	hex := v.Text(16)
	if len(hex) != seqDigits || hex[0] != '2' || hex[seqDigits-1] != '2' {
		return 0, 0, bad
	}
	index, e1 := strconv.ParseUint(hex[seqIndexPos:seqIndexPos+seqIndexLen], 16, 63)
	n, e2 := strconv.ParseUint(hex[seqShardPos:seqShardPos+seqShardLen], 16, 31)
	if e1 != nil || e2 != nil {
		return 0, 0, bad
	}
	return int(n), int64(index), nil
}
