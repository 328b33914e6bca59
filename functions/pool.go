package functions

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Instance is one running copy of a function: a handler that one invocation uses at a time.
type Instance interface {
	Handler
	// Invoke returns an ErrNotTaken when the code ended before it saw the event; the pool then takes another instance.

	// Alive is false when the instance cannot be used again: it has crashed, or was killed.
	Alive() bool
}

// ErrNotTaken is an instance's error for an event that its code has never seen.
var ErrNotTaken = errors.New("the instance ended before it took the event")

// Pool spreads the invocations of a function over up to max instances. It starts one when an invocation finds none idle,
// and keeps it until Close. It is a Handler.
type Pool struct {
	start func(context.Context) (Instance, error)
	slots chan struct{} // one for each running invocation
	done  chan struct{} // closed by Close

	mu struct {
		sync.Mutex
		idle    []Instance // last used last
		all     map[Instance]struct{}
		late    []Instance // started while Close was running
		closed  bool
		crashes int       // instances that died since one answered
		next    time.Time // no start before
	}
}

// An instance that dies is replaced at once the first time, then after firstRestart, twice as long each time up to
// maxRestart: a function that crashes at start must not take a processor for itself.
const (
	firstRestart = 100 * time.Millisecond
	maxRestart   = 10 * time.Second
)

// maxTakes is how many instances an event is offered to when they end before they take it: the idle ones of a crash that
// hit all of them, then new ones.
const maxTakes = 8

// NewPool makes a pool of up to limit instances and starts none.
func NewPool(limit int, start func(context.Context) (Instance, error)) *Pool {
	p := &Pool{start: start, slots: make(chan struct{}, max(limit, 1)), done: make(chan struct{})}
	p.mu.all = map[Instance]struct{}{}
	return p
}

// Invoke waits for a free slot, takes an idle instance or starts one, and invokes it.
func (p *Pool) Invoke(ctx context.Context, e Event) (Result, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return Result{}, ctx.Err()
	case <-p.done:
		return Result{}, ErrClosed
	}
	defer func() { <-p.slots }()
	for try := 1; ; try++ {
		in, err := p.take(ctx)
		if err != nil {
			return Result{}, err
		}
		res, err := in.Invoke(ctx, e)
		p.put(in)
		switch {
		case err == nil:
			return res, nil
		case errors.Is(err, ErrNotTaken) && try < maxTakes:
			continue
		}
		return Result{}, p.ended(err)
	}
}

// Warm starts one instance, so that a function that cannot start is found before its first event.
func (p *Pool) Warm(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-p.done:
		return ErrClosed
	}
	defer func() { <-p.slots }()
	in, err := p.take(ctx)
	if err != nil {
		return err
	}
	p.put(in)
	return nil
}

func (p *Pool) take(ctx context.Context) (Instance, error) {
	in, wait := p.takeIdle()
	if in != nil {
		return in, nil
	}
	ctx, cancel := withStop(ctx, p.done)
	defer cancel()
	if err := pause(ctx, wait); err != nil {
		return nil, p.ended(err)
	}
	in, err := p.start(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, p.ended(err)
	case err != nil:
		p.crashed()
		return nil, err
	case p.mu.closed: // Close waits for this invocation's slot, and closes the instance after that
		p.mu.late = append(p.mu.late, in)
		return nil, ErrClosed
	}
	p.mu.all[in] = struct{}{}
	return in, nil
}

// takeIdle gives a living idle instance, or nil and how long to wait before another may start.
func (p *Pool) takeIdle() (Instance, time.Duration) {
	var dead []Instance
	defer func() { closeDead(dead) }() // after Unlock
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.mu.idle) > 0 {
		in := p.mu.idle[len(p.mu.idle)-1]
		p.mu.idle = p.mu.idle[:len(p.mu.idle)-1]
		if in.Alive() {
			return in, 0
		}
		delete(p.mu.all, in) // it died while it was idle
		dead = append(dead, in)
		p.crashed()
	}
	return nil, time.Until(p.mu.next)
}

func (p *Pool) put(in Instance) {
	alive := in.Alive()
	p.mu.Lock()
	if p.mu.closed { // Close closes it
		p.mu.Unlock()
		return
	}
	if alive {
		p.mu.crashes = 0
		p.mu.idle = append(p.mu.idle, in)
	} else {
		delete(p.mu.all, in)
		p.crashed()
	}
	p.mu.Unlock()
	if !alive {
		closeDead([]Instance{in})
	}
}

// closeDead waits for the ends of instances. What Close reports of them was reported by the invocation that they failed.
func closeDead(dead []Instance) {
	for _, in := range dead {
		_ = in.Close()
	}
}

// crashed is called with the lock held.
func (p *Pool) crashed() {
	if p.mu.crashes++; p.mu.crashes > 1 {
		p.mu.next = time.Now().Add(min(firstRestart<<min(p.mu.crashes-2, 10), maxRestart))
	}
}

// ended says ErrClosed when that is why an operation was cut short.
func (p *Pool) ended(err error) error {
	select {
	case <-p.done:
		return ErrClosed
	default:
		return err
	}
}

// Close ends all instances and the invocations that they run.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.mu.closed {
		p.mu.Unlock()
		return nil
	}
	p.mu.closed = true
	close(p.done)
	all := p.mu.all
	p.mu.all, p.mu.idle = nil, nil
	p.mu.Unlock()
	var errs []error
	for in := range all {
		errs = append(errs, in.Close())
	}
	for range cap(p.slots) { // wait for running invocations
		p.slots <- struct{}{}
	}
	p.mu.Lock()
	late := p.mu.late
	p.mu.Unlock()
	for _, in := range late {
		errs = append(errs, in.Close())
	}
	return errors.Join(errs...)
}

// pause waits for d, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// withStop is context.WithCancel that a closed channel cancels too. cancel must be called; it may be called twice.
func withStop(ctx context.Context, stop <-chan struct{}) (_ context.Context, cancel context.CancelFunc) {
	ctx, cancelCtx := context.WithCancel(ctx)
	if stop == nil {
		return ctx, cancelCtx
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-stop:
			cancelCtx()
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancelCtx()
		wg.Wait()
	}
}
