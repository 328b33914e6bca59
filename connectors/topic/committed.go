package topic

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// maxMarkerBytes bounds a control batch that comes compressed, which no broker writes: a marker has some twenty bytes.
const maxMarkerBytes = 4 << 10

// committedBatches walks through the batches of one fetch and passes over those of aborted transactions and the control
// batches, as a consumer that reads committed records does: the answer names the aborted transactions, each from its
// first offset, and the control batch in the log is where each ends.
type committedBatches struct {
	data    []byte
	waiting []kmsg.FetchResponseTopicPartitionAbortedTransaction // sorted by first offset; not reached yet
	aborted map[int64]bool                                       // producers whose transaction here is aborted
	reader  record.Reader
}

func newCommittedBatches(f fetched) *committedBatches {
	waiting := slices.Clone(f.aborted)
	slices.SortFunc(waiting, func(a, b kmsg.FetchResponseTopicPartitionAbortedTransaction) int {
		return cmp.Compare(a.FirstOffset, b.FirstOffset)
	})
	return &committedBatches{data: f.data, waiting: waiting, aborted: map[int64]bool{}}
}

// count is the number of records that the next batch says it has.
func (c *committedBatches) count() int {
	b, _, err := record.Split(c.data)
	if err != nil {
		return 0
	}
	return b.Count()
}

// next gives the next batch and whether its records are to be read; false when no whole batch is left. It does not look
// into the batch: a caller that reads it validates it first.
func (c *committedBatches) next() (b record.Batch, read, ok bool) {
	b, rest, err := record.Split(c.data)
	if err != nil {
		// The last batch of an answer may be cut off: it comes whole with the next fetch.
		c.data = nil
		return nil, false, false
	}
	c.data = rest
	for len(c.waiting) > 0 && c.waiting[0].FirstOffset <= b.LastOffset() {
		c.aborted[c.waiting[0].ProducerID] = true
		c.waiting = c.waiting[1:]
	}
	if b.Control() {
		if commit, is := c.marker(b); is && !commit {
			delete(c.aborted, b.ProducerID())
		}
		return b, false, true
	}
	return b, !(b.Transactional() && c.aborted[b.ProducerID()]), true
}

// marker reads a control batch: whether it ends a transaction, and how.
func (c *committedBatches) marker(b record.Batch) (commit, is bool) {
	if c.reader.Reset(b, maxMarkerBytes) != nil {
		return false, false
	}
	var r record.Record
	if !c.reader.Next(&r) {
		return false, false
	}
	kind, ok := record.ControlType(r.Key)
	return kind == 1, ok && (kind == 0 || kind == 1)
}
