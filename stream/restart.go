package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// RestartPolicy says how often a pipeline is started again after an error. The zero value is the default.
type RestartPolicy struct {
	// Backoff is the first wait, doubled after each further failure up to MaxBackoff. Defaults: 100 ms and 10 s.
	Backoff, MaxBackoff time.Duration
	// MaxFailures in a row without a committed checkpoint end the pipeline. Default 12, about a minute of trying: long
	// enough for a broker to be restarted. Negative: none is forgiven.
	MaxFailures int
}

func (p RestartPolicy) withDefaults() RestartPolicy {
	if p.Backoff == 0 {
		p.Backoff = 100 * time.Millisecond
	}
	if p.MaxBackoff == 0 {
		p.MaxBackoff = 10 * time.Second
	}
	if p.MaxFailures == 0 {
		p.MaxFailures = 12
	}
	return p
}

// permanentError marks an error that trying again cannot mend.
type permanentError struct{ error }

func (p permanentError) Unwrap() error { return p.error }

// Permanent marks err as one that trying again cannot mend (a user's error, another process that took the pipeline
// over): it ends the pipeline at once. All other errors restart it from its last checkpoint.
func Permanent(err error) error {
	if err == nil || IsPermanent(err) {
		return err
	}
	return permanentError{err}
}

// IsPermanent reports whether err is, or wraps, one that Permanent marked.
func IsPermanent(err error) bool {
	var p permanentError
	return errors.As(err, &p)
}

// guard runs f and turns a panic into a permanent error with its stack: the same input would bring it again.
func guard(what string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = Permanent(fmt.Errorf("%s: panic: %v\n%s", what, r, debug.Stack()))
		}
	}()
	return f()
}

// retry calls try until it succeeds, fails for good, or ctx ends. try reports whether it committed a checkpoint, which
// makes earlier failures forgotten.
func (p RestartPolicy) retry(ctx context.Context, log *slog.Logger, m *Metrics, try func() (progress bool, err error)) error {
	failures, wait := 0, p.Backoff
	for {
		progress, err := try()
		if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil
		}
		if progress {
			failures, wait = 0, p.Backoff
		}
		failures++
		if IsPermanent(err) || ctx.Err() != nil {
			return err
		}
		if failures > p.MaxFailures {
			return fmt.Errorf("gave up after %d attempts: %w", failures, err)
		}
		log.Warn("pipeline restarts from its last checkpoint", "error", err, "attempt", failures, "wait", wait)
		m.restarts.Add(1)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, p.MaxBackoff)
	}
}
