package functions

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Handler is one function, whatever runs it.
//
// Invoke is called from several goroutines at a time and blocks until the function has answered, its time-out has passed,
// ctx has ended or Close was called. It borrows the event for the call. Errors, all found with errors.As:
//
//   - *FunctionError: the function failed on this event (it raised, timed out, crashed, answered too much). The next
//     Invoke finds a working function again.
//   - *InitError: the function cannot start (its module does not import). No event caused it.
//   - *RuntimeMissingError: this machine lacks what runs it.
//   - ErrClosed: after or during Close.
//   - anything else: ctx's error, or a failure of this process.
//
// Close ends running invocations, waits for all that the handler started (children, goroutines) and may be called twice.
type Handler interface {
	Invoke(ctx context.Context, e Event) (Result, error)
	Close() error
}

// MaxPayloadBytes is Lambda's limit of a synchronous invocation, for the event and for the answer: 6 MiB and 100 bytes.
const MaxPayloadBytes = 6<<20 + 100

// Event is the input of one invocation: either records of a topic, with where they come from, or a payload as it
// stands.
type Event struct {
	Payload []byte // JSON; nil when the event is made of records
	Records []Record
	Source  EventSource
}

// AppendJSON appends the event as the function's code sees it.
func (e *Event) AppendJSON(dst []byte) []byte {
	if e.Payload != nil {
		return append(dst, e.Payload...)
	}
	return AppendKafkaEvent(dst, e.Source, e.Records)
}

// Result is the answer of one invocation.
type Result struct {
	// Payload is the JSON that the function returned. A handler in this process may answer with records instead and
	// leave it nil.
	Payload []byte
	// Records go to the output topic. Their topic, partition and offset mean nothing.
	Records []Record
	// Bad are records of the event that the handler gives up for good.
	Bad []BadItem
}

// BadItem is a record of the event that no retry can help.
type BadItem struct {
	Index  int // in Event.Records
	Reason string
}

// ErrClosed is returned by a handler that was closed.
var ErrClosed = errors.New("function is closed")

// Error types of Lambda that the runtime's side decides; the function's own are the names of its exceptions.
const (
	TypeTimeout          = "Sandbox.Timedout"
	TypeExit             = "Runtime.ExitError"
	TypeRequestTooLarge  = "RequestTooLargeException"
	TypeResponseTooLarge = "Function.ResponseSizeTooLarge"
	TypeInvalidResponse  = "Weir.InvalidResponse" // the answer is not what doc.go describes
	TypeItemFailure      = "Weir.ItemFailure"     // the function reported the record in batchItemFailures
)

// FunctionError is an invocation that the function failed, in Lambda's words.
type FunctionError struct {
	Type      string   // "ValueError", "Sandbox.Timedout"
	Message   string   // what the exception says
	Stack     []string // frames as the runtime prints them, outermost first
	RequestID string
}

func (e *FunctionError) Error() string {
	if e.Message == "" {
		return e.Type
	}
	return e.Type + ": " + e.Message
}

// InitError is a function that cannot start.
type InitError struct {
	Function string
	FunctionError
}

func (e *InitError) Error() string {
	return fmt.Sprintf("start function %s: %s", e.Function, e.FunctionError.Error())
}

// permanent tells whether starting again cannot help: the code has to be mended. An exception at import may be a service
// that is down.
func (e *InitError) permanent() bool {
	switch e.Type {
	case "Runtime.ImportModuleError", "Runtime.UserCodeSyntaxError", "Runtime.HandlerNotFound", "Runtime.MalformedHandlerName",
		"Runtime.InvalidEntrypoint", "Runtime.InvalidCode":
		return true
	}
	return false
}

// RuntimeMissingError says that no program on this machine runs the function. internal/config places it at the
// function's line.
type RuntimeMissingError struct {
	Function string
	Runtime  string   // "python3"
	Looked   []string // what was tried and what came of it: "python3.12: not in PATH"
}

func (e *RuntimeMissingError) Error() string {
	return fmt.Sprintf("start function %s: runtime %s is missing on this machine (looked for %s)",
		e.Function, e.Runtime, strings.Join(e.Looked, "; "))
}
