package hub

import (
	"context"
	"errors"
	"math"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/stream"
)

// part is one source, function trigger, query or sink of the file: one pipeline. A stream is a part without one.
type part struct {
	pos    config.Pos
	kind   string // admin.Kind...
	name   string
	from   string
	to     string
	detail string
	sql    string

	reads  []string // topics
	writes []string // topics, those of dead letters too
	// spec makes the pipeline when the part starts; until says how a topic that it reads ends. Nil: nothing to run.
	spec func(until func(topic string) read) (stream.Spec, error)
	// progress is how much of a bounded input has been read, in bytes; nil: the input is not bounded.
	progress func() (done, total int64)
	close    func() error
	metrics  *stream.Metrics
	done     chan struct{} // closed when it has ended
	told     bool          // its failure stands in Hub.problems already

	mu struct {
		sync.Mutex
		began, ended time.Time
		err          error
	}
}

func newPart(kind, name string, at config.Pos) *part {
	return &part{kind: kind, name: name, pos: at, metrics: &stream.Metrics{}, done: make(chan struct{})}
}

// pipelineName is the part's name for ever: of its checkpoints, its state files, its group and its transactional id.
// A function's names its topic too: a second trigger must not make the first begin anew.
func (p *part) pipelineName() string {
	name := p.kind + "-" + p.name
	if p.kind == admin.KindFunction && !strings.HasSuffix(p.name, "/"+p.from) {
		name += "/" + p.from
	}
	return strings.ReplaceAll(name, "/", ".")
}

func (p *part) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.err
}

func (p *part) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.err = err
}

// transaction makes the part's commit point. It may stay open for as long as the time between checkpoints, because dead
// letters are part of it.
func (h *Hub) transaction(p *part, deadLetters string, every time.Duration) *topic.Transaction {
	return topic.NewTransaction(h.cluster, topic.TransactionOptions{
		Pipeline: p.pipelineName(), Sources: p.reads, DeadLetterTopic: deadLetters, Timeout: min(every+time.Minute, maxTransaction),
	})
}

// maxTransaction is the longest that a Kafka cluster allows by default (transaction.max.timeout.ms).
const maxTransaction = 15 * time.Minute

// pipeline is what the specs of all parts share.
func (h *Hub) pipeline(p *part, x *topic.Transaction, root *stream.Node, every time.Duration) stream.Spec {
	restart := stream.RestartPolicy{}
	if !h.o.Bounded {
		restart.MaxFailures = math.MaxInt // a disk is made larger, a cluster comes back: a hub that stays up waits for it
	}
	return stream.Spec{
		Restart: restart,
		Name:    p.pipelineName(), Root: root, CheckpointEvery: every, Committer: x,
		DeadLetter: func(ctx context.Context, r stream.BadRecord) error {
			r.Reason = h.o.File.Hide(r.Reason) // a function's exception may say anything
			return x.DeadLetter(ctx, r)
		},
		StateFS: h.fs, StateDir: path.Join(h.dir, "state"), Metrics: p.metrics, Log: h.log,
	}
}

// Cadences of checkpoints. Topic output is seen by read_committed readers after half of its cadence on average.
const topicCadence = 500 * time.Millisecond

// functionGrace is what an invocation has to end after the hub was asked to. What it has not answered by then is invoked
// again after the next start.
const functionGrace = 3 * time.Second

// runParts runs all pipelines. A bounded hub returns when all have ended, another when ctx ends.
func (h *Hub) runParts(ctx context.Context) error {
	var wg sync.WaitGroup
	giveUp := context.AfterFunc(ctx, func() { time.AfterFunc(functionGrace, func() { close(h.stop) }) })
	defer giveUp()
	for _, p := range h.parts {
		wg.Go(func() { h.runPart(ctx, p) })
	}
	wg.Go(func() { h.sampler.run(ctx, h.parts) })
	if !h.o.Bounded {
		<-ctx.Done()
		wg.Wait()
		return nil
	}
	ended := make(chan struct{})
	go func() {
		for _, p := range h.parts {
			<-p.done
		}
		h.sampler.stop()
		wg.Wait()
		close(ended)
	}()
	<-ended
	return ctx.Err()
}

// runPart runs one pipeline and keeps its error; nothing else stops for it (H1).
func (h *Hub) runPart(ctx context.Context, p *part) {
	defer close(p.done)
	if p.spec == nil {
		return
	}
	p.mu.Lock()
	p.mu.began = time.Now()
	p.mu.Unlock()
	spec, err := p.spec(func(name string) read { return read{until: h.until(name)} })
	if err == nil {
		err = stream.Run(ctx, spec)
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = nil
	}
	p.mu.Lock()
	p.mu.ended, p.mu.err = time.Now(), err
	p.mu.Unlock()
	if err != nil {
		h.o.Log(p.kind + " " + p.name + " failed: " + err.Error())
	}
}

// until is closed when every part that writes the topic has ended (H3); nil in a hub without an end.
func (h *Hub) until(name string) <-chan struct{} {
	if !h.o.Bounded {
		return nil
	}
	var writers []*part
	for _, p := range h.parts {
		for _, w := range p.writes {
			if w == name {
				writers = append(writers, p)
			}
		}
	}
	out := make(chan struct{})
	go func() {
		defer close(out)
		for _, p := range writers {
			<-p.done
		}
	}()
	return out
}
