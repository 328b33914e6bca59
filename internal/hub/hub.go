package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/kafka"
	"github.com/weirhub/weir/broker/kinesis"
	"github.com/weirhub/weir/connectors/stdout"
	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/vfs"
)

// MemoryData is the data directory's name that keeps nothing.
const MemoryData = "memory"

// Options of a Hub.
type Options struct {
	File    *config.File
	Version string
	Data    string   // directory, or MemoryData
	Kafka   string   // address of the Kafka listener
	AWS     string   // of the AWS listener
	HTTP    string   // of the HTTP listener
	Brokers []string // an external Kafka cluster instead of the embedded broker; the file's own list when empty
	Bounded bool     // end when all sources have been read
	// Log takes lines for people: of the hub and of functions. It may be called from several goroutines at once.
	Log func(line string)
	// Out is where stdout sinks print; nil: nowhere.
	Out io.Writer
}

// Hub is everything that one file declares, and the doors to it.
type Hub struct {
	o        Options
	log      *slog.Logger
	fs       vfs.FS
	dir      string
	started  time.Time
	ready    atomic.Bool
	declared *declared

	// Of the embedded broker; nil with an external cluster.
	broker  *broker.Broker
	kafka   *kafka.Server
	kinesis *kinesis.Server
	client  *topic.Client // of an external cluster
	cluster *topic.Cluster

	out       *stdout.Output
	listeners listeners
	parts     []*part
	problems  config.Errors
	stop      chan struct{} // closed when functions are to give up
	sampler   sampler
}

// Open takes the data directory and the addresses, and prepares every part of the file. It starts nothing. A part that
// this machine cannot run (see Problems) does not keep the others from running.
func Open(ctx context.Context, o Options) (*Hub, error) {
	log := o.Log
	o.Log = func(line string) {
		if log != nil {
			log(o.File.Mask(line))
		}
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if len(o.Brokers) == 0 {
		o.Brokers = o.File.Brokers
	}
	d, mistakes := declare(o.File)
	if len(mistakes) == 0 && o.Bounded {
		d.checkEnds()
		mistakes = d.errs.Sorted()
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	h := &Hub{o: o, stop: make(chan struct{}), out: stdout.NewOutput(o.Out), started: time.Now(), declared: d, log: slog.New(&lineHandler{log: o.Log, level: slog.LevelWarn})}
	if err := h.openData(); err != nil {
		return nil, err
	}
	if err := h.listeners.open(o, len(o.Brokers) > 0); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	if err := h.openCluster(); err != nil {
		return nil, errors.Join(masked(o.File, err), h.Close())
	}
	h.makeParts(ctx)
	return h, nil
}

func (h *Hub) openData() error {
	if h.o.Data == MemoryData {
		h.fs, h.dir = vfs.NewVolatile(), "/"
		return nil
	}
	dir, err := filepath.Abs(h.o.Data)
	if err != nil {
		return fmt.Errorf("open data directory: %w", err)
	}
	h.fs, h.dir = vfs.OS(), filepath.ToSlash(dir)
	return nil
}

// openCluster opens the embedded broker, or a client of the external cluster.
func (h *Hub) openCluster() error {
	if len(h.o.Brokers) > 0 {
		c, err := topic.Dial(h.o.Brokers)
		if err != nil {
			return err
		}
		h.client, h.cluster = c, topic.NewCluster(c)
		return nil
	}
	b, err := broker.Open(h.fs, h.dir, broker.Options{Logger: h.log})
	if err != nil {
		return inUse(fmt.Errorf("open data directory %s: %w", h.dir, err))
	}
	h.broker = b
	h.kafka = kafka.NewServer(b, kafka.Options{Logger: h.log, InProcessClientID: "weir"})
	h.kinesis = kinesis.NewServer(b)
	h.cluster = topic.NewCluster(h.kafka)
	return nil
}

// requester asks the cluster.
func (h *Hub) requester() topic.Requester {
	if h.client != nil {
		return h.client
	}
	return h.kafka
}

// Run serves until ctx ends; a bounded hub until its parts have ended. A part's failure is in Problems, not in the error.
//
// Shutdown is the order of the three groups (H2): parts, doors, log.
func (h *Hub) Run(ctx context.Context) error {
	base := context.WithoutCancel(ctx)
	logCtx, stopLog := context.WithCancel(base)
	doorCtx, stopDoors := context.WithCancel(base)
	var log, doors errgroup.Group
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	guard := func(g *errgroup.Group, what string, f func() error) {
		g.Go(func() error {
			err := f()
			if err != nil {
				err = fmt.Errorf("%s: %w", what, err)
				fail(err) // a hub without its log or a door is no hub
			}
			return err
		})
	}
	if h.broker != nil {
		guard(&log, "broker", func() error { return h.broker.Run(logCtx) })
		guard(&log, "coordinators", func() error { return h.kafka.Run(logCtx) })
		guard(&doors, "kafka listener", func() error { return h.kafka.Serve(doorCtx, h.listeners.kafka) })
		guard(&doors, "aws listener", func() error { return serveHTTP(doorCtx, h.listeners.aws, h.kinesis) })
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{h})
	guard(&doors, "http listener", func() error {
		return serveHTTP(doorCtx, h.listeners.http, admin.NewHandler(h, registry))
	})
	err := h.prepare(failed)
	if err == nil {
		h.ready.Store(true)
		err = h.runParts(failed)
	}
	h.ready.Store(false)
	if cause := context.Cause(failed); err == nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	stopDoors()
	doorErr := doors.Wait()
	stopLog()
	return masked(h.o.File, errors.Join(err, doorErr, log.Wait()))
}

// maskedError is an error whose text holds no secret.
type maskedError struct {
	error
	text string
}

func (e maskedError) Error() string { return e.text }
func (e maskedError) Unwrap() error { return e.error }

func masked(f *config.File, err error) error {
	if err == nil {
		return nil
	}
	if text := f.Mask(err.Error()); text != err.Error() {
		return maskedError{err, text}
	}
	return err
}

// prepare makes the topics and streams that the file declares.
func (h *Hub) prepare(ctx context.Context) error {
	for _, s := range h.declared.topics {
		if h.client != nil {
			delete(s.Configs, "durability") // the embedded broker's own; a Kafka cluster would refuse it
		}
		if err := h.cluster.EnsureTopic(ctx, s); err != nil {
			return err
		}
		if err := h.comparePartitions(ctx, s.Name); err != nil {
			return err
		}
	}
	if h.kinesis == nil {
		return nil
	}
	for _, s := range h.o.File.Streams {
		if err := h.kinesis.Register(ctx, s.Name, s.Topic, s.Shards); err != nil {
			return fmt.Errorf("open stream %s: %w", s.Name, err)
		}
	}
	return nil
}

// comparePartitions tells of a topic that was there with another number of partitions than the file says: it keeps them,
// because records with one key would move to another partition.
func (h *Hub) comparePartitions(ctx context.Context, name string) error {
	t := h.declared.byName[name]
	if t == nil || t.Partitions == 0 {
		return nil
	}
	n, err := h.cluster.Partitions(ctx, name)
	if err != nil {
		return err
	}
	if n != t.Partitions {
		h.o.Log(fmt.Sprintf("topic %s keeps its %d partitions; %s:%d says %d", name, n, t.File, t.Line, t.Partitions))
	}
	return nil
}

// Close gives everything back. Run has returned.
func (h *Hub) Close() error {
	var errs []error
	for _, p := range h.parts {
		if p.close != nil {
			errs = append(errs, p.close())
		}
	}
	errs = append(errs, h.listeners.close())
	if h.client != nil {
		errs = append(errs, h.client.Close())
	}
	if h.broker != nil {
		errs = append(errs, h.broker.Close())
	}
	return errors.Join(errs...)
}

// Problems are the parts that could not run or failed, each at its place in the file.
func (h *Hub) Problems() config.Errors {
	out := append(config.Errors(nil), h.problems...)
	for _, p := range h.parts {
		if err := p.failure(); err != nil && !p.told {
			out = append(out, h.declared.problem(p.pos, config.CodeFailed, "", "%s %s failed: %v", p.kind, p.name, err))
		}
	}
	return out.Sorted()
}

// Ready reports that all listeners accept and all topics are there.
func (h *Hub) Ready() bool { return h.ready.Load() }

// Hub says where the doors are.
func (h *Hub) Hub() admin.Hub {
	i := admin.Hub{
		Version: h.o.Version, AWS: addr(h.listeners.aws), HTTP: addr(h.listeners.http), Data: h.o.Data, File: h.o.File.Path,
	}
	if h.o.Data != MemoryData {
		i.Data = h.dir
	}
	if h.broker != nil {
		i.Kafka = []string{addr(h.listeners.kafka)}
	} else {
		i.External = true
		for _, b := range h.o.Brokers {
			i.Kafka = append(i.Kafka, h.o.File.Mask(b))
		}
	}
	return i
}

func addr(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// drainTime is how long an HTTP listener waits for the answers it is giving when the hub ends; followed queries end at once.
const drainTime = 5 * time.Second

func serveHTTP(ctx context.Context, l net.Listener, handler http.Handler) error {
	if l == nil {
		return nil
	}
	s := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := s.Shutdown(drain)
	<-done
	if errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	}
	return err
}
