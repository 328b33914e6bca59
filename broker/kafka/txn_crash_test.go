package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/internal/vfs"
)

// embed opens a broker without a listener. It gives nil when the file system crashes meanwhile.
func embed(t *testing.T, fs vfs.FS) *node {
	t.Helper()
	b, err := broker.Open(fs, "data", broker.Options{})
	if err != nil {
		return nil
	}
	n := &node{t: t, fs: fs, b: b, s: NewServer(b, Options{})}
	ctx, cancel := context.WithCancel(t.Context())
	ran, coordinated := make(chan error, 1), make(chan error, 1)
	go func() { ran <- b.Run(ctx) }()
	go func() { coordinated <- n.s.Run(ctx) }()
	n.stop = func() {
		cancel()
		<-coordinated
		<-ran
		_ = b.Close() // fails after a crash
	}
	return n
}

// attempt is what the script knows of one of its transactions when it was cut off.
type attempt struct {
	commit  bool // how it was to end
	ending  bool // the end was asked for
	settled bool // and answered
}

const crashTxns = 6

// runTxns lets one producer run transactions that each write to both partitions of "t" and commit the offset number+1 for
// group "g", until all are done or a request fails.
func runTxns(ctx context.Context, n *node) (out [crashTxns]attempt) {
	x := &rawTxn{n: n, id: "tx"}
	if x.init(ctx) != 0 {
		return out
	}
	for i := range out {
		a := &out[i]
		a.commit = i%3 != 2
		for p := range int32(2) {
			if x.tryProduce(ctx, "t", p, fmt.Sprint(i)) != 0 {
				return out
			}
		}
		if x.tryCommitOffset(ctx, "g", "in", int64(i+1)) != 0 {
			return out
		}
		a.ending = true
		if x.tryEnd(ctx, a.commit) != 0 {
			return out
		}
		a.settled = true
	}
	return out
}

// A transaction is there whole or not at all, with its records in every partition and its offsets, wherever the power
// fails, also when it fails again during the recovery; what was answered holds.
func TestTransactionIsWholeOrAbsentAfterCrash(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	prepared := vfs.NewMem()
	n := embed(t, prepared)
	n.createTopic("t", 2, nil)
	n.createTopic("in", 1, nil)
	(&rawTxn{n: n, id: "warm"}).init(t.Context()) // the internal topics are there
	n.stop()

	whole := prepared.CrashClone(nil)
	n = embed(t, whole)
	before := whole.Ops()
	for i, a := range runTxns(t.Context(), n) {
		if !a.settled {
			t.Fatalf("transaction %d did not end without a crash", i)
		}
	}
	steps := whole.Ops() - before
	n.stop()
	t.Logf("%d operations", steps)
	for step := range steps {
		for seed := range seeds {
			crashTxnsAt(t, prepared, step, rand.New(rand.NewPCG(uint64(step), seed)))
		}
	}
}

func crashTxnsAt(t *testing.T, prepared *vfs.Mem, step int, r *rand.Rand) {
	t.Helper()
	fs := prepared.CrashClone(nil)
	n := embed(t, fs)
	fs.CrashAfter(step)
	attempts := runTxns(t.Context(), n)
	n.stop()

	fs = fs.CrashClone(r)
	if r.IntN(2) == 0 { // the power fails again while the next start recovers
		fs.CrashAfter(r.IntN(40))
		if n := embed(t, fs); n != nil {
			(&rawTxn{n: n, id: "tx"}).init(t.Context())
			n.stop()
		}
		fs = fs.CrashClone(r)
	}
	if n = embed(t, fs); n == nil {
		t.Fatalf("step %d: the broker does not open", step)
	}
	defer n.stop()
	x := n.openTxn("tx") // ends what is open
	checkTxns(t, n, step, attempts)
	x.produce("t", 0, "after")
	if code := x.end(true); code != 0 {
		t.Fatalf("step %d: transaction after the recovery: code %d", step, code)
	}
	if got := n.committedValues("t", 0); got["after"] != 1 {
		t.Fatalf("step %d: committed after the recovery: %v", step, got)
	}
}

func checkTxns(t *testing.T, n *node, step int, attempts [crashTxns]attempt) {
	t.Helper()
	first, second := n.committedValues("t", 0), n.committedValues("t", 1)
	offset := int64(-1)
	for i, a := range attempts {
		times := first[fmt.Sprint(i)]
		if times != second[fmt.Sprint(i)] || times > 1 {
			t.Fatalf("step %d: transaction %d: %d times in partition 0, %d in 1", step, i, times, second[fmt.Sprint(i)])
		}
		if times == 1 && (!a.commit || !a.ending) {
			t.Fatalf("step %d: transaction %d is visible and was not to be committed: %+v", step, i, a)
		}
		if times == 0 && a.commit && a.settled {
			t.Fatalf("step %d: committed transaction %d is gone", step, i)
		}
		if times == 1 {
			offset = int64(i + 1)
		}
	}
	if p := n.fetchOffset("g", "in", true); p.ErrorCode != 0 || p.Offset != offset {
		t.Fatalf("step %d: offset %d (code %d), the records say %d", step, p.Offset, p.ErrorCode, offset)
	}
}

// committedValues reads a partition as a reader of committed records does.
func (n *node) committedValues(topic string, partition int32) map[string]int {
	n.t.Helper()
	p, err := n.b.Partition(topic, partition)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := p.Settle(n.ctx()); err != nil {
		n.t.Fatal(err)
	}
	out := map[string]int{}
	if p.LastStableOffset() != p.HighWatermark() {
		n.t.Fatalf("%s-%d: the last stable offset is %d, the end %d", topic, partition, p.LastStableOffset(), p.HighWatermark())
	}
	res, err := p.Read(0, 1<<20, true)
	if err != nil {
		n.t.Fatal(err)
	}
	if p.HighWatermark() == 0 {
		return out
	}
	defer res.Slice.Release()
	aborted := map[int64][]int64{} // first offsets of aborted transactions by producer
	for _, a := range res.Aborted {
		aborted[a.ProducerID] = append(aborted[a.ProducerID], a.FirstOffset)
	}
	skipping := map[int64]bool{}
	var reader record.Reader
	err = res.Slice.Each(func(b record.Batch) error {
		id := b.ProducerID()
		if b.Control() {
			skipping[id] = false
			return nil
		}
		if firsts := aborted[id]; len(firsts) > 0 && firsts[0] <= b.BaseOffset() {
			skipping[id], aborted[id] = true, firsts[1:]
		}
		if b.Transactional() && skipping[id] {
			return nil
		}
		if err := reader.Reset(b, 0); err != nil {
			return err
		}
		var rec record.Record
		for reader.Next(&rec) {
			out[string(rec.Value)]++
		}
		return reader.Err()
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}
