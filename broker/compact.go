package broker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/weirhub/weir/broker/commitlog"
)

// defaultCompactEvery is Kafka's log.cleaner.backoff.ms: a look at some numbers per partition, and nothing when none is
// due.
const defaultCompactEvery = 15 * time.Second

// Compact compacts the partitions whose topics ask for it and that are due now, the dirtiest first, each once. Run calls
// it from time to time; one at a time is all that a broker does, so that memory and disk serve its clients.
func (b *Broker) Compact(ctx context.Context) {
	for _, p := range b.due() {
		if ctx.Err() != nil {
			return
		}
		began := time.Now()
		done, err := p.log.Compact(ctx, b.o.Now(), p.HighWatermark())
		var corrupt *commitlog.CorruptError
		switch {
		case errors.Is(err, context.Canceled), errors.Is(err, commitlog.ErrClosed):
		case err != nil:
			b.o.Logger.Error("compact", "topic", p.topic.Name(), "partition", p.index, "err", err)
			// What is damaged stays so. The partition goes on, and its log grows, until somebody repairs it.
			p.damaged.Store(errors.As(err, &corrupt))
			if errors.Is(err, commitlog.ErrOffline) {
				p.goOffline(err)
			}
		default:
			b.o.Logger.Debug("compact", "topic", p.topic.Name(), "partition", p.index, "passes", done.Passes,
				"records", done.Records, "bytes", done.Bytes, "took", time.Since(began))
		}
	}
}

func (b *Broker) due() []*Partition {
	type dirty struct {
		p     *Partition
		ratio float64
	}
	var found []dirty
	now := b.o.Now()
	for _, t := range b.Topics() {
		if !t.settings.Load().compact {
			continue
		}
		for _, p := range t.Partitions() {
			if p.Err() != nil || p.damaged.Load() {
				continue
			}
			if d := p.log.Dirt(now, p.HighWatermark()); d.Due {
				found = append(found, dirty{p, d.Ratio()})
			}
		}
	}
	slices.SortStableFunc(found, func(x, y dirty) int { return cmp.Compare(y.ratio, x.ratio) })
	out := make([]*Partition, len(found))
	for i, d := range found {
		out[i] = d.p
	}
	return out
}
