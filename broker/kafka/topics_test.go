package kafka

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/vfs"
)

// Goal: a topic is created, shown, grown, altered and deleted through an unmodified admin client, and all of it is still
// so after a restart.
func TestTopicLifeThroughAdmin(t *testing.T) {
	fs := vfs.NewMem()
	n := start(t, fs, broker.Options{})
	adm := n.admin()
	str := kadm.StringPtr
	created, err := adm.CreateTopics(n.ctx(), 3, 1, map[string]*string{"retention.ms": str("1000")}, "a", "b")
	if err != nil || created.Error() != nil {
		t.Fatal(err, created.Error())
	}
	if again, err := adm.CreateTopic(n.ctx(), 1, 1, nil, "a"); again.Err != kerr.TopicAlreadyExists {
		t.Errorf("again: %v, %v", again.Err, err)
	}
	if grown, err := adm.CreatePartitions(n.ctx(), 2, "a"); err != nil || grown.Error() != nil {
		t.Error(err, grown.Error())
	}
	alter := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: str("777")}, {Op: kadm.AppendConfig, Name: "cleanup.policy", Value: str("compact")}, {Op: kadm.DeleteConfig, Name: "retention.ms"}}
	if altered, err := adm.AlterTopicConfigs(n.ctx(), alter, "a"); err != nil || altered[0].Err != nil {
		t.Error(err, altered)
	}
	if deleted, err := adm.DeleteTopics(n.ctx(), "b"); err != nil || deleted.Error() != nil {
		t.Error(err, deleted.Error())
	}
	want := n.describeTopic("a")
	for _, line := range []string{"partitions 5", "max.message.bytes=777 topic", "cleanup.policy=delete,compact topic", "retention.ms=604800000 default"} {
		if !strings.Contains(want, line) {
			t.Errorf("the description lacks %q:\n%s", line, want)
		}
	}
	n.stop()
	for name, fs := range map[string]vfs.FS{"restart": fs, "power cut": fs.CrashClone(nil)} {
		n := start(t, fs, broker.Options{})
		if got := n.describeTopic("a"); got != want {
			t.Errorf("after the %s:\n%s\nbefore:\n%s", name, got, want)
		}
		if _, ok := n.b.Topic("b"); ok {
			t.Errorf("after the %s topic b is back", name)
		}
		n.stop()
	}
}

// describeTopic is a topic as an admin client sees it.
func (n *node) describeTopic(topic string) string {
	n.t.Helper()
	adm := n.admin()
	details, err := adm.ListTopics(n.ctx(), topic)
	if err != nil {
		n.t.Fatal(err)
	}
	var b strings.Builder
	d := details[topic]
	fmt.Fprintf(&b, "%s %v partitions %d\n", d.Topic, d.ID, len(d.Partitions))
	configs, err := adm.DescribeTopicConfigs(n.ctx(), topic)
	if err != nil || configs[0].Err != nil {
		n.t.Fatal(err, configs)
	}
	source := map[kmsg.ConfigSource]string{kmsg.ConfigSourceDynamicTopicConfig: "topic", kmsg.ConfigSourceDefaultConfig: "default"}
	for _, c := range configs[0].Configs {
		fmt.Fprintf(&b, "%s=%s %s\n", c.Key, c.MaybeValue(), source[c.Source])
	}
	return b.String()
}

// Goal: from version 5 on the answer to CreateTopics has a configs array that is not null, on errors and with
// validate_only as well: Kafka's own tools fail on a null. The bytes: throttle 0, one topic "t", id 0, error, no message,
// ..., then 01, an empty array, where 00 would be null.
func TestCreateTopicsNeverAnswersNullConfigs(t *testing.T) {
	n := newNode(t)
	r := n.dial()
	create := func(name string, validate bool, version int16) *kmsg.CreateTopicsResponse {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.ValidateOnly, req.TimeoutMillis = validate, 1000
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
		req.Topics = append(req.Topics, topic)
		return ask[*kmsg.CreateTopicsResponse](r, req, version)
	}
	for v := int16(5); v <= 7; v++ {
		for name, validate := range map[string]bool{fmt.Sprintf("new-%d", v): false, fmt.Sprintf("only-%d", v): true, "not a name": false} {
			resp := create(name, validate, v)
			if resp.Topics[0].Configs == nil {
				t.Errorf("v%d %q: configs are null", v, name)
			}
			if !validate && name != "not a name" && (len(resp.Topics[0].Configs) == 0 || resp.Topics[0].NumPartitions != 1) {
				t.Errorf("v%d %q: %+v", v, name, resp.Topics[0])
			}
			if _, ok := n.b.Topic(name); ok == (validate || name == "not a name") {
				t.Errorf("v%d %q exists: %v", v, name, ok)
			}
		}
	}
}

// Goal: what Kafka refuses at creation is refused with Kafka's code.
func TestCreateTopicsRefusals(t *testing.T) {
	n := newNode(t)
	r := n.dial()
	topic := func(change func(*kmsg.CreateTopicsRequestTopic)) kmsg.CreateTopicsRequestTopic {
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = "t", 1, 1
		change(&rt)
		return rt
	}
	config := func(name, value string) kmsg.CreateTopicsRequestTopic {
		return topic(func(rt *kmsg.CreateTopicsRequestTopic) {
			c := kmsg.NewCreateTopicsRequestTopicConfig()
			c.Name, c.Value = name, &value
			rt.Configs = append(rt.Configs, c)
		})
	}
	assign := func(node int32, partitions int32) kmsg.CreateTopicsRequestTopic {
		return topic(func(rt *kmsg.CreateTopicsRequestTopic) {
			a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
			a.Replicas = []int32{node}
			rt.NumPartitions, rt.ReplicationFactor = partitions, -1
			rt.ReplicaAssignment = append(rt.ReplicaAssignment, a)
		})
	}
	for name, c := range map[string]struct {
		rt   kmsg.CreateTopicsRequestTopic
		want *kerr.Error
	}{
		"empty name":       {topic(func(rt *kmsg.CreateTopicsRequestTopic) { rt.Topic = "" }), kerr.InvalidTopicException},
		"dots":             {topic(func(rt *kmsg.CreateTopicsRequestTopic) { rt.Topic = ".." }), kerr.InvalidTopicException},
		"slash":            {topic(func(rt *kmsg.CreateTopicsRequestTopic) { rt.Topic = "a/b" }), kerr.InvalidTopicException},
		"long name":        {topic(func(rt *kmsg.CreateTopicsRequestTopic) { rt.Topic = strings.Repeat("a", 250) }), kerr.InvalidTopicException},
		"no partitions":    {topic(func(rt *kmsg.CreateTopicsRequestTopic) { rt.NumPartitions = 0 }), kerr.InvalidPartitions},
		"three replicas":   {topic(func(rt *kmsg.CreateTopicsRequestTopic) { rt.ReplicationFactor = 3 }), kerr.InvalidReplicationFactor},
		"unknown config":   {config("no.such.config", "1"), kerr.InvalidConfig},
		"no number":        {config("retention.ms", "soon"), kerr.InvalidConfig},
		"out of range":     {config("segment.bytes", "1"), kerr.InvalidConfig},
		"unknown policy":   {config("cleanup.policy", "burn"), kerr.InvalidConfig},
		"other node":       {assign(7, -1), kerr.InvalidReplicaAssignment},
		"count and assign": {assign(1, 3), kerr.InvalidRequest},
	} {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Topics = append(req.Topics, c.rt)
		got := ask[*kmsg.CreateTopicsResponse](r, req, 7).Topics[0]
		if got.ErrorCode != c.want.Code || got.ErrorMessage == nil {
			t.Errorf("%s: error %v, want %v", name, kerr.ErrorForCode(got.ErrorCode), c.want)
		}
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = []kmsg.CreateTopicsRequestTopic{topic(func(*kmsg.CreateTopicsRequestTopic) {}), topic(func(*kmsg.CreateTopicsRequestTopic) {})}
	if got := ask[*kmsg.CreateTopicsResponse](r, req, 7); len(got.Topics) != 1 || got.Topics[0].ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("the same topic twice: %+v", got.Topics)
	}
	if topics := n.b.Topics(); slices.ContainsFunc(topics, func(t *broker.Topic) bool { return !t.Internal() }) {
		t.Errorf("refused topics exist: %d", len(topics))
	}
}

// Goal: Metadata creates what a client names when both sides allow it, and says UNKNOWN_TOPIC_OR_PARTITION when not.
func TestMetadataCreatesTopicsWhenAllowed(t *testing.T) {
	ask := func(n *node, version int16, allow bool, name string) int16 {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = &name
		return ask[*kmsg.MetadataResponse](n.dial(), &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{rt}, AllowAutoTopicCreation: allow}, version).Topics[0].ErrorCode
	}
	n := newNode(t)
	if got := ask(n, 1, false, "old-client"); got != 0 {
		t.Errorf("v1: error %d", got)
	}
	if got := ask(n, 12, true, "allowed"); got != 0 {
		t.Errorf("allowed: error %d", got)
	}
	if got := ask(n, 12, false, "not-allowed"); got != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("not allowed: error %d", got)
	}
	if got := ask(n, 12, true, "a/b"); got != kerr.InvalidTopicException.Code {
		t.Errorf("bad name: error %d", got)
	}
	off := start(t, vfs.NewMem(), broker.Options{NoAutoCreate: true})
	if got := ask(off, 12, true, "off"); got != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("switched off: error %d", got)
	}
}

// Goal: in every version of Metadata null means all topics and, but for version 0, empty means none.
func TestMetadataVersions(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 2, nil)
	topic, _ := n.b.Topic("t")
	r := n.dial()
	for v := int16(0); v <= 13; v++ {
		all := ask[*kmsg.MetadataResponse](r, &kmsg.MetadataRequest{}, v)
		i := slices.IndexFunc(all.Topics, func(mt kmsg.MetadataResponseTopic) bool { return *mt.Topic == "t" })
		if i < 0 || len(all.Topics[i].Partitions) != 2 || len(all.Brokers) != 1 || all.Brokers[0].NodeID != 1 {
			t.Fatalf("v%d: %+v", v, all)
		}
		if host := fmt.Sprintf("%s:%d", all.Brokers[0].Host, all.Brokers[0].Port); host != n.addr {
			t.Errorf("v%d: the broker is at %s, want %s", v, host, n.addr)
		}
		if v == 0 {
			continue
		}
		if none := ask[*kmsg.MetadataResponse](r, &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{}}, v); len(none.Topics) != 0 {
			t.Errorf("v%d: %d topics, want none", v, len(none.Topics))
		}
	}
	byID := kmsg.NewMetadataRequestTopic()
	byID.TopicID = topic.ID()
	if got := ask[*kmsg.MetadataResponse](r, &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{byID}}, 12); got.Topics[0].ErrorCode != 0 || *got.Topics[0].Topic != "t" {
		t.Errorf("by id: %+v", got.Topics[0])
	}
}

// Goal: DescribeTopicPartitions pages through topics in order without losing or repeating a partition.
func TestDescribeTopicPartitionsPages(t *testing.T) {
	n := newNode(t)
	for i, parts := range []int32{3, 1, 4} {
		n.createTopic(string(rune('a'+i)), parts, nil)
	}
	r := n.dial()
	var got []string
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = 2
	for _, name := range []string{"c", "a", "b", "zz"} {
		rt := kmsg.NewDescribeTopicPartitionsRequestTopic()
		rt.Topic = name
		req.Topics = append(req.Topics, rt)
	}
	for range 10 {
		resp := ask[*kmsg.DescribeTopicPartitionsResponse](r, req, 0)
		for _, topic := range resp.Topics {
			if topic.ErrorCode != 0 {
				got = append(got, *topic.Topic+"?")
			}
			for _, p := range topic.Partitions {
				got = append(got, fmt.Sprintf("%s%d", *topic.Topic, p.Partition))
			}
		}
		if resp.NextCursor == nil {
			break
		}
		req.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: resp.NextCursor.Topic, Partition: resp.NextCursor.Partition}
	}
	if s := strings.Join(got, " "); s != "a0 a1 a2 b0 c0 c1 c2 c3 zz?" {
		t.Errorf("got %s", s)
	}
}

// Goal: cluster-wide configs can be set, hold for topics without their own value at once, and are told apart by source.
func TestBrokerConfigsAreTopicDefaults(t *testing.T) {
	fs := vfs.NewMem()
	n := start(t, fs, broker.Options{Configs: map[string]string{"log.retention.ms": "5000"}})
	n.createTopic("t", 1, nil)
	adm := n.admin()
	set := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "message.max.bytes", Value: kadm.StringPtr("99")}}
	if altered, err := adm.AlterBrokerConfigs(n.ctx(), set); err != nil || altered[0].Err != nil {
		t.Fatal(err, altered)
	}
	check := func(n *node) {
		t.Helper()
		rr := kmsg.NewDescribeConfigsRequestResource()
		rr.ResourceType, rr.ResourceName, rr.ConfigNames = kmsg.ConfigResourceTypeTopic, "t", []string{"retention.ms", "max.message.bytes", "segment.ms"}
		resp := ask[*kmsg.DescribeConfigsResponse](n.dial(), &kmsg.DescribeConfigsRequest{Resources: []kmsg.DescribeConfigsRequestResource{rr}, IncludeSynonyms: true, IncludeDocumentation: true}, 4)
		got := map[string]string{}
		for _, c := range resp.Resources[0].Configs {
			got[c.Name] = fmt.Sprintf("%s %v %d", *c.Value, c.Source, len(c.ConfigSynonyms))
			if c.Documentation == nil || *c.Documentation == "" || c.ConfigType == 0 {
				t.Errorf("%s: no documentation or type", c.Name)
			}
		}
		want := map[string]string{"max.message.bytes": "99 DYNAMIC_DEFAULT_BROKER_CONFIG 2", "retention.ms": "5000 STATIC_BROKER_CONFIG 2", "segment.ms": "604800000 DEFAULT_CONFIG 1"}
		if !maps.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		if code, _ := produceCode(n.dial(), "t", 0, batch(strings.Repeat("x", 99))); code != kerr.MessageTooLarge.Code {
			t.Errorf("produce: error %d", code)
		}
	}
	check(n)
	n.stop()
	check(start(t, fs, broker.Options{Configs: map[string]string{"log.retention.ms": "5000"}}))
}

// Goal: deleting a topic ends what waits on it, frees the name, and what comes later is a new topic.
func TestDeletedTopicEndsItsReaders(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	poll := n.dial()
	id := poll.send(fetchReq("t", 0, 1, 60_000), 12)
	req := kmsg.NewPtrDeleteTopicsRequest()
	rt := kmsg.NewDeleteTopicsRequestTopic()
	rt.Topic = kmsg.StringPtr("t")
	req.Topics = append(req.Topics, rt)
	if got := ask[*kmsg.DeleteTopicsResponse](n.dial(), req, 6).Topics[0]; got.ErrorCode != 0 || got.TopicID == ([16]byte{}) {
		t.Fatalf("%+v", got)
	}
	var resp kmsg.FetchResponse
	poll.recv(id, &resp, 12)
	if p := resp.Topics[0].Partitions[0]; p.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("the poll ended with error %d", p.ErrorCode)
	}
	if code, _ := produceCode(n.dial(), "t", 0, batch("x")); code != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("produce after the deletion: error %d", code)
	}
	n.createTopic("t", 1, nil)
	if code, base := produceCode(n.dial(), "t", 0, batch("x")); code != 0 || base != 0 {
		t.Errorf("produce to the new topic: error %d at %d", code, base)
	}
}

// Goal: the remaining admin requests answer a real client: cluster, log dirs, producers, records deleted, epochs.
func TestAdminQuestions(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	cl := n.client(kgo.DefaultProduceTopic("t"))
	for range 3 {
		if err := cl.ProduceSync(n.ctx(), kgo.StringRecord("v")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	adm := kadm.NewClient(cl)
	if meta, err := adm.BrokerMetadata(n.ctx()); err != nil || meta.Cluster != n.b.ClusterID() || meta.Controller != 1 {
		t.Errorf("metadata: %+v, %v", meta, err)
	}
	cluster := ask[*kmsg.DescribeClusterResponse](n.dial(), &kmsg.DescribeClusterRequest{EndpointType: 1}, 2)
	if cluster.ErrorCode != 0 || cluster.ClusterID != n.b.ClusterID() || len(cluster.Brokers) != 1 {
		t.Errorf("cluster: %+v", cluster)
	}
	dirs, err := adm.DescribeAllLogDirs(n.ctx(), nil)
	if p, ok := dirs[1]["data"].Topics.Lookup("t", 0); err != nil || !ok || p.Size < 3*60 {
		t.Errorf("log dirs: %+v, %v", dirs, err)
	}
	set := kadm.TopicsSet{}
	set.Add("t", 0)
	producers, err := adm.DescribeProducers(n.ctx(), set)
	if list := producers["t"].Partitions[0].ActiveProducers; err != nil || len(list) != 1 {
		t.Errorf("producers: %+v, %v", producers, err)
	}
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "t", Partition: 0, At: 2})
	if deleted, err := adm.DeleteRecords(n.ctx(), offsets); err != nil || deleted.Error() != nil {
		t.Error(err, deleted.Error())
	}
	if starts, err := adm.ListStartOffsets(n.ctx(), "t"); err != nil || starts["t"][0].Offset != 2 {
		t.Errorf("start: %+v, %v", starts, err)
	}
	var epochs kadm.OffsetForLeaderEpochRequest
	epochs.Add("t", 0, 0)
	if ends, err := adm.OffsetForLeaderEpoch(n.ctx(), epochs); err != nil || ends["t"][0].EndOffset != 3 {
		t.Errorf("epochs: %+v, %v", ends, err)
	}
}
