package stdout

import (
	"bytes"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

// Lines come out when their checkpoint is committed, as rows or as a changelog.
func TestRowsArePrintedAtTheCommit(t *testing.T) {
	for _, c := range []struct {
		changelog bool
		want      string
	}{
		{false, "{\"id\":1,\"name\":\"a\"}\n{\"id\":3,\"name\":null}\n{\"op\":\"-D\",\"row\":{\"id\":4,\"name\":\"d\"}}\n"},
		{true, "{\"op\":\"+I\",\"row\":{\"id\":1,\"name\":\"a\"}}\n{\"op\":\"-U\",\"row\":{\"id\":2,\"name\":\"b\"}}\n" +
			"{\"op\":\"+U\",\"row\":{\"id\":3,\"name\":null}}\n{\"op\":\"-D\",\"row\":{\"id\":4,\"name\":\"d\"}}\n"},
	} {
		var out bytes.Buffer
		s, err := NewSink(NewOutput(&out), Options{Changelog: c.changelog})
		if err != nil {
			t.Fatal(err)
		}
		b := streamtest.Rows(t, schema, `[{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3},{"id":4,"name":"d"}]`)
		b.Ops = stream.Changes{stream.Insert, stream.UpdateBefore, stream.UpdateAfter, stream.Delete}
		if err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		p, err := s.Prepare(t.Context(), 1, true)
		if err != nil || len(p) == 0 || out.Len() > 0 {
			t.Fatalf("prepared %s, %v, with %q printed", p, err, out.String())
		}
		for range 2 {
			if err := s.Commit(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != c.want {
			t.Errorf("printed\n%swant\n%s", out.String(), c.want)
		}
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// A closed output ends the pipeline: printing again would not help.
func TestClosedOutputIsFinal(t *testing.T) {
	s, err := NewSink(NewOutput(closedPipe{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), streamtest.Rows(t, schema, `[{"id":1,"name":"a"}]`)); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), nil); !stream.IsPermanent(err) {
		t.Errorf("commit: %v, want a permanent error", err)
	}
}
