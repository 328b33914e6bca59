package streamtest

import (
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/stream"
)

var schema = arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)

// The suites accept the source and the sink in memory, which keep the contracts.
func TestMemoryKeepsTheContracts(t *testing.T) {
	data := map[string][]stream.Batch{
		"a": {Rows(t, schema, `[{"n":1},{"n":2},{"n":3}]`), Rows(t, schema, `[{"n":4}]`)},
		"b": {Rows(t, schema, `[{"n":5},{"n":6}]`)},
	}
	rows := CheckSource(t, func(task stream.Task) (stream.Source, error) {
		return &Source{Data: data, MaxRows: 2, Task: task, Steps: &Steps{}}, nil
	})
	if len(rows) != 6 {
		t.Errorf("%d rows, want 6", len(rows))
	}
	store := &Store{}
	CheckSink(t, SinkCase{
		New:   func() (stream.Sink, error) { return &Sink{Store: store, Steps: &Steps{}}, nil },
		Batch: Rows(t, schema, `[{"n":1},{"n":2}]`), Visible: func() int { return len(store.Visible()) },
	})
}

// Folding a changelog gives its table, and refuses to take back what is not there.
func TestFoldAppliesEveryStep(t *testing.T) {
	row := func(op stream.Op, text string) Row { return Row{op, text} }
	got, err := Fold([]Row{
		row(stream.Insert, "[a 1]"), row(stream.UpdateBefore, "[a 1]"), row(stream.UpdateAfter, "[a 2]"),
		row(stream.Insert, "[b 1]"), row(stream.Insert, "[b 1]"), row(stream.Delete, "[b 1]"),
	})
	if err != nil || !slices.Equal(got, []string{"[a 2]", "[b 1]"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Fold([]Row{row(stream.Insert, "[a 1]"), row(stream.Delete, "[a 2]")}); err == nil {
		t.Error("a row that is not there was taken back")
	}
}
