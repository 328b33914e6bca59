package lambdaapi

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/weirhub/weir/functions"
)

const (
	pathNext      = "/2018-06-01/runtime/invocation/next"
	pathInitError = "/2018-06-01/runtime/init/error"
	pathAnswer    = "/2018-06-01/runtime/invocation/{id}/{verb}"
)

// maxErrorBytes bounds an error report; Lambda's own limit is the payload's, but its log shows no more than this.
const maxErrorBytes = 1 << 20

// maxDrain is how much of an answer that is too large is read and thrown away, so that the client gets to read the 413
// instead of a reset connection.
const maxDrain = 256 << 20

// Runtime is the Runtime API of one instance of a function.
type Runtime struct {
	arn   string
	mux   *http.ServeMux
	calls chan *call    // unbuffered: handed to the request that waits for the next invocation
	ready chan struct{} // closed by the first request for an invocation
	gone  chan struct{} // closed by Fail

	mu struct {
		sync.Mutex
		current *call // the last one handed out
		isReady bool
		err     error // why gone is closed
	}
}

// Invocation is one event for the function.
type Invocation struct {
	ID       string // see NewID
	Deadline time.Time
	Payload  []byte
}

// call is an invocation on its way.
type call struct {
	Invocation
	done  chan result // capacity 1: the one who ends the call does not wait for who made it
	ended bool        // guarded by Runtime.mu
}

type result struct {
	payload []byte
	err     error
}

// NewRuntime makes the API of an instance; arn is told to the function.
func NewRuntime(arn string) *Runtime {
	r := &Runtime{
		arn: arn, mux: http.NewServeMux(), calls: make(chan *call), ready: make(chan struct{}), gone: make(chan struct{}),
	}
	r.mux.HandleFunc("GET "+pathNext, r.next)
	r.mux.HandleFunc("POST "+pathInitError, r.initError)
	r.mux.HandleFunc("POST "+pathAnswer, r.answer)
	return r
}

// ServeHTTP is the API.
func (r *Runtime) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// NewID makes a request id: a random UUID.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Ready waits until the instance asks for its first invocation. An error is the one that Fail got, or that the instance
// reported at its start.
func (r *Runtime) Ready(ctx context.Context) error {
	select {
	case <-r.ready:
		return nil
	case <-r.gone:
		return r.failure()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Fail ends the running invocation and all later ones with err. Only the first call counts.
func (r *Runtime) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.err != nil {
		return
	}
	r.mu.err = err
	close(r.gone)
}

func (r *Runtime) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.err
}

// Invoke hands an event to the instance and waits for its answer. One call at a time. functions.ErrNotTaken says that the
// instance has ended and never saw the event. After an error that is not a
// *functions.FunctionError of the function's own the instance must be ended: it may still work on the event.
func (r *Runtime) Invoke(ctx context.Context, in Invocation) ([]byte, error) {
	c := &call{Invocation: in, done: make(chan result, 1)}
	select {
	case r.calls <- c:
	case <-r.gone:
		return nil, fmt.Errorf("%w: %w", functions.ErrNotTaken, r.failure())
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case res := <-c.done:
		return res.payload, res.err
	case <-r.gone:
		select { // an answer that came before the end counts
		case res := <-c.done:
			return res.payload, res.err
		default:
			return nil, r.failure()
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *Runtime) next(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	if !r.mu.isReady {
		r.mu.isReady = true
		close(r.ready)
	}
	if c := r.mu.current; c != nil {
		r.end(c, nil, &functions.FunctionError{
			Type: "Runtime.NoResponse", Message: "the runtime asked for the next event without an answer", RequestID: c.ID,
		})
	}
	r.mu.Unlock()
	select {
	case c := <-r.calls:
		r.mu.Lock()
		r.mu.current = c
		r.mu.Unlock()
		r.send(w, c)
	case <-r.gone:
		reply(w, http.StatusForbidden, "Forbidden", "the instance has been ended")
	case <-req.Context().Done():
	}
}

func (r *Runtime) send(w http.ResponseWriter, c *call) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(c.Payload)))
	h.Set("Lambda-Runtime-Aws-Request-Id", c.ID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.Deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", r.arn)
	h.Set("Lambda-Runtime-Trace-Id", traceID(time.Now()))
	// A write error means that the instance is gone; the process's end then fails the call.
	_, _ = w.Write(c.Payload)
}

// answer takes .../response and .../error.
func (r *Runtime) answer(w http.ResponseWriter, req *http.Request) {
	verb := req.PathValue("verb")
	if verb != "response" && verb != "error" {
		http.NotFound(w, req)
		return
	}
	r.mu.Lock()
	c := r.mu.current
	r.mu.Unlock()
	if c == nil || c.ID != req.PathValue("id") {
		reply(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	if verb == "error" {
		fe := readError(req)
		fe.RequestID = c.ID
		r.finish(c, nil, fe)
		accepted(w)
		return
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, functions.MaxPayloadBytes+1))
	if err != nil {
		reply(w, http.StatusBadRequest, "TruncatedResponse", "the answer was cut short: "+err.Error())
		r.finish(c, nil, &functions.FunctionError{Type: "Runtime.TruncatedResponse", Message: err.Error(), RequestID: c.ID})
		return
	}
	if len(body) > functions.MaxPayloadBytes {
		r.finish(c, nil, &functions.FunctionError{
			Type:      functions.TypeResponseTooLarge,
			Message:   fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", functions.MaxPayloadBytes),
			RequestID: c.ID,
		})
		_, _ = io.CopyN(io.Discard, req.Body, maxDrain)
		reply(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", functions.MaxPayloadBytes))
		return
	}
	if t := req.Trailer.Get("Lambda-Runtime-Function-Error-Type"); t != "" { // a streamed answer that broke off
		fe := &functions.FunctionError{Type: t, RequestID: c.ID}
		if text, err := base64.StdEncoding.DecodeString(req.Trailer.Get("Lambda-Runtime-Function-Error-Body")); err == nil {
			fill(fe, text)
		}
		r.finish(c, nil, fe)
	} else {
		r.finish(c, body, nil)
	}
	accepted(w)
}

func (r *Runtime) initError(w http.ResponseWriter, req *http.Request) {
	fe := readError(req)
	r.mu.Lock()
	late := r.mu.isReady || r.mu.err != nil
	r.mu.Unlock()
	if late {
		reply(w, http.StatusForbidden, "InvalidStateTransition", "State transition is not allowed")
		return
	}
	r.Fail(&functions.InitError{FunctionError: *fe})
	accepted(w)
}

func (r *Runtime) finish(c *call, payload []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end(c, payload, err)
}

// end is called with the lock held. An instance may report an error for a call that has ended already, as clients do
// after a 413.
func (r *Runtime) end(c *call, payload []byte, err error) {
	if c.ended {
		return
	}
	c.ended = true
	c.done <- result{payload, err}
}

func readError(req *http.Request) *functions.FunctionError {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxErrorBytes))
	fe := &functions.FunctionError{Type: req.Header.Get("Lambda-Runtime-Function-Error-Type")}
	if err == nil {
		fill(fe, body)
	}
	if fe.Type == "" {
		fe.Type = "Runtime.Unknown"
	}
	return fe
}

// fill reads {"errorMessage", "errorType", "stackTrace"}, as far as it is that.
func fill(fe *functions.FunctionError, body []byte) {
	var e struct {
		ErrorMessage string `json:"errorMessage"`
		ErrorType    string `json:"errorType"`
		StackTrace   []any  `json:"stackTrace"`
	}
	if json.Unmarshal(body, &e) != nil {
		fe.Message = string(body)
		return
	}
	fe.Message = e.ErrorMessage
	if e.ErrorType != "" {
		fe.Type = e.ErrorType
	}
	for _, f := range e.StackTrace {
		if s, ok := f.(string); ok {
			fe.Stack = append(fe.Stack, s)
			continue
		}
		if b, err := json.Marshal(f); err == nil { // the Go client sends objects
			fe.Stack = append(fe.Stack, string(b))
		}
	}
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "16")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "{\"status\":\"OK\"}\n") // a write error shows as the process's end
}

func reply(w http.ResponseWriter, status int, errorType, message string) {
	body, _ := json.Marshal(map[string]string{"errorType": errorType, "errorMessage": message}) // strings always marshal
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// traceID is an X-Ray header of a trace that is not sampled.
func traceID(now time.Time) string {
	var b [20]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", now.Unix(), hex.EncodeToString(b[:12]), hex.EncodeToString(b[12:]))
}

// Failed reports whether Fail was called, or the instance reported an error at its start.
func (r *Runtime) Failed() bool {
	select {
	case <-r.gone:
		return true
	default:
		return false
	}
}
