package functions

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// copies are instances of a function that dies as told.
type copies struct {
	started, closed int
	fail            error // of the next starts
	times           []time.Duration
	begin           time.Time
}

type oneCopy struct {
	all  *copies
	dead bool
}

func (c *copies) start(context.Context) (Instance, error) {
	c.times = append(c.times, time.Since(c.begin))
	if c.fail != nil {
		return nil, c.fail
	}
	c.started++
	return &oneCopy{all: c}, nil
}

func (o *oneCopy) Invoke(ctx context.Context, e Event) (Result, error) {
	switch string(e.Payload) {
	case "die":
		o.dead = true
		return Result{}, &FunctionError{Type: TypeExit}
	case "vanish":
		o.dead = true
		return Result{}, ErrNotTaken
	case "wait":
		<-ctx.Done()
		return Result{}, ctx.Err()
	}
	return Result{Payload: e.Payload}, nil
}

func (o *oneCopy) Alive() bool { return !o.dead }

func (o *oneCopy) Close() error {
	o.all.closed++
	return nil
}

// An instance is reused; a dead one is replaced at once, then after waits that double; an answer ends the series.
func TestPoolReplacesTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &copies{begin: time.Now()}
		p := NewPool(2, c.start)
		call := func(what string) error {
			_, err := p.Invoke(t.Context(), Event{Payload: []byte(what)})
			return err
		}
		for _, what := range []string{"a", "b", "die", "die", "die", "die", "c", "die", "d"} {
			if err := call(what); (err != nil) != (what == "die") {
				t.Fatalf("%s: %v", what, err)
			}
		}
		want := []time.Duration{0, 0, 100e6, 300e6, 700e6, 700e6}
		if len(c.times) != len(want) {
			t.Fatalf("starts at %v, want %v", c.times, want)
		}
		for i := range want {
			if c.times[i] != want[i] {
				t.Errorf("starts at %v, want %v", c.times, want)
			}
		}
		if err := p.Close(); err != nil || c.closed != c.started {
			t.Errorf("%v, %d of %d closed", err, c.closed, c.started)
		}
	})
}

// An event that an instance has not taken is offered to others, a bounded number of times; an error at start is returned as it is.
func TestPoolOffersAnEventAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &copies{begin: time.Now()}
		p := NewPool(1, c.start)
		if _, err := p.Invoke(t.Context(), Event{Payload: []byte("vanish")}); !errors.Is(err, ErrNotTaken) || c.started != maxTakes {
			t.Errorf("%v after %d", err, c.started)
		}
		c.fail = &InitError{Function: "f"}
		if _, err := p.Invoke(t.Context(), Event{}); !errors.Is(err, c.fail) {
			t.Errorf("got %v", err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Invocations beyond the limit wait for one to end, and an end of their context ends the wait.
func TestPoolLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &copies{begin: time.Now()}
		p := NewPool(1, c.start)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := p.Invoke(ctx, Event{Payload: []byte("wait")})
				ended <- err
			}()
		}
		synctest.Wait()
		if c.started != 1 {
			t.Errorf("%d instances", c.started)
		}
		cancel()
		for range 2 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}
