package txn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// entry is a record of a transaction in a partition, or a marker.
type entry struct {
	producer int64
	epoch    int16
	txn      string // who wrote it, in which transaction; "" for a marker
	commit   bool
}

// partitions are logs that take records and markers; the marker of one may fail for a while.
type partitions struct {
	mu struct {
		sync.Mutex
		logs map[Partition][]entry
		dice *rand.Rand
	}
}

func (ps *partitions) Mark(p Partition, marker record.Batch, commit bool) (func(context.Context) error, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.mu.dice.IntN(10) == 0 {
		return nil, fmt.Errorf("mark %v: disk is busy", p)
	}
	ps.mu.logs[p] = append(ps.mu.logs[p], entry{producer: marker.ProducerID(), epoch: marker.ProducerEpoch(), commit: commit})
	return func(context.Context) error { time.Sleep(time.Millisecond); return nil }, nil
}

func (ps *partitions) add(p Partition, e entry) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.mu.logs[p] = append(ps.mu.logs[p], e)
}

// outcome is what a client knows of one of its transactions.
type outcome struct {
	written map[Partition]bool
	end     int // 0 not asked for or without an answer, 1 committed, 2 aborted
	asked   bool
	commit  bool
}

// rival is a client that shares its transactional id with others, so that they fence each other all the time.
type rival struct {
	c       func() *Coordinator
	ps      *partitions
	r       *rand.Rand
	name    string
	version int16
	done    map[string]*outcome
}

func (v *rival) live(ctx context.Context) {
	for n := 0; ctx.Err() == nil; {
		r := v.c().InitProducerID(ctx, initRequest())
		if r.ErrorCode != 0 {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		id, epoch := r.ProducerID, r.ProducerEpoch
		for ok := true; ok && ctx.Err() == nil; n++ {
			id, epoch, ok = v.transact(ctx, fmt.Sprintf("%s-%d", v.name, n), id, epoch)
			time.Sleep(time.Duration(v.r.IntN(300)) * time.Millisecond)
		}
	}
}

// transact runs one transaction, and tells the id and epoch of the next; false when the producer must begin anew.
func (v *rival) transact(ctx context.Context, name string, id int64, epoch int16) (int64, int16, bool) {
	o := &outcome{written: map[Partition]bool{}, commit: v.r.IntN(3) > 0}
	v.done[name] = o
	mode := Add
	for range 1 + v.r.IntN(4) {
		p := Partition{"t", v.r.Int32N(3)}
		if v.version < 5 {
			mode = Verify
			if v.c().AddPartitions(ctx, txID, id, epoch, []Partition{p}) != 0 {
				return id, epoch, false
			}
		}
		done, code := v.c().Enlist(ctx, txID, id, epoch, mode, []Partition{p})
		if code != 0 {
			return id, epoch, false
		}
		time.Sleep(time.Duration(v.r.IntN(3)) * time.Millisecond) // the append takes its time
		v.ps.add(p, entry{producer: id, epoch: epoch, txn: name})
		o.written[p] = true
		done()
		switch v.r.IntN(40) {
		case 0:
			return id, epoch, false // dies
		case 1:
			time.Sleep(62 * time.Second) // its transaction times out, and it goes on as if nothing were
		default:
			time.Sleep(time.Duration(v.r.IntN(20)) * time.Millisecond)
		}
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = v.version, txID, id, epoch, o.commit
	o.asked = true
	for range 10 {
		r := v.c().EndTxn(ctx, req)
		switch {
		case r.ErrorCode == 0:
			o.end = 2
			if o.commit {
				o.end = 1
			}
			if v.version >= 5 {
				return r.ProducerID, r.ProducerEpoch, true
			}
			return id, epoch, true
		case !retry(r.ErrorCode):
			return id, epoch, false
		}
		time.Sleep(100 * time.Millisecond)
	}
	return id, epoch, false
}

// retry tells CONCURRENT_TRANSACTIONS, after which clients ask again.
func retry(code int16) bool { return code == 51 }

// Producers that fence each other, die and are late, over a restart of the coordinator and disks that fail for a moment: a
// transaction has the same outcome in all its partitions, the one that its producer was told (T2), no record lands behind
// the end of its transaction (T1), and none of an older epoch behind one of a newer (T3).
func TestTransactionModel(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, seed) })
		})
	}
}

func runModel(t *testing.T, seed uint64) {
	ps := &partitions{}
	ps.mu.logs, ps.mu.dice = map[Partition][]entry{}, rand.New(rand.NewPCG(seed, 99))
	state := newCluster()
	current, stop := runCoordinator(t, state, ps)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var wait sync.WaitGroup
	rivals := make([]*rival, 1+seed%3) // one alone is fenced by nothing but its timeouts
	for i := range rivals {
		v := &rival{ps: ps, r: rand.New(rand.NewPCG(seed, uint64(i))), name: fmt.Sprint(i), version: []int16{4, 5, 5}[(uint64(i)+seed/3)%3], done: map[string]*outcome{}}
		v.c = func() *Coordinator { return current }
		rivals[i] = v
		wait.Go(func() { v.live(ctx) })
	}
	wait.Wait()
	stop()
	current, stop = runCoordinator(t, state, ps) // a restart, after which all that was left open ends
	time.Sleep(2 * time.Minute)
	if d := current.Describe(t.Context(), txID); d.State != "CompleteCommit" && d.State != "CompleteAbort" && d.State != "Empty" {
		t.Errorf("state %s long after the last request", d.State)
	}
	stop()
	check(t, ps, rivals)
}

func runCoordinator(t *testing.T, state *cluster, ps *partitions) (*Coordinator, func()) {
	t.Helper()
	c, err := Open(&state.log, ps, Options{NewProducerID: state.newID})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	return c, func() {
		cancel()
		<-done
	}
}

func check(t *testing.T, ps *partitions, rivals []*rival) {
	t.Helper()
	visible := map[string]map[Partition]bool{} // by transaction: its partitions and what became of it there
	for p, log := range ps.mu.logs {
		open, newest, ended := map[int64][]string{}, map[int64]int16{}, map[string]bool{}
		for i, e := range log {
			if e.epoch < newest[e.producer] {
				t.Errorf("%v: entry %d has epoch %d behind epoch %d", p, i, e.epoch, newest[e.producer])
			}
			newest[e.producer] = e.epoch
			if e.txn != "" {
				if ended[e.txn] {
					t.Errorf("%v: a record of %s lies behind the end of its transaction", p, e.txn)
				}
				open[e.producer] = append(open[e.producer], e.txn)
				continue
			}
			for _, name := range open[e.producer] {
				if visible[name] == nil {
					visible[name] = map[Partition]bool{}
				}
				visible[name][p], ended[name] = e.commit, true
			}
			delete(open, e.producer)
		}
		for id, names := range open {
			t.Errorf("%v: transactions %v of producer %d are open for ever", p, names, id)
		}
	}
	ends := [3]int{}
	for _, v := range rivals {
		for name, o := range v.done {
			ends[o.end]++
			commits := 0
			for p := range o.written {
				if visible[name][p] {
					commits++
				}
			}
			switch {
			case commits != 0 && commits != len(o.written):
				t.Errorf("%s is committed in %d of %d partitions", name, commits, len(o.written))
			case o.end == 1 && commits == 0:
				t.Errorf("%s was answered as committed and is not", name)
			case commits > 0 && (!o.asked || !o.commit || o.end == 2):
				t.Errorf("%s is committed and was not to be: %+v", name, o)
			}
		}
	}
	if ends[0] == 0 || ends[1] < 5 || ends[2] == 0 {
		t.Errorf("the model did too little: %v unanswered, committed, aborted", ends)
	}
}
