package streamtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/stream"
)

// Rows makes a batch from a JSON list of objects, as array.RecordFromJSON reads it. It is released when the test ends.
func Rows(t testing.TB, schema *arrow.Schema, json string) stream.Batch {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(json))
	if err != nil {
		t.Fatalf("rows %s: %v", json, err)
	}
	t.Cleanup(rec.Release)
	return stream.Batch{Rec: rec}
}

// Row is one line of a changelog.
type Row struct {
	Op   stream.Op
	Text string // the values, as arrow prints them: "[1 a (null)]"
}

func (r Row) String() string { return r.Op.String() + r.Text }

// Changelog spells the rows of a batch.
func Changelog(b stream.Batch) []Row {
	out := make([]Row, b.Rows())
	for i := range out {
		var s strings.Builder
		for c := range int(b.Rec.NumCols()) {
			if c > 0 {
				s.WriteByte(' ')
			}
			s.WriteString(b.Rec.Column(c).ValueStr(i))
		}
		out[i] = Row{b.Ops.At(i), "[" + s.String() + "]"}
	}
	return out
}

// Fold applies a changelog to an empty table and gives its rows, sorted. It fails on a row that takes back what is not
// there: a folded changelog is only right when every step of it is.
func Fold(rows []Row) ([]string, error) {
	counts := map[string]int{}
	for i, r := range rows {
		if r.Op.Retracts() {
			if counts[r.Text]--; counts[r.Text] < 0 {
				return nil, fmt.Errorf("row %d of the changelog, %v, takes back what is not there", i, r)
			}
		} else {
			counts[r.Text]++
		}
	}
	var out []string
	for text, n := range counts {
		for range n {
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return out, nil
}

// slice gives rows [from, to) of a batch with its changes.
func slice(b stream.Batch, from, to int64) stream.Batch {
	out := stream.Batch{Rec: b.Rec.NewSlice(from, to)}
	if b.Ops != nil {
		out.Ops = b.Ops[from:to]
	}
	return out
}
