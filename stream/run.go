package stream

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/weirhub/weir/internal/vfs"
)

const (
	// defaultCheckpointEvery suits topic output: readers of committed records see a row after about half of it.
	defaultCheckpointEvery = time.Second
	// shutdownGrace bounds the last checkpoint after ctx has ended. What is not committed by then is read again at the
	// next start, so giving up loses nothing.
	shutdownGrace = 30 * time.Second
)

// Spec is a pipeline as its room describes it.
type Spec struct {
	// Name identifies the pipeline for ever: its checkpoints, its state files and its consumer group carry it.
	Name string
	Root *Node // the sink
	// Parallelism is the number of tasks of keyed nodes and sources that do not say their own; 0: 1.
	Parallelism int
	// CheckpointEvery is the time between checkpoints; 0: one second. Without news no checkpoint is made.
	CheckpointEvery time.Duration
	// Committer is the commit point. Nil: progress and state live in memory and end with Run.
	Committer Committer
	// DeadLetter takes bad records, in the transaction of the output. Several tasks call it at once; the record's bytes
	// are only lent. Nil: a bad record ends the pipeline.
	DeadLetter func(ctx context.Context, r BadRecord) error
	// StateFS and StateDir hold state that is too large for the checkpoint's record. Nil: there is no such place.
	StateFS  vfs.FS
	StateDir string
	Restart  RestartPolicy
	Metrics  *Metrics     // nil: nobody looks
	Log      *slog.Logger // nil: nothing is logged
}

func (s Spec) withDefaults() (Spec, error) {
	if s.Name == "" {
		return s, errors.New("run pipeline: it has no name")
	}
	if s.CheckpointEvery <= 0 {
		s.CheckpointEvery = defaultCheckpointEvery
	}
	if s.Committer == nil {
		s.Committer = &MemoryCommitter{}
		if s.StateFS == nil {
			s.StateFS, s.StateDir = vfs.NewVolatile(), "state"
		}
	}
	if s.Metrics == nil {
		s.Metrics = &Metrics{}
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.Restart = s.Restart.withDefaults()
	return s, nil
}

// Run runs the pipeline until its bounded input has ended and all of it is committed, until ctx ends (a last checkpoint
// is made first), both nil, or until an error that a restart does not mend. It starts goroutines and waits for them.
func Run(ctx context.Context, spec Spec) error {
	spec, err := spec.withDefaults()
	if err != nil {
		return err
	}
	stages, err := planStages(spec.Root, spec.Parallelism)
	if err != nil {
		return err
	}
	for _, s := range stages {
		for _, n := range s.nodes {
			spec.Metrics.node(n)
		}
	}
	log := spec.Log.With("pipeline", spec.Name)
	return spec.Restart.retry(ctx, log, spec.Metrics, func() (bool, error) {
		progress, err := runAttempt(ctx, &spec, stages)
		if err != nil {
			spec.Metrics.rollback()
		}
		return progress, err
	})
}
