package streamtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/weirhub/weir/stream"
)

// ErrKilled is what everything answers at the step where the harness kills the pipeline.
var ErrKilled = errors.New("killed here")

// Steps counts the steps of a pipeline at which it can be killed, and kills it once at the given one (0: never).
type Steps struct {
	KillAt int
	mu     struct {
		sync.Mutex
		n int
	}
}

// Step counts one, and gives ErrKilled at the chosen one.
func (s *Steps) Step() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.n++; s.mu.n == s.KillAt {
		return ErrKilled
	}
	return nil
}

// Count is how many steps there were.
func (s *Steps) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.n
}

// Source reads splits that lie in memory, each a list of batches, one batch after another in turn. A position is a number
// of rows. Every read takes a simulated millisecond, so that checkpoints fall between batches.
type Source struct {
	Data    map[string][]stream.Batch
	MaxRows int64 // of a batch; 0: as they are
	Task    stream.Task
	Steps   *Steps

	own  []string
	at   map[string]int64
	next int
}

// Open takes every Of-th split, in order of their names.
func (s *Source) Open(_ context.Context, from []stream.Position) error {
	s.at = map[string]int64{}
	for i, name := range slices.Sorted(maps.Keys(s.Data)) {
		if i%s.Task.Of == s.Task.Index {
			s.own = append(s.own, name)
		}
	}
	for _, p := range from {
		s.at[p.Split] = p.Offset
	}
	return nil
}

// Splits are the task's splits.
func (s *Source) Splits() []string { return s.own }

// Read gives the next batch of the next split that has one.
func (s *Source) Read(ctx context.Context) (stream.Batch, error) {
	if err := s.Steps.Step(); err != nil {
		return stream.Batch{}, err
	}
	select {
	case <-ctx.Done():
		return stream.Batch{}, ctx.Err()
	case <-time.After(time.Millisecond):
	}
	for range s.own {
		name := s.own[s.next%len(s.own)]
		s.next++
		if b, ok := s.batchAt(name); ok {
			return b, nil
		}
	}
	return stream.Batch{}, io.EOF
}

// batchAt cuts the rows at the split's position.
func (s *Source) batchAt(name string) (stream.Batch, bool) {
	row := int64(0)
	for i, b := range s.Data[name] {
		n := int64(b.Rows())
		if s.at[name] >= row+n {
			row += n
			continue
		}
		from := s.at[name] - row
		to := n
		if s.MaxRows > 0 {
			to = min(n, from+s.MaxRows)
		}
		out := slice(b, from, to)
		s.at[name] += to - from
		out.Pos = stream.Position{Split: name, Offset: s.at[name]}
		out.End = i == len(s.Data[name])-1 && to == n
		return out, true
	}
	return stream.Batch{}, false
}

// Close does nothing.
func (s *Source) Close() error { return nil }

// Store is where sinks of one pipeline put rows: written, prepared, visible.
type Store struct {
	mu struct {
		sync.Mutex
		prepared map[string][]Row
		visible  []Row
		done     map[string]bool
	}
}

// Visible are the rows that readers see, in the order in which they became visible.
func (s *Store) Visible() []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.visible)
}

// Sink is a two-phase sink over a Store.
type Sink struct {
	Store *Store
	Task  stream.Task
	Steps *Steps
	rows  []Row
}

// Open does nothing: rows that were not prepared died with the sink.
func (s *Sink) Open(context.Context) error { return nil }

// Write holds rows.
func (s *Sink) Write(_ context.Context, b stream.Batch) error {
	s.rows = append(s.rows, Changelog(b)...)
	return s.Steps.Step()
}

// Prepare keeps the rows under the checkpoint's name.
func (s *Sink) Prepare(_ context.Context, id stream.CheckpointID, _ bool) (stream.Pending, error) {
	if err := s.Steps.Step(); err != nil {
		return nil, err
	}
	if len(s.rows) == 0 {
		return nil, nil
	}
	name := fmt.Sprintf("%d-%d", id, s.Task.Index)
	s.Store.mu.Lock()
	defer s.Store.mu.Unlock()
	if s.Store.mu.prepared == nil {
		s.Store.mu.prepared = map[string][]Row{}
	}
	s.Store.mu.prepared[name] = s.rows
	s.rows = nil
	return stream.Pending(strconv.Quote(name)), nil
}

// Commit makes the rows of a name visible, once.
func (s *Sink) Commit(_ context.Context, p stream.Pending) error {
	if err := s.Steps.Step(); err != nil {
		return err
	}
	name, err := strconv.Unquote(string(p))
	if err != nil {
		return fmt.Errorf("commit %s: %w", p, err)
	}
	s.publish(name)
	return s.Steps.Step()
}

func (s *Sink) publish(name string) {
	s.Store.mu.Lock()
	defer s.Store.mu.Unlock()
	if s.Store.mu.done == nil {
		s.Store.mu.done = map[string]bool{}
	}
	if !s.Store.mu.done[name] {
		s.Store.mu.done[name] = true
		s.Store.mu.visible = append(s.Store.mu.visible, s.Store.mu.prepared[name]...)
	}
}

// Close does nothing.
func (s *Sink) Close() error { return nil }

// Committer is a MemoryCommitter that can be killed before and after it has decided.
type Committer struct {
	stream.MemoryCommitter
	Steps *Steps
}

// Commit decides between two steps.
func (c *Committer) Commit(ctx context.Context, cp *stream.Checkpoint) error {
	if err := c.Steps.Step(); err != nil {
		return err
	}
	if err := c.MemoryCommitter.Commit(ctx, cp); err != nil {
		return err
	}
	return c.Steps.Step()
}
