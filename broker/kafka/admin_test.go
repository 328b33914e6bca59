package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/vfs"
)

// The codes and shapes that the tests of this file expect are those with which a node of Apache Kafka 4.4 alone answered
// the same requests.

// Goal: a client that says whom it believes to speak to is told when it is wrong (KIP-1242).
func TestAPIVersionsTellsMistakenClients(t *testing.T) {
	n := newNode(t)
	own, other := n.b.ClusterID(), "AAAAAAAAAAAAAAAAAAAAAA"
	for _, c := range []struct {
		cluster *string
		node    int32
		want    int16
	}{
		{nil, -1, 0},
		{&own, 1, 0},
		{&own, -1, kerr.InvalidRequest.Code},
		{nil, 1, kerr.InvalidRequest.Code},
		{&own, 2, kerr.RebootstrapRequired.Code},
		{&other, 1, kerr.RebootstrapRequired.Code},
	} {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion, req.ClusterID, req.NodeID = "test", "1", c.cluster, c.node
		resp := ask[*kmsg.ApiVersionsResponse](n.dial(), req, 5)
		if resp.ErrorCode != c.want || (c.want == 0) != (len(resp.ApiKeys) > 0) {
			t.Errorf("%v %d: error %d, %d keys, want %d", c.cluster, c.node, resp.ErrorCode, len(resp.ApiKeys), c.want)
		}
	}
}

// Goal: no election is ever needed, and what does not exist is told apart, in every version.
func TestElectionsAreNotNeeded(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	for version := int16(0); version <= 2; version++ {
		req := kmsg.NewPtrElectLeadersRequest()
		req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "t", Partitions: []int32{0, 7}}, {Topic: "nope", Partitions: []int32{0}}}
		resp := ask[*kmsg.ElectLeadersResponse](n.dial(), req, version)
		parts := resp.Topics[0].Partitions
		if parts[0].ErrorCode != kerr.ElectionNotNeeded.Code || parts[1].ErrorCode != kerr.UnknownTopicOrPartition.Code ||
			resp.Topics[1].Partitions[0].ErrorCode != kerr.UnknownTopicOrPartition.Code || resp.ErrorCode != 0 {
			t.Errorf("v%d: %+v", version, resp)
		}
	}
	req := kmsg.NewPtrElectLeadersRequest()
	req.ElectionType = 2
	if resp := ask[*kmsg.ElectLeadersResponse](n.dial(), req, 2); resp.ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("an election of an unknown kind: %+v", resp)
	}
}

// Goal: a partition may be assigned to where it is; no list of replicas that would need another node passes.
func TestReassignments(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	bad := kerr.InvalidReplicaAssignment.Code
	for _, c := range []struct {
		replicas []int32
		want     int16
	}{
		{[]int32{1}, 0},
		{nil, kerr.NoReassignmentInProgress.Code},
		{[]int32{}, bad},
		{[]int32{2}, bad},
		{[]int32{1, 2}, bad},
		{[]int32{1, 1}, bad},
		{[]int32{-1}, bad},
	} {
		req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		part := func(i int32) kmsg.AlterPartitionAssignmentsRequestTopicPartition {
			return kmsg.AlterPartitionAssignmentsRequestTopicPartition{Partition: i, Replicas: c.replicas}
		}
		req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "t", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{part(0), part(7)}}}
		resp := ask[*kmsg.AlterPartitionAssignmentsResponse](n.dial(), req, 1)
		got := resp.Topics[0].Partitions
		if got[0].ErrorCode != c.want || got[1].ErrorCode != kerr.UnknownTopicOrPartition.Code {
			t.Errorf("%v: %+v", c.replicas, got)
		}
	}
	if listed, err := n.admin().ListPartitionReassignments(n.ctx(), nil); err != nil || len(listed) != 0 {
		t.Errorf("going on: %v %v", listed, err)
	}
}

// Goal: the quorum is this node, and follows the metadata.
func TestQuorumOfOne(t *testing.T) {
	n := newNode(t)
	end := func() int64 {
		t.Helper()
		req := kmsg.NewPtrDescribeQuorumRequest()
		req.Topics = []kmsg.DescribeQuorumRequestTopic{
			{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{Partition: 0}, {Partition: 1}}},
		}
		resp := ask[*kmsg.DescribeQuorumResponse](n.dial(), req, 2)
		got := resp.Topics[0].Partitions
		if got[1].ErrorCode != kerr.UnknownTopicOrPartition.Code || got[0].LeaderID != 1 || len(got[0].CurrentVoters) != 1 || len(resp.Nodes) != 1 {
			t.Fatalf("%+v", resp)
		}
		return got[0].HighWatermark
	}
	// The coordinators make their topics while the node starts; their first answer comes after that.
	if _, err := n.admin().ListGroups(n.ctx()); err != nil {
		t.Fatal(err)
	}
	before := end()
	n.createTopic("t", 1, nil)
	if after := end(); after != before+1 {
		t.Fatalf("end %d, then %d", before, after)
	}
}

// Goal: a feature may be set to the level it has; any other level is refused, all updates with it.
func TestFeatures(t *testing.T) {
	n := newNode(t)
	const upgrade, safe = 1, 2
	for _, c := range []struct {
		name  string
		level int16
		kind  int8
		want  int16
	}{
		{"transaction.version", 2, upgrade, 0},
		{"transaction.version", 2, 3, 0},
		{"transaction.version", 1, upgrade, kerr.InvalidUpdateVersion.Code},
		{"transaction.version", 1, safe, kerr.InvalidUpdateVersion.Code}, // Kafka lowers it
		{"transaction.version", 3, upgrade, kerr.InvalidUpdateVersion.Code},
		{"transaction.version", -1, upgrade, kerr.InvalidUpdateVersion.Code},
		{"transaction.version", 2, 0, kerr.InvalidUpdateVersion.Code},
		{"nope", 1, upgrade, kerr.InvalidUpdateVersion.Code},
		{"nope", 0, safe, kerr.InvalidUpdateVersion.Code},
	} {
		req := kmsg.NewPtrUpdateFeaturesRequest()
		u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		u.Feature, u.MaxVersionLevel, u.UpgradeType = c.name, c.level, c.kind
		req.FeatureUpdates = append(req.FeatureUpdates, u)
		if resp := ask[*kmsg.UpdateFeaturesResponse](n.dial(), req, 2); resp.ErrorCode != c.want {
			t.Errorf("%+v: %d %s", c, resp.ErrorCode, *resp.ErrorMessage)
		}
	}
}

// Goal: a replica is in the one directory, no other is found, and nobody is an administrator of what is not there.
func TestWhatOneNodeHasNot(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	for dir, want := range map[string][2]int16{
		n.b.Dir(): {0, kerr.UnknownTopicOrPartition.Code},
		"/nope":   {kerr.LogDirNotFound.Code, kerr.LogDirNotFound.Code},
	} {
		req := kmsg.NewPtrAlterReplicaLogDirsRequest()
		req.Dirs = []kmsg.AlterReplicaLogDirsRequestDir{{Dir: dir, Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "t", Partitions: []int32{0, 9}}}}}
		got := ask[*kmsg.AlterReplicaLogDirsResponse](n.dial(), req, 2).Topics[0].Partitions
		if got[0].ErrorCode != want[0] || got[1].ErrorCode != want[1] {
			t.Errorf("%s: %+v", dir, got)
		}
	}
	if resp := ask[*kmsg.DescribeACLsResponse](n.dial(), kmsg.NewPtrDescribeACLsRequest(), 1); resp.ErrorCode != kerr.SecurityDisabled.Code {
		t.Errorf("acls: %+v", resp)
	}
	if resp := ask[*kmsg.SASLHandshakeResponse](n.dial(), kmsg.NewPtrSASLHandshakeRequest(), 1); resp.ErrorCode != kerr.IllegalSaslState.Code {
		t.Errorf("handshake: %+v", resp)
	}
	if resp := ask[*kmsg.DescribeDelegationTokenResponse](n.dial(), kmsg.NewPtrDescribeDelegationTokenRequest(), 3); resp.ErrorCode != kerr.DelegationTokenRequestNotAllowed.Code {
		t.Errorf("tokens: %+v", resp)
	}
	users := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	if resp := ask[*kmsg.DescribeUserSCRAMCredentialsResponse](n.dial(), users, 0); resp.ErrorCode != 0 || len(resp.Results) != 0 {
		t.Errorf("credentials: %+v", resp)
	}
}

// Goal: every row of the table answers every version of an empty request, and the answer can be read: whoever lists a
// version serves it.
func TestEveryVersionAnswers(t *testing.T) {
	n := newNode(t)
	for _, a := range table() {
		for v := a.min; v <= a.max; v++ {
			req := kmsg.RequestForKey(a.key)
			switch r := req.(type) {
			case *kmsg.ApiVersionsRequest:
				r.ClientSoftwareName, r.ClientSoftwareVersion, r.NodeID = "test", "1", -1
			case *kmsg.ProduceRequest:
				r.Acks = -1
			}
			ask[kmsg.Response](n.dial(), req, v)
		}
	}
}

// Goal: a transaction that no coordinator knows, here one whose producer wrote past it, is ended by a marker from a tool:
// the readers that wait for its end go on, and an older epoch ends nothing (KIP-664).
func TestToolEndsHangingTransaction(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	cl := n.client(kgo.TransactionalID("x"), kgo.DefaultProduceTopic("t"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(n.ctx(), kgo.StringRecord("open")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	p, err := n.b.Partition("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	producers, err := p.Producers()
	if err != nil || len(producers) != 1 || p.LastStableOffset() != 0 {
		t.Fatalf("%v, %v, stable %d", producers, err, p.LastStableOffset())
	}
	end := func(epoch int16, partition int32) int16 {
		req := kmsg.NewPtrWriteTxnMarkersRequest()
		m := kmsg.NewWriteTxnMarkersRequestMarker()
		m.ProducerID, m.ProducerEpoch = producers[0].ID, epoch
		m.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "t", Partitions: []int32{partition}}}
		req.Markers = append(req.Markers, m)
		return ask[*kmsg.WriteTxnMarkersResponse](n.dial(), req, 2).Markers[0].Topics[0].Partitions[0].ErrorCode
	}
	if got := end(producers[0].Epoch, 9); got != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("unknown partition: %d", got)
	}
	if got := end(producers[0].Epoch-1, 0); got != kerr.InvalidProducerEpoch.Code {
		t.Errorf("an older epoch: %d", got)
	}
	if got := end(producers[0].Epoch, 0); got != 0 || p.LastStableOffset() != 2 {
		t.Errorf("error %d, stable %d", got, p.LastStableOffset())
	}
}

// Goal: a config of this node goes before the cluster's, each is told with its source, both outlive the process, and
// topics take their defaults from what is in force.
func TestConfigsOfNodeAndCluster(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	adm := n.admin()
	set := func(value string, brokers ...int32) {
		t.Helper()
		r, err := adm.AlterBrokerConfigs(n.ctx(), []kadm.AlterConfig{{Name: "log.retention.ms", Value: &value}}, brokers...)
		if err != nil || r[0].Err != nil {
			t.Fatal(err, r)
		}
	}
	set("2000000")
	set("1000000", 1)
	check := func(n *node) {
		t.Helper()
		configs, err := n.admin().DescribeBrokerConfigs(n.ctx(), 1)
		if err != nil {
			t.Fatal(err)
		}
		c := named(t, configs[0].Configs, "log.retention.ms")
		if *c.Value != "1000000" || c.Source != kmsg.ConfigSourceDynamicBrokerConfig || len(c.Synonyms) != 3 ||
			*c.Synonyms[1].Value != "2000000" || c.Synonyms[1].Source != kmsg.ConfigSourceDynamicDefaultBrokerConfig ||
			c.Synonyms[2].Source != kmsg.ConfigSourceDefaultConfig {
			t.Errorf("%+v", c)
		}
		topics, err := n.admin().DescribeTopicConfigs(n.ctx(), "t")
		if err != nil {
			t.Fatal(err)
		}
		if c := named(t, topics[0].Configs, "retention.ms"); *c.Value != "1000000" || c.Source != kmsg.ConfigSourceDynamicBrokerConfig {
			t.Errorf("the topic's: %+v", c)
		}
	}
	check(n)
	n.stop()
	n = start(t, n.fs, broker.Options{})
	check(n)
	adm = n.admin()
	r, err := adm.AlterBrokerConfigs(n.ctx(), []kadm.AlterConfig{{Op: kadm.DeleteConfig, Name: "log.retention.ms"}}, 1)
	if err != nil || r[0].Err != nil {
		t.Fatal(err, r)
	}
	configs, err := adm.DescribeBrokerConfigs(n.ctx(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if c := named(t, configs[0].Configs, "log.retention.ms"); *c.Value != "2000000" {
		t.Errorf("without the node's: %+v", c)
	}
}

func named(t *testing.T, configs []kadm.Config, name string) kadm.Config {
	t.Helper()
	for _, c := range configs {
		if c.Key == name {
			return c
		}
	}
	t.Fatalf("no config %s", name)
	return kadm.Config{}
}

// subscribe sets configs of a client metrics subscription and gives the code.
func (n *node) subscribe(name string, configs ...string) int16 {
	n.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	rr := kmsg.NewIncrementalAlterConfigsRequestResource()
	rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceTypeClientMetrics, name
	for i := 0; i < len(configs); i += 2 {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Value = configs[i], &configs[i+1]
		rr.Configs = append(rr.Configs, c)
	}
	req.Resources = append(req.Resources, rr)
	return ask[*kmsg.IncrementalAlterConfigsResponse](n.dial(), req, 1).Resources[0].ErrorCode
}

// Goal: subscriptions are checked, stored, listed and gone when nothing is left of them.
func TestClientMetricsSubscriptions(t *testing.T) {
	fs := vfs.NewMem()
	n := start(t, fs, broker.Options{})
	for _, c := range []struct {
		name, key, value string
		want             int16
	}{
		{"", "interval.ms", "1000", kerr.InvalidRequest.Code},
		{"s", "nope", "x", kerr.InvalidRequest.Code},
		{"s", "interval.ms", "1", kerr.InvalidRequest.Code},
		{"s", "match", "foo=x", kerr.InvalidConfig.Code},
		{"s", "match", "client_id=(", kerr.InvalidConfig.Code},
		{"s", "metrics", "org.apache.kafka.", 0},
		{"s", "match", "client_id=ra.*,client_software_name=test", 0},
	} {
		if got := n.subscribe(c.name, c.key, c.value); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	n.stop()
	n = start(t, fs, broker.Options{})
	list := func() int {
		return len(ask[*kmsg.ListConfigResourcesResponse](n.dial(), kmsg.NewPtrListConfigResourcesRequest(), 0).ConfigResources)
	}
	if got := list(); got != 1 {
		t.Fatalf("%d subscriptions after a restart", got)
	}
	r := n.dial()
	get := kmsg.NewPtrGetTelemetrySubscriptionsRequest()
	if resp := ask[*kmsg.GetTelemetrySubscriptionsResponse](r, get, 0); len(resp.RequestedMetrics) != 0 {
		t.Errorf("a client that is not meant: %+v", resp)
	}
	hello := kmsg.NewPtrApiVersionsRequest()
	hello.ClientSoftwareName, hello.ClientSoftwareVersion, hello.NodeID = "test", "1", -1
	ask[*kmsg.ApiVersionsResponse](r, hello, 4)
	if resp := ask[*kmsg.GetTelemetrySubscriptionsResponse](r, get, 0); len(resp.RequestedMetrics) != 1 || resp.PushIntervalMillis != 300_000 {
		t.Errorf("a client that is meant: %+v", resp)
	}
	del := kmsg.NewPtrIncrementalAlterConfigsRequest()
	rr := kmsg.NewIncrementalAlterConfigsRequestResource()
	rr.ResourceType, rr.ResourceName = kmsg.ConfigResourceTypeClientMetrics, "s"
	for _, key := range []string{"metrics", "match"} {
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		c.Name, c.Op = key, kmsg.IncrementalAlterConfigOpDelete
		rr.Configs = append(rr.Configs, c)
	}
	del.Resources = append(del.Resources, rr)
	ask[*kmsg.IncrementalAlterConfigsResponse](n.dial(), del, 1)
	if got := list(); got != 0 {
		t.Fatalf("%d subscriptions in the end", got)
	}
}

// Goal: a client pushes within its subscription, size and interval, and what it pushes is counted (KIP-714).
func TestTelemetryPushes(t *testing.T) {
	n := newNode(t)
	if got := n.subscribe("all", "metrics", "*", "interval.ms", "100"); got != 0 {
		t.Fatal(got)
	}
	r := n.dial()
	sub := ask[*kmsg.GetTelemetrySubscriptionsResponse](r, kmsg.NewPtrGetTelemetrySubscriptionsRequest(), 0)
	if sub.ErrorCode != 0 || sub.ClientInstanceID == [16]byte{} || len(sub.RequestedMetrics) != 1 || sub.RequestedMetrics[0] != "" || sub.PushIntervalMillis != 100 {
		t.Fatalf("%+v", sub)
	}
	push := func(change func(*kmsg.PushTelemetryRequest)) int16 {
		req := kmsg.NewPtrPushTelemetryRequest()
		req.ClientInstanceID, req.SubscriptionID, req.Metrics = sub.ClientInstanceID, sub.SubscriptionID, []byte("0123456789")
		change(req)
		return ask[*kmsg.PushTelemetryResponse](r, req, 0).ErrorCode
	}
	for _, c := range []struct {
		what   string
		change func(*kmsg.PushTelemetryRequest)
		want   int16
	}{
		{"nobody", func(p *kmsg.PushTelemetryRequest) { p.ClientInstanceID = [16]byte{} }, kerr.InvalidRequest.Code},
		{"codec", func(p *kmsg.PushTelemetryRequest) { p.CompressionType = 5 }, kerr.UnsupportedCompressionType.Code},
		{"size", func(p *kmsg.PushTelemetryRequest) { p.Metrics = make([]byte, maxTelemetryBytes+1) }, kerr.TelemetryTooLarge.Code},
		{"subscription", func(p *kmsg.PushTelemetryRequest) { p.SubscriptionID++ }, kerr.UnknownSubscriptionID.Code},
		{"fine", func(*kmsg.PushTelemetryRequest) {}, 0},
		{"too soon", func(*kmsg.PushTelemetryRequest) {}, kerr.ThrottlingQuotaExceeded.Code},
		{"last", func(p *kmsg.PushTelemetryRequest) { p.Terminating = true }, 0},
		{"after the last", func(*kmsg.PushTelemetryRequest) {}, kerr.InvalidRequest.Code},
	} {
		if got := push(c.change); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
	if got := counter(t, n.s, "weir_kafka_telemetry_bytes_total", ""); got != 20 {
		t.Errorf("%v bytes counted", got)
	}
}

// Goal: what is remembered of clients is bounded; the one that was silent for longest goes first.
func TestTelemetryForgetsTheOldest(t *testing.T) {
	var tel telemetry
	sub := subscription{interval: time.Hour}
	now := time.Unix(1_700_000_000, 0)
	first, _ := tel.ask([16]byte{}, sub, now)
	for i := range maxInstances {
		tel.ask([16]byte{}, sub, now.Add(time.Duration(i+1)*time.Second))
	}
	if got := len(tel.mu.byID); got != maxInstances {
		t.Fatalf("%d remembered", got)
	}
	if _, known := tel.mu.byID[first]; known {
		t.Fatal("the oldest is remembered")
	}
}

// Goal: the table keeps up with Apache Kafka 4.4: what is served is served in Kafka's own range of stable versions, and
// each request that is not served has a reason.
func TestTableKeepsUpWithKafka(t *testing.T) {
	known := map[int16]kafkaAPI{}
	for _, k := range kafkaAPIs() {
		known[k.key] = k
	}
	for _, a := range table() {
		k, ok := known[a.key]
		if !ok || k.name != a.name || k.min != a.min || k.max != a.max {
			t.Errorf("%s: %d to %d here, Kafka's %+v", a.name, a.min, a.max, k)
		}
	}
	for _, a := range AbsentAPIs() {
		if a.Why == "" {
			t.Errorf("%s is not served, without a reason", a.Name)
		}
	}
}
