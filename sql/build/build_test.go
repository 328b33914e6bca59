package build

import (
	"errors"
	"testing"

	"github.com/weirhub/weir/sql/catalog"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

// broken fails by itself or passes on what its consumer says.
type broken struct {
	stream.Operator
	own error
}

func (b broken) Process(_ int, in stream.Batch, out stream.Emitter) error {
	if b.own != nil {
		return b.own
	}
	return out.Emit(in)
}

type refusing struct{ streamtest.Emitter }

func (*refusing) Emit(stream.Batch) error { return errors.New("the sink is away") }

// An error that the rows cause ends the pipeline; one from downstream, such as a sink that is away, restarts it.
func TestOnlyOwnErrorsArePermanent(t *testing.T) {
	own := &failing{Operator: broken{own: errors.New("division by zero")}}
	if err := own.Process(0, stream.Batch{}, &streamtest.Emitter{}); !stream.IsPermanent(err) {
		t.Errorf("an operator's own error is not permanent: %v", err)
	}
	below := &failing{Operator: broken{}}
	if err := below.Process(0, stream.Batch{}, &refusing{}); err == nil || stream.IsPermanent(err) {
		t.Errorf("an error from downstream: %v, want one that is not permanent", err)
	}
}

// A statement cannot take any number of sources, each with buffers of its own.
func TestScansOfAStatementAreBounded(t *testing.T) {
	o := Options{Connectors: []Connector{{
		Name: "none", Source: func(SourceSpec) (func(stream.Task) (stream.Source, error), error) { return nil, nil },
	}}}
	table := &catalog.Table{Name: "t", Connector: "none"}
	union := func(n int) plan.Node {
		u := &plan.Union{}
		for range n {
			u.All = append(u.All, &plan.Scan{Table: table})
		}
		return u
	}
	if _, err := Pipeline(union(maxScans), o); err != nil {
		t.Errorf("%d tables: %v", maxScans, err)
	}
	if _, err := Pipeline(union(maxScans+1), o); err == nil {
		t.Errorf("%d tables are not refused", maxScans+1)
	}
}
