package txn

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// memLog is a log in memory in which everything is durable at once.
type memLog struct {
	batches []record.Batch // of one record each
	start   int64
	err     error
}

func (l *memLog) Append(b record.Batch) (int64, func(context.Context) error, error) {
	if l.err != nil {
		return 0, nil, l.err
	}
	l.batches = append(l.batches, bytes.Clone(b))
	return l.start + int64(len(l.batches)) - 1, func(context.Context) error { return nil }, nil
}

func (l *memLog) DeleteBefore(offset int64) error {
	l.batches = l.batches[offset-l.start:]
	l.start = offset
	return nil
}

func (l *memLog) Replay(f func(record.Batch) error) error {
	for _, b := range l.batches {
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

// cluster is partitions that markers go to.
type cluster struct {
	log    memLog
	mu     sync.Mutex // guards marks
	marks  map[Partition][]record.Batch
	broken map[Partition]error
	nextID int64
}

func newCluster() *cluster {
	return &cluster{marks: map[Partition][]record.Batch{}, broken: map[Partition]error{}}
}

func (c *cluster) Mark(p Partition, marker record.Batch, _ bool) (func(context.Context) error, error) {
	if err := c.broken[p]; err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks[p] = append(c.marks[p], bytes.Clone(marker))
	return func(context.Context) error { return nil }, nil
}

func (c *cluster) newID(context.Context) (int64, error) { c.nextID++; return c.nextID, nil }

func (c *cluster) open(t *testing.T) *Coordinator {
	t.Helper()
	co, err := Open(&c.log, c, Options{NewProducerID: c.newID})
	if err != nil {
		t.Fatal(err)
	}
	return co
}

func (c *cluster) committed(p Partition) (out []bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.marks[p] {
		commit, ok := controlKind(b)
		if !ok {
			panic("not a marker")
		}
		out = append(out, commit)
	}
	return out
}

func controlKind(b record.Batch) (commit, ok bool) {
	var r record.Reader
	var rec record.Record
	if r.Reset(b, 0) != nil || !r.Next(&rec) {
		return false, false
	}
	kind, ok := record.ControlType(rec.Key)
	return kind == 1, ok
}

type producer struct {
	t     *testing.T
	c     *Coordinator
	id    int64
	epoch int16
	v     int16 // of EndTxn
}

const txID = "tx"

func initRequest() *kmsg.InitProducerIDRequest {
	r := kmsg.NewPtrInitProducerIDRequest()
	id := txID
	r.Version, r.TransactionalID, r.TransactionTimeoutMillis, r.ProducerID, r.ProducerEpoch = 5, &id, 60_000, -1, -1
	return r
}

func start(t *testing.T, c *Coordinator, endVersion int16) *producer {
	t.Helper()
	r := c.InitProducerID(t.Context(), initRequest())
	if r.ErrorCode != 0 {
		t.Fatalf("InitProducerID: code %d", r.ErrorCode)
	}
	return &producer{t, c, r.ProducerID, r.ProducerEpoch, endVersion}
}

func (p *producer) add(parts ...Partition) int16 {
	return p.c.AddPartitions(p.t.Context(), txID, p.id, p.epoch, parts)
}

// end ends the transaction and takes over what the answer says about epochs.
func (p *producer) end(commit bool) int16 {
	r := kmsg.NewPtrEndTxnRequest()
	r.Version, r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = p.v, txID, p.id, p.epoch, commit
	a := p.c.EndTxn(p.t.Context(), r)
	if a.ErrorCode == 0 && p.v >= 5 {
		p.id, p.epoch = a.ProducerID, a.ProducerEpoch
	}
	return a.ErrorCode
}

var p0, p1 = Partition{"t", 0}, Partition{"t", 1}

func want(t *testing.T, what string, got int16, e *kerr.Error) {
	t.Helper()
	var code int16
	if e != nil {
		code = e.Code
	}
	if got != code {
		t.Fatalf("%s: code %d (%v), want %d", what, got, kerr.ErrorForCode(got), code)
	}
}

// A transaction ends with one marker in each of its partitions; the end may be repeated and not changed (T2).
func TestEndIsIdempotentAndFinal(t *testing.T) {
	for _, v := range []int16{4, 5} {
		c := newCluster()
		p := start(t, c.open(t), v)
		want(t, "add", p.add(p0, p1), nil)
		again := *p
		want(t, "commit", p.end(true), nil)
		want(t, "commit again", again.end(true), nil)
		if again.id != p.id || again.epoch != p.epoch {
			t.Fatalf("v%d: the repeated end answers %d/%d, the first answered %d/%d", v, again.id, again.epoch, p.id, p.epoch)
		}
		for _, part := range []Partition{p0, p1} {
			if got := c.committed(part); len(got) != 1 || !got[0] {
				t.Fatalf("v%d: markers of %v: %v, want one commit", v, part, got)
			}
		}
		late := producer{t, p.c, p.id, p.epoch, v}
		if v >= 5 {
			late.epoch--
		}
		want(t, "abort after the commit", late.end(false), kerr.InvalidTxnState)
	}
}

// With transaction version 2 an end that arrives during the next transaction does nothing to it (KIP-890, the fault that
// tears transactions in the older protocol).
func TestLateEndCannotReachTheNextTransaction(t *testing.T) {
	c := newCluster()
	p := start(t, c.open(t), 5)
	want(t, "add", p.add(p0), nil)
	late := *p
	want(t, "commit", p.end(true), nil)
	want(t, "add to the next", p.add(p1), nil)
	want(t, "late commit", late.end(true), kerr.ProducerFenced)
	want(t, "late abort", late.end(false), kerr.ProducerFenced)
	want(t, "abort of the next", p.end(false), nil)
	if got := c.committed(p1); len(got) != 1 || got[0] {
		t.Fatalf("markers of the second transaction: %v, want one abort", got)
	}
}

// A second producer with the same id aborts what the first left open and fences it for good (T3).
func TestSecondProducerFencesTheFirst(t *testing.T) {
	for _, v := range []int16{4, 5} {
		c := newCluster()
		co := c.open(t)
		first := start(t, co, v)
		want(t, "add", first.add(p0), nil)
		second := start(t, co, v)
		if got := c.committed(p0); len(got) != 1 || got[0] {
			t.Fatalf("markers: %v, want one abort", got)
		}
		want(t, "fenced add", first.add(p1), kerr.ProducerFenced)
		want(t, "fenced end", first.end(true), kerr.ProducerFenced)
		_, code := co.Enlist(t.Context(), txID, first.id, first.epoch, Add, []Partition{p0})
		want(t, "fenced append", code, kerr.ProducerFenced)
		named := initRequest()
		named.ProducerID, named.ProducerEpoch = first.id, first.epoch
		want(t, "fenced init", co.InitProducerID(t.Context(), named).ErrorCode, kerr.ProducerFenced)
		want(t, "second", second.add(p1), nil)
		want(t, "second's end", second.end(true), nil)
	}
}

// A transaction that its producer forgets is aborted at its timeout, and the producer hears of it (T4).
func TestTimeoutAborts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		co := c.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- co.Run(ctx) }()
		p := start(t, co, 5)
		want(t, "add", p.add(p0), nil)
		time.Sleep(59 * time.Second)
		if got := c.committed(p0); len(got) != 0 {
			t.Fatalf("markers before the timeout: %v", got)
		}
		time.Sleep(3 * time.Second)
		if got := c.committed(p0); len(got) != 1 || got[0] {
			t.Fatalf("markers after the timeout: %v, want one abort", got)
		}
		want(t, "late commit", p.end(true), kerr.ProducerFenced)
		named := initRequest()
		named.ProducerID, named.ProducerEpoch = p.id, p.epoch
		r := co.InitProducerID(t.Context(), named)
		if r.ErrorCode != 0 || r.ProducerID != p.id || r.ProducerEpoch <= p.epoch {
			t.Fatalf("the owner's recovery: %+v, want a newer epoch of id %d", r, p.id)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// What was decided before a crash is completed by the next start with the same outcome; what was not is open still.
func TestRestartCompletesWhatWasDecided(t *testing.T) {
	for _, commit := range []bool{true, false} {
		c := newCluster()
		p := start(t, c.open(t), 5)
		want(t, "add", p.add(p0, p1), nil)
		c.broken[p1] = errors.New("input/output error")
		again := *p
		want(t, "end", p.end(commit), kerr.ConcurrentTransactions)
		delete(c.broken, p1)

		co := c.open(t)
		if d := co.Describe(t.Context(), txID); d.State != map[bool]string{true: "PrepareCommit", false: "PrepareAbort"}[commit] {
			t.Fatalf("state after the restart: %s", d.State)
		}
		co.sweep(t.Context(), time.Now())
		if got := c.committed(p1); len(got) != 1 || got[0] != commit {
			t.Fatalf("markers of the partition that failed: %v, want %v", got, commit)
		}
		again.c = co
		want(t, "end again", again.end(commit), nil)
		want(t, "next", again.add(p0), nil)
	}
}

// A partition that was deleted does not keep its transaction open.
func TestDeletedPartitionIsPassedOver(t *testing.T) {
	c := newCluster()
	p := start(t, c.open(t), 5)
	want(t, "add", p.add(p0, p1), nil)
	c.broken[p0] = ErrGone
	want(t, "end", p.end(true), nil)
	if got := c.committed(p1); len(got) != 1 || !got[0] {
		t.Fatalf("markers: %v", got)
	}
}

// When the epochs of a producer id run out, the producer gets a new id, by an end (version 2) and by an init.
func TestEpochsRunOut(t *testing.T) {
	c := newCluster()
	co := c.open(t)
	p := start(t, co, 5)
	co.mu.ids[txID].meta.epoch = maxEpoch
	p.epoch = maxEpoch
	first := p.id
	want(t, "add", p.add(p0), nil)
	again := *p
	want(t, "end", p.end(true), nil)
	if p.id == first || p.epoch != 0 {
		t.Fatalf("after the last epoch: %d/%d", p.id, p.epoch)
	}
	if e := c.marks[p0][0].ProducerEpoch(); e != maxEpoch+1 {
		t.Fatalf("the marker's epoch is %d, want %d", e, maxEpoch+1)
	}
	want(t, "end again", again.end(true), nil)
	if again.id != p.id || again.epoch != 0 {
		t.Fatalf("the repeated end answers %d/%d", again.id, again.epoch)
	}
	co.mu.ids[txID].meta.epoch = maxEpoch
	p2 := start(t, co, 4)
	if p2.id == p.id || p2.epoch != 0 {
		t.Fatalf("init after the last epoch: %d/%d", p2.id, p2.epoch)
	}
}

// A producer whose transaction was aborted for its age asks for its new epoch. When that is the one above the last, which
// only fences, it gets a new id: the next abort would have no epoch left.
func TestEpochAboveTheLastIsNotGiven(t *testing.T) {
	c := newCluster()
	co := c.open(t)
	p := start(t, co, 4)
	co.mu.ids[txID].meta.epoch, p.epoch = maxEpoch, maxEpoch
	want(t, "add", p.add(p0), nil)
	co.sweep(t.Context(), time.Now().Add(2*time.Minute))
	r := initRequest()
	r.ProducerID, r.ProducerEpoch = p.id, p.epoch
	a := co.InitProducerID(t.Context(), r)
	want(t, "init", a.ErrorCode, nil)
	if a.ProducerID == p.id || a.ProducerEpoch != 0 {
		t.Fatalf("init answers %d/%d, want a new id", a.ProducerID, a.ProducerEpoch)
	}
}

// A transaction cannot end while an admitted append is on its way (T1).
func TestEndWaitsForAdmittedAppends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		p := start(t, c.open(t), 5)
		done, code := p.c.Enlist(t.Context(), txID, p.id, p.epoch, Add, []Partition{p0})
		want(t, "enlist", code, nil)
		ended := make(chan int16, 1)
		go func() { ended <- p.end(true) }()
		synctest.Wait()
		if len(c.marks) != 0 {
			t.Fatal("marked while an append was on its way")
		}
		done()
		want(t, "end", <-ended, nil)
	})
}

// Appends to partitions that are not part of the transaction are refused in the words that the client's version knows.
func TestAppendOutsideTheTransactionIsRefused(t *testing.T) {
	p := start(t, newCluster().open(t), 4)
	_, code := p.c.Enlist(t.Context(), txID, p.id, p.epoch, Verify, []Partition{p0})
	want(t, "verify", code, kerr.InvalidTxnState)
	want(t, "add", p.add(p0), nil)
	_, code = p.c.Enlist(t.Context(), txID, p.id, p.epoch, VerifyAbortable, []Partition{p0, p1})
	want(t, "verify", code, kerr.TransactionAbortable)
	done, code := p.c.Enlist(t.Context(), txID, p.id, p.epoch, Verify, []Partition{p0})
	want(t, "verify", code, nil)
	done()
}

// Trimming forgets no transactional id and no open transaction, and deletes the rest.
func TestTrimKeepsWhatIsAlive(t *testing.T) {
	c := newCluster()
	co := c.open(t)
	p := start(t, co, 5)
	for range 100 {
		want(t, "add", p.add(p0), nil)
		want(t, "end", p.end(true), nil)
	}
	want(t, "add", p.add(p0, p1), nil)
	if err := co.trim(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if n := len(c.log.batches); n != 2 {
		t.Fatalf("%d records are left, want the id and the mark", n)
	}
	p.c = c.open(t)
	want(t, "end after the restart", p.end(true), nil)
	if got := c.committed(p1); len(got) != 1 || !got[0] {
		t.Fatalf("markers: %v, want one commit", got)
	}
}

// The record has Kafka's bytes, written down here by hand from its schema (TransactionLogKey 0, TransactionLogValue 1:
// flexible, the ids before and after and the client's version are tagged fields 0, 1, 2).
func TestRecordHasKafkasBytes(t *testing.T) {
	m := meta{
		state: Ongoing, producerID: 258, epoch: 3, lastEpoch: -1, previousID: 257, nextID: -1, timeout: time.Minute, version2: true,
		partitions: map[Partition]bool{p1: true, p0: true}, started: time.UnixMilli(5), updated: time.UnixMilli(6),
	}
	if got, want := hex.EncodeToString(recordKey("tx")), "0000"+"00027478"; got != want {
		t.Errorf("key:\n got %s\nwant %s", got, want)
	}
	want := "0001" + "0000000000000102" + "0003" + "0000ea60" + "01" +
		"02" + "0274" + "03" + "00000000" + "00000001" + "00" + // one topic, two partitions, no tags
		"0000000000000006" + "0000000000000005" +
		"02" + "00" + "08" + "0000000000000101" + "02" + "02" + "0002"
	if got := hex.EncodeToString(m.value()); got != want {
		t.Errorf("value:\n got %s\nwant %s", got, want)
	}
	back, err := parseMeta(m.value())
	if err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("read back %+v, %v; want %+v", back, err, m)
	}
}
