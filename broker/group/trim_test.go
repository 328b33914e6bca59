package group

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// Trimming forgets nothing that is alive, not even a commit that is not durable yet, and deletes what is not.
func TestTrimKeepsWhatIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemLog()
		c := open(t, l, Options{})
		run(t, c)
		j := alone(t, c, "g")
		for i := range 1000 {
			if code := commitCode(c.CommitOffsets(t.Context(), commitRequest("g", j.MemberID, 1, int64(i)), anywhere)); code != 0 {
				t.Fatalf("commit: code %d", code)
			}
		}
		for i := range 3 {
			if code := commitCode(c.CommitOffsets(t.Context(), commitRequest(fmt.Sprint("simple", i), "", -1, int64(i)), anywhere)); code != 0 {
				t.Fatalf("commit: code %d", code)
			}
		}
		l.hold = true
		done := make(chan int16, 1)
		go func() {
			done <- commitCode(c.CommitOffsets(t.Context(), commitRequest("g", j.MemberID, 1, 5000), anywhere))
		}()
		synctest.Wait()
		trimmed := make(chan error, 1)
		go func() { trimmed <- c.trim(t.Context(), 0) }()
		synctest.Wait()
		l.sync()
		if err := <-trimmed; err != nil {
			t.Fatal(err)
		}
		if code := <-done; code != 0 {
			t.Fatalf("commit: code %d", code)
		}
		if n := len(l.mu.batches); n != 5 {
			t.Errorf("%d batches are left, want one for each of 4 groups and the mark", n)
		}
		after := open(t, l.crash(), Options{})
		for group, want := range map[string]int64{"g": 5000, "simple0": 0, "simple1": 1, "simple2": 2} {
			if got := fetched(after, group, true).Offset; got != want {
				t.Errorf("offset of %s: %d, want %d", group, got, want)
			}
		}
		if a, b := flat(c.Describe("g")), flat(after.Describe("g")); fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("before %v, after %v", a, b)
		}
	})
}

// A log with offsets of an open transaction is left alone: its marker decides about records where they stand.
func TestTrimWaitsForOpenTransactions(t *testing.T) {
	l := newMemLog()
	c := open(t, l, Options{})
	txnCommit(t, c, 7, 10)
	if err := c.trim(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	endTxn(t, c, 7, true)
	if got := fetched(open(t, l.crash(), Options{}), "g", true).Offset; got != 10 {
		t.Fatalf("offset %d, want 10", got)
	}
	if err := c.trim(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if got := fetched(open(t, l.crash(), Options{}), "g", true).Offset; got != 10 {
		t.Fatalf("offset after trimming %d, want 10", got)
	}
	for _, b := range l.mu.batches {
		if b.Transactional() && !b.Control() {
			t.Fatalf("the transaction's records are left at offset %d", b.BaseOffset())
		}
	}
}
