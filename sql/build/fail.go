package build

import "github.com/weirhub/weir/stream"

// failing makes an operator's own errors permanent: they come of the rows (a division by zero, a text that is no number),
// and the same rows would bring them again after each restart. Errors from downstream pass as they are.
type failing struct {
	stream.Operator
	out downstream
}

// Process runs the operator on a batch.
func (f *failing) Process(input int, in stream.Batch, out stream.Emitter) error {
	f.out = downstream{Emitter: out}
	return f.out.judge(f.Operator.Process(input, in, &f.out))
}

// Advance runs the operator on event time.
func (f *failing) Advance(wm stream.Watermark, out stream.Emitter) error {
	f.out = downstream{Emitter: out}
	return f.out.judge(f.Operator.Advance(wm, &f.out))
}

// downstream remembers whether an error came from there.
type downstream struct {
	stream.Emitter
	failed bool
}

func (d *downstream) Emit(b stream.Batch) error {
	err := d.Emitter.Emit(b)
	d.failed = d.failed || err != nil
	return err
}

func (d *downstream) DeadLetter(r stream.BadRecord) error {
	err := d.Emitter.DeadLetter(r)
	d.failed = d.failed || err != nil
	return err
}

func (d *downstream) judge(err error) error {
	if d.failed {
		return err
	}
	return stream.Permanent(err)
}
