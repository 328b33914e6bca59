package commitlog

import (
	"cmp"
	"slices"

	"github.com/weirhub/weir/internal/record"
)

// txnTracker follows the transactions of a log while its batches are read in order.
type txnTracker struct {
	coming []AbortedTxn         // by first offset, not yet reached
	inside map[int64]AbortedTxn // producer id -> the aborted transaction that reading is in
	seen   map[int64]bool       // producers that have a batch in the log since their last marker
}

// newTxnTracker takes all aborted transactions that reach into what is going to be read.
func newTxnTracker(aborted []AbortedTxn) txnTracker {
	slices.SortFunc(aborted, func(a, b AbortedTxn) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	return txnTracker{coming: aborted, inside: map[int64]AbortedTxn{}, seen: map[int64]bool{}}
}

// data takes a batch of records and reports whether its transaction was aborted.
func (t *txnTracker) data(b record.Batch) (aborted bool) {
	if !b.Transactional() {
		return false
	}
	for len(t.coming) > 0 && t.coming[0].FirstOffset <= b.LastOffset() {
		t.inside[t.coming[0].ProducerID] = t.coming[0]
		t.coming = t.coming[1:]
	}
	t.seen[b.ProducerID()] = true
	txn, ok := t.inside[b.ProducerID()]
	return ok && b.BaseOffset() < txn.LastOffset
}

// marker takes a marker and reports whether a batch of its transaction is still in the log: without the marker, it
// would be open for ever to whoever reads the log from the start.
func (t *txnTracker) marker(b record.Batch) (needed bool) {
	id := b.ProducerID()
	needed = t.seen[id]
	delete(t.seen, id)
	delete(t.inside, id)
	return needed
}
