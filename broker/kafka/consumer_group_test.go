package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

func joinConsumers(id string) *kmsg.ConsumerGroupHeartbeatRequest {
	req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	req.Group, req.MemberID, req.RebalanceTimeoutMillis = "g", id, 60_000
	req.SubscribedTopicNames, req.Topics = []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	return req
}

// Goal: a group of the consumer protocol on the wire: it joins with the broker's topics and the group's configs, is described and listed,
// its epochs fence commits and fetches of offsets, and it outlives a restart.
func TestConsumerProtocol(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 3, nil)
	cl := n.dial()
	configs := func(value string) int16 {
		t.Helper()
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeGroupConfig, "g"
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Value = groupHeartbeat, &value
		r.Configs = append(r.Configs, c)
		req.Resources = append(req.Resources, r)
		return ask[*kmsg.IncrementalAlterConfigsResponse](cl, req, 1).Resources[0].ErrorCode
	}
	if code := configs("1234"); code != 0 {
		t.Fatalf("alter the group's configs: code %d", code)
	}
	for _, bad := range []string{"0", "many", "45001"} { // the last one is longer than the session
		if code := configs(bad); code != kerr.InvalidConfig.Code {
			t.Errorf("heartbeat of %s: code %d, want INVALID_CONFIG", bad, code)
		}
	}
	r := ask[*kmsg.ConsumerGroupHeartbeatResponse](cl, joinConsumers("m"), 1)
	if r.ErrorCode != 0 || r.MemberEpoch != 1 || r.HeartbeatIntervalMillis != 1234 || len(r.Assignment.Topics) != 1 || len(r.Assignment.Topics[0].Partitions) != 3 {
		t.Fatalf("join: %+v", r)
	}
	oldest := ask[*kmsg.ConsumerGroupHeartbeatResponse](cl, func() *kmsg.ConsumerGroupHeartbeatRequest { j := joinConsumers(""); j.Group = "h"; return j }(), 0)
	if oldest.ErrorCode != 0 || oldest.MemberID == nil || *oldest.MemberID == "" {
		t.Fatalf("join with version 0, without an id: %+v", oldest)
	}
	checkConsumerOffsets(t, cl)
	check := func(cl *raw) {
		t.Helper()
		req := kmsg.NewPtrConsumerGroupDescribeRequest()
		req.Groups = []string{"g", "nope"}
		d := ask[*kmsg.ConsumerGroupDescribeResponse](cl, req, 1).Groups
		if d[0].State != "Stable" || d[0].Epoch != 1 || d[0].Members[0].MemberID != "m" || d[0].Members[0].Assignment.TopicPartitions[0].Topic != "t" ||
			d[1].ErrorCode != kerr.GroupIDNotFound.Code {
			t.Errorf("describe: %+v", d)
		}
		list := kmsg.NewPtrListGroupsRequest()
		list.TypesFilter = []string{"consumer"}
		if l := ask[*kmsg.ListGroupsResponse](cl, list, 5).Groups; len(l) != 2 || l[0].GroupType != "consumer" || l[0].ProtocolType != "consumer" {
			t.Errorf("list: %+v", l)
		}
	}
	check(cl)
	n.stop()
	check(start(t, n.fs, broker.Options{}).dial())
}

func checkConsumerOffsets(t *testing.T, cl *raw) {
	t.Helper()
	for _, c := range []struct {
		epoch int32
		want  int16
	}{{1, 0}, {2, kerr.StaleMemberEpoch.Code}} {
		commit := kmsg.NewPtrOffsetCommitRequest()
		commit.Group, commit.MemberID, commit.Generation = "g", "m", c.epoch
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Offset = 7
		commit.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
		if code := ask[*kmsg.OffsetCommitResponse](cl, commit, 9).Topics[0].Partitions[0].ErrorCode; code != c.want {
			t.Errorf("commit in epoch %d: code %d, want %d", c.epoch, code, c.want)
		}
		fetch := kmsg.NewPtrOffsetFetchRequest()
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group, g.MemberID, g.MemberEpoch = "g", kmsg.StringPtr("m"), c.epoch
		g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0}}}
		fetch.Groups = []kmsg.OffsetFetchRequestGroup{g}
		got := ask[*kmsg.OffsetFetchResponse](cl, fetch, 9).Groups[0]
		if got.ErrorCode != c.want || c.want == 0 && got.Topics[0].Partitions[0].Offset != 7 {
			t.Errorf("fetch in epoch %d: %+v, want code %d", c.epoch, got, c.want)
		}
	}
}
