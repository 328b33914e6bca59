package hub

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/stream"
)

// Status is what every part does now.
func (h *Hub) Status() admin.Status {
	s := admin.Status{Time: time.Now(), Started: h.started}
	for _, p := range h.parts {
		s.Parts = append(s.Parts, h.show(p, s.Time))
	}
	return s
}

func (h *Hub) show(p *part, now time.Time) admin.Part {
	out := admin.Part{Kind: p.kind, Name: p.name, From: p.from, To: p.to, Detail: p.detail, SQL: p.sql, Lag: -1} // made without secrets
	p.mu.Lock()
	began, ended, err := p.mu.began, p.mu.ended, p.mu.err
	p.mu.Unlock()
	switch {
	case err != nil:
		out.State, out.Error = admin.StateFailed, h.o.File.Mask(err.Error())
	case !ended.IsZero():
		out.State = admin.StateDone
	case began.IsZero() && p.spec != nil:
		out.State = admin.StateStarting
	default:
		out.State = admin.StateRunning
	}
	if p.spec == nil {
		if p.kind == admin.KindStream && h.kinesis != nil {
			if c := h.kinesis.Counters(p.name); c != nil {
				out.RecordsIn, out.RecordsOut = c.Put.Load(), c.Got.Load()
			}
		}
		return out
	}
	if !began.IsZero() {
		end := ended
		if end.IsZero() {
			end = now
		}
		out.Seconds = end.Sub(began).Seconds()
	}
	counters(&out, p)
	out.Rate = h.sampler.rate(p)
	return out
}

// counters fills in what the pipeline's nodes counted: its sources are first, its sink last.
func counters(out *admin.Part, p *part) {
	snap := p.metrics.Snapshot()
	out.Restarts = snap.Restarts
	watermark := stream.MaxWatermark
	for i, n := range snap.Nodes {
		out.DeadLetters += n.DeadLetters
		out.LateRows += n.Late
		if isSource(n.Name) {
			out.RecordsIn += n.RowsOut
			out.BytesIn += n.Bytes
			if len(p.reads) > 0 {
				out.Lag = max(out.Lag, 0) + n.Lag
			}
		} else if i == len(snap.Nodes)-1 {
			out.RecordsOut, out.BytesOut = n.RowsIn, n.Bytes
		}
		if n.Watermark > stream.MinWatermark && n.Watermark < watermark {
			watermark = n.Watermark
		}
	}
	if watermark < stream.MaxWatermark {
		ms := int64(watermark)
		out.Watermark = &ms
	}
	if p.progress != nil {
		out.Done, out.Total = p.progress()
	}
}

// isSource reports the nodes that read.
func isSource(node string) bool {
	return strings.HasSuffix(node, "Source") || strings.HasPrefix(node, "Source ")
}

// sampler remembers counts of the last seconds, for rates.
type sampler struct {
	mu struct {
		sync.Mutex
		at     []time.Time
		counts []map[*part]int64
		rates  map[*part]float64
	}
	done chan struct{}
	once sync.Once
}

const (
	sampleEvery = time.Second
	// keptSamples is the stretch over which a rate is taken: long enough to be calm, short enough to follow.
	keptSamples = 5
)

func (s *sampler) channel() chan struct{} {
	s.once.Do(func() { s.done = make(chan struct{}) })
	return s.done
}

func (s *sampler) stop() { close(s.channel()) }

func (s *sampler) run(ctx context.Context, parts []*part) {
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		s.sample(parts)
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		case <-s.channel():
			return
		}
	}
}

func (s *sampler) sample(parts []*part) {
	now, counts := time.Now(), map[*part]int64{}
	for _, p := range parts {
		for _, n := range p.metrics.Snapshot().Nodes {
			if isSource(n.Name) {
				counts[p] += n.RowsOut
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.at, s.mu.counts = append(s.mu.at, now), append(s.mu.counts, counts)
	if len(s.mu.at) > keptSamples {
		s.mu.at, s.mu.counts = s.mu.at[1:], s.mu.counts[1:]
	}
	s.mu.rates = map[*part]float64{}
	if span := now.Sub(s.mu.at[0]).Seconds(); span > 0 {
		for p, n := range counts {
			s.mu.rates[p] = float64(n-s.mu.counts[0][p]) / span
		}
	}
}

func (s *sampler) rate(p *part) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.mu.rates[p], 0)
}
