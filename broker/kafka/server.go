package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/group"
	"github.com/weirhub/weir/broker/quota"
	"github.com/weirhub/weir/broker/txn"
)

// Options of a Server. The zero value has the defaults named at the constants.
type Options struct {
	// Addr is the host:port that clients are told to connect to. Empty: the local address of the client's own
	// connection, which is right wherever no address translation stands between.
	Addr string
	// MaxRequestBytes bounds one Produce frame (socket.request.max.bytes).
	MaxRequestBytes int
	// MaxInFlightBytes bounds the frames of all connections that are read and not yet answered.
	MaxInFlightBytes int64
	// MaxConnections bounds the connections open at once.
	MaxConnections int
	// IdleTimeout closes a connection that sent nothing for so long (connections.max.idle.ms).
	IdleTimeout time.Duration
	// InProcessClientID is the client id that calls of Request carry.
	InProcessClientID string
	// Groups and Transactions are the coordinators' settings; NewProducerID is set by the server.
	Groups       group.Options
	Transactions txn.Options
	Logger       *slog.Logger
}

const (
	// Kafka's default of socket.request.max.bytes.
	defaultMaxRequestBytes = 100 << 20
	// Two and a half of the largest frames: small enough for a machine of 1 GiB, large enough that ordinary frames of
	// a few MiB never wait.
	defaultMaxInFlightBytes = 256 << 20
	// Each open connection costs two goroutines and about 20 KiB: 10,000 are 200 MiB.
	defaultMaxConnections = 10_000
	// Kafka's default of connections.max.idle.ms.
	defaultIdleTimeout = 10 * time.Minute
	// maxPlainFrameBytes bounds every frame that is no Produce. The largest honest one (offsets of 100,000 partitions) is
	// below 4 MiB.
	maxPlainFrameBytes = 8 << 20
	// plainWeight is what a byte of such a frame counts against the budget: an array of the smallest elements decodes
	// into structs of some thirty times its bytes, an ordinary one into a few times.
	plainWeight = 16
	// drainTimeout is how long shutdown waits for answers that are being worked on; long polls end at once.
	drainTimeout = 5 * time.Second
)

func (o *Options) defaults() {
	if o.MaxRequestBytes <= 0 {
		o.MaxRequestBytes = defaultMaxRequestBytes
	}
	if o.MaxInFlightBytes <= 0 {
		o.MaxInFlightBytes = defaultMaxInFlightBytes
	}
	// A frame larger than the budget would wait for ever.
	o.MaxInFlightBytes = max(o.MaxInFlightBytes, int64(o.MaxRequestBytes), plainWeight*maxPlainFrameBytes)
	if o.MaxConnections <= 0 {
		o.MaxConnections = defaultMaxConnections
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = defaultIdleTimeout
	}
	if o.InProcessClientID == "" {
		o.InProcessClientID = "weir"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Server answers Kafka's protocol for one broker, on any number of listeners and in process.
type Server struct {
	b        *broker.Broker
	o        Options
	rows     []api // the table, in its order
	apis     map[int16]*api
	budget   *semaphore.Weighted
	limits   *quota.Limiter
	doors    doors
	clients  telemetry
	counters counters
	sessions sessions
	coords   coordinators
	host     string // of Options.Addr; "" without one
	port     int32
}

// NewServer starts nothing.
func NewServer(b *broker.Broker, o Options) *Server {
	o.defaults()
	s := &Server{b: b, o: o, rows: table(), apis: map[int16]*api{}, budget: semaphore.NewWeighted(o.MaxInFlightBytes)}
	for i := range s.rows {
		s.apis[s.rows[i].key] = &s.rows[i]
	}
	s.host, s.port = splitAddr(o.Addr)
	s.coords.loaded = make(chan struct{})
	s.limits = quota.NewLimiter(time.Now)
	s.limits.Set(b.Quotas())
	return s
}

func splitAddr(addr string) (string, int32) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", 0
	}
	return host, int32(n)
}

// Serve accepts connections until ctx ends, then lets requests that are being worked on be answered, for drainTimeout
// at most, and closes every connection. It closes ln. The error is nil when ctx ended it.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	defer ln.Close() //nolint:errcheck // closed twice on shutdown
	for {
		nc, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("accept on %s: %w", ln.Addr(), err)
			}
			// Out of descriptors, or the peer is gone already: neither is a reason to stop accepting for ever.
			s.o.Logger.Warn("accept", "addr", ln.Addr().String(), "err", err)
			if !pause(ctx, acceptPause) {
				return nil
			}
			continue
		}
		leave, err := s.doors.enter(s, nc)
		if err != nil {
			s.o.Logger.Warn("connection refused", "err", err, "client", nc.RemoteAddr().String())
			_ = nc.Close()
			continue
		}
		conns.Go(func() {
			defer leave()
			if d := s.limits.ChargeConnection(remoteIP(nc).String()); d > 0 {
				s.turnAway(ctx, nc, d)
				return
			}
			newConn(s, nc).run(ctx)
		})
		if !pause(ctx, s.doors.pace(s, time.Now())) {
			return nil
		}
	}
}

// acceptPause keeps a failing accept from spinning; 50 ms is short for a client that waits.
const acceptPause = 50 * time.Millisecond

func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
