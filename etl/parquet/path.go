package parquet

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// NullPartition is Hive's name for a partition value that is NULL.
const NullPartition = "__HIVE_DEFAULT_PARTITION__"

// maxFolderBytes is what file systems allow in one name (NAME_MAX on Linux).
const maxFolderBytes = 255

// escaped are the ASCII characters that Hive's FileUtils.escapePathName writes as %XX, besides control characters; Spark,
// DuckDB and pyarrow undo it. A space is left alone, as Hive does.
const escaped = "\"#%'*/:=?\\{[]^"

// EscapePartition is a partition value as it stands in a folder's name; ok is false for a value that no name can hold. The
// empty text becomes NullPartition, as in Hive and Spark, where a folder cannot be named by nothing. The text NullPartition
// itself is escaped: DuckDB tells it from NULL, pyarrow does not.
func EscapePartition(value string) (name string, ok bool) {
	if value == "" {
		return NullPartition, true
	}
	if !utf8.ValidString(value) {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c < 0x20 || c == 0x7f || strings.IndexByte(escaped, c) >= 0 || dots(value) || value == NullPartition && i == 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// dots reports the two names that mean a folder itself and its parent. Behind `c=` they would be harmless; a reader that
// takes names apart should not meet them.
func dots(value string) bool { return value == "." || value == ".." }
