package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// Checkpoint is all that a pipeline needs to go on after a crash: one record of the topic `__weir_checkpoints`, text
// (JSON) drawn in docs/format/state.md.
type Checkpoint struct {
	Version int          `json:"version"`
	ID      CheckpointID `json:"id"`
	Time    int64        `json:"time"` // ms, of the process that wrote it; for people only
	Last    bool         `json:"last,omitempty"`
	// Sources gives, by node id, where each split stands.
	Sources map[string][]SplitState `json:"sources,omitempty"`
	// Watermarks gives, by the id of the first node of each chain, the event time of its tasks. It is more than the
	// splits' watermarks say: those that have ended or are idle no longer count.
	Watermarks map[string][]Watermark `json:"watermarks,omitempty"`
	// Files name the state files, oldest first: an entry of a later one replaces that of an earlier one. Inline is one
	// more, the last, inside the record.
	Files  []string `json:"files,omitempty"`
	Inline []byte   `json:"inline,omitempty"`
	// Pending is what sinks have prepared.
	Pending []PendingOutput `json:"pending,omitempty"`
}

// checkpointVersion is what this program writes; it reads nothing newer.
const checkpointVersion = 1

// SplitState is where a split stands, and the highest watermark that its rows have allowed.
type SplitState struct {
	Split     string    `json:"split"`
	Offset    int64     `json:"offset"`
	Line      int64     `json:"line,omitempty"`
	Origin    string    `json:"origin,omitempty"`
	Watermark Watermark `json:"watermark"`
}

// Position of the split.
func (s SplitState) Position() Position {
	return Position{Split: s.Split, Offset: s.Offset, Line: s.Line, Origin: s.Origin}
}

// watermark is the event time at which a task of a chain goes on: its own when there are as many tasks as there were,
// else the lowest of all.
func (c *Checkpoint) watermark(node string, task, of int) Watermark {
	all := c.Watermarks[node]
	switch {
	case len(all) == 0:
		return MinWatermark
	case len(all) == of:
		return all[task]
	default:
		return slices.Min(all)
	}
}

// PendingOutput is what one task of a sink prepared.
type PendingOutput struct {
	Node string  `json:"node"`
	Task int     `json:"task"`
	Data Pending `json:"data"`
}

// Encode writes the checkpoint's record.
func (c *Checkpoint) Encode() ([]byte, error) {
	c.Version = checkpointVersion
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode checkpoint %d: %w", c.ID, err)
	}
	return b, nil
}

// DecodeCheckpoint reads what Encode wrote.
func DecodeCheckpoint(b []byte) (*Checkpoint, error) {
	var c Checkpoint
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("decode checkpoint: %w", err)
	}
	if c.Version < 1 || c.Version > checkpointVersion {
		return nil, fmt.Errorf("decode checkpoint: version %d is not known to this program, which reads up to %d", c.Version, checkpointVersion)
	}
	return &c, nil
}

// Committer is the one commit point of a pipeline. The coordinator calls it, never two methods at once.
//
// All topic output of the pipeline's sinks and dead letters since the last Commit, and the checkpoint itself, become
// visible in one act or not at all.
type Committer interface {
	// Restore takes the pipeline over: another process that runs it can commit no more, what it or an earlier attempt
	// left open is undone. It gives the last committed checkpoint, nil when there is none. Every attempt begins with it.
	Restore(ctx context.Context) (*Checkpoint, error)
	// Commit decides the checkpoint. After an error nobody knows whether it was decided; the next Restore tells.
	Commit(ctx context.Context, c *Checkpoint) error
}

// DueCommitter is a Committer that cannot keep output open for any length of time: a cluster aborts a transaction that
// takes longer than its timeout. Due gives a word when a checkpoint should be made before the next one in turn. The
// coordinator receives from the same channel in all attempts; a word too many costs one checkpoint.
type DueCommitter interface {
	Committer
	Due() <-chan struct{}
}

// MemoryCommitter keeps the last checkpoint in memory: for pipelines whose progress need not outlive the process (a
// query that somebody watches), and for tests.
type MemoryCommitter struct {
	mu struct {
		sync.Mutex
		last []byte
	}
}

// Restore gives the last checkpoint.
func (m *MemoryCommitter) Restore(context.Context) (*Checkpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.last == nil {
		return nil, nil //nolint:nilnil // the contract: no checkpoint and no error
	}
	return DecodeCheckpoint(m.mu.last)
}

// Commit keeps c.
func (m *MemoryCommitter) Commit(_ context.Context, c *Checkpoint) error {
	b, err := c.Encode()
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.last = b
	return nil
}
