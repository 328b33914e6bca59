package exec

import "github.com/weirhub/weir/stream"

// Union puts out the rows of all inputs, whose columns have equal types.
type Union struct{}

// Process passes a batch on.
func (Union) Process(_ int, in stream.Batch, out stream.Emitter) error {
	if in.Rows() == 0 {
		return nil
	}
	return out.Emit(stream.Batch{Rec: in.Rec, Ops: in.Ops})
}

// Advance does nothing: the engine merges watermarks.
func (Union) Advance(stream.Watermark, stream.Emitter) error { return nil }

// Snapshot writes nothing.
func (Union) Snapshot(*stream.StateWriter) error { return nil }

// Restore reads nothing.
func (Union) Restore(*stream.StateReader) error { return nil }

// Close gives nothing back.
func (Union) Close() error { return nil }
