package kafka

import (
	"errors"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/internal/record"
)

// What a coordinator deletes from its log is not replayed, and what follows is, also after a restart.
func TestInternalLogForgetsWhatIsDeleted(t *testing.T) {
	n := newNode(t)
	open := func(n *node) *internalLog {
		l, err := n.s.internalLog(n.ctx(), "__weir_test")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open(n)
	for _, v := range []string{"a", "b", "c"} {
		var b record.Builder
		b.Reset(record.None)
		b.Add(1, []byte(v), []byte(v))
		_, wait, err := l.Append(b.Build())
		if err != nil {
			t.Fatal(err)
		}
		if err := wait(n.ctx()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.DeleteBefore(1); err != nil {
		t.Fatal(err)
	}
	replayed := func(l *internalLog) (out []int64) {
		if err := l.Replay(func(b record.Batch) error { out = append(out, b.BaseOffset()); return nil }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := replayed(l); !slices.Equal(got, []int64{1, 2}) {
		t.Fatalf("replayed %v, want 1 and 2", got)
	}
	n.stop()
	if got := replayed(open(embed(t, n.fs).stopLater(t))); !slices.Equal(got, []int64{1, 2}) {
		t.Fatalf("replayed %v after a restart, want 1 and 2", got)
	}
}

func (n *node) stopLater(t *testing.T) *node {
	t.Cleanup(n.stop)
	return n
}

// Requests that cannot have a coordinator are told so, in whatever form their version has, and their connections stay.
func TestRequestsWithoutCoordinatorsAreSentAway(t *testing.T) {
	n := newNode(t)
	s := NewServer(n.b, Options{})
	s.coords.err = errors.New("log is damaged")
	close(s.coords.loaded)
	answer := func(req kmsg.Request, version int16) kmsg.Response {
		req.SetVersion(version)
		resp, err := s.apis[req.Key()].handle(s, &call{ctx: t.Context(), req: req})
		if err != nil {
			t.Fatalf("%s v%d: %v", kmsg.NameForKey(req.Key()), version, err)
		}
		resp.SetVersion(version)
		resp.AppendTo(nil)
		return resp
	}
	for _, key := range []int16{8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 28, 42, 47, 65, 66} {
		for v := s.apis[key].min; v <= s.apis[key].max; v++ {
			answer(kmsg.RequestForKey(key), v)
		}
	}
	want := kerr.CoordinatorNotAvailable.Code
	if c := answer(kmsg.NewPtrHeartbeatRequest(), 4).(*kmsg.HeartbeatResponse).ErrorCode; c != want {
		t.Errorf("heartbeat: code %d", c)
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	if c := answer(fetch, 1).(*kmsg.OffsetFetchResponse).Topics[0].Partitions[0].ErrorCode; c != want {
		t.Errorf("offset fetch v1: code %d", c)
	}
	id := "tx"
	init := kmsg.NewPtrInitProducerIDRequest()
	init.TransactionalID = &id
	if c := answer(init, 5).(*kmsg.InitProducerIDResponse).ErrorCode; c != want {
		t.Errorf("init: code %d", c)
	}
}
