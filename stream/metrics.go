package stream

import (
	"sync"
	"sync/atomic"
	"time"
)

// Metrics counts what one pipeline does. It outlives restarts: after one the counters of rows go back to the last
// committed checkpoint, because the rows after it come again, so totals stay exact within a process.
// All methods are safe for concurrent use.
type Metrics struct {
	mu struct {
		sync.Mutex
		nodes []*NodeMetrics // in the order of the plan, sources first
	}
	checkpointID   atomic.Int64
	checkpointTime atomic.Int64 // ns since the epoch of the last committed one
	checkpointTook atomic.Int64 // ns
	stateBytes     atomic.Int64
	restarts       atomic.Int64
}

// NodeMetrics counts what all tasks of one node do. A nil *NodeMetrics counts nothing, so operators need not ask.
type NodeMetrics struct {
	id, name string

	rowsIn, rowsOut, batches, bytes, late, dead counter
	lag, done, total                            atomic.Int64
	watermark                                   atomic.Int64
}

// counter is a count and where it stood at the last committed checkpoint.
type counter struct{ now, committed atomic.Int64 }

// AddLate counts rows that came after their windows had fired.
func (n *NodeMetrics) AddLate(rows int) {
	if n != nil {
		n.late.now.Add(int64(rows))
	}
}

// AddBytes counts bytes that a source read or a sink wrote.
func (n *NodeMetrics) AddBytes(bytes int) {
	if n != nil {
		n.bytes.now.Add(int64(bytes))
	}
}

// AddLag moves the number of records that are there and not yet read, summed over the tasks: each adds the difference
// to what it said before.
func (n *NodeMetrics) AddLag(records int64) {
	if n != nil {
		n.lag.Add(records)
	}
}

// AddProgress moves how much of a bounded input has been read, and of how much, in any unit.
func (n *NodeMetrics) AddProgress(done, total int64) {
	if n != nil {
		n.done.Add(done)
		n.total.Add(total)
	}
}

// NodeSnapshot is what NodeMetrics said at one moment.
type NodeSnapshot struct {
	ID, Name                                 string
	RowsIn, RowsOut, Batches, Bytes          int64
	Late, DeadLetters, Lag, Progress, ToRead int64
	Watermark                                Watermark
}

// Snapshot is what Metrics said at one moment.
type Snapshot struct {
	Nodes          []NodeSnapshot // sources first, the sink last
	CheckpointID   CheckpointID
	CheckpointTime time.Time // zero: none yet
	CheckpointTook time.Duration
	StateBytes     int64
	Restarts       int64
}

// Snapshot reads all counters.
func (m *Metrics) Snapshot() Snapshot {
	s := Snapshot{
		CheckpointID: CheckpointID(m.checkpointID.Load()), CheckpointTook: time.Duration(m.checkpointTook.Load()),
		StateBytes: m.stateBytes.Load(), Restarts: m.restarts.Load(),
	}
	if t := m.checkpointTime.Load(); t != 0 {
		s.CheckpointTime = time.Unix(0, t)
	}
	for _, n := range m.list() {
		s.Nodes = append(s.Nodes, NodeSnapshot{
			ID: n.id, Name: n.name,
			RowsIn: n.rowsIn.now.Load(), RowsOut: n.rowsOut.now.Load(), Batches: n.batches.now.Load(), Bytes: n.bytes.now.Load(),
			Late: n.late.now.Load(), DeadLetters: n.dead.now.Load(), Lag: n.lag.Load(), Progress: n.done.Load(), ToRead: n.total.Load(),
			Watermark: Watermark(n.watermark.Load()),
		})
	}
	return s
}

func (m *Metrics) list() []*NodeMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*NodeMetrics(nil), m.mu.nodes...)
}

// node finds or makes the counters of a node.
func (m *Metrics) node(n *Node) *NodeMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, have := range m.mu.nodes {
		if have.id == n.ID {
			return have
		}
	}
	made := &NodeMetrics{id: n.ID, name: n.Name}
	made.watermark.Store(int64(MinWatermark))
	m.mu.nodes = append(m.mu.nodes, made)
	return made
}

// commit notes where the counters stand at a committed checkpoint; rollback goes back there. Gauges start anew: the
// next attempt's sources say them again.
func (m *Metrics) commit() {
	for _, n := range m.list() {
		for _, c := range n.counters() {
			c.committed.Store(c.now.Load())
		}
	}
}

func (m *Metrics) rollback() {
	for _, n := range m.list() {
		for _, c := range n.counters() {
			c.now.Store(c.committed.Load())
		}
		n.lag.Store(0)
		n.done.Store(0)
		n.total.Store(0)
		n.watermark.Store(int64(MinWatermark))
	}
}

func (n *NodeMetrics) counters() [6]*counter {
	return [6]*counter{&n.rowsIn, &n.rowsOut, &n.batches, &n.bytes, &n.late, &n.dead}
}

func (n *NodeMetrics) in(b Batch) {
	n.rowsIn.now.Add(int64(b.Rows()))
	n.batches.now.Add(1)
}
