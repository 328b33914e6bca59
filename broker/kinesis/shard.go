package kinesis

import (
	"crypto/md5" //nolint:gosec // the API defines the hash
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// hashKeys is 2^128: partition keys hash to [0, hashKeys).
var hashKeys = new(big.Int).Lsh(big.NewInt(1), 128)

// shardRange is the range of hash keys of shard i of n, both ends inclusive: the shards tile the space evenly.
func shardRange(i, n int) (first, last *big.Int) {
	at := func(k int) *big.Int {
		v := new(big.Int).Mul(hashKeys, big.NewInt(int64(k)))
		return v.Div(v, big.NewInt(int64(n)))
	}
	return at(i), new(big.Int).Sub(at(i+1), big.NewInt(1))
}

// shardOf is the shard of n whose range holds the hash key.
func shardOf(hash *big.Int, n int) int {
	v := new(big.Int).Mul(hash, big.NewInt(int64(n)))
	i := int(v.Rsh(v, 128).Int64())
	if first, last := shardRange(i, n); hash.Cmp(first) < 0 {
		i--
	} else if hash.Cmp(last) > 0 {
		i++
	}
	return i
}

// hashOf is the MD5 of a partition key's UTF-8 as an unsigned number.
func hashOf(key string) *big.Int {
	sum := md5.Sum([]byte(key)) //nolint:gosec // the API defines the hash
	return new(big.Int).SetBytes(sum[:])
}

var explicitHash = regexp.MustCompile(`^(0|[1-9]\d{0,38})$`)

// parseHash reads an ExplicitHashKey.
func parseHash(s string) (*big.Int, *apiError) {
	if !explicitHash.MatchString(s) {
		return nil, validation("1 validation error detected: Value '%s' at 'explicitHashKey' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})", s)
	}
	v, _ := new(big.Int).SetString(s, 10)
	if v.Cmp(hashKeys) >= 0 {
		return nil, invalidArgument("Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was %s", s)
	}
	return v, nil
}

func shardID(i int) string { return fmt.Sprintf("shardId-%012d", i) }

// parseShardID gives the number of a shard id, -1 when it is none.
func parseShardID(s string) int {
	digits, ok := strings.CutPrefix(s, "shardId-")
	if !ok || len(digits) != 12 {
		return -1
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return -1
	}
	return n
}
