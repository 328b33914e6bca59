package expr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/expr-lang/expr/vm"

	"github.com/weirhub/weir/functions"
	"github.com/weirhub/weir/functions/internal/jscan"
	"github.com/weirhub/weir/internal/record"
)

// Handler is a function that is one expression. Its answers are records: views of the event's, which are valid as long
// as those are.
type Handler struct {
	program *program
	idle    sync.Pool // of *evaluator
	closed  atomic.Bool
}

// Open compiles the expression of spec. Its error is an *Error with the place.
func Open(spec functions.Spec) (*Handler, error) {
	p, err := compile(spec.Expr)
	if err != nil {
		return nil, err
	}
	h := &Handler{program: p}
	h.idle.New = func() any { return newEvaluator(p) }
	return h, nil
}

// Invoke evaluates the expression for each record. It fails only as a whole when ctx has ended or the handler is closed; a
// record that the expression cannot be evaluated for is bad.
func (h *Handler) Invoke(ctx context.Context, e functions.Event) (functions.Result, error) {
	if h.closed.Load() {
		return functions.Result{}, functions.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return functions.Result{}, err
	}
	if e.Payload != nil {
		return functions.Result{}, errors.New("invoke expression: it takes records, not a payload")
	}
	ev := h.idle.Get().(*evaluator)
	defer h.idle.Put(ev)
	var res functions.Result
	for i := range e.Records {
		r := &e.Records[i]
		v, err := ev.eval(r)
		if err == nil {
			err = result(v, r, &res.Records)
		}
		if err != nil {
			res.Bad = append(res.Bad, functions.BadItem{Index: i, Reason: err.Error()})
		}
	}
	return res, nil
}

// Close makes later invocations fail.
func (h *Handler) Close() error {
	h.closed.Store(true)
	return nil
}

// result turns the expression's value into records.
func result(v any, r *functions.Record, out *[]functions.Record) error {
	switch v := v.(type) {
	case nil:
	case bool:
		if v {
			*out = append(*out, *r)
		}
	case map[string]any:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return fmt.Errorf("write value: %w", err)
		}
		changed := *r
		changed.Value = bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
		*out = append(*out, changed)
	default:
		return fmt.Errorf("the expression gives a %T, want true, false, null or a map", v)
	}
	return nil
}

// evaluator evaluates a program in one goroutine at a time.
type evaluator struct {
	*program
	vm    vm.VM
	scan  jscan.Scanner
	slots []any
	env   map[string]any
}

func newEvaluator(p *program) *evaluator {
	ev := &evaluator{program: p, slots: make([]any, len(p.names)), env: map[string]any{nullName: nil}}
	for _, name := range p.names {
		ev.env[name] = nil
	}
	return ev
}

func (ev *evaluator) eval(r *functions.Record) (any, error) {
	if len(ev.used) > 0 {
		ev.fields.clear(ev.slots)
		if r.Value != nil {
			ev.scan.Reset(r.Value)
			err := ev.fields.read(&ev.scan, ev.slots)
			if err == nil {
				err = ev.scan.End()
			}
			if err != nil {
				return nil, fmt.Errorf("value is not JSON: %w", err)
			}
		}
		for _, i := range ev.used {
			ev.env[ev.names[i]] = ev.slots[i]
		}
	}
	if ev.usesKey {
		ev.env["key"] = nil
		if r.Key != nil {
			ev.env["key"] = string(r.Key)
		}
	}
	if ev.usesHeaders {
		headers := map[string]any{}
		if err := record.EachHeader(r.Headers, r.HeaderCount, func(h record.Header) error {
			headers[string(h.Key)] = nil
			if h.Value != nil {
				headers[string(h.Key)] = string(h.Value)
			}
			return nil
		}); err != nil {
			return nil, err
		}
		ev.env["headers"] = headers
	}
	if ev.usesPlace {
		ev.env["topic"], ev.env["partition"] = r.Topic, int(r.Partition)
		ev.env["offset"], ev.env["timestamp"] = int(r.Offset), int(r.Timestamp)
	}
	v, err := ev.vm.Run(ev.code, ev.env)
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", reason(err))
	}
	return v, nil
}
