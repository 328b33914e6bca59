package kafka

import (
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/quota"
)

// setQuota sets one quota, in process, where no quota holds; an entity is a list of type, name; "<default>" is the default.
func (n *node) setQuota(key string, value float64, entity ...string) {
	n.t.Helper()
	re := kmsg.NewAlterClientQuotasRequestEntry()
	for i := 0; i < len(entity); i += 2 {
		part := kmsg.NewAlterClientQuotasRequestEntryEntity()
		part.Type = entity[i]
		if entity[i+1] != "<default>" {
			part.Name = &entity[i+1]
		}
		re.Entity = append(re.Entity, part)
	}
	op := kmsg.NewAlterClientQuotasRequestEntryOp()
	op.Key, op.Value = key, value
	re.Ops = append(re.Ops, op)
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.Entries = append(req.Entries, re)
	resp, err := n.s.Request(n.ctx(), req)
	if err != nil {
		n.t.Fatal(err)
	}
	if e := resp.(*kmsg.AlterClientQuotasResponse).Entries[0]; e.ErrorCode != 0 {
		n.t.Fatalf("%+v", e)
	}
}

// setConfig sets one config of the cluster, in process.
func (n *node) setConfig(name, value string) {
	n.t.Helper()
	err := n.b.AlterBroker(n.ctx(), broker.WholeCluster, false, func(c map[string]string) error {
		c[name] = value
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// within fails unless a time lies in a range: on a loaded machine things take longer, never shorter.
func within(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s took %v, want %v to %v", what, got, low, high)
	}
}

// Goal: a producer above its quota gets its answer at once with the time to pause, and its connection is not served before
// that time is over, whatever it sends (KIP-219); another client is not held up.
func TestProducerAboveItsQuotaIsMuted(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	n.setQuota(quota.ProducerBytes, 1000, "client-id", "raw")
	r := n.dial()
	big := string(make([]byte, 1400))
	begin := time.Now()
	resp := ask[*kmsg.ProduceResponse](r, produceReq("t", 0, batch(big)), 9)
	within(t, "the answer", time.Since(begin), 0, 300*time.Millisecond)
	// 1,000 bytes are allowed at once; some 1,550 were sent, the rest is half a second's worth.
	if d := resp.ThrottleMillis; d < 400 || d > 700 {
		t.Fatalf("told to pause for %d ms", d)
	}
	ask[*kmsg.MetadataResponse](r, kmsg.NewPtrMetadataRequest(), 12)
	within(t, "the next request", time.Since(begin), 390*time.Millisecond, 5*time.Second)

	other := produceAs(t, n, "other", big)
	if other != 0 {
		t.Fatalf("another client is told to pause for %d ms", other)
	}
	if c := counter(t, n.s, "weir_kafka_throttled_total", "produce"); c != 1 {
		t.Fatalf("%v answers counted", c)
	}
}

// produceAs produces with another client id and gives the pause that the answer asks for.
func produceAs(t *testing.T, n *node, clientID, value string) int32 {
	t.Helper()
	r := n.dial()
	req := produceReq("t", 0, batch(value))
	req.SetVersion(9)
	if _, err := r.nc.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, req, 7)); err != nil {
		t.Fatal(err)
	}
	var resp kmsg.ProduceResponse
	r.recv(7, &resp, 9)
	return resp.ThrottleMillis
}

func counter(t *testing.T, s *Server, name, kind string) float64 {
	t.Helper()
	for _, c := range s.Counters() {
		if c.Name == name && c.Kind == kind {
			return c.Value
		}
	}
	t.Fatalf("no counter %s %s", name, kind)
	return 0
}

// Goal: requests sent ahead of a pause do not run ahead of it: a producer with many requests in flight settles at the
// quota all the same.
func TestPipelinedProducerSettlesAtItsQuota(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	n.setQuota(quota.ProducerBytes, 20_000, "client-id", "<default>")
	r := n.dial()
	const requests, size = 40, 1500
	begin := time.Now()
	var ids []int32
	for range requests {
		ids = append(ids, r.send(produceReq("t", 0, batch(string(make([]byte, size)))), 9))
	}
	for _, id := range ids {
		var resp kmsg.ProduceResponse
		r.recv(id, &resp, 9)
	}
	// Some 65,000 bytes: one second's worth at once, the last one's debt is not waited for.
	within(t, "40 requests", time.Since(begin), 1900*time.Millisecond, 10*time.Second)
}

// Goal: a consumer gets its records within its quota: answers are bounded by one second's worth, and the average is the
// quota.
func TestConsumerSettlesAtItsQuota(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	for range 60 {
		ask[*kmsg.ProduceResponse](n.dial(), produceReq("t", 0, batch(string(make([]byte, 1000)))), 9)
	}
	n.setQuota(quota.ConsumerBytes, 20_000, "user", "<default>")
	r := n.dial()
	begin := time.Now()
	for offset := int64(0); offset < 60; {
		resp := ask[*kmsg.FetchResponse](r, fetchReq("t", offset, 1, 1000), 12)
		records := resp.Topics[0].Partitions[0].RecordBatches
		if len(records) > 21_000 {
			t.Fatalf("an answer of %d bytes", len(records))
		}
		got, err := values(records)
		if err != nil {
			t.Fatal(err)
		}
		offset += int64(len(got))
	}
	// 64,000 bytes: 20,000 at once, the last answer's debt is not waited for.
	within(t, "60 records", time.Since(begin), 1200*time.Millisecond, 10*time.Second)
}

// Goal: the time of requests has a quota, and a long poll costs nothing of it.
func TestRequestTimeQuota(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	n.setQuota(quota.RequestPercent, 0.0001, "user", "ANONYMOUS", "client-id", "raw")
	poll := n.dial()
	if resp := ask[*kmsg.FetchResponse](poll, fetchReq("t", 0, 1, 300), 12); resp.ThrottleMillis > 20_000 {
		t.Fatalf("the poll: %d ms", resp.ThrottleMillis)
	} else if resp.ThrottleMillis == 0 {
		t.Fatal("a request in a ten thousandth of a percent")
	}
	n.setQuota(quota.RequestPercent, 50, "user", "ANONYMOUS", "client-id", "raw")
	if resp := ask[*kmsg.FetchResponse](n.dial(), fetchReq("t", 0, 1, 900), 12); resp.ThrottleMillis != 0 {
		t.Fatalf("a poll that only waits is told to pause for %d ms", resp.ThrottleMillis)
	}
}

// Goal: topics are created and deleted at the quota of mutations: what goes over it once is done, what follows is refused
// with Kafka's code and the time to wait; a version that does not know the code is made to wait instead (KIP-599).
func TestMutationQuota(t *testing.T) {
	n := newNode(t)
	n.setQuota(quota.Mutations, 10, "client-id", "raw")
	create := func(name string, version int16) *kmsg.CreateTopicsResponse {
		req := kmsg.NewPtrCreateTopicsRequest()
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = name, 12, 1
		req.Topics = append(req.Topics, rt)
		return ask[*kmsg.CreateTopicsResponse](n.dial(), req, version)
	}
	if resp := create("first", 7); resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("first: %+v", resp)
	}
	resp := create("second", 7)
	if resp.Topics[0].ErrorCode != kerr.ThrottlingQuotaExceeded.Code || resp.ThrottleMillis < 1 || resp.ThrottleMillis > 200 {
		t.Fatalf("second: %+v", resp)
	}
	if _, made := n.b.Topic("second"); made {
		t.Fatal("the refused topic is there")
	}
	if resp := create("old", 5); resp.Topics[0].ErrorCode != 0 || resp.ThrottleMillis < 1000 {
		t.Fatalf("old: %+v", resp)
	}
}

// Goal: quotas outlive the process, an entity's parts told apart: absent, default, named.
func TestQuotasSurviveRestart(t *testing.T) {
	n := newNode(t)
	n.setQuota(quota.ProducerBytes, 1000, "client-id", "a")
	n.setQuota(quota.ProducerBytes, 2000, "client-id", "<default>")
	n.setQuota(quota.RequestPercent, 50.5, "user", "u", "client-id", "<default>")
	n.setQuota(quota.ConnectionsRate, 5, "ip", "1.2.3.4")
	before := n.b.Quotas().Entries()
	n.stop()
	again := start(t, n.fs, broker.Options{})
	after := again.b.Quotas().Entries()
	if len(before) != 4 || len(after) != 4 {
		t.Fatalf("%d before, %d after", len(before), len(after))
	}
	for i := range before {
		if before[i].Entity != after[i].Entity || len(after[i].Values) != 1 {
			t.Errorf("%+v became %+v", before[i], after[i])
		}
	}
	if !again.s.limits.Active() {
		t.Error("the quotas are not in force")
	}
}

// Goal: an address has no more connections than its limit, its own limit goes before the general one, and both are
// changed while the broker runs.
func TestConnectionsPerAddress(t *testing.T) {
	n := newNode(t)
	ask[*kmsg.MetadataResponse](n.dial(), kmsg.NewPtrMetadataRequest(), 12)
	n.setConfig(broker.MaxConnectionsPerIP, "1")
	if served(t, n) {
		t.Fatal("a connection above the limit is served")
	}
	if c := counter(t, n.s, "weir_kafka_connections_refused_total", "per_ip"); c == 0 {
		t.Fatal("the refusal is not counted")
	}
	n.setConfig(broker.MaxConnectionsByIP, "127.0.0.1:100, ::1:100")
	if !served(t, n) {
		t.Fatal("the address's own limit does not hold")
	}
}

// served reports whether a new connection is answered.
func served(t *testing.T, n *node) bool {
	t.Helper()
	nc, err := net.Dial("tcp", n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	req := kmsg.NewPtrApiVersionsRequest()
	_, _ = nc.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1))
	_, err = readWire(nc)
	return err == nil
}

// Goal: an address that opens connections too fast is turned away after a hold; the broker's own rate makes everybody
// wait to be accepted.
func TestConnectionRates(t *testing.T) {
	n := newNode(t)
	n.setQuota(quota.ConnectionsRate, 1, "ip", "127.0.0.1")
	served(t, n)
	begin := time.Now()
	if served(t, n) {
		t.Fatal("a connection too many is served")
	}
	within(t, "the hold", time.Since(begin), 500*time.Millisecond, 5*time.Second)
	n.setQuota(quota.ConnectionsRate, 1000, "ip", "127.0.0.1")

	n.setConfig(broker.MaxConnectionCreation, "5")
	begin = time.Now()
	for range 12 {
		if !served(t, n) {
			t.Fatal("not served")
		}
	}
	within(t, "12 connections at 5 a second", time.Since(begin), 1100*time.Millisecond, 10*time.Second)
}

// Goal: a producer that asks for no answers cannot be told to pause, and is made to all the same.
func TestProducerWithoutAnswersIsMuted(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	n.setQuota(quota.ProducerBytes, 1000, "client-id", "raw")
	r := n.dial()
	begin := time.Now()
	for range 2 {
		req := produceReq("t", 0, batch(string(make([]byte, 700))))
		req.Acks = 0
		r.send(req, 9)
	}
	ask[*kmsg.MetadataResponse](r, kmsg.NewPtrMetadataRequest(), 12)
	within(t, "1,700 bytes", time.Since(begin), 500*time.Millisecond, 5*time.Second)
}

// Goal: a broker that stops does not wait for those who pause.
func TestStopDoesNotWaitForMutedConnections(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	n.setQuota(quota.ProducerBytes, 1, "client-id", "raw")
	r := n.dial()
	if resp := ask[*kmsg.ProduceResponse](r, produceReq("t", 0, batch("x")), 9); resp.ThrottleMillis != 20_000 {
		t.Fatalf("told to pause for %d ms", resp.ThrottleMillis)
	}
	r.send(kmsg.NewPtrMetadataRequest(), 12)
	begin := time.Now()
	n.stop()
	within(t, "the stop", time.Since(begin), 0, drainTimeout)
}
