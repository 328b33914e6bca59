package stream

// Node is one step of a pipeline as its room describes it. Nodes form a tree whose root writes to a sink; the engine
// chains neighbours without an exchange into one task.
type Node struct {
	// ID says what the node means (kind, keys, lineage of its columns, window), not where it stands: a changed query
	// keeps the state of nodes that still mean the same. Unique within the pipeline.
	ID string
	// Name is the field's word for it, shown in EXPLAIN and metrics: "TopicSource", "Filter", "WindowAggregate".
	Name   string
	Inputs []*Node

	// Exactly one of the three is set. Each is called once per task.
	Source   func(t Task) (Source, error)
	Operator func(t Task) (Operator, error)
	Sink     func(t Task) (Sink, error)

	// Keys gives, for each input, the columns by which rows are exchanged between tasks. Nil: rows stay in their task.
	// An empty, non-nil list of columns sends all rows to task 0 (a global aggregate).
	Keys [][]int
	// Parallelism is the number of tasks; 0 takes the pipeline's for keyed nodes and sources, the input's otherwise.
	Parallelism int
	// Watermark, for sources with event time.
	Watermark *WatermarkSpec
}

// Task names one of the parallel instances of a node.
type Task struct {
	Index, Of int
	// Metrics are the node's counters, shared by its tasks; nil outside a pipeline, which counts nothing.
	Metrics *NodeMetrics
}

// WatermarkSpec makes watermarks from a source's rows.
type WatermarkSpec struct {
	// Of gives the highest watermark (ms) that the batch's rows allow, false when it has none. It is called with each
	// batch of one split; the engine keeps the maximum per split and takes the minimum over the splits.
	Of func(b Batch) (Watermark, bool, error)
	// IdleAfter takes a split without rows for so long (ns) out of the minimum; 0: never, as Flink's default.
	IdleAfter int64
}
