package parquet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// part is the rows of a batch that go to one folder.
type part struct {
	folder string
	rows   []int32 // nil: all
}

// maxPartsPerBatch is far above MaxOpenFiles in any sensible table; beyond it a column of unique values was taken for a
// partition by mistake, and a file per row would follow.
const maxPartsPerBatch = 4096

// split sorts the rows of a batch by folder, in the order of their first rows.
func (s *Sink) split(rec arrow.RecordBatch) ([]part, error) {
	if len(s.by) == 0 {
		return []part{{folder: "."}}, nil
	}
	index := map[string]int{}
	var parts []part
	var key []byte
	for r := range int(rec.NumRows()) {
		key = key[:0]
		for _, c := range s.by {
			key = appendKey(key, rec.Column(c), r)
		}
		at, ok := index[string(key)]
		if !ok {
			if at = len(parts); at >= maxPartsPerBatch {
				return nil, fmt.Errorf("partition table %s: one batch has more than %d values of %s: partition by a column with fewer",
					s.o.Dir, maxPartsPerBatch, strings.Join(s.o.PartitionBy, ", "))
			}
			folder, reason := Folder(rec, s.by, r)
			if reason != "" {
				return nil, fmt.Errorf("partition table %s: %s", s.o.Dir, reason)
			}
			index[string(key)] = at
			parts = append(parts, part{folder: folder})
		}
		parts[at].rows = append(parts[at].rows, int32(r))
	}
	return parts, nil
}

// appendKey appends what tells the values of a partition column apart.
func appendKey(key []byte, col arrow.Array, r int) []byte {
	if col.IsNull(r) {
		return append(key, 0)
	}
	key = append(key, 1)
	if a, ok := col.(*array.String); ok {
		v := a.Value(r)
		key = strconv.AppendInt(key, int64(len(v)), 10)
		return append(append(key, ':'), v...)
	}
	return append(append(key, partitionText(col, r)...), 0)
}

// Folder is the path of a row's folder below the table's, "a=1/b=x". A reason is given when no folder can have that name:
// the row belongs in the dead-letter topic.
func Folder(rec arrow.RecordBatch, by []int, r int) (folder, reason string) {
	names := make([]string, len(by))
	for k, c := range by {
		column, value := rec.ColumnName(c), NullPartition
		if !rec.Column(c).IsNull(r) {
			text, ok := EscapePartition(partitionText(rec.Column(c), r))
			if !ok {
				return "", fmt.Sprintf("column %s: the value is not UTF-8, so no folder can have its name", column)
			}
			value = text
		}
		names[k] = column + "=" + value
		if len(names[k]) > maxFolderBytes {
			return "", fmt.Sprintf("column %s: the folder's name would have %d bytes, and %d are allowed", column, len(names[k]), maxFolderBytes)
		}
	}
	return strings.Join(names, "/"), ""
}

// partitionText is a value as SQL writes it.
func partitionText(col arrow.Array, r int) string {
	switch a := col.(type) {
	case *array.String:
		return a.Value(r)
	case *array.Binary:
		return string(a.Value(r))
	case *array.Date32:
		return a.Value(r).ToTime().Format(time.DateOnly)
	case *array.Timestamp:
		unit := a.DataType().(*arrow.TimestampType).Unit
		return a.Value(r).ToTime(unit).UTC().Format("2006-01-02 15:04:05.999999999")
	}
	return col.ValueStr(r)
}
