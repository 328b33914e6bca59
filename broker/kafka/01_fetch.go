package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/commitlog"
)

// Fetch, 4-18.
//
//	v5   log start offset
//	v7   sessions (KIP-227), see session.go
//	v9   the client's leader epoch (KIP-320)
//	v11  racks (KIP-392); there is one node, the preferred replica is always -1
//	v12  flexible; the epoch of the last record fetched, for which there is one answer: epochs never change here
//	v13  topics by id (KIP-516)
//	v15  replica state (KIP-903), v17 directories, v18 high watermark: of followers, which do not exist here
//
// The answer waits until there are min_bytes, an error or max_wait is over. The first batch of the first partition with
// data comes whole, whatever the limits, so that a consumer with small buffers can go on (KIP-74); every later one only
// if it fits.
func (s *Server) fetch(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.FetchRequest)
	resp := kmsg.NewPtrFetchResponse()
	sess, parts, code := s.sessions.begin(req, s.findTopic, time.Now())
	if code != 0 {
		resp.ErrorCode = code
		return resp, nil
	}
	f := &fetcher{
		ctx: c.ctx, parts: parts, committed: req.IsolationLevel == 1,
		maxBytes: int(min(req.MaxBytes, s.fetchAllowance(c), maxFetchBytes)),
	}
	f.minBytes = min(int(max(req.MinBytes, 0)), max(f.maxBytes, 0))
	c.waited = f.wait(time.Duration(max(req.MaxWaitMillis, 0)) * time.Millisecond)
	resp.SessionID = sess.answer(f, resp)
	if c.inProcess {
		return resp, materialize(resp, f.take())
	}
	c.records = f.take()
	return resp, nil
}

// maxFetchBytes is Kafka's broker-side limit of an answer (fetch.max.bytes).
const maxFetchBytes = 55 << 20

// fetchPart is one partition of a fetch: what is asked, then what was read.
type fetchPart struct {
	topic     *broker.Topic // nil when unknown
	name      string
	id        [16]byte
	index     int32
	offset    int64
	maxBytes  int32
	epoch     int32 // the client's idea of the leader's; -1: none
	lastEpoch int32
	unknown   error

	p    *broker.Partition
	read broker.ReadResult
	code int16
	n    int // bytes read
}

// fetcher reads a list of partitions within the limits of one request.
type fetcher struct {
	ctx                context.Context
	parts              []*fetchPart
	committed          bool
	minBytes, maxBytes int
	total              int
	failed             bool
}

// wait reads until there is enough, or an error, or d is over; it tells for how long it was idle.
func (f *fetcher) wait(d time.Duration) (idle time.Duration) {
	f.read()
	if f.enough() || d <= 0 {
		return 0
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	for over := false; !over && !f.enough(); {
		w := broker.NewWaiter(int64(f.minBytes - f.total))
		for _, fp := range f.parts {
			fp.p.Watch(w, fp.read.End(f.committed), f.committed)
		}
		begin := time.Now()
		select {
		case <-w.Done():
		case <-timer.C:
			over = true
		case <-f.ctx.Done():
			over = true
		}
		idle += time.Since(begin)
		for _, fp := range f.parts {
			fp.p.Unwatch(w)
		}
		f.release()
		f.read()
	}
	return idle
}

// enough also when a partition has more than this answer takes: a slice ends with its segment, and a poll that waited
// there for min_bytes would wait for its whole time with the data at hand.
func (f *fetcher) enough() bool {
	if f.failed || len(f.parts) == 0 || f.total >= f.minBytes {
		return true
	}
	for _, fp := range f.parts {
		if fp.n == 0 {
			continue
		}
		if next, err := fp.read.Next(); err == nil && next < fp.read.End(f.committed) {
			return true
		}
	}
	return false
}

// read makes one pass over the partitions.
func (f *fetcher) read() {
	f.total, f.failed = 0, false
	for _, fp := range f.parts {
		f.readOne(fp)
		f.total += fp.n
		f.failed = f.failed || fp.code != 0
	}
}

func (f *fetcher) readOne(fp *fetchPart) {
	fp.n, fp.read = 0, broker.ReadResult{HighWatermark: -1, LastStable: -1, LogStart: -1}
	if fp.code = fp.resolve(); fp.code != 0 {
		return
	}
	limit := min(int(fp.maxBytes), f.maxBytes-f.total)
	first := f.total == 0
	if first {
		limit = max(limit, 1) // Read gives the first batch whole
	}
	var err error
	fp.read, err = fp.p.Read(fp.offset, limit, f.committed)
	if err != nil {
		fp.code = code(err)
		return
	}
	fp.n = fp.read.Slice.Len()
	if fp.n > limit && !first {
		fp.read.Slice.Release()
		fp.n, fp.read.Slice, fp.read.Aborted = 0, commitlog.Slice{}, nil
	}
}

// resolve finds the partition and checks the client's leader epoch.
func (fp *fetchPart) resolve() int16 {
	if fp.unknown != nil {
		return code(fp.unknown)
	}
	p, ok := fp.topic.Partition(fp.index)
	if !ok {
		return kerr.UnknownTopicOrPartition.Code
	}
	fp.p = p
	return checkEpoch(fp.epoch)
}

// leaderEpoch is the epoch of every partition: it has had one leader since it was created.
const leaderEpoch = 0

// checkEpoch compares what a client believes the leader's epoch to be; -1 is no belief.
func checkEpoch(epoch int32) int16 {
	if epoch > leaderEpoch {
		return kerr.UnknownLeaderEpoch.Code
	}
	return 0
}

func (f *fetcher) release() {
	for _, fp := range f.parts {
		if fp.n > 0 {
			fp.read.Slice.Release()
			fp.n = 0
		}
	}
}

// take hands the slices over, in the order of the partitions with data.
func (f *fetcher) take() []commitlog.Slice {
	var out []commitlog.Slice
	for _, fp := range f.parts {
		if fp.n > 0 {
			out = append(out, fp.read.Slice)
		}
	}
	return out
}

// fill writes what was read into a partition's answer. Records that follow from a slice are nil there, none are empty.
func (fp *fetchPart) fill(op *kmsg.FetchResponseTopicPartition, committed bool) {
	op.Partition, op.ErrorCode, op.PreferredReadReplica = fp.index, fp.code, -1
	op.HighWatermark, op.LastStableOffset, op.LogStartOffset = fp.read.HighWatermark, fp.read.LastStable, fp.read.LogStart
	if fp.n == 0 {
		op.RecordBatches = []byte{}
	}
	if fp.code != 0 {
		op.HighWatermark, op.LastStableOffset, op.LogStartOffset = -1, -1, -1
		return
	}
	if !committed {
		return
	}
	op.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	for _, a := range fp.read.Aborted {
		t := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		t.ProducerID, t.FirstOffset = a.ProducerID, a.FirstOffset
		op.AbortedTransactions = append(op.AbortedTransactions, t)
	}
}

// materialize reads the records into the response, for callers in this process, who may keep them.
func materialize(resp *kmsg.FetchResponse, records []commitlog.Slice) error {
	defer releaseAll(records)
	i := 0
	for t := range resp.Topics {
		for p := range resp.Topics[t].Partitions {
			op := &resp.Topics[t].Partitions[p]
			if op.RecordBatches != nil {
				continue
			}
			b, err := records[i].Bytes(nil)
			if err != nil {
				return err
			}
			op.RecordBatches = b
			i++
		}
	}
	return nil
}

func releaseAll(records []commitlog.Slice) {
	for i := range records {
		records[i].Release()
	}
}
