package kinesis

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/weirhub/weir/broker"
)

const (
	target      = "Kinesis_20131202."
	contentType = "application/x-amz-json-1.1"
	// maxRequestBytes is PutRecords' largest request, 10 MiB of data and keys, in base64 and JSON.
	maxRequestBytes = 16 << 20
)

// Server answers the API over HTTP. It starts no goroutine; the broker's Run must run beside it.
type Server struct {
	b       *broker.Broker
	streams registry
	now     func() time.Time
}

// Counters count what clients have done with one stream since the server started.
type Counters struct{ Put, Got atomic.Int64 }

// Counters of a stream; nil when there is none of that name.
func (s *Server) Counters(stream string) *Counters {
	st, _, err := s.streams.find(stream)
	if err != nil {
		return nil
	}
	return st.counters
}

// NewServer makes a Server over the broker's topics.
func NewServer(b *broker.Broker) *Server {
	s := &Server{b: b, now: time.Now}
	s.streams = registry{b: b, now: s.now}
	return s
}

// Register makes sure that a stream exists over a topic, which is created with that many shards when it is not there.
func (s *Server) Register(ctx context.Context, name, topic string, shards int) error {
	if err := s.streams.load(ctx); err != nil {
		return err
	}
	if _, _, err := s.streams.find(name); err == nil {
		return nil
	}
	if err := s.streams.create(ctx, Stream{Name: name, Topic: topic, Shards: max(shards, 1), Mode: modeProvisioned}, true); err != nil {
		return err
	}
	return nil
}

// call is one request of the API.
type call struct {
	ctx    context.Context //nolint:containedctx // lives as long as the request
	region string
	body   []byte
}

// decode reads the request's JSON. Unknown members are ignored, as AWS does.
func (c *call) decode(into any) *apiError {
	if err := json.Unmarshal(c.body, into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return exception("SerializationException", "%s cannot be a %s", wrong.Field, wrong.Value)
		}
		return exception("SerializationException", "%v", err)
	}
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-amzn-RequestId", uuid.NewString())
	out, err := s.serve(w, r)
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", contentType)
	if out == nil {
		return // an empty body with 200
	}
	body, jerr := json.Marshal(out)
	if jerr != nil {
		s.fail(w, translate(jerr))
		return
	}
	_, _ = w.Write(body)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) (any, *apiError) {
	op, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	if r.Method != http.MethodPost || !ok {
		e := exception("UnknownOperationException", "send POST / with X-Amz-Target: %s<Operation>", target)
		e.Status = http.StatusNotFound
		return nil, e
	}
	handle := operation(op)
	if handle == nil {
		return nil, exception("UnknownOperationException", "%s is not an operation of this server", op)
	}
	if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(ct, contentType) && !strings.HasPrefix(ct, "application/json") {
		e := exception("SerializationException", "content type %q is not served; set the client to JSON 1.1 (AWS_CBOR_DISABLE=1 for the Java SDK)", ct)
		return nil, e
	}
	cred, err := parseAuthorization(r.Header)
	if err != nil {
		return nil, err
	}
	body, rerr := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	if rerr != nil {
		e := exception("RequestEntityTooLargeException", "read request: %v", rerr)
		e.Status = http.StatusRequestEntityTooLarge
		return nil, e
	}
	if lerr := s.streams.load(r.Context()); lerr != nil {
		return nil, translate(lerr)
	}
	return handle(s, &call{ctx: r.Context(), region: cred.region, body: body})
}

func (s *Server) fail(w http.ResponseWriter, e *apiError) {
	body, err := json.Marshal(map[string]string{"__type": e.Type, "message": e.Message})
	if err != nil {
		panic("BUG: two strings are not JSON: " + err.Error())
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("x-amzn-ErrorType", e.Type)
	w.WriteHeader(e.Status)
	_, _ = w.Write(body)
}

// seconds is a time in ms as the API's JSON has it: seconds with a fraction.
func seconds(ms int64) json.Number {
	return json.Number(strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64))
}
