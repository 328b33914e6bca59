package stream

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// channelBatches is how many messages fit into the channel of a task per upstream task. One batch in work and one ready on each
// side keep both busy; more would only make barriers slower and hold memory.
const channelBatches = 2

// message is what moves through an exchange: rows, event time or a barrier.
type message struct {
	channel int // which upstream task, numbered over all inputs
	input   int
	batch   Batch // a reference of its own: the receiver releases it
	kind    messageKind
	wm      Watermark
	idle    bool
	barrier barrier
}

type messageKind uint8

const (
	rowsMessage messageKind = iota
	watermarkMessage
	barrierMessage
)

// barrier divides the rows of one checkpoint from those of the next. Tasks stand still behind it until the checkpoint
// is decided, so no row can overtake it and a task's channels need no blocking one by one.
type barrier struct {
	id   CheckpointID
	last bool
}

// exchange is a task's way to the tasks of the next stage.
type exchange struct {
	targets []target
	input   int
	keys    []int // columns; nil: rows stay in their task, and there is one target
	hashes  []uint64
	rows    [][]int32 // scratch, per target
}

// target is a task that takes rows, and the number of this way to it among the task's channels.
type target struct {
	task    *task
	channel int
}

// send hands rows to the tasks that own their keys, in order.
func (x *exchange) send(ctx context.Context, b Batch) error {
	if len(x.targets) == 1 {
		b.Rec.Retain()
		return x.put(ctx, 0, message{batch: b, kind: rowsMessage})
	}
	n := b.Rows()
	if cap(x.hashes) < n {
		x.hashes = make([]uint64, n)
	}
	cols := make([]arrow.Array, len(x.keys))
	for i, k := range x.keys {
		cols[i] = b.Rec.Column(k)
	}
	HashKeys(cols, n, x.hashes[:n])
	for t := range x.rows {
		x.rows[t] = x.rows[t][:0]
	}
	for i, h := range x.hashes[:n] {
		t := TaskOfGroup(KeyGroup(h), len(x.targets))
		x.rows[t] = append(x.rows[t], int32(i))
	}
	for t, rows := range x.rows {
		switch len(rows) {
		case 0:
			continue
		case n:
			b.Rec.Retain()
			if err := x.put(ctx, t, message{batch: b, kind: rowsMessage}); err != nil {
				return err
			}
		default:
			if err := x.put(ctx, t, message{batch: Take(b, rows), kind: rowsMessage}); err != nil {
				return err
			}
		}
	}
	return nil
}

// broadcast tells all receivers.
func (x *exchange) broadcast(ctx context.Context, m message) error {
	for t := range x.targets {
		if err := x.put(ctx, t, m); err != nil {
			return err
		}
	}
	return nil
}

func (x *exchange) put(ctx context.Context, to int, m message) error {
	m.channel, m.input = x.targets[to].channel, x.input
	select {
	case x.targets[to].task.in <- m:
		return nil
	case <-ctx.Done():
		if m.batch.Rec != nil {
			m.batch.Rec.Release()
		}
		return ctx.Err()
	}
}
