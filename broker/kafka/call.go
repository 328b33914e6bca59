package kafka

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/commitlog"
)

// call is one request on its way through a handler.
//
// A handler answers errors of the protocol inside the response. The error it returns means that no answer can be given:
// it closes the connection, or is what Request returns in process.
type call struct {
	ctx        context.Context // ends with the connection, or with the caller in process
	req        kmsg.Request    // decoded; its version is within the table's range
	clientID   string          // "" when null
	clientHost string          // "/127.0.0.1" as Kafka shows it to its tools; "in-process" for a call of this process
	clientPort string
	software   *atomic.Pointer[software] // of the connection; nil in process
	host       string                    // what Metadata tells this client to connect to
	port       int32
	inProcess  bool

	// size is the request's, in bytes on the wire; 0 in process.
	size int
	// waited is the part of its time in which the handler was idle: for records to come, for other members.
	waited time.Duration
	// owed is how long the client has to pause for what the handler has counted itself.
	owed time.Duration
	// finish, when the handler sets it, is the second half of the work: it may wait, fills in the response, and runs
	// while the connection already reads and begins later Produce requests.
	finish func()
	// records, of a Fetch, are what the partitions of the response whose RecordBatches are nil get, in order. Whoever
	// writes the answer reads and releases them.
	records []commitlog.Slice
	// noAnswer: the client asked for none (acks=0).
	noAnswer bool
}

// software is what a client says it is (KIP-511).
type software struct{ name, version string }

// inProcessHost is the client host of calls from this process.
const inProcessHost = "in-process"

// Request answers one request of this process with the newest version in the table, without encoding: the request's
// slices may be views into logs and stay valid as the response's do. It implements topic.Requester.
func (s *Server) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	a := s.apis[req.Key()]
	if a == nil {
		return nil, fmt.Errorf("request %s: not served by the embedded broker", kmsg.NameForKey(req.Key()))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	req.SetVersion(a.max)
	c := &call{
		ctx: ctx, req: req, clientID: s.o.InProcessClientID, clientHost: inProcessHost,
		host: s.host, port: s.port, inProcess: true,
	}
	resp, err := a.handle(s, c)
	if err != nil {
		return nil, err
	}
	resp.SetVersion(a.max)
	if c.finish != nil {
		c.finish()
	}
	return resp, nil
}

// RequestTo is Request for one node; there is one.
func (s *Server) RequestTo(ctx context.Context, node int32, req kmsg.Request) (kmsg.Response, error) {
	if node >= 0 && node != s.b.NodeID() {
		return nil, fmt.Errorf("request %s: unknown node %d, this is node %d", kmsg.NameForKey(req.Key()), node, s.b.NodeID())
	}
	return s.Request(ctx, req)
}
