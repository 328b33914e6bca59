package group

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// BenchmarkHeartbeat is the cost of a living member.
func BenchmarkHeartbeat(b *testing.B) {
	c, j := benchGroup(b, 1)
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 4, "g", j[0].MemberID, j[0].Generation
	b.ReportAllocs()
	for b.Loop() {
		if r := c.Heartbeat(req); r.ErrorCode != 0 {
			b.Fatal(r.ErrorCode)
		}
	}
}

// BenchmarkCommit is one commit of 10 partitions, without the disk.
func BenchmarkCommit(b *testing.B) {
	c, j := benchGroup(b, 1)
	req := commitRequest("g", j[0].MemberID, j[0].Generation, 1)
	for n := range int32(9) {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition = n + 1
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, p)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := c.CommitOffsets(b.Context(), req, anywhere); commitCode(r) != 0 {
			b.Fatal(commitCode(r))
		}
	}
}

// BenchmarkJoin1000 is the first generation of a group of 1,000 members.
func BenchmarkJoin1000(b *testing.B) {
	for b.Loop() {
		benchGroup(b, 1000)
	}
}

// benchGroup brings a group of members to its first generation.
func benchGroup(b *testing.B, members int) (*Coordinator, []*kmsg.JoinGroupResponse) {
	b.Helper()
	c, err := Open(newMemLog(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	out := make([]*kmsg.JoinGroupResponse, members)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(b.Context())
	go func() { done <- c.Run(ctx) }()
	var wait sync.WaitGroup
	for i := range members {
		wait.Go(func() {
			req := joinRequest("g", "", "range")
			req.Version = 3 // without the round trip for the id
			r, err := c.JoinGroup(ctx, req, Client{fmt.Sprint(i), "host"})
			if err != nil {
				b.Error(err)
				return
			}
			out[i] = r
		})
	}
	wait.Wait()
	for _, j := range out {
		if j.LeaderID == j.MemberID {
			if _, err := c.SyncGroup(ctx, syncRequest(j, "g")); err != nil {
				b.Fatal(err)
			}
		}
	}
	cancel()
	<-done
	return c, out
}
