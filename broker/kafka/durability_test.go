package kafka

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/vfs"
)

// Goal: an idempotent producer's batch that comes again, also after a restart and after a power cut, is answered with
// the offset it went to and not stored twice; a gap is OUT_OF_ORDER_SEQUENCE_NUMBER, an old epoch INVALID_PRODUCER_EPOCH.
func TestIdempotentProducerSurvivesRestart(t *testing.T) {
	fs := vfs.NewMem()
	n := start(t, fs, broker.Options{})
	n.createTopic("t", 1, nil)
	r := n.dial()
	init := ask[*kmsg.InitProducerIDResponse](r, kmsg.NewPtrInitProducerIDRequest(), 4)
	id, epoch := init.ProducerID, init.ProducerEpoch
	if id < 0 || epoch != 0 {
		t.Fatalf("producer %d epoch %d", id, epoch)
	}
	send := func(r *raw, epoch int16, seq int32, want int16, base int64, vs ...string) {
		t.Helper()
		code, at := produceCode(r, "t", 0, sequenced(id, epoch, seq, vs...))
		if code != want || code == 0 && at != base {
			t.Errorf("sequence %d: error %d at %d, want %d at %d", seq, code, at, want, base)
		}
	}
	send(r, 0, 0, 0, 0, "a", "b")
	send(r, 0, 2, 0, 2, "c")
	send(r, 0, 0, 0, 0, "a", "b") // again
	send(r, 0, 5, kerr.OutOfOrderSequenceNumber.Code, 0, "gap")
	crashed := fs.CrashClone(nil) // only what was synced
	n.stop()
	for name, fs := range map[string]vfs.FS{"restart": fs, "power cut": crashed} {
		n := start(t, fs, broker.Options{})
		r := n.dial()
		send(r, 0, 2, 0, 2, "c")
		send(r, 0, 0, 0, 0, "a", "b")
		send(r, 0, 4, kerr.OutOfOrderSequenceNumber.Code, 0, "gap")
		send(r, 0, 3, 0, 3, "d")
		send(r, 1, 0, 0, 4, "e")
		send(r, 0, 4, kerr.InvalidProducerEpoch.Code, 0, "old epoch")
		if got := strings.Join(read(r, "t", 0), ""); got != "abcde" {
			t.Errorf("%s: the log holds %q", name, got)
		}
		if again := ask[*kmsg.InitProducerIDResponse](r, kmsg.NewPtrInitProducerIDRequest(), 4); again.ProducerID == id {
			t.Errorf("%s: producer id %d was given out twice", name, id)
		}
		n.stop()
	}
}

// Goal: every record that was acknowledged to a client is there after the power fails at any moment, and what a
// consumer could read before is there too.
func TestAckedRecordsSurvivePowerCut(t *testing.T) {
	for seed := range uint64(8) {
		fs := vfs.NewMem()
		n := start(t, fs, broker.Options{})
		n.createTopic("t", 4, nil)
		cl := n.client(kgo.DefaultProduceTopic("t"), kgo.ProducerBatchMaxBytes(2000), kgo.ProducerLinger(0), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
		var mu sync.Mutex
		acked := map[int32]int64{} // partition -> offsets below it are acknowledged
		r := rand.New(rand.NewPCG(seed, 1))
		var at *vfs.Mem
		var want, visible map[int32]int64
		cut := 200 + r.IntN(800)
		for i := range 1000 {
			cl.Produce(n.ctx(), &kgo.Record{Value: bytes.Repeat([]byte{byte(i)}, 100)}, func(rec *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked[rec.Partition] = max(acked[rec.Partition], rec.Offset+1)
				mu.Unlock()
			})
			if i == cut {
				visible = map[int32]int64{}
				for p := range int32(4) {
					part, _ := n.b.Partition("t", p)
					visible[p] = part.HighWatermark()
				}
				mu.Lock()
				want = maps.Clone(acked)
				mu.Unlock()
				at = fs.CrashClone(r)
			}
		}
		if err := cl.Flush(n.ctx()); err != nil {
			t.Fatal(err)
		}
		n.stop()
		n = start(t, at, broker.Options{})
		for p := range int32(4) {
			part, err := n.b.Partition("t", p)
			if err != nil {
				t.Fatal(err)
			}
			end, err := part.EndOffset(false)
			if err != nil || end.Offset < want[p] || end.Offset < visible[p] {
				t.Errorf("seed %d partition %d ends at %d, %v; acknowledged %d, visible %d", seed, p, end.Offset, err, want[p], visible[p])
			}
		}
		n.stop()
	}
}

// Goal: after a failed fsync the partition answers KAFKA_STORAGE_ERROR for good, the acknowledgement is not given, the
// other partitions go on, and nothing acknowledged is lost after a restart.
func TestFailedSyncTakesThePartitionOffline(t *testing.T) {
	fs := vfs.NewMem()
	n := start(t, fs, broker.Options{})
	n.createTopic("t", 2, nil)
	r := n.dial()
	if code, _ := produceCode(r, "t", 0, batch("kept")); code != 0 {
		t.Fatalf("error %d", code)
	}
	topic, _ := n.b.Topic("t")
	broken := "data/topics/t/" + topic.ID().String() + "/0/"
	fs.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpSync && strings.HasPrefix(op.Name, broken) {
			return errors.New("input/output error")
		}
		return nil
	})
	for range 2 { // the second finds the disk well again, and the partition still offline
		if code, base := produceCode(r, "t", 0, batch("lost")); code != kerr.KafkaStorageError.Code || base != -1 {
			t.Errorf("error %d at %d, want %d", code, base, kerr.KafkaStorageError.Code)
		}
		fs.SetHook(nil)
	}
	if code, _ := produceCode(r, "t", 1, batch("other")); code != 0 {
		t.Errorf("the other partition: error %d", code)
	}
	if p := ask[*kmsg.FetchResponse](r, fetchReq("t", 0, 1, 1000), 12).Topics[0].Partitions[0]; p.ErrorCode != kerr.KafkaStorageError.Code {
		t.Errorf("fetch: error %d", p.ErrorCode)
	}
	named := kmsg.NewMetadataRequestTopic()
	named.Topic = kmsg.StringPtr("t")
	meta := ask[*kmsg.MetadataResponse](r, &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{named}}, 12)
	if p := meta.Topics[0].Partitions[0]; p.ErrorCode != kerr.LeaderNotAvailable.Code || len(p.OfflineReplicas) != 1 {
		t.Errorf("metadata: %+v", p)
	}
	after := fs.CrashClone(nil)
	n.stop()
	n = start(t, after, broker.Options{})
	if got := read(n.dial(), "t", 0); len(got) == 0 || got[0] != "kept" {
		t.Errorf("after the restart the log holds %q", got)
	}
}

// Goal: a full disk refuses what it cannot hold with KAFKA_STORAGE_ERROR, which clients try again, leaves reads alone,
// and is over when there is room.
func TestFullDiskIsNotTheEnd(t *testing.T) {
	fs := vfs.NewMem()
	n := start(t, fs, broker.Options{})
	n.createTopic("t", 1, nil)
	r := n.dial()
	produceCode(r, "t", 0, batch("before"))
	fs.SetHook(func(op vfs.Op) error {
		if op.Kind == vfs.OpWrite || op.Kind == vfs.OpCreate || op.Kind == vfs.OpMkdir {
			return errors.New("no space left on device")
		}
		return nil
	})
	if code, _ := produceCode(r, "t", 0, batch("full")); code != kerr.KafkaStorageError.Code {
		t.Errorf("produce: error %d", code)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "new", 1, 1
	req.Topics = append(req.Topics, topic)
	if got := ask[*kmsg.CreateTopicsResponse](r, req, 7).Topics[0]; got.ErrorCode != kerr.KafkaStorageError.Code {
		t.Errorf("create: error %d", got.ErrorCode)
	}
	if got := read(r, "t", 0); len(got) != 1 {
		t.Errorf("read %q", got)
	}
	fs.SetHook(nil)
	if code, base := produceCode(r, "t", 0, batch("after")); code != 0 || base != 1 {
		t.Errorf("with room again: error %d at %d", code, base)
	}
	if got := ask[*kmsg.CreateTopicsResponse](r, req, 7).Topics[0]; got.ErrorCode != 0 {
		t.Errorf("create with room again: error %d", got.ErrorCode)
	}
}
