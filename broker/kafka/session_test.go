package kafka

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Goal: a session's answers name only what has news, its requests only what changed; partitions can be added and
// forgotten; a wrong epoch and an unknown id have their errors (KIP-227).
func TestFetchSession(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 3, nil)
	r := n.dial()
	req := fetchReq("t", 0, 0, 0)
	req.SessionEpoch = 0
	addFetch(req, "t", 1, 0, 1<<20)
	first := ask[*kmsg.FetchResponse](r, req, 12)
	if first.SessionID == 0 || len(first.Topics) != 1 || len(first.Topics[0].Partitions) != 2 {
		t.Fatalf("full answer: %+v", first)
	}
	next := func(epoch int32) *kmsg.FetchRequest {
		req := fetchReq("t", 0, 0, 0)
		req.Topics, req.SessionID, req.SessionEpoch = nil, first.SessionID, epoch
		return req
	}
	news := func(what string, req *kmsg.FetchRequest, want string) {
		t.Helper()
		resp := ask[*kmsg.FetchResponse](r, req, 12)
		var got []string
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				v, _ := values(p.RecordBatches)
				got = append(got, fmt.Sprintf("%d:%s", p.Partition, strings.Join(v, "")))
			}
		}
		if s := strings.Join(got, " "); s != want || resp.ErrorCode != 0 {
			t.Errorf("%s: %q error %d, want %q", what, s, resp.ErrorCode, want)
		}
	}
	news("nothing new", next(1), "")
	produceCode(r, "t", 1, batch("a"))
	news("a record", next(2), "1:a")
	moved := next(3)
	addFetch(moved, "t", 1, 1, 1<<20)
	news("read past it", moved, "")
	produceCode(r, "t", 0, batch("b"))
	added := next(4)
	addFetch(added, "t", 2, 0, 1<<20)
	news("one more partition", added, "0:b 2:")
	forget := next(5)
	f := kmsg.NewFetchRequestForgottenTopic()
	f.Topic, f.Partitions = "t", []int32{0}
	forget.ForgottenTopics = append(forget.ForgottenTopics, f)
	news("one less", forget, "")
	if resp := ask[*kmsg.FetchResponse](r, next(5), 12); resp.ErrorCode != kerr.InvalidFetchSessionEpoch.Code {
		t.Errorf("old epoch: error %d", resp.ErrorCode)
	}
	unknown := next(1)
	unknown.SessionID++
	if resp := ask[*kmsg.FetchResponse](r, unknown, 12); resp.ErrorCode != kerr.FetchSessionIDNotFound.Code {
		t.Errorf("unknown session: error %d", resp.ErrorCode)
	}
	bye := next(-1)
	addFetch(bye, "t", 0, 0, 1<<20)
	news("closing", bye, "0:b")
	if resp := ask[*kmsg.FetchResponse](r, next(6), 12); resp.ErrorCode != kerr.FetchSessionIDNotFound.Code {
		t.Errorf("closed session: error %d", resp.ErrorCode)
	}
}

// Goal: with a limited answer every partition of a session gets its turn.
func TestFetchSessionRotates(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 2, nil)
	r := n.dial()
	for p := range int32(2) {
		for range 3 {
			produceCode(r, "t", p, batch(strings.Repeat("x", 1000)))
		}
	}
	req := fetchReq("t", 0, 1, 0)
	req.Topics, req.SessionEpoch, req.MaxBytes = nil, 0, 1
	addFetch(req, "t", 0, 0, 1)
	addFetch(req, "t", 1, 0, 1)
	seen := map[int32]int{}
	resp := ask[*kmsg.FetchResponse](r, req, 12)
	for epoch := int32(1); ; epoch++ {
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				if len(p.RecordBatches) > 0 {
					seen[p.Partition]++
				}
			}
		}
		if epoch == 4 {
			break
		}
		next := fetchReq("t", 0, 1, 0)
		next.Topics, next.SessionID, next.SessionEpoch, next.MaxBytes = nil, resp.SessionID, epoch, 1
		resp = ask[*kmsg.FetchResponse](r, next, 12)
	}
	if seen[0] != 2 || seen[1] != 2 {
		t.Errorf("answers with data: %v, want 2 of each partition", seen)
	}
}
